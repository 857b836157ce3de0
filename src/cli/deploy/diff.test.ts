import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import { masked } from './diff.ts';

const secret = (more: object, annotations: Readonly<Record<string, string>> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 's', annotations },
  ...more,
});

test('of a Secret a difference tells which keys change, and no value, wherever one stands', () => {
  const noted = { 'kubectl.kubernetes.io/last-applied-configuration': '{"data":{"a":"b2xk"}}', owner: 'me' };
  const [was, willBe] = masked(
    secret({ data: { a: 'b2xk', same: 'c2FtZQ==', gone: 'Z29uZQ==' } }, noted),
    secret({ data: { a: 'bmV3', same: 'c2FtZQ==' } }, noted),
  );
  assert.deepEqual(was, secret({ data: { a: '*** (before)', same: '***', gone: '***' } }, { owner: 'me' }));
  assert.deepEqual(willBe, secret({ data: { a: '*** (after)', same: '***' } }, { owner: 'me' }));
  // As the file has it, where its namespace is still to come.
  const [nothing, fresh] = masked(undefined, secret({ data: { a: 'bmV3' }, stringData: { b: 'plain' } }));
  assert.equal(nothing, undefined);
  assert.deepEqual(fresh, secret({ data: { a: '***', b: '***' } }));
});
