/** What can be wrong with a value, in upstream's words. `path` is empty at the root. */
import { goQuote, invalidValue, notSupported, required, tooMany, typeInvalid } from '../../field-error.ts';
import type { JsonValue } from '../../object.ts';
import type { Problem } from './outcome.ts';

function invalid(path: string, value: JsonValue, text: string): Problem {
  return { text, at: path, error: (at) => invalidValue(at, value, text) };
}

/** `found` is what the value's type is called, or a text that is not of its format. */
export function wrongType(path: string, wanted: string, found: string): Problem {
  const text = `${path} in body must be of type ${wanted}: ${goQuote(found)}`;
  return { text, at: path, error: (at) => typeInvalid(at, found, text) };
}

export function notListed(path: string, value: JsonValue, allowed: readonly unknown[]): Problem {
  const texts = allowed.map((each) => (typeof each === 'string' ? each : JSON.stringify(each)));
  const text = `${path} in body should be one of [${texts.join(' ')}]`;
  return { text, at: path, error: (at) => notSupported(at, value, texts) };
}

export function missing(path: string, name: string): Problem {
  const field = `${path}.${name}`;
  return { text: `${field} in body is required`, at: field, error: (at) => required(at) };
}

export function tooFewItems(path: string, count: number, min: number): Problem {
  return invalid(path, count, `${path} in body should have at least ${min} items`);
}

export function tooManyItems(path: string, count: number, max: number): Problem {
  return { text: `${path} in body should have at most ${max} items`, at: path, error: (at) => tooMany(at, count, max) };
}

export function duplicateItems(path: string): Problem {
  return invalid(path, '', `${path} in body shouldn't contain duplicates`);
}

export function tooFewProperties(path: string, count: number, min: number): Problem {
  return invalid(path, count, `${path} in body should have at least ${min} properties`);
}

export function tooManyProperties(path: string, count: number, max: number): Problem {
  const text = `${path} in body should have at most ${max} properties`;
  return { text, at: path, error: (at) => tooMany(at, count, max) };
}

export function forbiddenProperty(path: string, name: string): Problem {
  return invalid(path, name, `${path}.${name} in body is a forbidden property`);
}
