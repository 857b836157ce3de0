/**
 * Checks what a configuration file holds against the fields that it may have, strictly as upstream decodes such files: an unknown or a
 * repeated field is an error, and so is a value of another type. Pure.
 */
import { parseDuration } from '../flow/request-deadline.ts';

export interface ConfigShape {
  readonly [field: string]: ConfigField;
}

export type ConfigField = 'string' | 'boolean' | 'duration' | ConfigShape | readonly [ConfigField];

/**
 * The value itself, known to have the shape. An absent field and null are the same, and left out.
 * @throws Error that names each field
 */
export function checkShape<T extends object>(value: unknown, shape: ConfigShape, duplicates: readonly string[]): T {
  const complaints = [...duplicates];
  const checked = checkedField(value, shape, '', complaints);
  if (complaints.length > 0) throw new Error(`strict decoding error: ${complaints.join(', ')}`);
  return (checked ?? {}) as T;
}

function checkedField(value: unknown, field: ConfigField, path: string, complaints: string[]): unknown {
  if (value === null || value === undefined) return undefined;
  if (field === 'duration') return checkedDuration(value, path);
  if (typeof field === 'string') {
    if (typeof value !== field) throw wrongType(value, path, field === 'boolean' ? 'bool' : field);
    return value;
  }
  if (Array.isArray(field)) {
    if (!Array.isArray(value)) throw wrongType(value, path, 'list');
    const [item] = field as readonly [ConfigField];
    return value.map((one, index) => checkedField(one, item, `${path}[${index}]`, complaints) ?? {});
  }
  if (typeof value !== 'object' || Array.isArray(value)) throw wrongType(value, path, 'object');
  return checkedObject(value as Record<string, unknown>, field as ConfigShape, path, complaints);
}

function checkedObject(
  value: Record<string, unknown>,
  shape: ConfigShape,
  path: string,
  complaints: string[],
): Record<string, unknown> {
  const checked: Record<string, unknown> = {};
  for (const [name, content] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    const field = Object.hasOwn(shape, name) ? shape[name] : undefined;
    if (field === undefined) complaints.push(`unknown field ${JSON.stringify(at)}`);
    else checked[name] = checkedField(content, field, at, complaints);
  }
  return Object.fromEntries(Object.entries(checked).filter(([, content]) => content !== undefined));
}

function checkedDuration(value: unknown, path: string): string {
  if (typeof value !== 'string') throw wrongType(value, path, 'string');
  if (parseDuration(value) === undefined) throw new Error(`${path}: time: invalid duration ${JSON.stringify(value)}`);
  return value;
}

/** In the words of Go's decoder, as far as they say something here. */
function wrongType(value: unknown, path: string, wanted: string): Error {
  const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return new Error(`json: cannot unmarshal ${found} into field ${path === '' ? '.' : path} of type ${wanted}`);
}
