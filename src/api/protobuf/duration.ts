/** Go's `time.Duration`: nanoseconds in protobuf, `1h30m0s` in JSON. */
import { DecodeError } from '../decode-error.ts';
import { checkDuration } from '../decode-time.ts';

const nanosByUnit: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};

/** As Go prints it: `1h0m0.5s`, and below a second in the largest unit that gives a whole: `1.5ms`. */
export function formatDuration(nanos: bigint): string {
  if (nanos < 0n) return `-${formatDuration(-nanos)}`;
  if (nanos === 0n) return '0s';
  const small = (['ns', 'µs', 'ms'] as const).findLast((unit) => nanos >= (nanosByUnit[unit] as bigint));
  if (nanos < 1_000_000_000n && small !== undefined) return inUnit(nanos, small);
  const minutes = nanos / 60_000_000_000n;
  const seconds = inUnit(nanos % 60_000_000_000n, 's');
  if (minutes === 0n) return seconds;
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

function inUnit(nanos: bigint, unit: string): string {
  const size = nanosByUnit[unit] as bigint;
  const digits = String(size).length - 1;
  const fraction =
    digits === 0
      ? ''
      : String(nanos % size)
          .padStart(digits, '0')
          .replace(/0+$/, '');
  return `${nanos / size}${fraction === '' ? '' : `.${fraction}`}${unit}`;
}

/** @throws DecodeError */
export function parseDuration(text: string): bigint {
  checkDuration(text);
  let nanos = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of text.matchAll(/(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    const size = nanosByUnit[unit] as bigint;
    nanos += BigInt(whole || 0) * size + (BigInt(fraction || 0) * size) / 10n ** BigInt(fraction.length);
  }
  const signed = text.startsWith('-') ? -nanos : nanos;
  if (signed !== BigInt.asIntN(64, signed)) throw new DecodeError(`time: invalid duration ${JSON.stringify(text)}`);
  return signed;
}
