import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withGenerated } from './generated-secret.ts';

const secret = (changes: object) => ({
  kind: 'Secret',
  metadata: { name: 'passwords', annotations: { 'naru.io/generate': 'postgres, redis' } },
  ...changes,
});
const dataOf = (object: object) => (object as { data: Record<string, string> }).data;

test('a Secret gets the values that it asks for once, and keeps them', () => {
  const first = dataOf(withGenerated(secret({}), undefined));
  assert.deepEqual(Object.keys(first), ['postgres', 'redis']);
  for (const value of Object.values(first)) assert.match(Buffer.from(value, 'base64').toString(), /^[0-9a-f]{48}$/);
  assert.notEqual(first['postgres'], first['redis']);
  assert.notEqual(dataOf(withGenerated(secret({}), undefined))['redis'], first['redis']);
  assert.deepEqual(dataOf(withGenerated(secret({}), secret({ data: first }))), first);
});

test('values in the file stay, and a key that comes later gets its own', () => {
  const live = secret({ data: { postgres: 'b2xk' } });
  const { redis, ...others } = dataOf(withGenerated(secret({ data: { user: 'bWU=' } }), live));
  assert.deepEqual(others, { user: 'bWU=', postgres: 'b2xk' });
  assert.ok(redis);
  const given = secret({ stringData: { postgres: 'mine', redis: 'mine' } });
  assert.equal(withGenerated(given, live), given);
});

test('other objects are the same object', () => {
  for (const object of [{ kind: 'Secret' }, { ...secret({}), kind: 'ConfigMap' }]) {
    assert.equal(withGenerated(object, undefined), object);
  }
});
