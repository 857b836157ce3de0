/** What a regular expression is made of, once it was read, and what can be wrong with one, in Go's words (`regexp/syntax`). */
import type { CharSet } from './char-set.ts';

export class RegexError extends Error {
  override name = 'RegexError';
}

const problems = {
  charClass: 'invalid character class',
  charRange: 'invalid character class range',
  escape: 'invalid escape sequence',
  namedCapture: 'invalid named capture',
  perlOperator: 'invalid or unsupported Perl syntax',
  repeatOperator: 'invalid nested repetition operator',
  repeatSize: 'invalid repeat count',
  missingBracket: 'missing closing ]',
  missingParen: 'missing closing )',
  missingArgument: 'missing argument to repetition operator',
  trailingBackslash: 'trailing backslash at end of expression',
  unexpectedParen: 'unexpected )',
  depth: 'expression nests too deeply',
  large: 'expression too large',
} as const;

/** `text` is the part of the expression that is at fault. */
export function syntaxError(problem: keyof typeof problems, text: string): RegexError {
  return new RegexError(`error parsing regexp: ${problems[problem]}: \`${text}\``);
}

/** What has no width. */
export type Assertion = 'begin text' | 'end text' | 'begin line' | 'end line' | 'word boundary' | 'no word boundary';

export type Node =
  | { readonly kind: 'set'; readonly set: CharSet }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  | { readonly kind: 'sequence'; readonly parts: readonly Node[] }
  | { readonly kind: 'alternatives'; readonly parts: readonly Node[] }
  /** `max` -1: any number. */
  | {
      readonly kind: 'repeat';
      readonly part: Node;
      readonly min: number;
      readonly max: number;
      readonly greedy: boolean;
    };
