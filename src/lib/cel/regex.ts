/**
 * Regular expressions as Kubernetes has them in expressions and schemas: RE2, whose time is in proportion to the text whatever the expression
 * (`lib/re2/`). JavaScript's own are another language, and may take for ever.
 */
import { findAll } from '../re2/finder.ts';
import { compile } from '../re2/program.ts';
import { Tester } from '../re2/tester.ts';

export { RegexError } from '../re2/syntax.ts';

/** Expressions that are kept compiled, and instructions of all of them: objects may bring their own. Beyond: the oldest is compiled again. */
const keptMax = 1_000;
const instructionsKeptMax = 200_000;

export interface Regex {
  /** @throws RegexError where it takes too long */
  test(text: string): boolean;
  /** All matches, one after the other, `countMax` at most; all where that is negative, as in Go. @throws RegexError */
  findAll(text: string, countMax: number): string[];
}

const kept = new Map<string, Made>();
let instructionsKept = 0;

interface Made extends Regex {
  readonly instructions: number;
}

/** @throws RegexError where RE2 would not take it, in Go's words */
export function regex(pattern: string): Regex {
  const known = kept.get(pattern);
  if (known !== undefined) return known;
  const made = make(pattern);
  kept.set(pattern, made);
  instructionsKept += made.instructions;
  for (const [oldest, { instructions }] of kept) {
    if (kept.size <= keptMax && instructionsKept <= instructionsKeptMax) break;
    kept.delete(oldest);
    instructionsKept -= instructions;
  }
  return made;
}

function make(pattern: string): Made {
  const program = compile(pattern);
  const tester = new Tester(program);
  return {
    instructions: program.instructions.length,
    test: (text) => tester.test(text),
    findAll: (text, countMax) =>
      findAll(program, text, countMax < 0 ? Number.POSITIVE_INFINITY : countMax).map(({ start, end }) =>
        text.slice(start, end),
      ),
  };
}
