import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { forbidden, StatusError } from '../../api/status-error.ts';
import { timedOut } from '../../client/errors.ts';
import { intercept } from '../../client/intercept.ts';
import { pods } from '../../client/resources.ts';
import { startTestApi, type TestApi } from '../../client/testing.ts';
import { StatusWriter, withForeignStatus } from './status-writer.ts';

const reference = { namespace: 'default', name: 'web' };

async function createPod({ client }: TestApi): Promise<Pod> {
  return client.create(pods, { metadata: reference, spec: { containers: [{ name: 'main', image: 'image' }] } });
}

test('a status is written in the end, however often versions change and answers get lost on the way', async () => {
  const api = await startTestApi();
  const pod = await createPod(api);
  let lost = 8;
  const client = intercept(api.client, {
    update: (real) => async (resource, object, options) => {
      const answer = await real.update(resource, object, options);
      if (lost-- <= 0) return answer;
      await api.client.patch(pods, reference, {
        type: 'merge',
        body: { metadata: { labels: { turn: String(lost) } } },
      });
      throw timedOut('injected');
    },
  });
  const writer = new StatusWriter({ pod, client, clock: api.clock, log: api.log });
  writer.set({ phase: 'Running', message: 'now' });
  await api.clock.advance(300_000);
  writer.set({ phase: 'Running', message: 'at last' });
  await api.clock.advance(300_000);
  assert.equal((await api.client.get(pods, reference)).status?.message, 'at last');
  await writer.close();
});

test('a version that was asked for and came late does not replace a newer one that the watch showed', async () => {
  const api = await startTestApi();
  const first = await createPod(api);
  const second = await api.client.patch(pods, reference, {
    type: 'merge',
    body: { metadata: { labels: { turn: '2' } } },
  });
  const shown: { writer?: StatusWriter } = {};
  const client = intercept(api.client, {
    get: (real) => async (resource, name, options) => {
      const answer = await real.get(resource, name, options);
      shown.writer?.update(
        await api.client.patch(pods, reference, { type: 'merge', body: { metadata: { labels: { turn: '3' } } } }),
      );
      return answer;
    },
  });
  let updates = 0;
  const counted = intercept(client, {
    update: (real) => async (resource, object, options) => {
      updates++;
      return real.update(resource, object, options);
    },
  });
  assert.notEqual(first.metadata?.resourceVersion, second.metadata?.resourceVersion);
  const writer = new StatusWriter({ pod: first, client: counted, clock: api.clock, log: api.log });
  shown.writer = writer;
  writer.set({ phase: 'Running' });
  await api.clock.advance(60_000);
  assert.equal((await api.client.get(pods, reference)).status?.phase, 'Running');
  assert.equal(updates, 2);
  await writer.close();
});

test('what somebody overwrites of ours is put right, once and not at once', async () => {
  const api = await startTestApi();
  const writer = new StatusWriter({ pod: await createPod(api), client: api.client, clock: api.clock, log: api.log });
  const ready = (status: 'True' | 'False') => [{ type: 'Ready', status }];
  writer.set({ phase: 'Running', conditions: ready('True') });
  await api.clock.advance(1_000);
  const lost = await api.client.patch(
    pods,
    reference,
    { type: 'strategic', body: { status: { conditions: ready('False') } } },
    { subresource: 'status' },
  );
  writer.update(lost);
  await api.clock.advance(5_000);
  const readyNow = async () => (await api.client.get(pods, reference)).status?.conditions?.map(({ status }) => status);
  assert.deepEqual(await readyNow(), ['False']);
  await api.clock.advance(5_000);
  assert.deepEqual(await readyNow(), ['True']);
  await writer.close();
});

test('a pod whose name another node has by now is no business of ours, until the watch shows it again', async () => {
  const api = await startTestApi();
  const pod = await createPod(api);
  const newer = await api.client.patch(pods, reference, {
    type: 'merge',
    body: { metadata: { labels: { turn: '2' } } },
  });
  const client = intercept(api.client, {
    get: () => async () => {
      throw forbidden(
        { group: '', kind: 'pods', name: 'web' },
        "no relationship found between node 'n1' and this object",
      );
    },
  });
  const writer = new StatusWriter({ pod, client, clock: api.clock, log: api.log });
  writer.set({ phase: 'Running' });
  await writer.flush();
  assert.equal((await api.client.get(pods, reference)).status?.phase, 'Pending');
  writer.update(newer);
  await writer.flush();
  assert.equal((await api.client.get(pods, reference)).status?.phase, 'Running');
  await writer.close();
});

test('what others own in the status stays as they wrote it', () => {
  const theirs = {
    nominatedNodeName: 'n2',
    resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'c' }],
    extendedResourceClaimStatus: { resourceClaimName: 'e', requestMappings: [] },
  };
  assert.deepEqual(withForeignStatus({ phase: 'Running' }, theirs), { phase: 'Running', conditions: [], ...theirs });
});

test('a status that the API goes on refusing is told of, once, and tried again at leisure', async () => {
  const api = await startTestApi();
  const pod = await createPod(api);
  let isRefused = true;
  let writes = 0;
  const client = intercept(api.client, {
    update: (real) => (resource, object, options) => {
      writes++;
      return isRefused
        ? Promise.reject(new StatusError(422, 'Invalid', 'no', {}))
        : real.update(resource, object, options);
    },
  });
  const told: string[] = [];
  const log = { ...api.log, warn: (message: string) => void told.push(message), debug: () => {} };
  const writer = new StatusWriter({ pod, client, clock: api.clock, log });
  writer.set({ phase: 'Running' });
  await api.clock.advance(600_000);
  assert.deepEqual(told, ['the status of a pod cannot be written; it is tried again']);
  assert.ok(writes > 10 && writes < 75, `${writes} writes in ten minutes`);
  isRefused = false;
  await api.clock.advance(20_000);
  assert.equal((await api.client.get(pods, reference)).status?.phase, 'Running');
  await writer.close();
});
