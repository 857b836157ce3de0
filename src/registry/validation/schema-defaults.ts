/**
 * Defaults in the schema of a custom resource: they must be values that the schema takes, without fields that it does not know; and what stands in
 * metadata must make metadata of the usual form.
 */
import { coerceStrictly } from '../../api/decode.ts';
import { invalidValue } from '../../api/field-error.ts';
import type { JsonObject, JsonValue } from '../../api/object.ts';
import { getKey, isObject } from '../../api/patch/json-tree.ts';
import type { JSONSchemaProps } from '../../api/schema/types/apiextensions-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { MalformedField } from '../../api/structural/coerce.ts';
import { objectFieldNames } from '../../api/structural/message-type.ts';
import type { Structural } from '../../api/structural/structural.ts';
import { structuralOf } from '../../api/structural/structural-of.ts';
import { validatorOf } from '../../api/structural/validate/schema-validator.ts';
import { embeddedErrors } from '../custom-values/embedded.ts';
import { embeddedWithin } from '../custom-values/inner-rules.ts';
import { itemsOf } from './structural-schema.ts';

/** What the rules of a node say of its default; asked where all else is well. */
export type DefaultRules = (path: string, node: Structural, value: JsonValue) => FieldError[];

/** Where a node stands in the object around it: the whole one, or one inside. */
interface Place {
  readonly object: Structural;
  readonly steps: readonly (string | number)[];
  /** In what every object has. */
  readonly inMeta: boolean;
}

export function validateSchemaDefaults(path: string, schema: JSONSchemaProps, rules?: DefaultRules): FieldError[] {
  const within = new Set<JSONSchemaProps>();
  if (!noteDefaults(schema, within)) return [];
  // A whole object is as one inside.
  const root = structuralOf({ ...schema, 'x-kubernetes-embedded-resource': true });
  const errors: FieldError[] = [];
  visit(path, root, { object: root, steps: [], inMeta: false });
  return errors;

  function visit(at: string, node: Structural, around: Place): void {
    const isObjectItself = node.embeddedResource;
    const place = isObjectItself ? { object: node, steps: [], inMeta: false } : around;
    if (node.default !== undefined) errors.push(...defaultErrors(`${at}.default`, node, node.default, place, rules));
    const { items, properties } = node;
    if (items !== undefined && within.has(items.source))
      visit(`${at}.items`, items, { ...place, steps: [...place.steps, 0] });
    for (const [name, property] of properties) {
      if (!within.has(property.source)) continue;
      const inMeta = place.inMeta || (isObjectItself && objectFieldNames.has(name));
      visit(`${at}.properties[${name}]`, property, { ...place, steps: [...place.steps, name], inMeta });
    }
  }
}

/** Fills the set with the schemas that have a default, or one below: few of a large schema. Is there any? */
function noteDefaults(schema: JSONSchemaProps, found: Set<JSONSchemaProps>): boolean {
  let has = schema.default !== undefined && schema.default !== null;
  const items = itemsOf(schema);
  if (items !== undefined && noteDefaults(items, found)) has = true;
  for (const property of Object.values(schema.properties ?? {})) if (noteDefaults(property, found)) has = true;
  if (has) found.add(schema);
  return has;
}

function defaultErrors(
  at: string,
  node: Structural,
  value: JsonValue,
  place: Place,
  rules: DefaultRules | undefined,
): FieldError[] {
  const { errors, isUsable } = place.inMeta ? inMetadata(at, value, place) : inFields(at, node, value);
  if (!isUsable) return errors;
  const keywords = validatorOf(node.source).validate('', value).errors(at);
  if (keywords.length > 0) return [...errors, ...keywords];
  return [...errors, ...(rules?.(at, node, value) ?? [])];
}

interface Findings {
  readonly errors: FieldError[];
  /** The keywords of the schema can be asked. */
  readonly isUsable: boolean;
}

function inFields(at: string, node: Structural, value: JsonValue): Findings {
  try {
    const { dropped } = coerceStrictly(node, value, at);
    const unknown = dropped ? [invalidValue(at, value, 'must not have unknown fields')] : [];
    const embedded = embeddedWithin(at, node, value);
    return { errors: [...unknown, ...embedded], isUsable: embedded.length === 0 };
  } catch (error) {
    if (!(error instanceof MalformedField)) throw error;
    return { errors: [error.error], isUsable: false };
  }
}

function inMetadata(at: string, value: JsonValue, { object, steps }: Place): Findings {
  const problem = metadataProblem(object, objectAround(steps, value));
  if (problem === undefined) return { errors: [], isUsable: true };
  return { errors: [invalidValue(at, value, `must result in valid metadata: ${problem}`)], isUsable: false };
}

function metadataProblem(structural: Structural, object: JsonObject): string | undefined {
  try {
    coerceStrictly(structural, object);
  } catch (error) {
    if (error instanceof MalformedField) return error.message;
    throw error;
  }
  const texts = embeddedErrors('', object).map(({ field, message }) => `${field}: ${message}`);
  return texts.length > 1 ? `[${texts.join(', ')}]` : texts[0];
}

/** With the value where it would be, and a type where it says none. */
function objectAround(steps: readonly (string | number)[], value: JsonValue): JsonObject {
  const object = steps.reduceRight<JsonValue>(
    (inner, step) => (typeof step === 'number' ? [inner] : { [step]: inner }),
    value,
  );
  const fields = isObject(object) ? object : {};
  return {
    ...fields,
    apiVersion: getKey(fields, 'apiVersion') ?? 'validation/v1',
    kind: getKey(fields, 'kind') ?? 'Validation',
  };
}
