import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Client } from '../client/client.ts';
import { inProcessClient } from '../client/in-process-client.ts';
import { InformerSet } from '../client/informer.ts';
import {
  clusterRoles,
  cronJobs,
  daemonSets,
  deployments,
  deviceTaintRules,
  endpointSlices,
  endpoints,
  namespaces,
  nodes,
  persistentVolumes,
  podDisruptionBudgets,
  podGroups,
  pods,
  priorityClasses,
  replicationControllers,
  resourceClaims,
  resourceClaimTemplates,
  resourceQuotas,
  secrets,
  serviceCidrs,
  services,
  statefulSets,
} from '../client/resources.ts';
import { startTestApi, type TestApi } from '../client/testing.ts';
import type { AuthorizationAttributes, Authorizer, UserInfo } from '../registry/request.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { storeAuthorization } from '../server/authorization/store-authorization.ts';
import { defaultPolicy } from '../server/rbac/default-policy.ts';
import { serviceAccount } from '../server/rbac/testing.ts';
import { addLiveNode, makeSet as makeDaemonSet } from './daemon-set/testing.ts';
import { allControllers } from './index.ts';
import { allocate, makeClaimTemplate, makePodWithClaims } from './resource-claim/testing.ts';
import { claimTemplate, makeSet as makeStatefulSet } from './stateful-set/testing.ts';
import { addNode, inDefault, KubeletPlayer, makeDeployment } from './testing.ts';

test('the loops and the scheduler do all their work with the rights that upstream gives them', async () => {
  const api = await startTestApi();
  const { authorizer: rules, services: indexes } = storeAuthorization(api.store);
  for (const index of indexes) await index.start();
  const refused = new Set<string>();
  const authorizer: Authorizer = {
    decide(attributes: AuthorizationAttributes) {
      const decision = rules.decide(attributes);
      assert.ok(!(decision instanceof Promise), 'nobody outside is asked');
      const { verb, group, resource, subresource } = attributes;
      if (!decision.allowed) refused.add(`${attributes.user.name}: ${verb} ${resource}.${group}/${subresource}`);
      return decision;
    },
  };
  const clientOf = (user: UserInfo): Client =>
    inProcessClient({ handler: api.registry, authorizer, user, resources: api.resources });
  const as = (name: string) => {
    const client = clientOf({ name, groups: ['system:authenticated'] });
    return { ...api, client, informers: new InformerSet({ ...api, client }) };
  };
  const clientFor = (account: string): Client => clientOf(serviceAccount('kube-system', account));
  const manager = as('system:kube-controller-manager');
  const scheduling = as('system:kube-scheduler');
  const kubelet = new KubeletPlayer(api);
  kubelet.binds = false;
  const services = [
    api.informers,
    manager.informers,
    ...allControllers({ ...manager, clientFor, rootCa: 'CA', signAccountToken: async () => 'token' }),
    scheduling.informers,
    new Scheduler(scheduling),
  ];
  for (const service of services) await service.start();
  await addNode(api.client, 'node');
  await api.client.create(namespaces, { metadata: { name: 'going' } });
  const annotations = { 'kubernetes.io/service-account.name': 'default' };
  const metadata = { ...inDefault('token'), annotations };
  await api.client.create(secrets, { metadata, type: 'kubernetes.io/service-account-token' });
  const gang = { schedulingPolicy: { gang: { minCount: 1 } } };
  await api.client.create(podGroups, { metadata: inDefault('gang'), spec: gang });
  const schedulingGroup = { podGroupName: 'gang' };
  const containers = [{ name: 'main', image: 'image' }];
  await api.client.create(pods, { metadata: inDefault('member'), spec: { containers, schedulingGroup } });
  await api.client.delete(podGroups, inDefault('gang'));
  await api.client.create(deployments, makeDeployment('web'));
  await api.client.create(deployments, makeDeployment('huge', { spec: { replicas: 30 } }));
  await api.clock.advance(20_000);
  await api.client.delete(pods, inDefault('member'), { gracePeriodSeconds: 0 });
  await api.client.patch(deployments, inDefault('web'), {
    type: 'strategic',
    body: { spec: { template: { metadata: { annotations: { again: 'yes' } } } } },
  });
  await api.client.delete(namespaces, { namespace: '', name: 'going' });
  await api.client.delete(deployments, inDefault('huge'), { propagationPolicy: 'Foreground' });
  await api.clock.advance(60_000);
  assert.deepEqual([...refused], []);
  assert.ok((await api.client.get(secrets, inDefault('token'))).data?.['token']);
  assert.equal((await api.client.list(pods, { namespace: 'default' })).items.length, 3);
  assert.equal((await api.client.list(namespaces)).items.length, 1);
  await serve(api);
  assert.deepEqual([...refused], []);
  await rollOut(api);
  assert.deepEqual([...refused], []);
  await handOut(api);
  assert.deepEqual([...refused], []);
  kubelet.beats = false;
  await disturb(api);
  assert.deepEqual([...refused], []);
  for (const service of [...indexes, ...services].toReversed()) await service.close();
  await api.store.close();
});

/** Services of all sorts come, and one goes; so does a range of addresses; a ReplicationController keeps the pods of one; pods wait at a gate. */
async function serve({ client, clock }: TestApi): Promise<void> {
  const app = { app: 'served' };
  const template = { metadata: { labels: app }, spec: { containers: [{ name: 'main', image: 'image' }] } };
  await client.create(replicationControllers, { ...named('served'), spec: { replicas: 1, selector: app, template } });
  await client.create(services, { ...named('served'), spec: { selector: app, ports: [{ port: 80 }] } });
  await client.create(services, { ...named('by-hand'), spec: { ports: [{ port: 80 }] } });
  await client.create(endpoints, { ...named('by-hand'), subsets: [{ addresses: [{ ip: '192.0.2.1' }] }] });
  await client.create(serviceCidrs, { metadata: { name: 'more' }, spec: { cidrs: ['10.96.0.0/24'] } });
  const schedulingGates = [{ name: 'naru.io/depends-on' }];
  const waits = '[{"service": "no-such"}]';
  for (const [name, annotations] of Object.entries({ waits: { 'naru.io/depends-on': waits }, goes: {} })) {
    const spec = { schedulingGates, containers: [{ name: 'main', image: 'image' }] };
    await client.create(pods, { metadata: { ...inDefault(name), annotations }, spec });
  }
  await clock.advance(10_000);
  await client.delete(serviceCidrs, { namespace: '', name: 'more' });
  const slices = (await client.list(endpointSlices, { namespace: 'default' })).items;
  assert.deepEqual(slices.map(({ metadata }) => metadata?.labels?.['kubernetes.io/service-name']).toSorted(), [
    'by-hand',
    'served',
  ]);
  assert.deepEqual((await client.get(pods, inDefault('goes'))).spec?.schedulingGates ?? [], []);
  for (const name of ['waits', 'goes']) await client.delete(pods, inDefault(name), { gracePeriodSeconds: 0 });
  await client.delete(endpoints, inDefault('by-hand'));
  await client.delete(services, inDefault('served'));
  await client.delete(replicationControllers, inDefault('served'), { propagationPolicy: 'Foreground' });
  await clock.advance(10_000);
  assert.equal((await client.list(endpointSlices, { namespace: 'default' })).items.length, 0);
  assert.equal((await client.list(serviceCidrs)).items.length, 0);
}

/** StatefulSets and DaemonSets come, change, are adopted, and go. */
async function rollOut({ client, clock }: TestApi): Promise<void> {
  await addLiveNode({ client, clock }, 'alive');
  const persistentVolumeClaimRetentionPolicy = { whenScaled: 'Delete', whenDeleted: 'Delete' } as const;
  const volumeClaimTemplates = [claimTemplate('data')];
  // Pods whose claims have no volume get no node.
  for (const name of ['disk-1', 'disk-2', 'disk-3']) {
    const spec = {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce' as const],
      hostPath: { path: `/${name}` },
    };
    await client.create(persistentVolumes, { metadata: { name }, spec });
  }
  await client.create(statefulSets, makeStatefulSet({ volumeClaimTemplates, persistentVolumeClaimRetentionPolicy }));
  await client.create(daemonSets, makeDaemonSet());
  await clock.advance(20_000);
  const again = { template: { metadata: { annotations: { again: 'yes' } } }, revisionHistoryLimit: 0 };
  await client.patch(statefulSets, inDefault('db'), { type: 'strategic', body: { spec: { ...again, replicas: 1 } } });
  await client.patch(daemonSets, inDefault('agent'), { type: 'strategic', body: { spec: again } });
  await clock.advance(20_000);
  await client.delete(statefulSets, inDefault('db'), { propagationPolicy: 'Orphan' });
  await client.delete(daemonSets, inDefault('agent'), { propagationPolicy: 'Orphan' });
  await clock.advance(10_000);
  await client.create(statefulSets, makeStatefulSet({ replicas: 1 }));
  await client.create(daemonSets, makeDaemonSet());
  await clock.advance(20_000);
  const { availableReplicas, updatedReplicas } = (await client.get(statefulSets, inDefault('db'))).status ?? {};
  assert.deepEqual([availableReplicas, updatedReplicas], [1, 1]);
  assert.equal((await client.get(daemonSets, inDefault('agent'))).status?.numberAvailable, 2);
  await client.delete(statefulSets, inDefault('db'), { propagationPolicy: 'Foreground' });
  await client.delete(daemonSets, inDefault('agent'), { propagationPolicy: 'Foreground' });
  await clock.advance(20_000);
  await client.delete(nodes, { namespace: '', name: 'alive' });
}

/** Devices are handed out, tainted, and given back. */
async function handOut({ client, clock }: TestApi): Promise<void> {
  await client.create(resourceClaimTemplates, makeClaimTemplate('devices'));
  const pod = makePodWithClaims('computes', { name: 'gpu', resourceClaimTemplateName: 'devices' });
  await client.create(pods, { ...pod, spec: { containers: [], ...pod.spec, nodeName: 'node' } });
  await clock.advance(5_000);
  const claims = async () => (await client.list(resourceClaims, { namespace: 'default' })).items;
  await allocate(client, (await claims())[0]?.metadata?.name ?? '', []);
  await clock.advance(5_000);
  assert.equal((await claims())[0]?.status?.reservedFor?.length, 1);
  const taint = { key: 'broken', effect: 'NoExecute' as const };
  await client.create(deviceTaintRules, { metadata: { name: 'all' }, spec: { deviceSelector: {}, taint } });
  await clock.advance(30_000);
  assert.equal((await client.get(deviceTaintRules, { namespace: '', name: 'all' })).status?.conditions?.length, 1);
  assert.deepEqual(await claims(), []);
}

/** What wakes the loops that a quiet cluster leaves asleep. */
async function disturb({ client, clock }: TestApi): Promise<void> {
  const selector = { matchLabels: { app: 'web' } };
  await client.create(podDisruptionBudgets, { ...named('web'), spec: { minAvailable: 1, selector } });
  const clusterRoleSelectors = [{ matchLabels: { gather: 'yes' } }];
  await client.create(clusterRoles, { metadata: { name: 'gathers' }, aggregationRule: { clusterRoleSelectors } });
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
  await client.create(clusterRoles, { metadata: { name: 'one', labels: { gather: 'yes' } }, rules });
  await client.create(resourceQuotas, { ...named('few'), spec: { hard: { pods: '100' } } });
  const template = { spec: { restartPolicy: 'Never' as const, containers: [{ name: 'main', image: 'image' }] } };
  const jobTemplate = { spec: { template, activeDeadlineSeconds: 5, ttlSecondsAfterFinished: 60 } };
  await client.create(cronJobs, { ...named('often'), spec: { schedule: '* * * * *', jobTemplate } });
  await client.create(priorityClasses, { metadata: { name: 'first' }, value: 1000 });
  const containers = [{ name: 'main', image: 'image', resources: { requests: { cpu: '3500m' } } }];
  await client.create(pods, { ...named('first'), spec: { priorityClassName: 'first', containers } });
  await client.create(pods, { ...named('nowhere'), spec: { nodeSelector: { no: 'such' }, containers } });
  await clock.advance(30_000);
  const gathered = await client.get(clusterRoles, { namespace: '', name: 'gathers' });
  assert.deepEqual(gathered.rules, rules, 'the gathering role was written');
  const volumeClaimTemplate = { spec: claimTemplate('').spec ?? {} };
  const volumes = [{ name: 'scratch', ephemeral: { volumeClaimTemplate } }];
  await client.create(pods, { ...named('scratched'), spec: { containers, volumes } });
  // Its node falls silent; then it goes, and leaves its pods behind.
  await clock.advance(600_000);
  await client.delete(nodes, { namespace: '', name: 'node' });
  await clock.advance(600_000);
}

const named = (name: string) => ({ metadata: { namespace: 'default', name } });

test('each loop acts as an account that the default policy knows', async () => {
  const api = await startTestApi();
  const accounts = new Set<string>();
  const clientFor = (account: string): Client => {
    accounts.add(account);
    return api.client;
  };
  allControllers({ ...api, clientFor, rootCa: 'CA' });
  const { clusterrolebindings, rolebindings } = defaultPolicy();
  const known = [...clusterrolebindings, ...rolebindings].flatMap(({ subjects = [] }) =>
    subjects.map(({ kind, namespace, name }) => `${kind} ${namespace} ${name}`),
  );
  assert.ok(accounts.size > 8);
  assert.deepEqual(
    [...accounts].filter((account) => !known.includes(`ServiceAccount kube-system ${account}`)),
    [],
  );
  await api.store.close();
});
