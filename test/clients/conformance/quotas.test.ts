/**
 * Upstream's end-to-end tests of ResourceQuotas, kind by kind and scope by scope, and of LimitRanges: what counts, what is given back,
 * and what is refused.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { mustRefuse, type ResourceClient, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { update } from './lifecycle.ts';
import { gone, podOf, setOf } from './steps.ts';
import type { Sent } from './wire.ts';

interface Counted {
  readonly apiVersion: string;
  readonly kind: string;
  readonly object: Sent;
  /** What one of them uses. */
  readonly uses: Readonly<Record<string, string>>;
}

const claim = (storageClassName: string): Sent => ({
  spec: { accessModes: ['ReadWriteOnce'], storageClassName, resources: { requests: { storage: '1Gi' } } },
});

const counted: readonly Counted[] = [
  {
    apiVersion: 'v1',
    kind: 'Secret',
    object: { stringData: { a: 'b' } },
    uses: { secrets: '1', 'count/secrets': '1' },
  },
  { apiVersion: 'v1', kind: 'ConfigMap', object: { data: {} }, uses: { configmaps: '1', 'count/configmaps': '1' } },
  {
    apiVersion: 'v1',
    kind: 'Service',
    object: { spec: { type: 'ClusterIP', ports: [{ port: 80 }] } },
    uses: { services: '1', 'count/services': '1', 'services.nodeports': '0', 'services.loadbalancers': '0' },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    object: {
      spec: {
        type: 'NodePort',
        ports: [{ port: 80 }, { port: 81, name: 'b' }].map((port, index) => ({ name: `p${index}`, ...port })),
      },
    },
    uses: { services: '1', 'services.nodeports': '2', 'services.loadbalancers': '0' },
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    object: { spec: { type: 'LoadBalancer', ports: [{ port: 80 }] } },
    uses: { services: '1', 'services.nodeports': '1', 'services.loadbalancers': '1' },
  },
  {
    apiVersion: 'v1',
    kind: 'ReplicationController',
    object: {
      spec: { replicas: 0, selector: { a: 'b' }, template: setOf('x', { labels: { a: 'b' } }, {}).spec.template },
    },
    uses: { replicationcontrollers: '1', 'count/replicationcontrollers': '1' },
  },
  {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    object: { spec: setOf('x', {}, { replicas: 0 }).spec },
    uses: { 'count/replicasets.apps': '1' },
  },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    object: claim('gold'),
    uses: {
      persistentvolumeclaims: '1',
      'requests.storage': '1Gi',
      'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
      'gold.storageclass.storage.k8s.io/requests.storage': '1Gi',
      'silver.storageclass.storage.k8s.io/requests.storage': '0',
    },
  },
  {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    object: { spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gold', count: 1 } }] } } },
    uses: { 'count/resourceclaims.resource.k8s.io': '1', 'gold.deviceclass.resource.k8s.io/devices': '1' },
  },
];

describe('conformance: quotas and limits', { timeout: 120_000, concurrency: 8 }, () => {
  let cluster: ConformanceCluster;

  before(async () => {
    cluster = await ConformanceCluster.up();
  });
  after(() => cluster.close());

  const inNew = async (base: string): Promise<(apiVersion: string, kind: string) => ResourceClient> => {
    const namespace = await cluster.namespace(base);
    return (apiVersion, kind) => typed(cluster.wire, apiVersion, kind, namespace);
  };
  const uses = (quotas: ResourceClient, name: string, expected: object): Promise<unknown> =>
    eventually(`${name} uses ${JSON.stringify(expected)}`, async () => {
      const { status } = await quotas.get(name);
      for (const [resource, amount] of Object.entries(expected))
        assert.equal(status.used?.[resource], amount, resource);
      return true;
    });
  const pod = (name: string, amounts: object, more: object = {}): Sent =>
    podOf(name, { container: { resources: { requests: amounts, limits: amounts } }, spec: more });

  describe('ResourceQuota', { concurrency: 8 }, () => {
    for (const { apiVersion, kind, object, uses: used } of counted)
      test(`should create a ResourceQuota and capture the life of a ${object.spec?.type ?? ''} ${kind}`, async () => {
        const client = await inNew('resourcequota');
        const quotas = client('v1', 'ResourceQuota');
        const objects = client(apiVersion, kind);
        const resources = Object.keys(used);
        const none = Object.fromEntries(resources.map((resource) => [resource, '0']));
        // Exactly one has room; what one does not use has room for none.
        const base = Object.fromEntries(
          resources
            .filter((resource) => !/configmaps/.test(resource))
            .map((resource) => [resource, used[resource] ?? '0']),
        );
        const maps = kind === 'ConfigMap' ? Object.fromEntries(resources.map((resource) => [resource, '2'])) : {};
        await quotas.create({ metadata: { name: 'test-quota' }, spec: { hard: { ...base, ...maps } } });
        // Each namespace has the authority's certificate in a ConfigMap.
        const start = kind === 'ConfigMap' ? Object.fromEntries(resources.map((resource) => [resource, '1'])) : none;
        await uses(quotas, 'test-quota', start);
        await objects.create({ metadata: { name: 'one' }, ...object });
        await uses(quotas, 'test-quota', kind === 'ConfigMap' ? maps : used);
        const error = await mustRefuse(objects.create({ metadata: { name: 'two' }, ...object }), 403);
        assert.match(error.message, /exceeded quota: test-quota, requested: /);
        await objects.delete('one', { propagationPolicy: 'Background' });
        await eventually('it is gone', async () => {
          if (await objects.isGone('one')) return true;
          const left = await objects.get('one');
          if (left.metadata.finalizers?.length) await objects.patch('one', 'merge', { metadata: { finalizers: null } });
          return false;
        });
        await uses(quotas, 'test-quota', start);
      });

    test('should create a ResourceQuota and ensure its status is promptly calculated; update and delete it', async () => {
      const quotas = (await inNew('resourcequota'))('v1', 'ResourceQuota');
      await quotas.create({ metadata: { name: 'q' }, spec: { hard: { cpu: '1', memory: '500Mi', pods: '5' } } });
      await uses(quotas, 'q', { cpu: '0', memory: '0', pods: '0' });
      await update(quotas, 'q', '', { spec: { hard: { cpu: '2', memory: '1Gi' } } });
      await eventually('the status follows', async () => (await quotas.get('q')).status.hard.memory === '1Gi');
      await quotas.delete('q');
      await gone(quotas, 'q');
    });

    test('should create a ResourceQuota and capture the life of a pod', async () => {
      const client = await inNew('resourcequota');
      const quotas = client('v1', 'ResourceQuota');
      const pods = client('v1', 'Pod');
      const hard = {
        pods: '5',
        cpu: '1',
        memory: '500Mi',
        'ephemeral-storage': '50Gi',
        'requests.example.com/dongle': '3',
      };
      await quotas.create({ metadata: { name: 'q' }, spec: { hard } });
      await uses(quotas, 'q', { pods: '0', cpu: '0' });
      const amounts = { cpu: '500m', memory: '252Mi', 'ephemeral-storage': '30Gi', 'example.com/dongle': '2' };
      const unscheduled = { schedulerName: 'none' };
      await pods.create(pod('fits', amounts, unscheduled));
      const used = {
        pods: '1',
        cpu: '500m',
        memory: '252Mi',
        'ephemeral-storage': '30Gi',
        'requests.example.com/dongle': '2',
      };
      await uses(quotas, 'q', used);
      const small = { cpu: '100m', memory: '100Mi', 'ephemeral-storage': '1Gi' };
      await mustRefuse(pods.create(pod('too-much', { ...small, cpu: '600m' }, unscheduled)), 403);
      await mustRefuse(pods.create(pod('too-many-dongles', { ...small, 'example.com/dongle': '2' }, unscheduled)), 403);
      const { message } = await mustRefuse(pods.create(podOf('says-nothing', { spec: unscheduled })), 403);
      assert.match(message, /failed quota: q: must specify cpu for: c; memory for: c/);
      await pods.patch('fits', 'merge', { metadata: { labels: { a: 'b' } } });
      await uses(quotas, 'q', used);
      await pods.delete('fits', { gracePeriodSeconds: 0 });
      await uses(quotas, 'q', { pods: '0', cpu: '0', memory: '0', 'requests.example.com/dongle': '0' });
    });

    for (const { scopes, inside, outside } of [
      { scopes: ['Terminating', 'NotTerminating'], inside: { spec: { activeDeadlineSeconds: 3600 } }, outside: {} },
      {
        scopes: ['BestEffort', 'NotBestEffort'],
        inside: {},
        outside: { container: { resources: { requests: { cpu: '1m' } } } },
      },
    ])
      test(`should verify ResourceQuota with ${scopes.join(' and ')} scopes`, async () => {
        const client = await inNew('resourcequota');
        const quotas = client('v1', 'ResourceQuota');
        const pods = client('v1', 'Pod');
        const [first = '', second = ''] = scopes;
        for (const scope of scopes)
          await quotas.create({
            metadata: { name: scope.toLowerCase() },
            spec: { hard: { pods: '1' }, scopes: [scope] },
          });
        const both = async (one: string, other: string): Promise<void> => {
          await uses(quotas, first.toLowerCase(), { pods: one });
          await uses(quotas, second.toLowerCase(), { pods: other });
        };
        await both('0', '0');
        await pods.create(podOf('inside', inside));
        await both('1', '0');
        await mustRefuse(pods.create(podOf('more', inside)), 403);
        await pods.create(podOf('outside', outside));
        await both('1', '1');
        for (const name of ['inside', 'outside']) await pods.delete(name, { gracePeriodSeconds: 0 });
        await both('0', '0');
      });

    for (const { operator, values, inside, outside } of [
      { operator: 'In', values: ['low'], inside: 'low', outside: 'high' },
      { operator: 'NotIn', values: ['high'], inside: 'low', outside: 'high' },
      { operator: 'Exists', values: undefined, inside: 'high', outside: '' },
      { operator: 'DoesNotExist', values: undefined, inside: '', outside: 'high' },
    ])
      test(`should verify ResourceQuota's priority class scope (${operator})`, async () => {
        const client = await inNew('resourcequota-priorityclass');
        const quotas = client('v1', 'ResourceQuota');
        const pods = client('v1', 'Pod');
        const prefix = operator.toLowerCase();
        const classOf = (name: string): object => (name === '' ? {} : { priorityClassName: `${prefix}-${name}` });
        for (const [name, value] of [
          ['low', 1],
          ['high', 2],
        ] as const)
          await client('scheduling.k8s.io/v1', 'PriorityClass').create({
            metadata: { name: `${prefix}-${name}` },
            value,
          });
        const matchExpressions = [
          {
            scopeName: 'PriorityClass',
            operator,
            ...(values && { values: values.map((value) => `${prefix}-${value}`) }),
          },
        ];
        await quotas.create({
          metadata: { name: 'q' },
          spec: { hard: { pods: '1' }, scopeSelector: { matchExpressions } },
        });
        await uses(quotas, 'q', { pods: '0' });
        await pods.create(podOf('inside', { spec: classOf(inside) }));
        await uses(quotas, 'q', { pods: '1' });
        await pods.create(podOf('outside', { spec: classOf(outside) }));
        await mustRefuse(pods.create(podOf('more', { spec: classOf(inside) })), 403);
        await pods.delete('inside', { gracePeriodSeconds: 0 });
        await uses(quotas, 'q', { pods: '0' });
      });

    test('should verify ResourceQuota with cross namespace pod affinity scope using scope-selectors', async () => {
      const client = await inNew('scope-selectors');
      const quotas = client('v1', 'ResourceQuota');
      const pods = client('v1', 'Pod');
      const matchExpressions = [{ scopeName: 'CrossNamespacePodAffinity', operator: 'Exists' }];
      await quotas.create({
        metadata: { name: 'q' },
        spec: { hard: { pods: '1' }, scopeSelector: { matchExpressions } },
      });
      await uses(quotas, 'q', { pods: '0' });
      const term = { topologyKey: 'region', namespaces: ['ns1'] };
      const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
      await pods.create(podOf('no-affinity'));
      await pods.create(podOf('with-namespaces', { spec: { affinity } }));
      await uses(quotas, 'q', { pods: '1' });
      await mustRefuse(pods.create(podOf('another', { spec: { affinity } })), 403);
    });
  });

  describe('LimitRange', { concurrency: 4 }, () => {
    test('should create a LimitRange with defaults and ensure pod has those defaults applied', async () => {
      const client = await inNew('limitrange');
      const ranges = client('v1', 'LimitRange');
      const pods = client('v1', 'Pod');
      const amounts = (cpu: string, memory: string): object => ({ cpu, memory });
      const container = {
        type: 'Container',
        min: amounts('50m', '100Mi'),
        max: amounts('500m', '500Mi'),
        default: amounts('500m', '500Mi'),
        defaultRequest: amounts('100m', '200Mi'),
      };
      await ranges.create({ metadata: { name: 'limit-range' }, spec: { limits: [container] } });
      const isRefused = (name: string, resources: object): Promise<unknown> =>
        mustRefuse(pods.create(podOf(name, { container: { resources } })), 403);
      await eventually(
        'the range holds',
        async () => (await isRefused('small', { requests: amounts('10m', '50Mi') })) !== undefined,
      );
      await pods.create(podOf('no-resources'));
      const whole = { requests: amounts('100m', '200Mi'), limits: amounts('500m', '500Mi') };
      assert.deepEqual((await pods.get('no-resources')).spec.containers[0].resources, whole);
      await pods.create(
        podOf('partial', { container: { resources: { requests: amounts('60m', '150Mi'), limits: { cpu: '300m' } } } }),
      );
      assert.deepEqual((await pods.get('partial')).spec.containers[0].resources, {
        requests: amounts('60m', '150Mi'),
        limits: amounts('300m', '500Mi'),
      });
      await isRefused('large', { requests: amounts('600m', '600Mi'), limits: amounts('600m', '600Mi') });
      await update(ranges, 'limit-range', '', { spec: { limits: [{ ...container, min: amounts('5m', '10Mi') }] } });
      await eventually('the range is wider', () =>
        pods.create(podOf('small', { container: { resources: { requests: amounts('10m', '50Mi') } } })),
      );
      await ranges.delete('limit-range');
      await eventually('the range is gone', () =>
        pods.create(podOf('large', { container: { resources: { requests: amounts('600m', '600Mi') } } })),
      );
    });
  });
});
