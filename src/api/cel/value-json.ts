/** CEL values as JSON, as upstream writes what a mutating expression made. */
import { CelDuration, CelMap, CelRecord, CelTimestamp, CelUint, type CelValue } from '../../lib/cel/values.ts';
import type { JsonObject, JsonValue } from '../object.ts';
import { setKey } from '../patch/json-tree.ts';

export class UnwritableValue extends Error {
  override name = 'UnwritableValue';
}

/** Beyond them, JSON's readers lose digits. */
const exactMax = BigInt(Number.MAX_SAFE_INTEGER);

/** @throws UnwritableValue */
export function jsonOf(value: CelValue): JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'bigint') return wholeNumber(value);
  return typeof value === 'number' ? finite(value) : composed(value);
}

function composed(value: Exclude<CelValue, null | string | boolean | bigint | number>): JsonValue {
  if (Array.isArray(value)) return (value as readonly CelValue[]).map(jsonOf);
  if (value instanceof CelMap) return object(mapEntries(value));
  if (value instanceof CelRecord) return object(recordEntries(value));
  if (value instanceof CelUint) return wholeNumber(value.value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (value instanceof CelTimestamp) return timestampText(value.nanoseconds);
  if (value instanceof CelDuration) return `${decimal(value.nanoseconds)}s`;
  throw new UnwritableValue(`unsupported type: ${'typeName' in value ? value.typeName : typeof value}`);
}

function wholeNumber(value: bigint): JsonValue {
  return value <= exactMax && value >= -exactMax ? Number(value) : String(value);
}

function finite(value: number): JsonValue {
  if (Number.isFinite(value)) return value;
  throw new UnwritableValue(`unsupported value: ${value}`);
}

function object(entries: Iterable<readonly [string, CelValue]>): JsonObject {
  const result: JsonObject = {};
  for (const [name, value] of entries) setKey(result, name, jsonOf(value));
  return result;
}

function* mapEntries(map: CelMap): Generator<readonly [string, CelValue]> {
  for (const key of map.keys()) {
    if (typeof key !== 'string') throw new UnwritableValue('keys of maps must be strings');
    yield [key, map.get(key) ?? null];
  }
}

function* recordEntries(record: CelRecord): Generator<readonly [string, CelValue]> {
  for (const name of record.fieldNames()) {
    const value = record.get(name);
    if (value !== undefined) yield [name, value];
  }
}

const billion = 1_000_000_000n;

/** Seconds with as many digits behind the point as are not zero. */
function decimal(nanoseconds: bigint): string {
  const sign = nanoseconds < 0n ? '-' : '';
  const all = nanoseconds < 0n ? -nanoseconds : nanoseconds;
  return `${sign}${all / billion}${fraction(all % billion)}`;
}

function fraction(nanoseconds: bigint): string {
  return nanoseconds === 0n ? '' : `.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}`;
}

function timestampText(nanoseconds: bigint): string {
  const rest = ((nanoseconds % billion) + billion) % billion;
  const seconds = (nanoseconds - rest) / billion;
  return `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}${fraction(rest)}Z`;
}
