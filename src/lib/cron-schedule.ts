/**
 * Cron schedules as text: five fields (minute, hour, day of the month, month, day of the week), or one of cron's words (`@daily`,
 * `@every 1h30m`), with a zone in front if need be. When such a schedule is due says `cron-times.ts`.
 *
 * The form, and the texts that say what is wrong with it, are those of the parser that Kubernetes uses (robfig/cron, version 3);
 * people search for these texts. Pure and linear in the text.
 */
import { isTimeZone } from './time-zones.ts';

/** `time` is a moment at which all fields fit; `every` counts from the last one. */
export type CronSchedule =
  | {
      readonly kind: 'time';
      readonly minutes: ReadonlySet<number>;
      readonly hours: ReadonlySet<number>;
      readonly days: ReadonlySet<number>;
      /** From 1, as cron counts them. */
      readonly months: ReadonlySet<number>;
      /** From 0, Sunday. */
      readonly weekdays: ReadonlySet<number>;
      /** Whether both kinds of days must fit: so where one of them is a star. Where both are given, either will do. */
      readonly bothDays: boolean;
      /** The zone in front; undefined where there is none. */
      readonly zone: string | undefined;
    }
  | { readonly kind: 'every'; readonly delayMs: number };

type Unread = { readonly error: string };

interface Bounds {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
}

const monthNames = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

const fieldBounds: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: monthNames },
  { min: 0, max: 6, names: dayNames },
];

const descriptors: ReadonlyMap<string, string> = new Map([
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
  ['@monthly', '0 0 1 * *'],
  ['@weekly', '0 0 * * 0'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@hourly', '0 * * * *'],
]);
const everyPrefix = '@every ';

/** Undefined for a good schedule. It may have a zone in front (`TZ=…`). */
export function cronScheduleError(text: string): string | undefined {
  const schedule = readCronSchedule(text);
  return 'error' in schedule ? schedule.error : undefined;
}

export function readCronSchedule(text: string): CronSchedule | Unread {
  if (text === '') return { error: 'empty spec string' };
  const { spec, zone } = splitZone(text);
  if (spec === undefined) return { error: unendingZone };
  if (zone && zone !== 'Local' && !isTimeZone(zone)) {
    return { error: `provided bad location ${zone}: unknown time zone ${zone}` };
  }
  if (spec.startsWith(everyPrefix)) return readEvery(spec);
  if (!spec.startsWith('@')) return readFields(spec, zone);
  const meant = descriptors.get(spec);
  return meant === undefined ? { error: `unrecognized descriptor: ${spec}` } : readFields(meant, zone);
}

/** Without a spec where nothing follows the zone. */
function splitZone(text: string): { readonly spec?: string; readonly zone?: string } {
  if (!text.startsWith('TZ=') && !text.startsWith('CRON_TZ=')) return { spec: text };
  const [start, space] = [text.indexOf('=') + 1, text.indexOf(' ')];
  return space < 0 ? {} : { spec: text.slice(space).trim(), zone: text.slice(start, space) };
}

/** Here the parser runs off the end of the text, and what Go says of that is all there is to show. */
const unendingZone = 'invalid schedule format: runtime error: slice bounds out of range [:-1]';

/** Whole seconds, and one at least. */
function readEvery(spec: string): CronSchedule | Unread {
  const duration = spec.slice(everyPrefix.length);
  const ms = goDurationMs(duration);
  if (ms === undefined) {
    return { error: `failed to parse duration ${spec}: time: invalid duration ${JSON.stringify(duration)}` };
  }
  return { kind: 'every', delayMs: Math.max(1000, Math.floor(ms / 1000) * 1000) };
}

const unitsMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
/** Go counts nanoseconds in 64 bits. */
const durationMsMax = 2 ** 63 / 1e6;

/** `1h30m`, `1.5s`: what Go reads as a duration. */
export function goDurationMs(text: string): number | undefined {
  if (!isGoDuration(text)) return undefined;
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/([0-9.]+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    ms += Number(number) * (unitsMs[unit ?? ''] ?? 0);
  }
  if (ms >= durationMsMax) return undefined;
  return text.startsWith('-') ? -ms : ms;
}

/** `1h30m`, `1.5s`: the form of what Go reads as a duration. */
export function isGoDuration(text: string): boolean {
  const unsigned = text.replace(/^[-+]/, '');
  return unsigned === '0' || /^(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(unsigned);
}

function readFields(spec: string, zone: string | undefined): CronSchedule | Unread {
  const texts = spec.split(/\s+/).filter((field) => field !== '');
  if (texts.length !== fieldBounds.length) {
    return { error: `expected exactly ${fieldBounds.length} fields, found ${texts.length}: [${texts.join(' ')}]` };
  }
  const fields: Field[] = [];
  for (const [index, bounds] of fieldBounds.entries()) {
    const field = readField(texts[index] ?? '', bounds);
    if ('error' in field) return field;
    fields.push(field);
  }
  const [minutes, hours, days, months, weekdays] = fields as [Field, Field, Field, Field, Field];
  return {
    kind: 'time',
    minutes: minutes.values,
    hours: hours.values,
    days: days.values,
    months: months.values,
    weekdays: weekdays.values,
    bothDays: days.star || weekdays.star,
    zone,
  };
}

interface Field {
  readonly values: ReadonlySet<number>;
  /** A star, or a question mark, that takes all there is. */
  readonly star: boolean;
}

function readField(text: string, bounds: Bounds): Field | Unread {
  const values = new Set<number>();
  let star = false;
  for (const expression of text.split(',')) {
    if (expression === '') continue;
    const range = readRange(expression, bounds);
    if ('error' in range) return range;
    star ||= range.star;
    for (let value = range.start; value <= range.end; value += range.step) values.add(value);
  }
  return { values, star };
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly star: boolean;
}

type Read = { readonly value: number } | Unread;

function readRange(expression: string, bounds: Bounds): Range | Unread {
  const [range = '', stepText, ...moreSteps] = expression.split('/');
  const [low = '', high, ...moreHyphens] = range.split('-');
  const isStar = low === '*' || low === '?';
  const start = isStar ? { value: bounds.min } : readNumber(low, bounds);
  if ('error' in start) return start;
  if (!isStar && moreHyphens.length > 0) return { error: `too many hyphens: ${expression}` };
  let end: Read = isStar ? { value: bounds.max } : high === undefined ? start : readNumber(high, bounds);
  if ('error' in end) return end;
  if (moreSteps.length > 0) return { error: `too many slashes: ${expression}` };
  const every: Read = stepText === undefined ? { value: 1 } : readNumber(stepText);
  if ('error' in every) return every;
  if (stepText !== undefined && high === undefined) end = { value: bounds.max };
  const step = every.value;
  const error = orderError(expression, bounds, start.value, end.value) ?? stepError(expression, step);
  return error === undefined ? { start: start.value, end: end.value, step, star: isStar && step === 1 } : { error };
}

function orderError(expression: string, { min, max }: Bounds, start: number, end: number): string | undefined {
  if (start < min) return `beginning of range (${start}) below minimum (${min}): ${expression}`;
  if (end > max) return `end of range (${end}) above maximum (${max}): ${expression}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${expression}`;
  return undefined;
}

function stepError(expression: string, step: number): string | undefined {
  return step === 0 ? `step of range should be a positive number: ${expression}` : undefined;
}

function readNumber(text: string, { min = 0, names = [] }: Partial<Bounds> = {}): Read {
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return { value: named + min };
  if (!/^[-+]?[0-9]+$/.test(text)) {
    return {
      error: `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`,
    };
  }
  const value = Number(text);
  if (!Number.isSafeInteger(value)) {
    return {
      error: `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: value out of range`,
    };
  }
  return value < 0 ? { error: `negative number (${value}) not allowed: ${text}` } : { value };
}
