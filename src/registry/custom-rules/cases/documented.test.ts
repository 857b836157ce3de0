import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '../../../api/object.ts';
import { structuralOf } from '../../../api/structural/structural-of.ts';
import { evaluateRules } from '../evaluate-rules.ts';
import { documentedRules } from './documented.ts';

for (const { rule, schema, keeps, breaks, old } of documentedRules) {
  test(rule, () => {
    const structural = structuralOf({ ...schema, 'x-kubernetes-validations': [{ rule }] });
    const told = (value: JsonValue): string[] =>
      evaluateRules(structural, value, old, { path: 'x', isRoot: schema.type === 'object' }).map(
        ({ message }) => message,
      );
    assert.deepEqual(told(keeps), []);
    assert.deepEqual(told(breaks), [`Invalid value: failed rule: ${rule}`]);
  });
}
