/**
 * Whether a value is what its schema says, in the words and the order of upstream's validator (kube-openapi's `validation/validate`): type, branches
 * (`allOf` and so on), texts, formats, numbers, lists, enums, objects. Counted are the checks that went well, as there: it decides which branch's
 * errors the client sees.
 *
 * Reads the schema as it was written, since branches are not structural. Made once for each schema, its parts when a value comes to them.
 */
import { shownKey } from '../../field-error.ts';
import type { JsonArray, JsonObject, JsonValue } from '../../object.ts';
import { deepEqual } from '../../patch/json-tree.ts';
import type { JSONSchemaProps } from '../../schema/types/apiextensions-v1.ts';
import { Branches } from './branches.ts';
import type { Correlation } from './correlation.ts';
import { type StringFormat, stringFormat } from './formats.ts';
import { isInt64, type NumberForm, type NumberRules, numberProblems } from './numbers.ts';
import { Outcome } from './outcome.ts';
import {
  duplicateItems,
  forbiddenProperty,
  missing,
  notListed,
  tooFewItems,
  tooFewProperties,
  tooManyItems,
  tooManyProperties,
  wrongType,
} from './problems.ts';
import { type TextRules, textProblem } from './texts.ts';

const validators = new WeakMap<JSONSchemaProps, SchemaValidator>();

export function validatorOf(schema: JSONSchemaProps): SchemaValidator {
  let validator = validators.get(schema);
  if (validator === undefined) validators.set(schema, (validator = new SchemaValidator(schema)));
  return validator;
}

type Kind = 'null' | 'boolean' | 'integer' | 'number' | 'string' | 'array' | 'object';

/** The keywords that are looked at for each value: of one shape, since schemas are of as many as there are schemas. */
interface Keywords {
  readonly nullable: boolean;
  readonly enum: readonly unknown[];
  readonly text: TextRules | undefined;
  readonly number: NumberRules | undefined;
  readonly minItems: number | undefined;
  readonly maxItems: number | undefined;
  readonly uniqueItems: boolean;
  readonly minProperties: number | undefined;
  readonly maxProperties: number | undefined;
  readonly required: readonly string[];
}

export class SchemaValidator {
  readonly #schema: JSONSchemaProps;
  readonly #types: readonly string[];
  /** Without those that nobody knows, as upstream. */
  readonly #format: string;
  readonly #stringFormat: StringFormat | undefined;
  readonly #numberForm: NumberForm;
  readonly #branches: Branches | undefined;
  readonly #keywords: Keywords;
  #parts: Parts | undefined;

  constructor(schema: JSONSchemaProps) {
    this.#schema = schema;
    this.#types = schema['x-kubernetes-int-or-string'] ? ['integer', 'string'] : schema.type ? [schema.type] : [];
    this.#format = knownFormat(this.#types, schema.format ?? '');
    this.#stringFormat = stringFormat(this.#format);
    this.#numberForm = numberForm(this.#types, this.#format);
    this.#branches = Branches.of(schema, validatorOf);
    this.#keywords = keywordsOf(schema);
  }

  /** `path` is empty for the root. `before`: what stood at this place; what is as it was may stay wrong. */
  validate(path: string, value: JsonValue, before?: Correlation): Outcome {
    const outcome = value === null ? this.#null(path) : this.#value(path, value, before);
    if (!outcome.isValid && before?.isSame) outcome.forgive();
    return outcome;
  }

  #null(path: string): Outcome {
    const outcome = new Outcome();
    if (this.#types.length > 0 && !this.#keywords.nullable) outcome.add(wrongType(path, this.#types.join(','), 'null'));
    else outcome.matches++;
    this.#enum(outcome, path, null);
    return outcome;
  }

  #value(path: string, value: Exclude<JsonValue, null>, before: Correlation | undefined): Outcome {
    const outcome = new Outcome();
    const kind = kindOf(value);
    // For the schema as a whole, its branches (twice) and its enum.
    outcome.matches = 4;
    if (this.#types.length > 0 || this.#format !== '') this.#type(outcome, path, kind);
    if (this.#branches !== undefined) this.#branches.check(outcome, path, value);
    if (typeof value === 'string') this.#text(outcome, path, value);
    else if (typeof value === 'number') this.#number(outcome, path, value);
    else if (Array.isArray(value)) this.#list(outcome, path, value, before);
    this.#enum(outcome, path, value);
    if (kind === 'object') this.#object(outcome, path, value as JsonObject, before);
    return outcome;
  }

  /** A text or a list passes where there is a format that is none of numbers: upstream leaves these to the format. */
  #type(outcome: Outcome, path: string, kind: Kind): void {
    outcome.matches++;
    const types = this.#types;
    const format = this.#format;
    const fits = types.includes(kind) || (kind === 'integer' && types.includes('number'));
    const isTextual = kind === 'string' || kind === 'array';
    const own = kind === 'integer' ? 'int64' : kind === 'number' ? 'float64' : '';
    if (!isTextual && format !== '' && !fits && own !== format) outcome.add(wrongType(path, format, own));
    else if (isTextual && format !== '' && !types.includes('number') && !types.includes('integer')) outcome.matches++;
    else if (!fits) outcome.add(wrongType(path, types.join(','), kind));
    else outcome.matches++;
  }

  #text(outcome: Outcome, path: string, value: string): void {
    outcome.matches++;
    const { text } = this.#keywords;
    const problem = text && textProblem(path, value, text);
    if (problem !== undefined) outcome.add(problem);
    if (this.#stringFormat === undefined) return;
    outcome.matches++;
    if (!this.#stringFormat(value)) outcome.add(wrongType(path, this.#format, value));
  }

  #number(outcome: Outcome, path: string, value: number): void {
    outcome.matches += 2;
    const { number } = this.#keywords;
    if (number === undefined && isSmallInteger(value)) return;
    for (const problem of numberProblems(path, value, number ?? {}, this.#numberForm)) outcome.add(problem);
  }

  #enum(outcome: Outcome, path: string, value: JsonValue): void {
    const { enum: allowed } = this.#keywords;
    if (allowed.length === 0) return;
    // Null is never listed, as upstream.
    if (value !== null && allowed.some((each) => deepEqual(each as JsonValue, value))) return;
    outcome.add(notListed(path, value, allowed));
  }

  #list(outcome: Outcome, path: string, list: JsonArray, before: Correlation | undefined): void {
    outcome.matches += 2;
    const { minItems, maxItems, uniqueItems } = this.#keywords;
    const { items } = (this.#parts ??= partsOf(this.#schema));
    const count = items === undefined ? 0 : list.length;
    for (let i = 0; i < count; i++) {
      outcome.merge((items as SchemaValidator).validate(`${path}[${i}]`, list[i] as JsonValue, before?.item(i)));
    }
    if (minItems !== undefined && list.length < minItems) outcome.add(tooFewItems(path, list.length, minItems));
    if (maxItems !== undefined && list.length > maxItems) outcome.add(tooManyItems(path, list.length, maxItems));
    if (uniqueItems && hasDuplicates(list)) outcome.add(duplicateItems(path));
  }

  #object(outcome: Outcome, path: string, object: JsonObject, before: Correlation | undefined): void {
    outcome.matches++;
    const { minProperties, maxProperties, required } = this.#keywords;
    const { properties, values } = (this.#parts ??= partsOf(this.#schema));
    const names = Object.keys(object);
    if (minProperties !== undefined && names.length < minProperties)
      outcome.add(tooFewProperties(path, names.length, minProperties));
    if (maxProperties !== undefined && names.length > maxProperties)
      outcome.add(tooManyProperties(path, names.length, maxProperties));
    for (const name of names) {
      const property = properties.get(name);
      const validator = property ?? values;
      if (validator === false) outcome.add(forbiddenProperty(path, name));
      if (validator === undefined || validator === false) continue;
      const key = property !== undefined ? name : shownKey(name);
      const at = property !== undefined && path === '' ? name : `${path}.${key}`;
      // The version and the kind of the root are not what was stored: there is nothing to compare.
      const isOfType = path === '' && (name === 'apiVersion' || name === 'kind');
      const child = isOfType ? undefined : before?.field(name);
      outcome.merge(validator.validate(at, object[name] as JsonValue, child));
    }
    for (const name of required) if (!Object.hasOwn(object, name)) outcome.add(missing(path, name));
  }
}

/** Those of what is inside; made when there is something inside. */
interface Parts {
  readonly items: SchemaValidator | undefined;
  readonly properties: ReadonlyMap<string, SchemaValidator>;
  /** Of all other fields; false: there may be none. */
  readonly values: SchemaValidator | false | undefined;
}

function partsOf({ items, properties = {}, additionalProperties: values }: JSONSchemaProps): Parts {
  const isOne = typeof items === 'object' && !Array.isArray(items);
  return {
    items: isOne ? validatorOf(items as JSONSchemaProps) : undefined,
    properties: new Map(Object.entries(properties).map(([name, schema]) => [name, validatorOf(schema)])),
    values: typeof values === 'object' ? validatorOf(values) : values === false ? false : undefined,
  };
}

function keywordsOf(schema: JSONSchemaProps): Keywords {
  const { minLength, maxLength, pattern, minimum, maximum, multipleOf } = schema;
  const hasText = minLength !== undefined || maxLength !== undefined || !!pattern;
  const hasNumber = minimum !== undefined || maximum !== undefined || multipleOf !== undefined;
  return {
    nullable: schema.nullable === true,
    enum: schema.enum ?? [],
    text: hasText ? { minLength, maxLength, pattern } : undefined,
    number: hasNumber ? schema : undefined,
    minItems: schema.minItems,
    maxItems: schema.maxItems,
    uniqueItems: schema.uniqueItems === true,
    minProperties: schema.minProperties,
    maxProperties: schema.maxProperties,
    required: schema.required ?? [],
  };
}

/** In every range that a format can ask for. */
function isSmallInteger(value: number): boolean {
  return (value | 0) === value;
}

function kindOf(value: Exclude<JsonValue, null>): Kind {
  // What is no int64 is floating point in Go.
  if (typeof value === 'number') return isInt64(value) ? 'integer' : 'number';
  if (typeof value === 'object') return Array.isArray(value) ? 'array' : 'object';
  return typeof value as Kind;
}

function knownFormat(types: readonly string[], format: string): string {
  if (format === '') return '';
  switch (types.length === 1 ? types[0] : undefined) {
    case undefined:
    case 'string':
      return stringFormat(format) === undefined ? '' : format;
    case 'integer':
      return format === 'int32' || format === 'int64' ? format : '';
    case 'number':
      return format === 'float' || format === 'double' ? format : '';
    default:
      return '';
  }
}

function numberForm(types: readonly string[], format: string): NumberForm {
  const type = types.length === 1 ? types[0] : '';
  return type === 'integer' || type === 'number' ? { type, format } : { type: '', format: '' };
}

function hasDuplicates(list: JsonArray): boolean {
  return list.some((item, index) => list.findIndex((other) => deepEqual(other, item)) < index);
}
