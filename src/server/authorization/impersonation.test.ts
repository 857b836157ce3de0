import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authorizer } from '../../registry/request.ts';
import { impersonate } from './impersonation.ts';

const anybody: Authorizer = { decide: () => ({ allowed: true, reason: '' }) };
const admin = { name: 'admin', groups: ['system:masters'] };

test('the key of an extra field is taken as it came where its escapes are broken', async () => {
  const headers = {
    'impersonate-user': 'ann',
    'impersonate-extra-a%2fb': 'x',
    'impersonate-extra-a%2fb%zz': 'y',
    'impersonate-extra-%c3%28': 'z',
  };
  const { extra } = await impersonate(admin, headers, anybody);
  assert.deepEqual(extra, { 'a/b': ['x'], 'a%2fb%zz': ['y'], '%c3%28': ['z'] });
});
