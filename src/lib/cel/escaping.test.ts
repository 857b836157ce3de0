import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escaped, unescaped } from './escaping.ts';

const pairs = {
  a__dot__b: 'a.b',
  __true__: 'true',
  a__underscores__b: 'a__b',
  a__slash__b: 'a/b',
  a__dash__b__dot__c: 'a-b.c',
  plain: 'plain',
};

test('escaped names are what they stand for', () => {
  for (const [name, meant] of Object.entries(pairs)) assert.equal(unescaped(name), meant);
  assert.equal(unescaped('a__b'), 'a__b');
  assert.equal(unescaped('__proto__'), '__proto__');
});

test('names are escaped as Kubernetes does it, or cannot be named', () => {
  for (const [name, meant] of Object.entries(pairs)) assert.equal(escaped(meant), name);
  for (const name of ['1a', '', 'a b', 'é']) assert.equal(escaped(name), undefined, name);
});
