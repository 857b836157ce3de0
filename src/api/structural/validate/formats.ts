/**
 * The formats of texts that upstream knows in custom resources (kube-openapi's `validation/strfmt`), read as loosely as there: an IPv4 address may
 * have leading zeros, a duration may be `2 days`. A format that is not here is not looked at.
 */
import { parseCidr, parseIp } from '../../../lib/ip-addresses.ts';
import { checkDuration } from '../../decode-time.ts';
import { isRequestUri } from '../../go-url.ts';
import { isMailAddress } from './mail-address.ts';

export type StringFormat = (text: string) => boolean;

/** `date-time` and `datetime` are one. */
export function stringFormat(name: string): StringFormat | undefined {
  return name === '' ? undefined : formats.get(name.replaceAll('-', ''));
}

const like =
  (pattern: RegExp, lengthMax = Number.POSITIVE_INFINITY): StringFormat =>
  (text) =>
    text.length <= lengthMax && pattern.test(text);

const shortName = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';

const formats: ReadonlyMap<string, StringFormat> = new Map<string, StringFormat>([
  ['bsonobjectid', like(/^[0-9a-fA-F]{24}$/)],
  ['uri', isRequestUri],
  ['email', isMailAddress],
  ['hostname', isHostname],
  ['ipv4', (text) => text.includes('.') && parseIp(text) !== undefined],
  ['ipv6', (text) => text.includes(':') && parseIp(text)?.leadingZeros === false],
  ['cidr', (text) => parseCidr(text) !== undefined],
  ['mac', isMac],
  ['uuid', like(/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i)],
  ['uuid3', like(/^[0-9a-f]{8}-?[0-9a-f]{4}-?3[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i)],
  ['uuid4', like(/^[0-9a-f]{8}-?[0-9a-f]{4}-?4[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i)],
  ['uuid5', like(/^[0-9a-f]{8}-?[0-9a-f]{4}-?5[0-9a-f]{3}-?[89ab][0-9a-f]{3}-?[0-9a-f]{12}$/i)],
  ['isbn', (text) => isIsbn10(text) || isIsbn13(text)],
  ['isbn10', isIsbn10],
  ['isbn13', isIsbn13],
  ['creditcard', isCreditCard],
  ['ssn', (text) => text.length === 11 && /^\d{3}[- ]?\d{2}[- ]?\d{4}$/.test(text)],
  ['hexcolor', like(/^#?(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/)],
  ['rgbcolor', isRgbColor],
  ['byte', isBase64],
  ['password', () => true],
  ['date', isDate],
  ['duration', isDuration],
  ['datetime', isDateTime],
  ['k8sshortname', like(new RegExp(`^${shortName}$`), 63)],
  ['k8slongname', like(new RegExp(`^${shortName}(?:\\.${shortName})*$`), 253)],
]);

const letter = '[a-zA-Z0-9\\p{S}\\p{L}]';
const label = `${letter}(?:[-a-zA-Z0-9\\p{S}\\p{L}]{0,61}${letter})?`;
const hostname = new RegExp(
  `^(?:${letter}(?:-?[a-zA-Z0-9\\p{S}\\p{L}]{0,62})?|(?:${label}\\.)+[a-zA-Z\\p{L}]{2,63})$`,
  'u',
);

function isHostname(text: string): boolean {
  if (text.length > 255 || Buffer.byteLength(text) > 255 || !hostname.test(text)) return false;
  return text.split('.').every((part) => Buffer.byteLength(part) <= 63);
}

/** As Go's `net.ParseMAC`: 6, 8 or 20 bytes, in pairs of digits or in fours with dots. */
function isMac(text: string): boolean {
  if (text.length > 59) return false;
  const pairs = /^[0-9a-fA-F]{2}(?:([:-])[0-9a-fA-F]{2})(?:\1[0-9a-fA-F]{2})*$/.test(text);
  const fours = /^[0-9a-fA-F]{4}(?:\.[0-9a-fA-F]{4})+$/.test(text);
  if (!pairs && !fours) return false;
  const digits = text.replace(/[^0-9a-fA-F]/g, '').length;
  return digits === 12 || digits === 16 || digits === 40;
}

/** Numbers with what stands between their digits (characters). What is longer is none. */
const spacedMax = 1024;

const withoutDashes = (text: string): string => (text.length > spacedMax ? '' : text.replace(/[\s-]+/g, ''));

function isIsbn10(text: string): boolean {
  const digits = withoutDashes(text);
  if (!/^(?:[0-9]{9}X|[0-9]{10})$/.test(digits)) return false;
  const values = Array.from(digits).map((digit) => (digit === 'X' ? 10 : Number(digit)));
  return values.reduce((sum, value, index) => sum + (index + 1) * value, 0) % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = withoutDashes(text);
  if (!/^[0-9]{13}$/.test(digits)) return false;
  return (
    Array.from(digits).reduce((sum, digit, index) => sum + Number(digit) * (index % 2 === 0 ? 1 : 3), 0) % 10 === 0
  );
}

const cardNumber =
  /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/;

/** What is no digit may stand in between; the sum is Luhn's. */
function isCreditCard(text: string): boolean {
  const digits = text.length > spacedMax ? '' : text.replace(/[^0-9]+/g, '');
  if (!cardNumber.test(digits)) return false;
  const sum = Array.from(digits)
    .reverse()
    .reduce((total, digit, index) => {
      const value = Number(digit) * (index % 2 === 0 ? 1 : 2);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
  return sum % 10 === 0;
}

const shade = '(?:0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])';
const space = '[\\t\\n\\f\\r ]*';
const rgbColor = new RegExp(`^rgb\\(${[shade, shade, shade].map((each) => space + each + space).join(',')}\\)$`);

function isRgbColor(text: string): boolean {
  return rgbColor.test(text);
}

/** Not empty. */
function isBase64(text: string): boolean {
  return text.length > 0 && text.length % 4 === 0 && /^[A-Za-z0-9+/]*(?:[A-Za-z0-9+/]|==|=)$/.test(text);
}

const monthDays = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function isDate(text: string): boolean {
  const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(text) ?? [];
  if (year === undefined) return false;
  const isLeap = Number(year) % 4 === 0 && (Number(year) % 100 !== 0 || Number(year) % 400 === 0);
  const days = Number(month) === 2 && !isLeap ? 28 : (monthDays[Number(month) - 1] ?? 0);
  return Number(day) >= 1 && Number(day) <= days;
}

function isDateTime(text: string): boolean {
  const [date = '', time] = text.toLowerCase().split('t');
  if (time === undefined || !isDate(date)) return false;
  const [, hours = '', minutes = '', seconds = ''] =
    /^([0-9]{2}):([0-9]{2}):([0-9]{2})(?:.[0-9]+)?(?:z|[+-][0-9]{2}:[0-9]{2})$/.exec(time) ?? [];
  return hours !== '' && hours <= '23' && minutes <= '59' && seconds <= '59';
}

/** Shorter ones exactly, the last of each also as the beginning of a longer word. */
const units: readonly (readonly string[])[] = [
  ['ns', 'nano'],
  ['us', 'µs', 'micro'],
  ['ms', 'milli'],
  ['s', 'sec'],
  ['m', 'min'],
  ['h', 'hr', 'hour'],
  ['d', 'day'],
  ['w', 'wk', 'week'],
];

/** Go's, or Scala's: `22 ns`, `3 days`. */
function isDuration(text: string): boolean {
  try {
    checkDuration(text);
    return true;
  } catch {
    const parts = [...text.matchAll(/(\d+)\s*([A-Za-zµ]+)/g)];
    return (
      parts.every(([, count]) => Number(count) < 2 ** 63) && parts.some(([, , unit = '']) => isUnit(unit.toLowerCase()))
    );
  }
}

function isUnit(unit: string): boolean {
  return units.some((names) => names.includes(unit) || unit.startsWith(names.at(-1) as string));
}
