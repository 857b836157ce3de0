/** Defaults in the schema of a custom resource: they must be values that the schema takes, without fields that it does not know. */
import { invalidValue, notSupported, required, tooLong, tooMany, typeInvalid } from '../../api/field-error.ts';
import type { JsonValue } from '../../api/object.ts';
import type { JSONSchemaProps } from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { structuralOf } from '../../api/structural/structural-of.ts';
import { evaluateRules, type RuleBudget, ruleBudget } from '../custom-rules/evaluate-rules.ts';
import { sameJson } from '../draft.ts';
import { itemsOf, valuesOf } from './structural-schema.ts';

/** Every object has these. */
const objectFields = new Set(['apiVersion', 'kind', 'metadata']);

export function validateSchemaDefaults(
  path: string,
  schema: JSONSchemaProps,
  budget: RuleBudget = ruleBudget(),
): FieldError[] {
  const errors = schema.default === undefined ? [] : validateDefault(`${path}.default`, schema, schema.default, budget);
  const items = itemsOf(schema);
  if (items) errors.push(...validateSchemaDefaults(`${path}.items`, items, budget));
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    errors.push(...validateSchemaDefaults(`${path}.properties[${name}]`, property, budget));
  }
  return errors;
}

function validateDefault(path: string, schema: JSONSchemaProps, value: unknown, budget: RuleBudget): FieldError[] {
  const unknown = hasUnknown(schema, value) ? [invalidValue(path, value, 'must not have unknown fields')] : [];
  const unfit = validateValue(path, '', schema, value);
  return [...unknown, ...(unfit.length > 0 ? unfit : validateDefaultRules(path, schema, value, budget))];
}

/** It must hold as what stood already, and as what is new. */
function validateDefaultRules(path: string, schema: JSONSchemaProps, value: unknown, budget: RuleBudget): FieldError[] {
  const structural = structuralOf(schema);
  const context = { path, isRoot: structural.embeddedResource, budget };
  const json = value as JsonValue;
  const errors = evaluateRules(structural, json, json, context);
  return errors.length > 0 ? errors : evaluateRules(structural, json, undefined, context);
}

function hasUnknown(schema: JSONSchemaProps, value: unknown): boolean {
  if (schema['x-kubernetes-preserve-unknown-fields'] || typeof value !== 'object' || value === null) return false;
  const [items, values] = [itemsOf(schema), valuesOf(schema)];
  if (Array.isArray(value)) return items !== undefined && value.some((item) => hasUnknown(items, item));
  return Object.entries(value).some(([name, field]) => {
    const property = ownProperty(schema, name);
    if (property !== undefined) return hasUnknown(property, field);
    if (schema['x-kubernetes-embedded-resource'] && objectFields.has(name)) return false;
    if (values !== undefined) return hasUnknown(values, field);
    return schema.additionalProperties !== true;
  });
}

function ownProperty({ properties }: JSONSchemaProps, name: string): JSONSchemaProps | undefined {
  return properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function hasType(schema: JSONSchemaProps, type: string): boolean {
  if (type === 'null') return schema.nullable === true;
  if (schema['x-kubernetes-int-or-string']) return type === 'integer' || type === 'string';
  return !schema.type || schema.type === type || (schema.type === 'number' && type === 'integer');
}

/** `name` is the way from the default's root, as upstream's validator tells it. */
function validateValue(path: string, name: string, schema: JSONSchemaProps, value: unknown): FieldError[] {
  const at = name === '' ? path : `${path}.${name}`;
  const type = typeOf(value);
  if (!hasType(schema, type)) {
    return [typeInvalid(at, type, `${name} in body must be of type ${schema.type ?? ''}: "${type}"`)];
  }
  if (type === 'null') return [];
  const allowed = schema.enum ?? [];
  const unlisted = allowed.length > 0 && !allowed.some((each) => sameJson(each, value));
  const errors = unlisted
    ? [
        notSupported(
          at,
          value,
          allowed.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))),
        ),
      ]
    : [];
  if (typeof value === 'string') errors.push(...validateText(at, name, schema, value));
  if (typeof value === 'number') errors.push(...validateNumber(at, name, schema, value));
  if (Array.isArray(value)) errors.push(...validateItems(path, name, schema, value));
  else if (typeof value === 'object' && value !== null) {
    errors.push(...validateFields(path, name, schema, value as Record<string, unknown>));
  }
  return errors;
}

/** Patterns are not run here: one may take for ever. */
function validateText(at: string, name: string, schema: JSONSchemaProps, text: string): FieldError[] {
  const { minLength, maxLength } = schema;
  const length = Array.from(text).length;
  const errors: FieldError[] = [];
  if (maxLength !== undefined && length > maxLength) errors.push(tooLong(at, maxLength));
  if (minLength !== undefined && length < minLength) {
    errors.push(invalidValue(at, text, `${name} in body should be at least ${minLength} chars long`));
  }
  return errors;
}

function validateNumber(at: string, name: string, schema: JSONSchemaProps, value: number): FieldError[] {
  const { minimum, maximum, multipleOf, exclusiveMinimum, exclusiveMaximum } = schema;
  const errors: FieldError[] = [];
  const refuse = (why: string): number => errors.push(invalidValue(at, value, `${name} in body should be ${why}`));
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    refuse(exclusiveMaximum ? `less than ${maximum}` : `less than or equal to ${maximum}`);
  }
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    refuse(exclusiveMinimum ? `greater than ${minimum}` : `greater than or equal to ${minimum}`);
  }
  if (multipleOf !== undefined && multipleOf > 0 && value % multipleOf !== 0) refuse(`a multiple of ${multipleOf}`);
  return errors;
}

function validateItems(path: string, name: string, schema: JSONSchemaProps, list: readonly unknown[]): FieldError[] {
  const at = name === '' ? path : `${path}.${name}`;
  const { minItems, maxItems } = schema;
  const items = itemsOf(schema);
  const errors =
    items === undefined ? [] : list.flatMap((item, index) => validateValue(path, `${name}[${index}]`, items, item));
  if (maxItems !== undefined && list.length > maxItems) errors.push(tooMany(at, list.length, maxItems));
  if (minItems !== undefined && list.length < minItems) {
    errors.push(invalidValue(at, list.length, `${name} in body should have at least ${minItems} items`));
  }
  return errors;
}

function validateFields(
  path: string,
  name: string,
  schema: JSONSchemaProps,
  value: Record<string, unknown>,
): FieldError[] {
  const child = (field: string): string => (name === '' ? field : `${name}.${field}`);
  const values = valuesOf(schema);
  const missing = (schema.required ?? []).filter((field) => !Object.hasOwn(value, field));
  const errors = Object.entries(value).flatMap(([field, each]) => {
    const property = ownProperty(schema, field) ?? values;
    return property === undefined ? [] : validateValue(path, child(field), property, each);
  });
  // A default inside fills the gap before anybody looks.
  const gaps = missing.filter((field) => ownProperty(schema, field)?.default === undefined);
  return [...errors, ...gaps.map((field) => required(`${path}.${child(field)}`))];
}
