/**
 * Go's times and durations: what `time.Parse` and `time.ParseDuration` accept, how Go prints it again, and what they say
 * about the rest.
 */
import { DecodeError } from './decode-error.ts';

interface Layout {
  /** As Go writes it, in error messages. */
  readonly text: string;
  /** Digits after the point that must be there; for none, any number may. */
  readonly fractionDigits: number;
}

const wholeSeconds: Layout = { text: '2006-01-02T15:04:05Z07:00', fractionDigits: 0 };
const microseconds: Layout = { text: '2006-01-02T15:04:05.000000Z07:00', fractionDigits: 6 };

/** `metav1.Time`: UTC, and what is finer than a second is cut off. @throws DecodeError */
export function decodeTime(text: string): string {
  return same(text, `${parseTime(text, wholeSeconds).instant}Z`);
}

/** `metav1.MicroTime`: UTC, six digits after the point. @throws DecodeError */
export function decodeMicroTime(text: string): string {
  const { instant, fraction } = parseTime(text, microseconds);
  return same(text, `${instant}.${fraction.slice(0, 6).padEnd(6, '0')}Z`);
}

/** The usual form, in UTC already, needs no work. */
const common = /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d+))?Z$/;

/** The text itself where it is as it has to be: thousands of objects then share the string of one second. */
function same(text: string, printed: string): string {
  return printed === text ? text : printed;
}

function parseTime(text: string, layout: Layout): { instant: string; fraction: string } {
  const match = common.exec(text);
  if (match !== null && (layout.fractionDigits === 0 || match[2]?.length === layout.fractionDigits)) {
    return { instant: match[1] ?? '', fraction: match[2] ?? '' };
  }
  return new TimeReader(text, layout).read();
}

/** Reads a time piece by piece, so that the error names the piece that is wrong, as Go's does. */
class TimeReader {
  readonly #text: string;
  readonly #layout: Layout;
  #rest: string;

  constructor(text: string, layout: Layout) {
    this.#text = text;
    this.#layout = layout;
    this.#rest = text;
  }

  read(): { instant: string; fraction: string } {
    const year = this.#take(/^\d{4}/, '2006');
    this.#mark('-');
    const month = this.#number('01', 1, 12, 'month');
    this.#mark('-');
    const day = Number(this.#take(/^\d{2}/, '02'));
    this.#mark('T');
    const hour = Number(this.#take(/^\d{1,2}/, '15'));
    if (hour > 23) this.#outOfRange('hour');
    this.#mark(':');
    const minute = this.#number('04', 0, 59, 'minute');
    this.#mark(':');
    const second = this.#number('05', 0, 59, 'second');
    const fraction = this.#fraction();
    const offsetMinutes = this.#zone();
    if (this.#rest !== '') this.#fail(`: extra text: ${JSON.stringify(this.#rest)}`);
    if (day < 1 || day > daysOf(Number(year), month)) this.#outOfRange('day');
    const epochMs = utcMs(Number(year), month, day, hour, minute - offsetMinutes, second);
    const instant = new Date(epochMs).toISOString();
    // The offset may lead out of the years that RFC 3339 can write.
    if (instant.length !== 24) throw new DecodeError('Time.MarshalJSON: year outside of range [0,9999]');
    return { instant: instant.slice(0, 19), fraction };
  }

  #number(element: string, min: number, max: number, what: string): number {
    const value = Number(this.#take(/^\d{2}/, element));
    if (value < min || value > max) this.#outOfRange(what);
    return value;
  }

  #fraction(): string {
    const digits = this.#layout.fractionDigits;
    if (digits > 0) return this.#take(/^\.\d{6}(?!\d)/, '.000000').slice(1);
    return /^[.,]\d/.test(this.#rest) ? this.#take(/^[.,]\d+/, '').slice(1) : '';
  }

  /** Minutes east of Greenwich. */
  #zone(): number {
    const zone = this.#take(/^(?:Z|[+-]\d{2}:\d{2})/, 'Z07:00');
    if (zone === 'Z') return 0;
    const hours = Number(zone.slice(1, 3));
    const minutes = Number(zone.slice(4));
    if (hours > 24) this.#outOfRange('time zone offset hour');
    if (minutes > 60) this.#outOfRange('time zone offset minute');
    return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
  }

  #take(pattern: RegExp, element: string): string {
    const found = pattern.exec(this.#rest)?.[0];
    if (found === undefined) this.#cannot(element);
    this.#rest = this.#rest.slice(found.length);
    return found;
  }

  #mark(mark: string): void {
    if (!this.#rest.startsWith(mark)) this.#cannot(mark);
    this.#rest = this.#rest.slice(1);
  }

  #cannot(element: string): never {
    const [text, layout, rest, wanted] = [this.#text, this.#layout.text, this.#rest, element].map((part) =>
      JSON.stringify(part),
    );
    throw new DecodeError(`parsing time ${text} as ${layout}: cannot parse ${rest} as ${wanted}`);
  }

  #outOfRange(what: string): never {
    this.#fail(`: ${what} out of range`);
  }

  #fail(why: string): never {
    throw new DecodeError(`parsing time ${JSON.stringify(this.#text)}${why}`);
  }
}

/** `Date.UTC` would take years below 100 for those of the twentieth century. */
function utcMs(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.setUTCHours(hour, minute, second);
}

function daysOf(year: number, month: number): number {
  const isLeap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1] ?? 0;
}

/** Checks a Go duration: `1h30m`, `1.5s`, `-2us`, `0`. @throws DecodeError */
export function checkDuration(text: string): void {
  if (/^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/.test(text)) return;
  const number = /^[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))*(?:\d+\.?\d*|\.\d+)/.exec(text)?.[0];
  const quoted = JSON.stringify(text);
  if (number === undefined) throw new DecodeError(`time: invalid duration ${quoted}`);
  const unit = /^[^\d.]+/.exec(text.slice(number.length))?.[0];
  if (unit === undefined) throw new DecodeError(`time: missing unit in duration ${quoted}`);
  throw new DecodeError(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
}
