import assert from 'node:assert/strict';
import { test } from 'node:test';
import { structuralOf } from '../../api/structural/structural-of.ts';
import { limits } from '../../lib/limits.ts';
import { ruleTree } from './rule-tree.ts';

const rules = (count: number): object => ({
  'x-kubernetes-validations': Array.from({ length: count }, () => ({ rule: 'true' })),
});

const rulesPerKind = Math.ceil(limits.compiledRulesKeptMax * 0.4);
const kind = () => structuralOf({ type: 'object', properties: { spec: { type: 'object', ...rules(rulesPerKind) } } });

test('what was compiled of a schema is kept, while it is among those written last', () => {
  const [first, second, third] = [kind(), kind(), kind()];
  const [firstTree, secondTree] = [ruleTree(first), ruleTree(second)];
  assert.equal(ruleTree(first), firstTree);
  ruleTree(third);
  assert.equal(ruleTree(first), firstTree, 'it was written after the second');
  assert.notEqual(ruleTree(second), secondTree);
});

test('nodes without rules are not there, and a schema without any has no tree', () => {
  const string = { type: 'string' };
  assert.equal(ruleTree(structuralOf({ type: 'object', properties: { a: string } })), undefined);
  const hidden = { 'x-kubernetes-preserve-unknown-fields': true, ...rules(1) };
  const items = { ...string, ...rules(2) };
  const schema = structuralOf({ type: 'object', properties: { a: string, hidden, list: { type: 'array', items } } });
  const tree = ruleTree(schema);
  assert.deepEqual([...(tree?.properties.keys() ?? [])], ['list']);
  assert.equal(tree?.ruleCount, 2);
  assert.equal(tree?.properties.get('list')?.items?.rules[0]?.program?.type.kind, 'bool');
});
