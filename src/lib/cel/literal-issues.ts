/** Constants that can never work, told when the expression is compiled: patterns, times, durations (cel-go's validators, as Kubernetes sets them). */
import { type Call, type Expr, nodesOf } from './ast.ts';
import type { Checked } from './checker.ts';
import type { Issue } from './issues.ts';
import { RegexError, regex } from './regex.ts';
import { parsedDuration, parsedTimestamp } from './times.ts';

export function literalIssues(root: Expr, { overloads }: Checked): readonly Issue[] {
  const issues: Issue[] = [];
  for (const expr of nodesOf(root)) {
    if (expr.kind !== 'call' || !overloads.has(expr)) continue;
    const literal = constantOf(expr);
    const message = literal === undefined ? undefined : validators[expr.name]?.(literal.value);
    if (message !== undefined && literal !== undefined) issues.push({ at: literal.at, message });
  }
  return issues;
}

function constantOf({ args }: Call): { readonly at: number; readonly value: string } | undefined {
  const last = args.at(-1);
  return last?.kind === 'literal' && typeof last.value === 'string' ? { at: last.at, value: last.value } : undefined;
}

const validators: Readonly<Record<string, (text: string) => string | undefined>> = {
  duration: (text) => (parsedDuration(text) === undefined ? 'invalid duration argument' : undefined),
  timestamp: (text) => (parsedTimestamp(text) === undefined ? 'invalid timestamp argument' : undefined),
  matches(pattern) {
    try {
      regex(pattern);
      return undefined;
    } catch (error) {
      if (error instanceof RegexError) return 'invalid matches argument';
      throw error;
    }
  },
};
