import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import type { KubeObject } from './api/object.ts';
import type { Deployment } from './api/schema/types/apps-v1.ts';
import type { Pod } from './api/schema/types/core-v1.ts';
import type { Resource } from './client/client.ts';
import { httpsClient } from './client/https-client.ts';
import { Informer } from './client/informer.ts';
import { readKubeconfig } from './client/kubeconfig.ts';
import {
  deployments,
  endpointSlices,
  nodes,
  pods,
  resourceClaims,
  resourceClaimTemplates,
  resourceSlices,
  services,
} from './client/resources.ts';
import { startCluster } from './cluster.ts';
import { allocate, makeClaimTemplate, makePodWithClaims } from './controllers/resource-claim/testing.ts';
import { RealClock } from './lib/clock.ts';
import { silentLogger } from './lib/log.ts';
import { SeededPrng } from './lib/prng.ts';
import { readNodeTemplates } from './simulation/node-template.ts';

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

test('a cluster of two families: nodes, pods, Services and EndpointSlices have both, the primary one first', async () => {
  const clock = new RealClock({ keepsAlive: true });
  const cluster = await startCluster({
    nodes: { kind: 'simulated', count: 1 },
    serviceCidrs: ['10.71.0.0/24', 'fd00:71::/112'],
    clusterCidrs: ['10.42.0.0/16', 'fd00:42::/56'],
  });
  const client = cluster.client();
  const informer = new Informer({
    client,
    resource: endpointSlices,
    clock,
    prng: new SeededPrng(1),
    log: silentLogger,
  });
  const addressesIn = (type: string): readonly string[] => {
    const own = informer.cache
      .list()
      .filter((slice) => slice.metadata?.labels?.['kubernetes.io/service-name'] === 'web');
    const ends = own.filter(({ addressType }) => addressType === type).flatMap(({ endpoints: all }) => all ?? []);
    return ends.filter(({ conditions }) => conditions?.ready).flatMap(({ addresses }) => addresses);
  };
  const told = new Promise<void>((resolve) => {
    const look = (): void => void (addressesIn('IPv4').length === 1 && addressesIn('IPv6').length === 1 && resolve());
    informer.addHandler({ added: look, updated: look });
  });
  await informer.start();
  const place = { namespace: 'default', name: 'web' };
  const spec = { selector: { app: 'web' }, ports: [{ port: 80 }], ipFamilyPolicy: 'PreferDualStack' } as const;
  const service = await client.create(services, { metadata: place, spec });
  assert.match(service.spec?.clusterIPs?.join(' ') ?? '', /^10\.71\.0\.\d+ fd00:71::[0-9a-f]+$/);
  await client.create(deployments, deployment('web', 1));
  await told;
  const [pod] = (await client.list(pods, { namespace: 'default' })).items;
  const ips = (pod?.status?.podIPs ?? []).map(({ ip }) => ip);
  assert.match(ips.join(' '), /^10\.100\.0\.\d+ fd64:0:0:1::[0-9a-f]+$/);
  assert.deepEqual([pod?.status?.podIP, addressesIn('IPv4'), addressesIn('IPv6')], [ips[0], [ips[0]], [ips[1]]]);
  const [node] = (await client.list(nodes)).items;
  assert.deepEqual(node?.spec?.podCIDRs, ['10.100.0.0/24', 'fd64:0:0:1::/64']);
  await informer.close();
  await cluster.close();
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

test('a simulated node publishes its devices, and a pod that is given one by hand runs with it and gives it back', async (context) => {
  const clock = new RealClock({ keepsAlive: true });
  const template = readNodeTemplates(
    'apiVersion: simulation.naru.dev/v1\nkind: SimulatedNodes\nnodes: [{name: gpu, devices: [{driver: a.example.com}]}]',
  );
  const cluster = await startCluster({ nodes: { kind: 'simulated', count: 1, template } });
  context.after(() => cluster.close());
  const client = cluster.client();
  const informerOf = <T extends KubeObject>(resource: Resource<T>): Informer<T> =>
    new Informer({ client, resource, clock, prng: new SeededPrng(1), log: silentLogger });
  const watched = { pods: informerOf(pods), claims: informerOf(resourceClaims), slices: informerOf(resourceSlices) };
  const informers = Object.values(watched);
  context.after(() => Promise.all(informers.map((informer) => informer.close())));
  const until = (isSo: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => void (isSo() && resolve());
      for (const informer of informers) informer.addHandler({ added: look, updated: look, deleted: look });
      look();
    });
  for (const informer of informers) await informer.start();
  await until(() => watched.slices.cache.list()[0]?.spec.devices?.length === 1);

  await client.create(resourceClaimTemplates, makeClaimTemplate('template'));
  const pod = makePodWithClaims('computes', { name: 'gpu', resourceClaimTemplateName: 'template' });
  await client.create(pods, { ...pod, spec: { containers: [], ...pod.spec, nodeName: 'gpu-1' } });
  const claim = () => watched.claims.cache.list()[0];
  const standing = () => watched.pods.cache.list()[0];
  await until(
    () => standing()?.status?.resourceClaimStatuses?.[0]?.resourceClaimName !== undefined && claim() !== undefined,
  );
  await allocate(client, claim()?.metadata?.name ?? '', []);
  await until(() => standing()?.status?.phase === 'Running' && claim()?.status?.reservedFor?.[0]?.name === 'computes');
  await client.delete(pods, { namespace: 'default', name: 'computes' }, { gracePeriodSeconds: 0 });
  await until(() => claim() === undefined);
});
