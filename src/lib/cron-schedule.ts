/**
 * Cron schedules: five fields (minute, hour, day of the month, month, day of the week), or one of cron's words (`@daily`).
 *
 * The form, and the texts that say what is wrong with it, are those of the parser that Kubernetes uses (robfig/cron, version 3);
 * people search for these texts. Pure and linear in the text.
 */
import { isTimeZone } from './time-zones.ts';

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

const descriptors = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']);
const everyPrefix = '@every ';

/** Undefined for a good schedule. It may have a zone in front (`TZ=…`). */
export function cronScheduleError(text: string): string | undefined {
  if (text === '') return 'empty spec string';
  const { spec, zone } = splitZone(text);
  if (spec === undefined) return unendingZone;
  if (zone !== '' && zone !== 'Local' && !isTimeZone(zone))
    return `provided bad location ${zone}: unknown time zone ${zone}`;
  if (spec.startsWith('@')) return descriptorError(spec);
  const fields = spec.split(/\s+/).filter((field) => field !== '');
  if (fields.length !== fieldBounds.length) {
    return `expected exactly ${fieldBounds.length} fields, found ${fields.length}: [${fields.join(' ')}]`;
  }
  for (const [index, bounds] of fieldBounds.entries()) {
    const error = fieldError(fields[index] ?? '', bounds);
    if (error !== undefined) return error;
  }
  return undefined;
}

/** Without a spec where nothing follows the zone. */
function splitZone(text: string): { readonly spec?: string; readonly zone: string } {
  if (!text.startsWith('TZ=') && !text.startsWith('CRON_TZ=')) return { spec: text, zone: '' };
  const [start, space] = [text.indexOf('=') + 1, text.indexOf(' ')];
  return space < 0 ? { zone: '' } : { spec: text.slice(space).trim(), zone: text.slice(start, space) };
}

/** Here the parser runs off the end of the text, and what Go says of that is all there is to show. */
const unendingZone = 'invalid schedule format: runtime error: slice bounds out of range [:-1]';

function descriptorError(spec: string): string | undefined {
  if (descriptors.has(spec)) return undefined;
  if (!spec.startsWith(everyPrefix)) return `unrecognized descriptor: ${spec}`;
  const duration = spec.slice(everyPrefix.length);
  if (isGoDuration(duration)) return undefined;
  return `failed to parse duration ${spec}: time: invalid duration ${JSON.stringify(duration)}`;
}

/** `1h30m`, `1.5s`: what Go reads as a duration. */
export function isGoDuration(text: string): boolean {
  const unsigned = text.replace(/^[-+]/, '');
  return unsigned === '0' || /^(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(unsigned);
}

function fieldError(field: string, bounds: Bounds): string | undefined {
  for (const expression of field.split(',')) {
    const error = expression === '' ? undefined : rangeError(expression, bounds);
    if (error !== undefined) return error;
  }
  return undefined;
}

type Read = { readonly value: number } | { readonly error: string };

function rangeError(expression: string, bounds: Bounds): string | undefined {
  const [range = '', step, ...moreSteps] = expression.split('/');
  const [low = '', high, ...moreHyphens] = range.split('-');
  const isStar = low === '*' || low === '?';
  const start = isStar ? { value: bounds.min } : readNumber(low, bounds);
  if ('error' in start) return start.error;
  if (!isStar && moreHyphens.length > 0) return `too many hyphens: ${expression}`;
  let end: Read = isStar ? { value: bounds.max } : high === undefined ? start : readNumber(high, bounds);
  if ('error' in end) return end.error;
  if (moreSteps.length > 0) return `too many slashes: ${expression}`;
  const every: Read = step === undefined ? { value: 1 } : readNumber(step);
  if ('error' in every) return every.error;
  if (step !== undefined && high === undefined) end = { value: bounds.max };
  return orderError(expression, bounds, start.value, end.value) ?? stepError(expression, every.value);
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
