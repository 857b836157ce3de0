/** Constants that can never work, told when the expression is compiled: patterns, times, durations (cel-go's validators, as Kubernetes sets them). */
import { type Expr, nodesOf } from './ast.ts';
import type { Checked } from './checker.ts';
import type { Issue } from './issues.ts';
import { RegexError, regex } from './regex.ts';
import { isTimestampSeconds, parsedDuration, parsedTimestamp } from './times.ts';
import type { CelValue } from './values.ts';

export function literalIssues(root: Expr, { overloads }: Checked): readonly Issue[] {
  const issues: Issue[] = [];
  for (const expr of nodesOf(root)) {
    if (expr.kind !== 'call' || !overloads.has(expr)) continue;
    const literal = expr.args.at(-1);
    if (literal?.kind !== 'literal') continue;
    const message = validators[expr.name]?.(literal.value);
    if (message !== undefined) issues.push({ at: literal.at, message });
  }
  return issues;
}

type Validator = (value: CelValue) => string | undefined;

const validators: Readonly<Record<string, Validator>> = {
  duration: (value) =>
    typeof value === 'string' && parsedDuration(value) === undefined ? 'invalid duration argument' : undefined,
  timestamp: (value) => (isTimestamp(value) ? undefined : 'invalid timestamp argument'),
  matches(pattern) {
    if (typeof pattern !== 'string') return undefined;
    try {
      regex(pattern);
      return undefined;
    } catch (error) {
      if (error instanceof RegexError) return 'invalid matches argument';
      throw error;
    }
  },
};

function isTimestamp(value: CelValue): boolean {
  if (typeof value === 'string') return parsedTimestamp(value) !== undefined;
  return typeof value !== 'bigint' || isTimestampSeconds(value);
}
