/** What is wrong with an expression, and where, printed as cel-go prints it. */
import type { CelError } from './environment.ts';

export interface Issue {
  /** Offset in the text. */
  readonly at: number;
  readonly message: string;
}

/** More are not told: one fault may bring a hundred, and each comes with its line. */
const issuesMax = 100;
const charactersMax = 64 * 1024;

/** Thrown where nothing can be read behind a fault. */
export class SyntaxIssue extends Error {
  override name = 'SyntaxIssue';
  readonly at: number;

  constructor(at: number, message: string) {
    super(message);
    this.at = at;
  }
}

export function celErrorOf(expression: string, issues: readonly Issue[]): CelError {
  const told = Math.max(1, Math.min(issuesMax, Math.floor(charactersMax / (expression.length + 1))));
  const sorted = issues.toSorted((a, b) => a.at - b.at).slice(0, told);
  const places = sorted.map((issue) => placeOf(expression, issue));
  const [first] = places;
  if (first === undefined) return { message: 'invalid expression', text: 'invalid expression' };
  const { message, line, column } = first;
  return { message, line, column, text: places.map(printed).join('\n') };
}

interface Place {
  readonly message: string;
  readonly line: number;
  readonly column: number;
  readonly source: string;
}

function placeOf(expression: string, { at, message }: Issue): Place {
  const before = expression.slice(0, at).split('\n');
  const line = before.length;
  // In characters, as cel-go counts.
  const column = Array.from(before.at(-1) ?? '').length + 1;
  return { message, line, column, source: expression.split('\n')[line - 1] ?? '' };
}

function printed({ message, line, column, source }: Place): string {
  return `ERROR: <input>:${line}:${column}: ${message}\n | ${source.replaceAll('\t', ' ')}\n | ${'.'.repeat(column - 1)}^`;
}
