/** Lengths, in characters, and patterns, in RE2's syntax. The first rule that is broken is told. */
import { RegexError, regex } from '../../../lib/cel/regex.ts';
import { invalidValue, tooLong } from '../../field-error.ts';
import type { Problem } from './outcome.ts';

export interface TextRules {
  /** In characters. */
  readonly minLength: number | undefined;
  readonly maxLength: number | undefined;
  readonly pattern: string | undefined;
}

export function textProblem(path: string, value: string, rules: TextRules): Problem | undefined {
  const { minLength, maxLength, pattern } = rules;
  if (maxLength !== undefined && value.length > maxLength && lengthOf(value) > maxLength) {
    const text = `${path} in body should be at most ${maxLength} chars long`;
    return { text, at: path, error: (at) => tooLong(at, maxLength) };
  }
  if (minLength !== undefined && minLength > 0 && lengthOf(value) < minLength) {
    return invalid(path, value, `should be at least ${minLength} chars long`);
  }
  if (!pattern) return undefined;
  const problem = patternMismatch(pattern, value);
  return problem === undefined ? undefined : invalid(path, value, `should match '${problem}'`);
}

function invalid(path: string, value: string, what: string): Problem {
  const text = `${path} in body ${what}`;
  return { text, at: path, error: (at) => invalidValue(at, value, text) };
}

/** Halves of a pair are one character. */
function lengthOf(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xdc00) length--;
  return length;
}

/** The pattern, where the value does not match it. */
function patternMismatch(pattern: string, value: string): string | undefined {
  try {
    return regex(pattern).test(value) ? undefined : pattern;
  } catch (error) {
    if (error instanceof RegexError) return `${pattern}, but pattern is invalid: ${error.message}`;
    throw error;
  }
}
