import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Authorizer } from '../registry/request.ts';
import { storeAuthorization } from '../server/authorization/store-authorization.ts';
import { clientContract } from './client-contract.ts';
import { inProcessClient } from './in-process-client.ts';
import { configMaps } from './resources.ts';
import { administrator, startTestApi } from './testing.ts';

clientContract('calls in this process', async () => {
  const { registry: handler, resources, store } = await startTestApi();
  const { authorizer, services } = storeAuthorization(store);
  for (const service of services) await service.start();
  const stranger = { name: 'stranger', groups: ['system:authenticated'] };
  return {
    client: inProcessClient({ handler, authorizer, user: administrator, resources }),
    stranger: inProcessClient({ handler, authorizer, user: stranger, resources }),
    close: () => store.close(),
  };
});

test('what comes back is the stored object itself: nothing is copied', async () => {
  const { client, store } = await startTestApi();
  const created = await client.create(configMaps, { metadata: { namespace: 'default', name: 'one' } });
  const reference = { namespace: 'default', name: 'one' };
  assert.equal(await client.get(configMaps, reference), created);
  assert.equal((await client.list(configMaps)).items[0], created);
  assert.equal(store.get({ collection: 'configmaps', ...reference })?.object, created);
  await store.close();
});

test('what a list, a watch or a deletion of many selects is told to the authorizer', async () => {
  const { registry: handler, resources, store } = await startTestApi();
  const asked: string[] = [];
  const authorizer: Authorizer = {
    decide({ verb, name, fieldSelector = '', labelSelector = '' }) {
      asked.push(`${verb} ${name} [${fieldSelector}] [${labelSelector}]`);
      return { allowed: true, reason: '' };
    },
  };
  const client = inProcessClient({ handler, authorizer, user: administrator, resources });
  const one = { namespace: 'default', fieldSelector: 'metadata.name=one' };
  await client.list(configMaps, one);
  await client.list(configMaps, { labelSelector: 'a=b' });
  await client.deleteCollection(configMaps, one);
  client.watch(configMaps, { ...one, resourceVersion: '1' }, { event: () => {}, end: () => {} }).cancel();
  await client.create(configMaps, { metadata: { namespace: 'default', name: 'two' } });
  assert.deepEqual(asked, [
    'list one [metadata.name=one] []',
    'list  [] [a=b]',
    'deletecollection  [metadata.name=one] []',
    'watch one [metadata.name=one] []',
    'create two [] []',
  ]);
  await store.close();
});
