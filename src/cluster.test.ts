import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import type { Deployment } from './api/schema/types/apps-v1.ts';
import type { Pod } from './api/schema/types/core-v1.ts';
import { httpsClient } from './client/https-client.ts';
import { Informer } from './client/informer.ts';
import { readKubeconfig } from './client/kubeconfig.ts';
import { deployments, pods } from './client/resources.ts';
import { startCluster } from './cluster.ts';
import { RealClock } from './lib/clock.ts';
import { silentLogger } from './lib/log.ts';
import { SeededPrng } from './lib/prng.ts';

const deployment = (name: string, replicas: number): Deployment => ({
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'main' }] } },
  },
});

const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

test('a cluster in this process runs a Deployment on simulated nodes, and leaves nothing when closed', async () => {
  const clock = new RealClock({ keepsAlive: true });
  const cluster = await startCluster({ nodes: { kind: 'simulated', count: 2 } });
  const client = cluster.client();
  const informer = new Informer({ client, resource: pods, clock, prng: new SeededPrng(1), log: silentLogger });
  const ready = new Promise<void>((resolve) => {
    const look = (): void => void (informer.cache.list().filter(isReady).length === 3 && resolve());
    informer.addHandler({ added: look, updated: look });
  });
  await informer.start();
  await client.create(deployments, deployment('web', 3));
  await ready;
  const nodes = new Set(informer.cache.list().map((pod) => pod.spec?.nodeName));
  assert.equal(nodes.size, 2, 'the pods are spread');
  await informer.close();
  await cluster.close();
  assert.equal(existsSync(cluster.kubeconfig), false);
});

test('the same cluster is reached over HTTPS with its kubeconfig', async () => {
  const cluster = await startCluster();
  const client = httpsClient({
    config: await readKubeconfig(cluster.kubeconfig),
    clock: new RealClock({ keepsAlive: true }),
  });
  await client.create(deployments, deployment('far', 0));
  const seen = await cluster.client().get(deployments, { namespace: 'default', name: 'far' });
  assert.equal(seen.spec?.replicas, 0);
  client.close();
  await cluster.close();
});

test('a user without a role is told what is missing, in process as over HTTPS', async () => {
  const cluster = await startCluster();
  const nobody = cluster.client({ name: 'nobody', groups: ['system:authenticated'] });
  await assert.rejects(nobody.list(pods, { namespace: 'default' }), {
    reason: 'Forbidden',
    message: 'pods is forbidden: User "nobody" cannot list resource "pods" in API group "" in the namespace "default"',
  });
  await cluster.close();
});
