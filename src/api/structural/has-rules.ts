/** Whether a schema has rules anywhere (`x-kubernetes-validations`): most have none, and then nothing of expressions is made or loaded. */
import type { JSONSchemaProps } from '../schema/types/apiextensions-v1.ts';

const known = new WeakMap<JSONSchemaProps, boolean>();

export function hasRules(schema: JSONSchemaProps): boolean {
  let found = known.get(schema);
  if (found === undefined) known.set(schema, (found = hasWithin(schema)));
  return found;
}

function hasWithin(schema: JSONSchemaProps): boolean {
  if ((schema['x-kubernetes-validations'] ?? []).length > 0) return true;
  const { items, additionalProperties, properties, allOf } = schema;
  if (typeof items === 'object' && !Array.isArray(items) && hasWithin(items as JSONSchemaProps)) return true;
  if (typeof additionalProperties === 'object' && hasWithin(additionalProperties)) return true;
  return allOf?.some(hasWithin) || Object.values(properties ?? {}).some(hasWithin);
}
