import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RuleAuthorizer } from '../server/authorization/authorization.ts';
import { clientContract } from './client-contract.ts';
import { inProcessClient } from './in-process-client.ts';
import { configMaps } from './resources.ts';
import { administrator, startTestApi } from './testing.ts';

clientContract('calls in this process', async () => {
  const { registry: handler, resources, store } = await startTestApi();
  const authorizer = new RuleAuthorizer();
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
