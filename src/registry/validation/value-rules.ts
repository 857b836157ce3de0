/**
 * The rules that a table gives for values (`ValueRules`, required fields, enums, keys of lists), in the words in which upstream refuses custom
 * resources. Upstream looks at the schema first, then at lists with keys, then at expressions, which stand here as `StructureRules`: a function
 * for each, by the structure or the field (`Listener`, `GatewaySpec.listeners`) that it is about.
 *
 * A text that is too long is not matched against its pattern, and expressions are not asked about what is too large or lacks something.
 */
import {
  childPath,
  duplicate,
  indexPath,
  invalidValue,
  invalidWhole,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../../api/field-error.ts';
import type { Field, MessageType, Type, ValueRules } from '../../api/schema/schema.ts';
import type { FieldError } from '../../api/status-error.ts';

export interface StructureRule {
  /** `{path}` stands for the field's. */
  readonly message: string;
  /** `old` is what stood at the same place, where something did; not known within lists. */
  readonly holds: (value: never, old: never) => boolean;
  /** Asked about changes alone. */
  readonly isTransition?: true;
}

export type StructureRules = Readonly<Record<string, readonly StructureRule[]>>;

/** Typed where it is written; the walk hands in what stands at its place. */
export const rule = <T>(message: string, holds: (value: T) => boolean): StructureRule => ({
  message,
  holds,
});

const notChecked =
  'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';

/** What is wrong with the parts of a whole object that are named in `parts`: `spec`, `status`. */
export function validateStructure(
  type: MessageType,
  object: object,
  parts: readonly string[],
  rules: StructureRules,
  old?: object,
): FieldError[] {
  const walk = new Walk(rules);
  for (const name of parts) {
    const field = type.fieldsByName.get(name);
    if (field !== undefined) walk.field('', type, field, valueIn(object, name), valueIn(old, name));
  }
  return walk.errors();
}

const valueIn = (object: unknown, name: string): unknown => (object as Record<string, unknown> | undefined)?.[name];

class Walk {
  readonly #rules: StructureRules;
  readonly #schemaErrors: FieldError[] = [];
  readonly #listErrors: FieldError[] = [];
  readonly #later: (() => FieldError[])[] = [];
  #isBlocked = false;

  constructor(rules: StructureRules) {
    this.#rules = rules;
  }

  errors(): FieldError[] {
    const before = [...this.#schemaErrors, ...this.#listErrors];
    if (this.#isBlocked) return [...before, invalidValue('<nil>', 'null', notChecked)];
    return [...before, ...this.#later.flatMap((ask) => ask())];
  }

  field(parent: string, owner: MessageType, field: Field, value: unknown, old: unknown): void {
    const path = childPath(parent, field.name);
    if (value === undefined || value === null) {
      if (field.required) this.#block(required(path));
      return;
    }
    if (field.enum !== undefined && !field.enum.includes(value as string))
      this.#schemaErrors.push(notSupported(path, value, field.enum));
    this.#value(path, field.type, field.rules ?? {}, value, old);
    if (Array.isArray(value)) this.#keys(path, field, value);
    this.#expressions(path, `${owner.goName}.${field.name}`, value, old);
  }

  #block(error: FieldError): void {
    this.#isBlocked = true;
    this.#schemaErrors.push(error);
  }

  #value(path: string, type: Type, rules: ValueRules, value: unknown, old?: unknown): void {
    if (rules.enum?.includes(value as string) === false)
      this.#schemaErrors.push(notSupported(path, value, rules.enum.map(String)));
    if (typeof value === 'string') this.#text(path, rules, value);
    else if (typeof value === 'number') this.#number(path, rules, value);
    else if (Array.isArray(value)) this.#list(path, type, rules, value);
    else if (typeof value === 'object' && value !== null) this.#object(path, type, rules, value, old);
  }

  #text(path: string, { minLength, maxLength, pattern }: ValueRules, value: string): void {
    const count = Array.from(value).length;
    if (maxLength !== undefined && count > maxLength) return this.#block(tooLong(path, maxLength));
    if (minLength !== undefined && count < minLength)
      this.#say(path, value, `should be at least ${minLength} chars long`);
    if (pattern !== undefined && !patternOf(pattern).test(value)) this.#say(path, value, `should match '${pattern}'`);
  }

  #number(path: string, { minimum, maximum }: ValueRules, value: number): void {
    if (minimum !== undefined && value < minimum)
      this.#say(path, value, `should be greater than or equal to ${minimum}`);
    if (maximum !== undefined && value > maximum) this.#say(path, value, `should be less than or equal to ${maximum}`);
  }

  #list(path: string, type: Type, { minItems, maxItems, each = {} }: ValueRules, value: readonly unknown[]): void {
    if (minItems !== undefined && value.length < minItems)
      this.#say(path, value.length, `should have at least ${minItems} items`);
    if (maxItems !== undefined && value.length > maxItems) return this.#block(tooMany(path, value.length, maxItems));
    if (type.kind !== 'list') return;
    for (const [index, element] of value.entries()) this.#value(indexPath(path, index), type.element, each, element);
  }

  #object(path: string, type: Type, rules: ValueRules, value: object, old: unknown): void {
    const { minProperties, maxProperties, each = {} } = rules;
    const count = Object.keys(value).length;
    if (minProperties !== undefined && count < minProperties)
      this.#say(path, count, `should have at least ${minProperties} properties`);
    if (maxProperties !== undefined && count > maxProperties) return this.#block(tooMany(path, count, maxProperties));
    if (type.kind === 'map') {
      for (const [key, element] of Object.entries(value)) this.#value(childPath(path, key), type.value, each, element);
    }
    if (type.kind !== 'message') return;
    this.#expressions(path, type.message.goName, value, old);
    for (const field of type.message.fields) {
      if (!field.inline) this.field(path, type.message, field, valueIn(value, field.name), valueIn(old, field.name));
    }
  }

  /** Upstream's words for what a schema does not allow. */
  #say(path: string, value: unknown, what: string): void {
    this.#schemaErrors.push(invalidValue(path, value, `${path} in body ${what}`));
  }

  #keys(path: string, { listType, listMapKeys = [] }: Field, list: readonly unknown[]): void {
    if (listType !== 'map' && listType !== 'set') return;
    const seen = new Set<string>();
    for (const [index, element] of list.entries()) {
      const key = listType === 'set' ? element : keyOf(element, listMapKeys);
      const text = JSON.stringify(key);
      if (seen.has(text)) this.#listErrors.push(duplicate(indexPath(path, index), key));
      seen.add(text);
    }
  }

  #expressions(path: string, name: string, value: unknown, old: unknown): void {
    for (const { message, holds, isTransition } of this.#rules[name] ?? []) {
      if (isTransition && (old === undefined || old === null)) continue;
      this.#later.push(() => {
        if (holds(value as never, old as never)) return [];
        const text = message.replace('{path}', path);
        return [typeof value === 'object' ? invalidWhole(path, text) : invalidValue(path, value, text)];
      });
    }
  }
}

function keyOf(element: unknown, keys: readonly string[]): Record<string, unknown> {
  const known = keys.toSorted().flatMap((key) => {
    const value = valueIn(element, key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return Object.fromEntries(known);
}

const patterns = new Map<string, RegExp>();

/** The patterns are the tables' own, and few. */
function patternOf(text: string): RegExp {
  let pattern = patterns.get(text);
  if (pattern === undefined) patterns.set(text, (pattern = new RegExp(text)));
  return pattern;
}
