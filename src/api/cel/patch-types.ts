/**
 * What mutating expressions write: parts of an object as an applied configuration, and the operations of a JSON patch.
 *
 * `Object` is the object itself, `Object.spec.template` the type of what stands there: upstream knows no more of these types than their
 * names, so any field may be set; that a value stands where its type's name says is checked when it is there.
 */
import type { CelField, CelObjectType } from '../../lib/cel/types.ts';
import { CelMap, CelMessage, type CelValue } from '../../lib/cel/values.ts';
import { jsonPatchType } from './libraries/json-patch.ts';

const dyn: CelField = { type: { kind: 'dyn' } };

/** Knows every name. */
class AnyFields extends Map<string, CelField> {
  override get(): CelField {
    return dyn;
  }

  override has(): boolean {
    return true;
  }
}

const anyFields: ReadonlyMap<string, CelField> = new AnyFields();

export const objectType: CelObjectType = { kind: 'object', name: 'Object', fields: anyFields };

/** The types that expressions may construct, by name. */
export function patchTypes(name: string): CelObjectType | undefined {
  if (name === jsonPatchType.name) return jsonPatchType;
  if (name === objectType.name) return objectType;
  return name.startsWith(`${objectType.name}.`) ? { kind: 'object', name, fields: anyFields } : undefined;
}

/** Values below `value` whose type is not named after the place where they stand, in upstream's words, a line each; empty: none. */
export function misplacedTypes(value: CelMessage): string {
  const errors: string[] = [];
  collectMisplaced(value, value.typeName, errors);
  return errors.join('\n');
}

function collectMisplaced(value: CelValue, path: string, errors: string[]): void {
  if (value instanceof CelMessage) {
    const name = value.typeName;
    if (name !== path) {
      errors.push(
        `unexpected type name ${JSON.stringify(name)}, expected ${JSON.stringify(path)}, which matches field name path from root Object type`,
      );
    }
    for (const [field, part] of value.fields) collectMisplaced(part, `${path}.${field}`, errors);
  } else if (Array.isArray(value)) {
    for (const item of value as readonly CelValue[]) collectMisplaced(item, path, errors);
  } else if (value instanceof CelMap) {
    for (const key of value.keys()) collectMisplaced(value.get(key) ?? null, path, errors);
  }
}
