import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasReason } from '../api/status-error.ts';
import { unreachable } from './errors.ts';
import { type ClientCall, intercept, interceptCalls } from './intercept.ts';
import { configMaps } from './resources.ts';
import { startTestApi } from './testing.ts';

const reference = { namespace: 'default', name: 'one' };

test('one verb is replaced, and all others are the real ones', async () => {
  const { client } = await startTestApi();
  const faulty = intercept(client, {
    delete: () => async () => {
      throw unreachable('injected');
    },
  });
  await faulty.create(configMaps, { metadata: reference });
  await assert.rejects(faulty.delete(configMaps, reference), (error) => hasReason(error, 'ServiceUnavailable'));
  assert.equal((await faulty.get(configMaps, reference)).metadata?.name, 'one');
});

test('every call is shown before and after; a lost answer was carried out, a lost call was not', async () => {
  const { client } = await startTestApi();
  const seen: string[] = [];
  const note = ({ verb, resource, reference: { name } }: ClientCall): string => `${verb} ${resource.resource} ${name}`;
  let lose: 'call' | 'answer' | undefined;
  const shown = interceptCalls(
    client,
    async (call) => {
      seen.push(note(call));
      if (lose === 'call') throw unreachable('the call got lost');
    },
    async () => {
      if (lose === 'answer') throw unreachable('the answer got lost');
    },
  );
  lose = 'call';
  await assert.rejects(shown.create(configMaps, { metadata: reference }));
  await assert.rejects(client.get(configMaps, reference), (error) => hasReason(error, 'NotFound'));
  lose = 'answer';
  await assert.rejects(shown.create(configMaps, { metadata: reference }));
  assert.equal((await client.get(configMaps, reference)).metadata?.name, 'one');
  assert.deepEqual(seen, ['create configmaps one', 'create configmaps one']);
});
