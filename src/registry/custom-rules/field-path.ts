/**
 * A rule's `fieldPath`: which part of the value an error is told of. Dots and quoted keys (`.spec.hosts`, `['a.b'].c`), by fields and map keys
 * that the schema knows; never into lists. Pure.
 */
import { childPath, keyPath } from '../../api/field-error.ts';
import type { Structural } from '../../api/structural/structural.ts';

/** The path in the form that errors have, or why there is none. */
export type FieldPath = { readonly path: string } | { readonly problem: string };

const unknownField: FieldPath = { problem: 'does not refer to a valid field' };

export function readFieldPath(text: string, schema: Structural): FieldPath {
  let path = '';
  let at: Structural | undefined = schema;
  const tokens = tokensOf(text);
  for (let index = 0; index < tokens.length; index++) {
    const step = stepAt(tokens, index);
    if ('problem' in step) return step;
    index += step.taken;
    if (at === undefined) return unknownField;
    const { properties, additionalProperties }: Structural = at;
    if (properties.size > 0) {
      path = childPath(path, step.name);
      at = properties.get(step.name);
      if (at === undefined) return unknownField;
    } else {
      if (additionalProperties === undefined) return unknownField;
      path = keyPath(path, step.name);
      at = additionalProperties === true ? undefined : additionalProperties;
    }
  }
  return { path };
}

/** Delimiters alone, quoted texts whole, and what is between. */
function tokensOf(text: string): readonly string[] {
  return text.match(/[.[\]]|'(?:\\.|[^'\\])*'?|[^.[\]]+/gs) ?? [];
}

/** `taken`: tokens behind the first. */
type Step = { readonly name: string; readonly taken: number } | { readonly problem: string };

const cutShort: Step = { problem: 'unexpected end of JSON path' };

function stepAt(tokens: readonly string[], index: number): Step {
  const [first, name, close] = [tokens[index], tokens[index + 1], tokens[index + 2]];
  if (first === '.') return name === undefined ? cutShort : { name, taken: 1 };
  if (first !== '[') return { problem: `expected [ or . but got: ${first}` };
  if (name === undefined) return cutShort;
  if (name.length < 2 || !name.startsWith("'") || !name.endsWith("'")) {
    return { problem: `expected single quoted string but got ${name}` };
  }
  const unquoted = unescape(name.slice(1, -1));
  if ('problem' in unquoted) return unquoted;
  if (close === undefined) return cutShort;
  return close === ']' ? { name: unquoted.text, taken: 2 } : { problem: `expected ] but got ${close}` };
}

const escapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
};

function unescape(text: string): { readonly text: string } | { readonly problem: string } {
  let bad: string | undefined;
  const plain = text.replace(/\\(.)/gs, (whole, letter: string) => {
    const meant = Object.hasOwn(escapes, letter) ? escapes[letter] : undefined;
    if (meant === undefined) bad ??= whole;
    return meant ?? '';
  });
  return bad === undefined ? { text: plain } : { problem: `invalid string literal: invalid escape char ${bad}` };
}
