/** Lists that are sets or maps, in the schemas of custom resources: what their items and keys have to be. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import type { JSONSchemaProps } from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { itemsOf } from './structural-schema.ts';

export function validateLists(path: string, schema: JSONSchemaProps): FieldError[] {
  const mapType = schema['x-kubernetes-map-type'];
  const listType = schema['x-kubernetes-list-type'];
  const errors: FieldError[] = [];
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    errors.push(invalidValue(`${path}.x-kubernetes-preserve-unknown-fields`, false, 'must be true or undefined'));
  }
  if (mapType !== undefined) errors.push(...typeFor(path, schema, 'object', 'x-kubernetes-map-type'));
  if (mapType !== undefined && !['atomic', 'granular'].includes(mapType)) {
    errors.push(notSupported(`${path}.x-kubernetes-map-type`, mapType, ['atomic', 'granular']));
  }
  if (listType === undefined) return errors;
  if (schema.type !== 'array') errors.push(...typeFor(path, schema, 'array', 'x-kubernetes-list-type'));
  else if (listType === 'set') errors.push(...validateSetItems(path, itemsOf(schema)));
  if (!['atomic', 'set', 'map'].includes(listType)) {
    errors.push(notSupported(`${path}.x-kubernetes-list-type`, listType, ['atomic', 'set', 'map']));
  }
  return errors;
}

function typeFor(path: string, { type }: JSONSchemaProps, wanted: string, field: string): FieldError[] {
  if (type === wanted) return [];
  const why = `must be ${wanted} if ${field} is specified`;
  return [type ? invalidValue(`${path}.type`, type, why) : required(`${path}.type`, why)];
}

/** Of a set, each item is one thing. */
function validateSetItems(path: string, items: JSONSchemaProps | undefined): FieldError[] {
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const listType = items?.['x-kubernetes-list-type'];
  if (items?.type === 'array' && listType !== undefined && listType !== 'atomic') {
    return [invalidValue(`${path}.items.x-kubernetes-list-type`, listType, why)];
  }
  if (items?.type !== 'object' || items['x-kubernetes-map-type'] === 'atomic') return [];
  return [invalidValue(`${path}.items.x-kubernetes-map-type`, listType ?? null, why)];
}

export function validateMapKeys(path: string, schema: JSONSchemaProps): FieldError[] {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  const listType = schema['x-kubernetes-list-type'];
  const at = `${path}.x-kubernetes-list-type`;
  const errors: FieldError[] = [];
  if (keys.length > 0 && listType !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    errors.push(listType === undefined ? required(at, why) : invalidValue(at, listType, why));
  }
  if (listType !== 'map') return errors;
  if (keys.length === 0) {
    const why = 'must not be empty if x-kubernetes-list-type is map';
    errors.push(required(`${path}.x-kubernetes-list-map-keys`, why));
  }
  if (schema.items === undefined) {
    errors.push(required(`${path}.items`, 'must have a schema if x-kubernetes-list-type is map'));
  }
  if (Array.isArray(schema.items)) {
    const why = 'must only have a single schema if x-kubernetes-list-type is map';
    errors.push(invalidValue(`${path}.items`, schema.items, why));
  }
  return [...errors, ...validateKeyNames(path, keys, itemsOf(schema))];
}

function validateKeyNames(path: string, keys: readonly string[], items: JSONSchemaProps | undefined): FieldError[] {
  if (items === undefined) return [];
  if (items.type !== 'object') {
    return [
      invalidValue(
        `${path}.items.type`,
        items.type ?? '',
        "must be object if parent array's x-kubernetes-list-type is map",
      ),
    ];
  }
  const seen = new Set<string>();
  return keys.flatMap((key) => {
    const at = `${path}.x-kubernetes-list-map-keys`;
    const property = items.properties && Object.hasOwn(items.properties, key) ? items.properties[key] : undefined;
    const errors: FieldError[] = [];
    if (property === undefined) errors.push(invalidValue(at, keys, 'entries must all be names of item properties'));
    else if (property.type === 'array' || property.type === 'object') {
      const why = "must be a scalar type if parent array's x-kubernetes-list-type is map";
      errors.push(invalidValue(`${path}.items.properties[${key}].type`, items.type, why));
    }
    if (seen.has(key)) errors.push(invalidValue(at, keys, 'must not contain duplicate entries'));
    seen.add(key);
    return errors;
  });
}

/** Items that are told apart have to be there, and so have the keys by which they are. */
export function validateListItems(path: string, schema: JSONSchemaProps): FieldError[] {
  const listType = schema['x-kubernetes-list-type'];
  const items = itemsOf(schema);
  if (items === undefined || (listType !== 'set' && listType !== 'map')) return [];
  const errors: FieldError[] = [];
  if (items.nullable) {
    const why = `cannot be nullable when x-kubernetes-list-type is ${listType}`;
    errors.push(forbiddenField(`${path}.items.nullable`, why));
  }
  if (listType === 'set') return errors;
  for (const key of schema['x-kubernetes-list-map-keys'] ?? []) {
    const property = items.properties && Object.hasOwn(items.properties, key) ? items.properties[key] : undefined;
    const at = `${path}.items.properties[${key}]`;
    const why = 'this property is in x-kubernetes-list-map-keys, so it';
    if (property && property.default === undefined && !items.required?.includes(key)) {
      errors.push(required(`${at}.default`, `${why} must have a default or be a required property`));
    }
    if (property?.nullable) errors.push(forbiddenField(`${at}.nullable`, `${why} cannot be nullable`));
  }
  return errors;
}
