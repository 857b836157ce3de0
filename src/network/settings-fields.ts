/**
 * For sections of the settings: reads an object field by field, so that each fault names its field and what that takes. An unknown field is a fault,
 * too: a mistyped name must not look as if it worked.
 */

/** @throws Error that names `field` and what it takes */
export type FieldParser<T> = (value: unknown, field: string) => T;

/** The object's fields over the defaults; absent and null fields have their default. */
export function fieldsOf<T extends object>(
  defaults: T,
  parsers: { readonly [K in keyof T]-?: FieldParser<T[K]> },
): FieldParser<T> {
  return (value, field) => {
    if (value === null || value === undefined) return defaults;
    if (typeof value !== 'object' || Array.isArray(value)) throw takes(field || 'the section', 'fields', value);
    const known = Object.keys(parsers) as (keyof T & string)[];
    const result = { ...defaults };
    for (const [name, given] of Object.entries(value as Readonly<Record<string, unknown>>)) {
      const key = known.find((one) => one === name);
      const full = field === '' ? name : `${field}.${name}`;
      if (key === undefined) throw new Error(`there is no field ${full}; there are ${known.join(', ')}`);
      if (given !== null && given !== undefined) result[key] = parsers[key](given, full);
    }
    return result;
  };
}

export const text: FieldParser<string> = (value, field) => {
  if (typeof value !== 'string') throw takes(field, 'a text', value);
  return value;
};

export const yesOrNo: FieldParser<boolean> = (value, field) => {
  if (typeof value !== 'boolean') throw takes(field, 'true or false', value);
  return value;
};

export const integer =
  (min: number, max: number): FieldParser<number> =>
  (value, field) => {
    const isGood = typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
    if (!isGood) throw takes(field, `a whole number from ${min} to ${max}`, value);
    return value;
  };

export const oneOf =
  <const T extends string>(...choices: readonly T[]): FieldParser<T> =>
  (value, field) => {
    const found = choices.find((choice) => choice === value);
    if (found === undefined) throw takes(field, `one of ${choices.join(', ')}`, value);
    return found;
  };

/** Longer lists are a fault. */
const listMax = 1000;

export const listOf =
  <T>(item: FieldParser<T>): FieldParser<readonly T[]> =>
  (value, field) => {
    if (!Array.isArray(value) || value.length > listMax) throw takes(field, `a list of at most ${listMax}`, value);
    return value.map((one, index) => item(one, `${field}[${index}]`));
  };

/** An object with names of the administrator's own. */
export const mapOf =
  <T>(item: FieldParser<T>): FieldParser<Readonly<Record<string, T>>> =>
  (value, field) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw takes(field, 'names with values', value);
    const entries = Object.entries(value as Readonly<Record<string, unknown>>);
    if (entries.length > listMax) throw takes(field, `at most ${listMax} names`, value);
    return Object.fromEntries(entries.map(([name, one]) => [name, item(one, `${field}.${name}`)]));
  };

/** A text that `isGood`. @param what it is, for the fault: `an IP address` */
export const textThat =
  (what: string, isGood: (value: string) => boolean): FieldParser<string> =>
  (value, field) => {
    if (typeof value !== 'string' || !isGood(value)) throw takes(field, what, value);
    return value;
  };

const shownMax = 80;

export function takes(field: string, what: string, value: unknown): Error {
  const shown = JSON.stringify(value) ?? 'nothing';
  return new Error(
    `${field} takes ${what}, and got ${shown.length > shownMax ? `${shown.slice(0, shownMax)}…` : shown}`,
  );
}
