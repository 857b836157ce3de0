import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasReason } from '../api/status-error.ts';
import { withDeadlines } from './deadlines.ts';
import { intercept } from './intercept.ts';
import { configMaps } from './resources.ts';
import { startTestApi } from './testing.ts';

test('a call that nobody answers ends after a minute; others are as they are, and leave no timer behind', async () => {
  const api = await startTestApi();
  const silent = intercept(api.client, { delete: () => () => new Promise(() => {}) });
  const client = withDeadlines(silent, api.clock);
  const reference = { namespace: 'default', name: 'one' };
  await client.create(configMaps, { metadata: reference });
  await assert.rejects(client.get(configMaps, { ...reference, name: 'two' }), (error) => hasReason(error, 'NotFound'));
  assert.equal(api.clock.pending, 0);
  let outcome = '';
  client.delete(configMaps, reference).catch((error: Error) => {
    outcome = error.message;
  });
  await api.clock.advance(59_000);
  assert.equal(outcome, '');
  await api.clock.advance(1000);
  assert.equal(outcome, 'nobody answered within 60000 ms: delete configmaps/default/one');
  assert.equal(api.clock.pending, 0);
});
