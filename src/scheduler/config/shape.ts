/**
 * Reads a configuration strictly, as upstream decodes it: a field that nobody knows, or that has another type, is an error that names it.
 * Pure.
 */
export type Field = 'string' | 'boolean' | 'number' | 'any' | Shape | readonly [Field];

export interface Shape {
  readonly [name: string]: Field;
}

/** The value, known to have the shape; null is the same as absent. @throws Error that names each field */
export function readShape<T extends object>(
  value: unknown,
  shape: Shape,
  path = '',
  duplicates: readonly string[] = [],
): T {
  const unknown: string[] = [...duplicates];
  const read = readField(value ?? {}, shape, path, unknown);
  if (unknown.length > 0) throw new Error(`strict decoding error: ${unknown.join(', ')}`);
  return read as T;
}

function readField(value: unknown, field: Field, path: string, unknown: string[]): unknown {
  if (field === 'any') return value;
  if (typeof field === 'string') {
    if (typeof value !== field) throw wrongType(value, path, goNames[field]);
    if (field === 'number' && !Number.isInteger(value)) throw wrongType(value, path, goNames[field]);
    return value;
  }
  if (Array.isArray(field)) {
    if (!Array.isArray(value)) throw wrongType(value, path, 'list');
    const [item] = field as readonly [Field];
    return value.map((one, index) => readField(one, item, `${path}[${index}]`, unknown));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(value, path, 'object');
  const read: Record<string, unknown> = {};
  for (const [name, content] of Object.entries(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    const known = Object.hasOwn(field, name) ? (field as Shape)[name] : undefined;
    if (known === undefined) unknown.push(`unknown field ${JSON.stringify(at)}`);
    else if (content !== null && content !== undefined) read[name] = readField(content, known, at, unknown);
  }
  return read;
}

const goNames = { string: 'string', boolean: 'bool', number: 'int32' } as const;

function wrongType(value: unknown, path: string, wanted: string): Error {
  const found = Array.isArray(value)
    ? 'array'
    : typeof value === 'boolean'
      ? 'bool'
      : value === null
        ? 'null'
        : typeof value;
  return new Error(`json: cannot unmarshal ${found} into field ${path === '' ? '.' : path} of type ${wanted}`);
}
