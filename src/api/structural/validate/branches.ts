/** `allOf`, `anyOf`, `oneOf` and `not`: branches that narrow a value. Of what they say, what stood there before excuses nothing. */
import { goQuote } from '../../field-error.ts';
import type { JsonValue } from '../../object.ts';
import type { JSONSchemaProps } from '../../schema/types/apiextensions-v1.ts';
import { Outcome, wholeProblem } from './outcome.ts';

interface Validator {
  validate(path: string, value: JsonValue): Outcome;
}

type Schemas = readonly JSONSchemaProps[];

export class Branches {
  readonly #schema: JSONSchemaProps;
  readonly #validatorOf: (schema: JSONSchemaProps) => Validator;

  private constructor(schema: JSONSchemaProps, validatorOf: (schema: JSONSchemaProps) => Validator) {
    this.#schema = schema;
    this.#validatorOf = validatorOf;
  }

  /** Undefined where there are none, as in most schemas. */
  static of(schema: JSONSchemaProps, validatorOf: (schema: JSONSchemaProps) => Validator): Branches | undefined {
    const { allOf, anyOf, oneOf, not } = schema;
    const some = [allOf, anyOf, oneOf].some((list) => list !== undefined && list.length > 0) || not !== undefined;
    return some ? new Branches(schema, validatorOf) : undefined;
  }

  check(outcome: Outcome, path: string, value: JsonValue): void {
    const { allOf = [], anyOf = [], oneOf = [], not } = this.#schema;
    if (anyOf.length > 0) this.#any(outcome, anyOf, path, value);
    if (oneOf.length > 0) this.#one(outcome, oneOf, path, value);
    if (allOf.length > 0) this.#all(outcome, allOf, path, value);
    if (not !== undefined && this.#validatorOf(not).validate(path, value).isValid) {
      outcome.add(wholeProblem(`${goQuote(path)} must not validate the schema (not)`));
    }
  }

  #any(outcome: Outcome, schemas: Schemas, path: string, value: JsonValue): void {
    let nearest: Outcome | undefined;
    for (const schema of schemas) {
      const each = this.#validatorOf(schema).validate(path, value);
      if (each.isValid) return outcome.merge(each);
      if (nearest === undefined || each.matches > nearest.matches) nearest = each;
    }
    outcome.add(wholeProblem(`${goQuote(path)} must validate at least one schema (anyOf)`));
    if (nearest !== undefined) outcome.merge(nearest);
  }

  #one(outcome: Outcome, schemas: Schemas, path: string, value: JsonValue): void {
    let nearest: Outcome | undefined;
    let first: Outcome | undefined;
    let count = 0;
    for (const schema of schemas) {
      const each = this.#validatorOf(schema).validate(path, value);
      if (each.isValid) {
        count++;
        first ??= each;
      } else if (count === 0 && (nearest === undefined || each.matches > nearest.matches)) nearest = each;
    }
    if (count === 1 && first !== undefined) return outcome.merge(first);
    const found = count === 0 ? 'Found none valid' : `Found ${count} valid alternatives`;
    outcome.add(wholeProblem(`${goQuote(path)} must validate one and only one schema (oneOf). ${found}`));
    if (count === 0 && nearest !== undefined) outcome.merge(nearest);
  }

  #all(outcome: Outcome, schemas: Schemas, path: string, value: JsonValue): void {
    let count = 0;
    for (const schema of schemas) {
      const each = this.#validatorOf(schema).validate(path, value);
      if (each.isValid) count++;
      outcome.merge(each);
    }
    if (count === schemas.length) return;
    const none = count === 0 ? '. None validated' : '';
    outcome.add(wholeProblem(`${goQuote(path)} must validate all the schemas (allOf)${none}`));
  }
}
