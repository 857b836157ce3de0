import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { ConfigMap } from '../../api/schema/types/core-v1.ts';
import { configMaps, namespaces } from '../../client/resources.ts';
import { startTestApi } from '../../client/testing.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { CertificateAuthority } from '../certificates/certificate-authority.ts';
import { TrustPublisher } from './trust-publisher.ts';

const place = { namespace: 'kube-system', name: 'extension-apiserver-authentication' };

test('the authority of client certificates is published, beside what others published', async (context) => {
  const api = await startTestApi();
  const folder = await mkdtemp(path.join(os.tmpdir(), 'naru-trust-'));
  context.after(() => rm(folder, { recursive: true }));
  await api.client.create(namespaces, { metadata: { name: 'kube-system' } });
  const authority = async (name: string, atMs = api.clock.now()) =>
    (await CertificateAuthority.open({ folder: path.join(folder, name), clock: new VirtualClock(atMs) })).certificate;
  const [first, second, old] = [await authority('a'), await authority('b'), await authority('c', 0)];
  const publish = async (clientAuthority: string): Promise<ConfigMap> => {
    const publisher = new TrustPublisher({ ...api, handler: api.registry, clientAuthority });
    await publisher.start();
    await api.clock.advance(0);
    await publisher.close();
    return api.client.get(configMaps, place);
  };
  const made = await publish(first);
  assert.equal(made.data?.['client-ca-file'], first);
  await api.client.update(configMaps, { ...made, data: { 'client-ca-file': `${old}${first}`, more: 'x' } });
  const changed = await publish(second);
  assert.deepEqual(changed.data, { 'client-ca-file': `${first}${second}`, more: 'x' });
  const version = changed.metadata?.resourceVersion;
  assert.equal((await publish(second)).metadata?.resourceVersion, version);
});
