/** Steps into values: fields, keys, indices, with and without `?`. What is not there is a fault, or an optional value without one. */
import { typeNameOf } from './equality.ts';
import { CelMap, CelOptional, CelRecord, CelUint, type CelValue, fault } from './values.ts';

/** `key` is what the field is called in a map. @throws CelFault */
export function fieldOf(value: CelValue, field: string, key: string): CelValue {
  if (value instanceof CelRecord) return value.get(field) ?? absent(value.get(field), field);
  if (value instanceof CelMap) return value.get(key) ?? absent(value.get(key), key);
  return value instanceof CelOptional ? optionalField(value, field, key) : fault('no such overload');
}

/** `null` is a value, too. */
function absent(found: CelValue | undefined, name: string): CelValue {
  return found === null ? null : fault(`no such key: ${name}`);
}

/** @throws CelFault where the value has no fields at all */
export function hasField(value: CelValue, field: string, key: string): boolean {
  if (value instanceof CelRecord) return value.has(field);
  if (value instanceof CelMap) return value.has(key);
  if (!(value instanceof CelOptional)) return fault('no such overload');
  return value.value !== undefined && hasField(value.value, field, key);
}

export function optionalField(value: CelValue, field: string, key: string): CelOptional {
  if (value instanceof CelOptional) return value.value === undefined ? value : optionalField(value.value, field, key);
  if (value instanceof CelRecord) return CelOptional.from(value.get(field));
  return value instanceof CelMap ? CelOptional.from(value.get(key)) : fault('no such overload');
}

/** @throws CelFault */
export function elementAt(value: CelValue, index: CelValue): CelValue {
  if (Array.isArray(value)) return listElement(value as readonly CelValue[], index);
  if (value instanceof CelMap) return value.get(index) ?? absent(value.get(index), shownKey(index));
  if (value instanceof CelOptional) return optionalElement(value, index);
  return value instanceof CelRecord && typeof index === 'string'
    ? fieldOf(value, index, index)
    : fault('no such overload');
}

function shownKey(key: CelValue): string {
  if (key instanceof CelUint) return String(key.value);
  return typeof key === 'object' ? typeNameOf(key) : String(key);
}

function listElement(list: readonly CelValue[], index: CelValue): CelValue {
  const at = position(index);
  const element = list[at];
  return element === undefined ? fault(`index out of bounds: ${at}`) : element;
}

function position(index: CelValue): number {
  const number = index instanceof CelUint ? index.value : index;
  if (typeof number === 'bigint') return Number(number);
  if (typeof number === 'number' && Number.isInteger(number)) return number;
  return fault('unsupported index type in list');
}

export function optionalElement(value: CelValue, index: CelValue): CelOptional {
  if (value instanceof CelOptional) return value.value === undefined ? value : optionalElement(value.value, index);
  if (Array.isArray(value)) return CelOptional.from((value as readonly CelValue[])[position(index)]);
  if (value instanceof CelMap) return CelOptional.from(value.get(index));
  return value instanceof CelRecord && typeof index === 'string'
    ? CelOptional.from(value.get(index))
    : fault('no such overload');
}
