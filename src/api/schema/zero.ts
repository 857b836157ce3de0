/** Go's zero values, where they show in JSON. */
import type { JsonValue } from '../object.ts';
import type { Type } from './schema.ts';

/** Undefined where Go prints null: times, raw objects, any JSON. A struct's is `{}`: its own fields are not filled in. */
export function zeroValue(type: Type): JsonValue | undefined {
  switch (type.kind) {
    case 'scalar':
      return type.scalar === 'boolean' ? false : type.scalar === 'string' || type.scalar === 'bytes' ? '' : 0;
    case 'message':
    case 'map':
      return {};
    case 'list':
      return [];
    case 'special':
      return type.form === 'quantity'
        ? '0'
        : type.form === 'int-or-string'
          ? 0
          : type.form === 'duration'
            ? '0s'
            : undefined;
  }
}
