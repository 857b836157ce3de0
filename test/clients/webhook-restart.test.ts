/** A webhook that refuses everything, all the time: a cluster starts with it, and it can be taken back. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import type { KubeObject } from '../../src/api/object.ts';
import { resourceTable } from '../../src/api/resource-table.ts';
import type { Client, Resource } from '../../src/client/client.ts';
import { configMaps, ingressClasses, resourceOf } from '../../src/client/resources.ts';
import { type Cluster, startCluster } from '../../src/cluster.ts';
import { homeOf } from '../../src/home.ts';

const registration = 'admissionregistration.k8s.io';
const kinds = ['Mutating', 'Validating'] as const;

function configurations(kind: (typeof kinds)[number]): Resource<KubeObject> {
  const row = resourceTable().find(registration, 'v1', `${kind.toLowerCase()}webhookconfigurations`);
  return resourceOf(row ?? assert.fail());
}

async function refuseEverything(client: Client): Promise<void> {
  // Nobody listens there.
  const clientConfig = { url: 'https://127.0.0.1:1/' };
  const rules = [{ apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], operations: ['*'] }];
  const webhook = {
    name: 'dead.example.com',
    clientConfig,
    rules,
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  };
  for (const kind of kinds) {
    const metadata = { name: 'dead' };
    const typeMeta = { apiVersion: `${registration}/v1`, kind: `${kind}WebhookConfiguration` };
    await client.create(configurations(kind), { ...typeMeta, metadata, webhooks: [webhook] } as KubeObject);
  }
}

test('a cluster whose webhooks refuse everything starts, makes what is missing, and is set right by deleting them', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-webhooks-'));
  const start = (): Promise<Cluster> => startCluster({ home: homeOf(folder), nodes: { kind: 'none', name: 'none' } });
  const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm', namespace: 'default' } };
  let cluster = await start();
  try {
    await cluster.client().delete(ingressClasses, { namespace: '', name: 'naru' });
    await refuseEverything(cluster.client());
    await cluster.close();
    cluster = await start();
    const client = cluster.client();
    assert.equal((await client.get(ingressClasses, { namespace: '', name: 'naru' })).metadata?.name, 'naru');
    await assert.rejects(client.create(configMaps, map), {
      message:
        /failed calling webhook "dead\.example\.com": failed to call webhook: Post .* connect: connection refused/,
    });
    for (const kind of kinds) await client.delete(configurations(kind), { namespace: '', name: 'dead' });
    await client.create(configMaps, map);
  } finally {
    await cluster.close();
    rmSync(folder, { recursive: true });
  }
});
