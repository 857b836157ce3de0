/** What types are called: in errors (`map(string, int)`), and as values (`google.protobuf.Timestamp`). */
import type { CelType } from './types.ts';

export function nameOfType(type: CelType): string {
  if (type.kind === 'list') return `list(${nameOfType(type.element)})`;
  if (type.kind === 'map') return `map(${nameOfType(type.key)}, ${nameOfType(type.value)})`;
  if (type.kind === 'optional') return `optional_type(${nameOfType(type.of)})`;
  return 'name' in type ? type.name : type.kind;
}

const valueNames: Readonly<Partial<Record<CelType['kind'], string>>> = {
  null: 'null_type',
  timestamp: 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
  optional: 'optional_type',
};

/** What `type(x)` of such a value is called: without what is in it. */
export function valueNameOfType(type: CelType): string {
  if (type.kind === 'object' || type.kind === 'opaque') return type.name;
  return valueNames[type.kind] ?? type.kind;
}
