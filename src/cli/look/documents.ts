/** Whole objects as `naru get -o json|yaml` prints them: keys in order, without the book-keeping of who wrote what. Pure. */
import type { JsonObject, JsonValue, KubeObject } from '../../api/object.ts';

/** An item of a list, with the kind that the list says for all. */
export function complete(item: KubeObject, apiVersion: string, kind: string, withManagedFields: boolean): JsonObject {
  const object = { apiVersion, kind, ...item } as unknown as JsonObject;
  if (withManagedFields || item.metadata === undefined || !('managedFields' in item.metadata)) return object;
  const { managedFields: _, ...metadata } = item.metadata as unknown as JsonObject;
  return { ...object, metadata };
}

/** One object as it is; several as a List. */
export function asDocument(objects: readonly JsonObject[], isOne: boolean): JsonObject {
  const [only] = objects;
  if (isOne && only !== undefined) return only;
  return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items: [...objects] };
}

export const jsonText = (value: JsonValue): string => `${JSON.stringify(sortedKeys(value), undefined, 4)}\n`;

export async function yamlText(value: JsonValue): Promise<string> {
  // The YAML library is most of what this command would load.
  const { stringifyYaml } = await import('../../api/yaml-write.ts');
  return stringifyYaml(value, { sortKeys: true });
}

export function sortedKeys(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sortedKeys);
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => [name, sortedKeys(member)]),
  );
}
