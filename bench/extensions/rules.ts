/**
 * What one rule of a definition costs an object that keeps it, its value's conversion included; and what the dearest evaluation that is
 * let happen costs, since nothing else runs meanwhile.
 */
import type { JsonValue } from '../../src/api/object.ts';
import { structuralOf } from '../../src/api/structural/structural-of.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { evaluateRules } from '../../src/registry/custom-rules/evaluate-rules.ts';
import type { Figure } from '../figure.ts';

const clock = new RealClock();
const integer = { type: 'integer' } as const;

function schemaWith(rule: string) {
  const fields = { replicas: integer, maxReplicas: integer, lines: { type: 'array', items: { type: 'string' } } };
  const spec = { type: 'object', properties: fields, 'x-kubernetes-validations': [{ rule }] };
  return structuralOf({ type: 'object', properties: { spec } });
}

export function ruleFigures(small: boolean): Figure[] {
  const value: JsonValue = { spec: { replicas: 2, maxReplicas: 3 } };
  const simple = schemaWith('self.replicas <= self.maxReplicas');
  const rounds = small ? 10_000 : 500_000;
  const evaluate = (count: number): void => {
    for (let round = 0; round < count; round++) {
      if (evaluateRules(simple, value, undefined).length > 0) throw new Error('the object keeps the rule');
    }
  };
  evaluate(rounds / 10);
  const each = (spentMs(() => evaluate(rounds)) * 1000) / rounds;
  const pairs = schemaWith('self.lines.all(a, self.lines.all(b, self.lines.all(c, a != b || b != c || a == c)))');
  const many: JsonValue = { spec: { lines: Array.from({ length: 200 }, (_, index) => `line ${index}`) } };
  const stopped = (): void => {
    if (evaluateRules(pairs, many, undefined).length === 0) throw new Error('the rule costs too much');
  };
  stopped();
  return [figure('one rule', each, 'µs'), figure('a rule that is stopped at its limit', spentMs(stopped), 'ms')];
}

function spentMs(work: () => void): number {
  const since = clock.monotonic();
  work();
  return clock.monotonic() - since;
}

const figure = (what: string, value: number, unit: string): Figure => ({
  bench: 'extensions',
  figure: what,
  value: Number(value.toPrecision(3)),
  unit,
});
