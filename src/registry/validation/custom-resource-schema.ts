/** What OpenAPI v3 schemas of custom resources may say, beside being structural. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import type { JSONSchemaProps, ValidationRule } from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { defaultRules } from '../custom-rules/default-rules.ts';
import { validateDefinitionRules, validateRulePath } from '../custom-rules/validate-definition-rules.ts';
import { validateListItems, validateLists, validateMapKeys } from './custom-resource-lists.ts';
import { validateSchemaDefaults } from './schema-defaults.ts';
import { childSchemas, itemsOf, validateStructure, valuesOf } from './structural-schema.ts';

const types = ['array', 'boolean', 'integer', 'number', 'object', 'string'];

/** Where a schema stands, which decides what it may say. */
interface Place {
  readonly isRoot: boolean;
  /** In what every object has: `apiVersion`, `kind`, `metadata`. */
  readonly inMeta: boolean;
  /** Why there may be no default. */
  readonly noDefaults?: string | undefined;
}

/** Allowed at the root where the status is taken out of it: whatever else it says would be lost. */
const rootFields: readonly (readonly [string, string])[] = [
  ['description', 'Description'],
  ['type', 'Type'],
  ['format', 'Format'],
  ['title', 'Title'],
  ['maximum', 'Maximum'],
  ['exclusiveMaximum', 'ExclusiveMaximum'],
  ['minimum', 'Minimum'],
  ['exclusiveMinimum', 'ExclusiveMinimum'],
  ['maxLength', 'MaxLength'],
  ['minLength', 'MinLength'],
  ['pattern', 'Pattern'],
  ['maxItems', 'MaxItems'],
  ['minItems', 'MinItems'],
  ['uniqueItems', 'UniqueItems'],
  ['multipleOf', 'MultipleOf'],
  ['required', 'Required'],
  ['items', 'Items'],
  ['properties', 'Properties'],
  ['externalDocs', 'ExternalDocs'],
  ['example', 'Example'],
  ['x-kubernetes-preserve-unknown-fields', 'XPreserveUnknownFields'],
  ['x-kubernetes-validations', 'XValidations'],
];
const rootNames = new Set(rootFields.map(([name]) => name));

export function validateSchema(path: string, schema: JSONSchemaProps, hasStatus: boolean): FieldError[] {
  const errors = hasStatus ? validateRoot(path, schema) : [];
  if (schema.nullable) errors.push(forbiddenField(`${path}.nullable`, 'nullable cannot be true at the root'));
  const unsupported = unsupportedIn(schema);
  const structure = unsupported === undefined ? validateShape(path, schema) : [];
  const nodes = validateNode(path, schema, { isRoot: true, inMeta: false });
  errors.push(...structure, ...nodes);
  if (unsupported === undefined && structure.length === 0) {
    const broken = nodes.map(({ field }) => field);
    errors.push(...validateDefinitionRules(path, schema, broken));
  }
  if (errors.length > 0 || unsupported === undefined) return errors;
  return [invalidValue(path, '', unsupported)];
}

function validateShape(path: string, schema: JSONSchemaProps): FieldError[] {
  const structure = validateStructure(path, schema);
  return structure.length > 0 ? structure : validateSchemaDefaults(path, schema, defaultRules());
}

function validateRoot(path: string, schema: JSONSchemaProps): FieldError[] {
  for (const [name, value] of Object.entries(schema)) {
    if (value === undefined || value === false || value === '' || name === 'nullable') continue;
    if (name === 'type' && value !== 'object') {
      const why = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled';
      return [invalidValue(`${path}.type`, value, why)];
    }
    if (rootNames.has(name)) continue;
    const names = rootFields.map(([, goName]) => goName).join(' ');
    const why = `only [${names}] fields are allowed at the root of the schema if the status subresource is enabled`;
    return [invalidValue(path, schema, why)];
  }
  return [];
}

/** Why no structural schema can be made of it; most reasons are told better by the rules below. */
function unsupportedIn(schema: JSONSchemaProps): string | undefined {
  const own = unsupportedFields.find((field) => isSet(schema[field]));
  if (own !== undefined) return `OpenAPIV3Schema '${own === '$schema' ? 'schema' : own}' is not supported`;
  if (Array.isArray(schema.items)) return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  if (schema['x-kubernetes-preserve-unknown-fields'] === false) {
    return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  }
  for (const child of childSchemas(schema)) {
    const inside = unsupportedIn(child);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

const unsupportedFields = [
  'id',
  '$schema',
  '$ref',
  'patternProperties',
  'dependencies',
  'additionalItems',
  'definitions',
] as const;

function isSet(value: unknown): boolean {
  if (value === undefined || value === '') return false;
  return typeof value !== 'object' || value === null || Object.keys(value).length > 0;
}

type Child = readonly [step: string, schema: JSONSchemaProps];

/** The schemas inside, each with the step that leads there. */
function childrenOf(schema: JSONSchemaProps): readonly Child[] {
  const { properties, not, definitions, items: all } = schema;
  const [items, values] = [itemsOf(schema), valuesOf(schema)];
  const found: Child[] = [];
  if (values !== undefined) found.push(['.additionalProperties', values]);
  for (const [name, each] of properties ? Object.entries(properties) : []) found.push([`.properties[${name}]`, each]);
  if (not !== undefined) found.push(['.not', not]);
  for (const name of ['allOf', 'oneOf', 'anyOf'] as const) addListed(found, `.${name}`, schema[name]);
  for (const [name, each] of definitions ? Object.entries(definitions) : [])
    found.push([`.definitions[${name}]`, each]);
  if (items !== undefined) found.push(['.items', items]);
  if (Array.isArray(all)) addListed(found, '.items', all as readonly JSONSchemaProps[]);
  return found;
}

function addListed(found: Child[], step: string, schemas: readonly JSONSchemaProps[] | undefined): void {
  if (schemas === undefined) return;
  for (const [index, each] of schemas.entries()) found.push([`${step}[${index}]`, each]);
}

function validateNode(path: string, schema: JSONSchemaProps, place: Place): FieldError[] {
  const errors = validateOwn(path, schema, place);
  for (const [step, child] of childrenOf(schema)) {
    const inside = validateNode(path + step, child, placeOf(step, schema, place));
    if (inside.length > 0) errors.push(...inside);
  }
  errors.push(...validateLists(path, schema), ...validateMapKeys(path, schema), ...validateListItems(path, schema));
  for (const [index, rule] of schema['x-kubernetes-validations']?.entries() ?? []) {
    errors.push(...validateRule(`${path}.x-kubernetes-validations[${index}]`, rule, schema));
  }
  return errors;
}

const metaSteps = new Map(['apiVersion', 'kind', 'metadata'].map((name) => [`.properties[${name}]`, name]));

function placeOf(step: string, schema: JSONSchemaProps, place: Place): Place {
  const { isRoot, inMeta, noDefaults } = place;
  if (step === '.additionalProperties' && inMeta) {
    return { isRoot: false, inMeta, noDefaults: 'inside additionalProperties applying to object metadata' };
  }
  const meta = isRoot || schema['x-kubernetes-embedded-resource'] ? metaSteps.get(step) : undefined;
  if (meta === undefined) return isRoot ? { isRoot: false, inMeta, noDefaults } : place;
  return { isRoot: false, inMeta: true, noDefaults: isRoot ? `in top-level ${meta}` : noDefaults };
}

/** Field → what is said of it where it is there. */
const unsupported: readonly (readonly [keyof JSONSchemaProps, string])[] = [
  ['id', 'id is not supported'],
  ['additionalItems', 'additionalItems is not supported'],
  ['patternProperties', 'patternProperties is not supported'],
  ['definitions', 'definitions is not supported'],
  ['dependencies', 'dependencies is not supported'],
  ['$ref', '$ref is not supported'],
];

function validateOwn(path: string, schema: JSONSchemaProps, { inMeta, noDefaults }: Place): FieldError[] {
  const errors: FieldError[] = [];
  if (schema.type && !types.includes(schema.type)) errors.push(notSupported(`${path}.type`, schema.type, types));
  if (schema.default !== undefined && noDefaults !== undefined) {
    errors.push(forbiddenField(`${path}.default`, `must not be set ${noDefaults}`));
  }
  for (const [field, why] of unsupported)
    if (isSet(schema[field])) errors.push(forbiddenField(`${path}.${field}`, why));
  if (schema.type === 'null') {
    errors.push(forbiddenField(`${path}.type`, 'type cannot be set to null, use nullable as an alternative'));
  }
  if (Array.isArray(schema.items) && schema.items.length > 0) {
    errors.push(forbiddenField(`${path}.items`, 'items must be a schema object and not an array'));
  }
  if (inMeta && schema['x-kubernetes-embedded-resource']) {
    errors.push(forbiddenField(`${path}.x-kubernetes-embedded-resource`, 'must not be used inside of resource meta'));
  }
  if (schema.uniqueItems) {
    const why = 'uniqueItems cannot be set to true since the runtime complexity becomes quadratic';
    errors.push(forbiddenField(`${path}.uniqueItems`, why));
  }
  const { additionalProperties } = schema;
  if (isSet(schema.properties) && additionalProperties !== undefined && additionalProperties !== true) {
    const why = 'additionalProperties and properties are mutual exclusive';
    errors.push(forbiddenField(`${path}.additionalProperties`, why));
  }
  return errors;
}

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const hasLineBreak = (text: string): boolean => /[\n\r]/.test(text);

function validateRule(path: string, rule: ValidationRule, schema: JSONSchemaProps): FieldError[] {
  const { message = '', messageExpression = '', reason, fieldPath = '' } = rule;
  const [expression, said] = [rule.rule?.trim() ?? '', message.trim()];
  const errors: FieldError[] = [];
  const at = `${path}.message`;
  if (expression === '') errors.push(required(`${path}.rule`, 'rule is not specified'));
  else if (message !== '' && said === '') errors.push(invalidValue(at, message, 'must be non-empty if specified'));
  else if (hasLineBreak(said)) errors.push(invalidValue(at, message, 'must not contain line breaks'));
  else if (hasLineBreak(expression) && said === '') {
    errors.push(required(at, 'message must be specified if rule contains line breaks'));
  }
  if (messageExpression !== '' && messageExpression.trim() === '') {
    errors.push(required(`${path}.messageExpression`, 'messageExpression must be non-empty if specified'));
  }
  if (reason !== undefined && !reasons.includes(reason)) errors.push(notSupported(`${path}.reason`, reason, reasons));
  if (fieldPath !== '' && fieldPath.trim() === '') {
    errors.push(invalidValue(`${path}.fieldPath`, fieldPath, 'must be non-empty if specified'));
  }
  if (hasLineBreak(fieldPath))
    errors.push(invalidValue(`${path}.fieldPath`, fieldPath, 'must not contain line breaks'));
  return [...errors, ...validateRulePath(path, rule, schema)];
}
