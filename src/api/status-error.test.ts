import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../lib/limits.ts';
import { invalidValue } from './field-error.ts';
import { invalid } from './status-error.ts';

test('of very many broken rules the first are told: an answer must not be many times its request', () => {
  const errors = Array.from({ length: 50_000 }, (_, index) => invalidValue(`spec.keys[${index}]`, '!', 'is bad'));
  const status = invalid({ group: '', kind: 'Pod', name: 'web' }, errors).toStatus();
  assert.equal(status.details?.causes?.length, limits.fieldErrorsMax);
  assert.ok(status.message?.includes('spec.keys[999]') && !status.message.includes('spec.keys[1000]'));
});
