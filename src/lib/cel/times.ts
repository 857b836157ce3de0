/** Times and durations: their texts (RFC 3339; Go's durations) and what of them a calendar shows, in a time zone. */
import { CelDuration, CelTimestamp, fault } from './values.ts';

export const nanosPerSecond = 1_000_000_000n;
/** From year 1 to the end of year 9999. */
const timestampMin = -62_135_596_800n * nanosPerSecond;
const timestampMax = 253_402_300_800n * nanosPerSecond;

export const isTimestampSeconds = (seconds: bigint): boolean =>
  seconds * nanosPerSecond >= timestampMin && seconds * nanosPerSecond < timestampMax;

/** @throws CelFault beyond the years 1 to 9999 */
export function timestampOf(nanoseconds: bigint, offsetMinutes = 0): CelTimestamp {
  if (nanoseconds < timestampMin || nanoseconds >= timestampMax) fault('timestamp overflow');
  return new CelTimestamp(nanoseconds, offsetMinutes);
}

/** @throws CelFault beyond 290 years */
export function durationOf(nanoseconds: bigint): CelDuration {
  if (BigInt.asIntN(64, nanoseconds) !== nanoseconds) fault('duration overflow');
  return new CelDuration(nanoseconds);
}

const timestampPattern =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9})\d*)?(?:Z|([-+])(\d{2}):(\d{2}))$/;

/** Undefined: it is none. */
export function parsedTimestamp(text: string): CelTimestamp | undefined {
  const match = timestampPattern.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const [, , , , , , , fraction = '', sign, zoneHours = '0', zoneMinutes = '0'] = match;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isDate = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && year > 0;
  if (!isDate || hour > 23 || minute > 59 || second > 59 || Number(zoneHours) > 23 || Number(zoneMinutes) > 59)
    return undefined;
  const offset = (Number(zoneHours) * 60 + Number(zoneMinutes)) * (sign === '-' ? -1 : 1);
  const seconds = date.getTime() / 1000 + hour * 3600 + minute * 60 + second - offset * 60;
  const nanoseconds = BigInt(seconds) * nanosPerSecond + BigInt(fraction.padEnd(9, '0'));
  const isOutside = nanoseconds < timestampMin || nanoseconds >= timestampMax;
  return isOutside ? undefined : new CelTimestamp(nanoseconds, offset);
}

const units: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1000n],
  ['µs', 1000n],
  ['μs', 1000n],
  ['ms', 1_000_000n],
  ['s', nanosPerSecond],
  ['m', 60n * nanosPerSecond],
  ['h', 3600n * nanosPerSecond],
]);

/** Undefined: it is none. */
export function parsedDuration(text: string): CelDuration | undefined {
  const [, sign = '', rest = ''] = /^([-+]?)(.*)$/s.exec(text) ?? [];
  if (rest === '0') return new CelDuration(0n);
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(rest)) return undefined;
  let total = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of rest.matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const size = units.get(unit) ?? 0n;
    const digits = fraction.slice(0, 18);
    total += BigInt(whole || '0') * size + (BigInt(digits || '0') * size) / 10n ** BigInt(digits.length);
  }
  const nanoseconds = sign === '-' ? -total : total;
  return BigInt.asIntN(64, nanoseconds) === nanoseconds ? new CelDuration(nanoseconds) : undefined;
}

/** `1.5s`: whole seconds and as many digits behind the point as there are. */
export function durationText({ nanoseconds }: CelDuration): string {
  const size = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  const fraction = (size % nanosPerSecond).toString().padStart(9, '0').replace(/0+$/, '');
  return `${nanoseconds < 0n ? '-' : ''}${size / nanosPerSecond}${fraction === '' ? '' : `.${fraction}`}s`;
}

export function timestampText({ nanoseconds, offsetMinutes }: CelTimestamp): string {
  const fraction = remainder(nanoseconds, nanosPerSecond).toString().padStart(9, '0').replace(/0+$/, '');
  const local = new Date(dateOf(nanoseconds).getTime() + offsetMinutes * 60_000);
  const whole = local.toISOString().slice(0, 19).replace(/^\+00/, '');
  return `${whole}${fraction === '' ? '' : `.${fraction}`}${zoneText(offsetMinutes)}`;
}

function zoneText(offsetMinutes: number): string {
  if (offsetMinutes === 0) return 'Z';
  const size = Math.abs(offsetMinutes);
  const [hours, minutes] = [Math.floor(size / 60), size % 60].map((part) => String(part).padStart(2, '0'));
  return `${offsetMinutes < 0 ? '-' : '+'}${hours}:${minutes}`;
}

const remainder = (value: bigint, by: bigint): bigint => ((value % by) + by) % by;

/** To the second below. */
function dateOf(nanoseconds: bigint): Date {
  const seconds = (nanoseconds - remainder(nanoseconds, nanosPerSecond)) / nanosPerSecond;
  return new Date(Number(seconds) * 1000);
}

export type TimePart = (date: Date, milliseconds: number) => number;

/** By the name of the method: from what the clock on the wall shows, as if it were UTC. */
export const timeParts: Readonly<Record<string, TimePart>> = {
  getFullYear: (date) => date.getUTCFullYear(),
  getMonth: (date) => date.getUTCMonth(),
  getDate: (date) => date.getUTCDate(),
  getDayOfMonth: (date) => date.getUTCDate() - 1,
  getDayOfWeek: (date) => date.getUTCDay(),
  getDayOfYear: (date) => Math.floor((date.getTime() - startOfYear(date)) / 86_400_000),
  getHours: (date) => date.getUTCHours(),
  getMinutes: (date) => date.getUTCMinutes(),
  getSeconds: (date) => date.getUTCSeconds(),
  getMilliseconds: (_date, milliseconds) => milliseconds,
};

function startOfYear(date: Date): number {
  const start = new Date(date);
  start.setUTCMonth(0, 1);
  return start.setUTCHours(0, 0, 0, 0);
}

/** @throws CelFault where there is no such time zone */
export function timePart({ nanoseconds }: CelTimestamp, part: TimePart, zone = 'UTC'): bigint {
  const date = dateOf(nanoseconds);
  const local = new Date(date.getTime() + zoneOffset(date, zone));
  return BigInt(part(local, Number(remainder(nanoseconds, nanosPerSecond) / 1_000_000n)));
}

/** In milliseconds. */
function zoneOffset(date: Date, zone: string): number {
  if (zone === 'UTC' || zone === '' || zone === 'Z') return 0;
  const [all, sign, hours, minutes] = /^([-+]?)(\d{1,2}):(\d{2})$/.exec(zone) ?? [];
  if (all !== undefined) return (Number(hours) * 60 + Number(minutes)) * 60_000 * (sign === '-' ? -1 : 1);
  return namedOffset(date, zone);
}

const formats = new Map<string, Intl.DateTimeFormat>();
/** Beyond it, one that is kept makes room. */
const formatsMax = 64;

function namedOffset(date: Date, zone: string): number {
  const format = formats.get(zone) ?? zoneFormat(zone);
  const parts = Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, Number(value)]));
  const local = new Date(0);
  local.setUTCFullYear(parts['year'] ?? 0, (parts['month'] ?? 1) - 1, parts['day'] ?? 1);
  local.setUTCHours(parts['hour'] ?? 0, parts['minute'] ?? 0, parts['second'] ?? 0);
  return local.getTime() - date.getTime();
}

function zoneFormat(zone: string): Intl.DateTimeFormat {
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
    if (formats.size >= formatsMax) formats.delete(formats.keys().next().value as string);
    formats.set(zone, format);
    return format;
  } catch {
    return fault(`unknown time zone ${zone}`);
  }
}
