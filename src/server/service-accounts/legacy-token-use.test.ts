import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Secret } from '../../api/schema/types/core-v1.ts';
import { isDay, lastUsedLabel, tokenTracking as tracking } from '../../api/token-secrets.ts';
import { configMaps, namespaces, secrets } from '../../client/resources.ts';
import { startTestApi } from '../../client/testing.ts';
import { limits } from '../../lib/limits.ts';
import { LegacyTokenUse } from './legacy-token-use.ts';

async function world() {
  const api = await startTestApi();
  await api.client.create(namespaces, { metadata: { name: 'kube-system' } });
  const use = new LegacyTokenUse(api);
  const service = use.service(api.registry);
  const at = { namespace: 'default', name: 'long' };
  await api.client.create(secrets, { metadata: at, type: 'Opaque' });
  const secret = (): Promise<Secret> => api.client.get(secrets, at);
  const label = async (): Promise<string | undefined> => (await secret()).metadata?.labels?.[lastUsedLabel];
  const since = async (): Promise<string | undefined> => (await api.client.get(configMaps, tracking)).data?.['since'];
  return { ...api, use, service, secret, label, since };
}

test('the day on which a token was shown is noted on its Secret, once a day', async () => {
  const { use, service, secret, label, clock } = await world();
  use.used(await secret());
  await clock.advance(0);
  assert.equal(await label(), undefined, 'before it runs, nothing is noted');
  await service.start();
  const before = await secret();
  use.used(before);
  use.used(before);
  await clock.advance(0);
  assert.equal(await label(), '2026-01-01');
  const { resourceVersion } = (await secret()).metadata ?? {};
  use.used(await secret());
  await clock.advance(0);
  assert.equal((await secret()).metadata?.resourceVersion, resourceVersion);
  await clock.advance(86_400_000);
  use.used(await secret());
  await clock.advance(0);
  assert.equal(await label(), '2026-01-02');
  await service.close();
});

test('a Secret that was made anew meanwhile is not marked for the old one', async () => {
  const { use, service, secret, label, clock } = await world();
  await service.start();
  const { metadata, ...rest } = await secret();
  use.used({ ...rest, metadata: { ...metadata, uid: 'old' } });
  await clock.advance(0);
  assert.equal(await label(), undefined);
  await service.close();
});

test('since when uses are noted stands in a ConfigMap, which is put right, but not made anew all the time', async () => {
  const { service, since, clock, client } = await world();
  await service.start();
  await clock.advance(0);
  assert.equal(await since(), '2026-01-01');
  await clock.advance(86_400_000);
  const standing = await client.get(configMaps, tracking);
  await client.update(configMaps, { ...standing, data: { since: 'long ago', more: 'x' } });
  await clock.advance(0);
  assert.deepEqual((await client.get(configMaps, tracking)).data, { since: '2026-01-02', more: 'x' });
  await client.delete(configMaps, tracking);
  await clock.advance(0);
  assert.equal(await since(), '2026-01-02');
  await clock.advance(1000);
  await client.delete(configMaps, tracking);
  await clock.advance(limits.legacyTrackingRemadeMs - 2000);
  await assert.rejects(since(), /not found/);
  await clock.advance(2000);
  assert.equal(await since(), '2026-01-02');
  await service.close();
});

test('a date is a day as ISO 8601 has it', () => {
  assert.deepEqual(['2026-02-28', '2026-13-01', '26-01-01', '', undefined].map(isDay), [
    true,
    false,
    false,
    false,
    false,
  ]);
});
