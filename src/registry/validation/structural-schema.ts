/**
 * The schema of a custom resource has to be structural: what a value is made of (types, properties, items) is said once, outside of
 * `allOf`, `anyOf`, `oneOf` and `not`, which only narrow it. Upstream's rules, errors sorted as upstream sorts them.
 */
import { forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import type { JSONSchemaProps } from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { compile } from '../../lib/re2/program.ts';
import { RegexError } from '../../lib/re2/syntax.ts';
import { sameJson } from '../draft.ts';

type Level = 'root' | 'item' | 'field';

/** The items' schema; undefined also for the form with a list of schemas, which is refused elsewhere. */
export function itemsOf({ items }: JSONSchemaProps): JSONSchemaProps | undefined {
  return typeof items === 'object' && items !== null && !Array.isArray(items) ? (items as JSONSchemaProps) : undefined;
}

/** The values' schema; undefined where `additionalProperties` is but a yes or no. */
export function valuesOf({ additionalProperties: schema }: JSONSchemaProps): JSONSchemaProps | undefined {
  return typeof schema === 'object' && schema !== null ? schema : undefined;
}

/** Those directly inside, whatever for. Schemas are large: nothing is made that is not there. */
export function childSchemas(schema: JSONSchemaProps): JSONSchemaProps[] {
  const { properties, allOf, anyOf, oneOf, not } = schema;
  const [items, values] = [itemsOf(schema), valuesOf(schema)];
  const found: JSONSchemaProps[] = [];
  if (items !== undefined) found.push(items);
  for (const branches of [allOf, anyOf, oneOf]) if (branches !== undefined) found.push(...branches);
  if (not !== undefined) found.push(not);
  if (properties !== undefined) found.push(...Object.values(properties));
  if (values !== undefined) found.push(values);
  return found;
}

const keeps = (schema: JSONSchemaProps): boolean => schema['x-kubernetes-preserve-unknown-fields'] === true;
const embeds = (schema: JSONSchemaProps): boolean => schema['x-kubernetes-embedded-resource'] === true;
const takesBoth = (schema: JSONSchemaProps): boolean => schema['x-kubernetes-int-or-string'] === true;

const textOf = ({ field, message }: FieldError): string => `${field}: ${message}`;

export function validateStructure(path: string, schema: JSONSchemaProps): FieldError[] {
  const errors = [...validateNode(path, schema, 'root'), ...validateComplete(path, path, schema, schema)];
  return errors.sort((left, right) => (textOf(left) < textOf(right) ? -1 : 1));
}

const untyped: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};

function validateNode(path: string, schema: JSONSchemaProps, level: Level): FieldError[] {
  const [items, values] = [itemsOf(schema), valuesOf(schema)];
  const errors: FieldError[] = [];
  if (schema.type === 'array' && !items) errors.push(required(`${path}.items`, 'must be specified'));
  if (items) errors.push(...validateNode(`${path}.items`, items, 'item'));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    errors.push(...validateNode(`${path}.properties[${name}]`, property, 'field'));
  }
  if (schema.additionalProperties !== undefined && level === 'root') {
    errors.push(forbiddenField(`${path}.additionalProperties`, 'must not be used at the root'));
  }
  if (values) errors.push(...validateNode(`${path}.additionalProperties`, values, 'field'));
  return [
    ...errors,
    ...validateExtensions(path, schema),
    ...validateNarrowing(path, schema, isIntOrString(schema.anyOf), isIntOrString(schema.allOf?.[0]?.anyOf)),
    ...validateType(path, schema, level),
    ...validateMeta(path, schema, level),
  ];
}

function validateExtensions(path: string, schema: JSONSchemaProps): FieldError[] {
  if (!takesBoth(schema)) return [];
  const why = 'must be false if x-kubernetes-int-or-string is true';
  return [
    ...(keeps(schema) ? [invalidValue(`${path}.x-kubernetes-preserve-unknown-fields`, true, why)] : []),
    ...(embeds(schema) ? [invalidValue(`${path}.x-kubernetes-embedded-resource`, true, why)] : []),
  ];
}

const intOrString = [{ type: 'integer' }, { type: 'string' }];
const isIntOrString = (schemas: readonly JSONSchemaProps[] | undefined): boolean => sameJson(schemas, intOrString);

function validateType(path: string, schema: JSONSchemaProps, level: Level): FieldError[] {
  const type = schema.type ?? '';
  const at = `${path}.type`;
  const errors: FieldError[] = [];
  if (embeds(schema) && type !== 'object') {
    const why = 'must be object if x-kubernetes-embedded-resource is true';
    errors.push(type === '' ? required(at, why) : invalidValue(at, type, why));
  } else if (type === '' && !takesBoth(schema) && !keeps(schema)) errors.push(required(at, untyped[level]));
  if (embeds(schema) && schema.additionalProperties !== undefined) {
    const why = 'must not be used if x-kubernetes-embedded-resource is set';
    errors.push(forbiddenField(`${path}.additionalProperties`, why));
  }
  if (level === 'root' && type !== '' && type !== 'object') {
    errors.push(invalidValue(at, type, 'must be object at the root'));
  }
  if (embeds(schema) && !keeps(schema) && Object.keys(schema.properties ?? {}).length === 0) {
    const why =
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields';
    errors.push(required(`${path}.properties`, why));
  }
  return errors;
}

/** What every object has is not the schema's to say, save what its names look like. */
function validateMeta(path: string, schema: JSONSchemaProps, level: Level): FieldError[] {
  if (schema.properties === undefined) return [];
  const { kind, apiVersion, metadata } = schema.properties;
  const isObject = level === 'root' || embeds(schema);
  const errors: FieldError[] = [];
  const texts: readonly (readonly [string, JSONSchemaProps | undefined])[] = [
    ['kind', kind],
    ['apiVersion', apiVersion],
  ];
  for (const [name, property] of isObject ? texts : []) {
    if (property === undefined || property.type === 'string') continue;
    errors.push(invalidValue(`${path}.properties[${name}].type`, property.type ?? '', 'must be string'));
  }
  if (metadata === undefined) return errors;
  const at = `${path}.properties[metadata]`;
  if (isObject && metadata.type !== 'object') {
    errors.push(invalidValue(`${at}.type`, metadata.type ?? '', 'must be object'));
  }
  if (level === 'root' && !namesOnly(metadata)) {
    const why = 'must not specify anything other than name and generateName, but metadata is implicitly specified';
    errors.push(forbiddenField(at, why));
  }
  return errors;
}

function namesOnly({ type: _type, default: _default, properties, ...rest }: JSONSchemaProps): boolean {
  const names = Object.keys(properties ?? {});
  if (names.some((name) => name !== 'name' && name !== 'generateName')) return false;
  return Object.values(rest).every((value) => value === undefined || value === false || sameJson(value, []));
}

const narrows = ({ allOf, anyOf, oneOf, not, pattern }: JSONSchemaProps): boolean =>
  (allOf ?? anyOf ?? oneOf ?? not) !== undefined || !!pattern;

function validateNarrowing(
  path: string,
  schema: JSONSchemaProps,
  anyOfIsType: boolean,
  firstIsType: boolean,
): FieldError[] {
  if (!narrows(schema)) return [];
  const each = (name: 'anyOf' | 'allOf' | 'oneOf', isType: (index: number) => boolean): FieldError[] =>
    (schema[name] ?? []).flatMap((nested, index) => validateNested(`${path}.${name}[${index}]`, nested, isType(index)));
  const problem = schema.pattern ? patternProblem(schema.pattern) : undefined;
  return [
    ...(anyOfIsType ? [] : each('anyOf', () => false)),
    ...each('allOf', (index) => firstIsType && index === 0),
    ...each('oneOf', () => false),
    ...(schema.not ? validateNested(`${path}.not`, schema.not, false) : []),
    ...(problem === undefined
      ? []
      : [invalidValue(`${path}.pattern`, schema.pattern, `must be a valid regular expression, but isn't: ${problem}`)]),
  ];
}

/** In upstream's words; undefined where there is none. */
export function patternProblem(pattern: string): string | undefined {
  try {
    compile(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof RegexError) return error.message;
    throw error;
  }
}

/** Field → what is said of it where it only narrows. */
const forbidden: readonly (readonly [keyof JSONSchemaProps, string])[] = [
  ['type', 'must be empty to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
];

function isSet(value: unknown): boolean {
  return value !== undefined && value !== false && value !== '' && !(Array.isArray(value) && value.length === 0);
}

function validateNested(path: string, schema: JSONSchemaProps, anyOfIsType: boolean): FieldError[] {
  const items = itemsOf(schema);
  const errors = validateNarrowing(path, schema, anyOfIsType && isIntOrString(schema.anyOf), false);
  if (items) errors.push(...validateNested(`${path}.items`, items, false));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    errors.push(...validateNested(`${path}.properties[${name}]`, property, false));
  }
  if (valuesOf(schema) || schema.additionalProperties === true) {
    errors.push(forbiddenField(`${path}.additionalProperties`, 'must be undefined to be structural'));
  }
  for (const [field, why] of forbidden) if (isSet(schema[field])) errors.push(forbiddenField(`${path}.${field}`, why));
  if (schema.properties && Object.hasOwn(schema.properties, 'metadata')) {
    errors.push(forbiddenField(`${path}.properties[metadata]`, 'must not be specified in a nested context'));
  }
  return errors;
}

/** What is narrowed has to be there. */
function validateComplete(
  path: string,
  from: string,
  narrowing: JSONSchemaProps,
  schema: JSONSchemaProps,
): FieldError[] {
  const each = (name: 'allOf' | 'anyOf' | 'oneOf'): FieldError[] =>
    (narrowing[name] ?? []).flatMap((nested, index) =>
      validateNarrowed(path, `${from}.${name}[${index}]`, nested, schema),
    );
  return [
    ...(narrowing.not ? validateNarrowed(path, `${from}.not`, narrowing.not, schema) : []),
    ...each('allOf'),
    ...each('anyOf'),
    ...each('oneOf'),
  ];
}

function validateNarrowed(
  path: string,
  from: string,
  narrowing: JSONSchemaProps,
  schema: JSONSchemaProps | undefined,
): FieldError[] {
  if (schema === undefined) return [required(path, `because it is defined in ${from}`)];
  const items = itemsOf(narrowing);
  const errors = validateComplete(path, from, narrowing, schema);
  if (items) errors.push(...validateNarrowed(`${path}.items`, `${from}.items`, items, itemsOf(schema)));
  for (const [name, property] of Object.entries(narrowing.properties ?? {})) {
    const step = `.properties[${name}]`;
    const own = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    errors.push(...validateNarrowed(path + step, from + step, property, own));
  }
  return errors;
}
