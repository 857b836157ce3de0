import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../object.ts';
import type { ResourceQuotaSpec } from '../schema/types/core-v1.ts';
import { listOf } from './amounts.ts';
import { evaluatorFor, inAllScopes, type QuotaWrite, type Scope, scopesOf } from './evaluator.ts';
import { usageOf } from './usage.ts';

const nowMs = Date.parse('2026-01-01T00:00:00Z');

function evaluator(collection: string) {
  const found = evaluatorFor(collection);
  assert.ok(found, `nothing counts ${collection}`);
  return found;
}

const usage = (collection: string, object: object): Record<string, string> =>
  listOf(evaluator(collection).usage(object, nowMs));

type Amounts = Readonly<Record<string, string>>;
const container = (requests: Amounts, limits: Amounts = {}, more: object = {}, name = 'c') => ({
  name,
  image: 'x',
  resources: { requests, limits },
  ...more,
});
const sidecar = { restartPolicy: 'Always' };
const pod = (spec: object, more: object = {}) => ({ spec: { containers: [], ...spec }, ...more });

describe('pods use', () => {
  const rows: readonly (readonly [what: string, pod: object, used: Amounts])[] = [
    ['themselves, where they ask for nothing', pod({ containers: [container({})] }), { pods: '1' }],
    [
      'what their containers ask for together, under both names',
      pod({
        containers: [
          container({ cpu: '100m', memory: '64Mi', 'ephemeral-storage': '1Gi' }, { cpu: '1', memory: '128Mi' }),
          container({ cpu: '400m' }, { 'ephemeral-storage': '2Gi' }, {}, 'd'),
        ],
      }),
      {
        pods: '1',
        cpu: '500m',
        'requests.cpu': '500m',
        'limits.cpu': '1',
        memory: '64Mi',
        'requests.memory': '64Mi',
        'limits.memory': '128Mi',
        'ephemeral-storage': '1Gi',
        'requests.ephemeral-storage': '1Gi',
        'limits.ephemeral-storage': '2Gi',
      },
    ],
    [
      'what an init container asks for where that is more',
      pod({
        initContainers: [container({ cpu: '2' }), container({ cpu: '1' })],
        containers: [container({ cpu: '1' })],
      }),
      { pods: '1', cpu: '2', 'requests.cpu': '2' },
    ],
    [
      'what sidecars ask for beside the containers, and beside later init containers',
      pod({
        initContainers: [container({ cpu: '1' }, {}, sidecar), container({ cpu: '5' })],
        containers: [container({ cpu: '2' })],
      }),
      { pods: '1', cpu: '6', 'requests.cpu': '6' },
    ],
    [
      'what the pod as a whole says, in place of its containers',
      pod({
        resources: { requests: { cpu: '3' }, limits: { memory: '1Gi' } },
        containers: [container({ cpu: '1', memory: '1Mi' })],
      }),
      {
        pods: '1',
        cpu: '3',
        'requests.cpu': '3',
        memory: '1Mi',
        'requests.memory': '1Mi',
        'limits.memory': '1Gi',
      },
    ],
    [
      'their overhead, on top of limits only where there are some',
      pod({ overhead: { cpu: '100m', memory: '1Mi' }, containers: [container({ cpu: '1' }, { memory: '3Mi' })] }),
      {
        pods: '1',
        cpu: '1100m',
        'requests.cpu': '1100m',
        memory: '1Mi',
        'requests.memory': '1Mi',
        'limits.memory': '4Mi',
      },
    ],
    [
      'huge pages and what others bring, which has no name of its own',
      pod({ containers: [container({ 'hugepages-2Mi': '4Mi', 'example.com/gpu': '2' })] }),
      { pods: '1', 'hugepages-2Mi': '4Mi', 'requests.hugepages-2Mi': '4Mi', 'requests.example.com/gpu': '2' },
    ],
    [
      'devices by their class',
      pod({ containers: [container({ 'deviceclass.resource.kubernetes.io/gpu': '2' })] }),
      { pods: '1', 'requests.deviceclass.resource.kubernetes.io/gpu': '2' },
    ],
    [
      'the larger of what is wanted and what holds, while they are resized',
      pod(
        { containers: [container({ cpu: '1' }, { cpu: '1' })] },
        {
          status: {
            containerStatuses: [
              {
                name: 'c',
                allocatedResources: { cpu: '3' },
                resources: { requests: { cpu: '2' }, limits: { cpu: '2' } },
              },
            ],
          },
        },
      ),
      { pods: '1', cpu: '3', 'requests.cpu': '3', 'limits.cpu': '2' },
    ],
    [
      'what holds, where a resize never can be',
      pod(
        { containers: [container({ cpu: '9' })] },
        {
          status: {
            conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }],
            containerStatuses: [{ name: 'c', allocatedResources: { cpu: '1' }, resources: { requests: { cpu: '1' } } }],
          },
        },
      ),
      { pods: '1', cpu: '1', 'requests.cpu': '1' },
    ],
    [
      'nothing once they have failed',
      pod({ containers: [container({ cpu: '1' })] }, { status: { phase: 'Failed' } }),
      {},
    ],
    [
      'nothing once they are done',
      pod({ containers: [container({ cpu: '1' })] }, { status: { phase: 'Succeeded' } }),
      {},
    ],
    [
      'nothing where they should be gone',
      pod({}, { metadata: { deletionTimestamp: '2025-12-31T23:59:00Z', deletionGracePeriodSeconds: 30 } }),
      {},
    ],
    [
      'all while they are on their way out',
      pod({}, { metadata: { deletionTimestamp: '2025-12-31T23:59:50Z', deletionGracePeriodSeconds: 30 } }),
      { pods: '1' },
    ],
  ];
  for (const [what, object, used] of rows) {
    test(what, () => assert.deepEqual(usage('pods', object), { 'count/pods': '1', ...used }));
  }
});

describe('other kinds use', () => {
  const ports = [{ port: 80 }, { port: 81, nodePort: 30_000 }];
  const service = (loadBalancers: string, nodePorts: string) => ({
    'count/services': '1',
    services: '1',
    'services.loadbalancers': loadBalancers,
    'services.nodeports': nodePorts,
  });
  const claim = (more: object, storage = '1Gi') => ({
    spec: { resources: { requests: { storage } }, ...more },
  });
  const claims = (storage: string) => ({
    'count/persistentvolumeclaims': '1',
    persistentvolumeclaims: '1',
    'requests.storage': storage,
  });
  const devices = (...requests: object[]) => ({ spec: { devices: { requests } } });
  const exact = (deviceClassName: string, count: number) => ({ deviceClassName, allocationMode: 'ExactCount', count });
  const rows: readonly (readonly [collection: string, object: object, used: Amounts])[] = [
    ['services', { spec: { type: 'ClusterIP', ports } }, service('0', '0')],
    ['services', { spec: { type: 'NodePort', ports } }, service('0', '2')],
    ['services', { spec: { type: 'LoadBalancer', ports } }, service('1', '2')],
    ['services', { spec: { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports } }, service('1', '1')],
    ['persistentvolumeclaims', claim({}), claims('1Gi')],
    ['persistentvolumeclaims', claim({}, '1500m'), claims('2')],
    [
      'persistentvolumeclaims',
      claim({ storageClassName: 'gold' }),
      {
        ...claims('1Gi'),
        'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
        'gold.storageclass.storage.k8s.io/requests.storage': '1Gi',
      },
    ],
    ['persistentvolumeclaims', { ...claim({}), status: { allocatedResources: { storage: '2Gi' } } }, claims('2Gi')],
    [
      'resourceclaims.resource.k8s.io',
      devices(
        { name: 'a', exactly: exact('gpu', 2) },
        { name: 'b', exactly: { deviceClassName: 'nic', allocationMode: 'All' } },
        { name: 'c', firstAvailable: [exact('gpu', 4), exact('gpu', 1), exact('tpu', 1)] },
      ),
      {
        'count/resourceclaims.resource.k8s.io': '1',
        'gpu.deviceclass.resource.k8s.io/devices': '6',
        'nic.deviceclass.resource.k8s.io/devices': '32',
        'tpu.deviceclass.resource.k8s.io/devices': '1',
      },
    ],
    ['configmaps', {}, { configmaps: '1', 'count/configmaps': '1' }],
    ['deployments.apps', {}, { 'count/deployments.apps': '1' }],
    ['widgets.example.com', {}, { 'count/widgets.example.com': '1' }],
  ];
  for (const [collection, object, used] of rows) {
    test(`${collection} ${JSON.stringify(object)}`, () => assert.deepEqual(usage(collection, object), used));
  }

  test('events and reviews are not counted', () => {
    for (const collection of ['events', 'events.events.k8s.io', 'tokenreviews.authentication.k8s.io']) {
      assert.equal(evaluatorFor(collection), undefined);
    }
  });
});

describe('names', () => {
  const rows: readonly (readonly [collection: string, measured: readonly string[], not: readonly string[]])[] = [
    [
      'pods',
      [
        'pods',
        'count/pods',
        'cpu',
        'limits.memory',
        'hugepages-1Gi',
        'requests.hugepages-1Gi',
        'requests.example.com/gpu',
        'requests.deviceclass.resource.kubernetes.io/gpu',
      ],
      ['services', 'requests.storage', 'count/deployments.apps', 'limits.example.com/gpu', 'example.com/gpu'],
    ],
    ['persistentvolumeclaims', ['requests.storage', 'x.storageclass.storage.k8s.io/requests.storage'], ['pods']],
    ['services', ['services.nodeports', 'count/services'], ['count/services.example.com']],
    ['deployments.apps', ['count/deployments.apps'], ['deployments.apps', 'count/deployments']],
  ];
  for (const [collection, measured, not] of rows) {
    test(`that ${collection} are measured by`, () => {
      const { measures } = evaluator(collection);
      assert.deepEqual([...measured, ...not].filter(measures), measured);
    });
  }
});

describe('writes that are looked at', () => {
  const short = pod({ activeDeadlineSeconds: 5 });
  const promised = { status: { allocatedResources: { storage: '1Gi' } } };
  const rows: readonly (readonly [collection: string, write: object, handled: boolean])[] = [
    ['pods', { operation: 'CREATE', object: pod({}) }, true],
    ['pods', { operation: 'UPDATE', object: pod({}), old: pod({}) }, false],
    ['pods', { operation: 'UPDATE', object: short, old: pod({}) }, true],
    ['pods', { operation: 'UPDATE', subresource: 'resize', object: pod({}), old: pod({}) }, true],
    ['pods', { operation: 'UPDATE', subresource: 'status', object: pod({}), old: pod({}) }, false],
    ['pods', { operation: 'CREATE', subresource: 'binding', object: {} }, false],
    ['services', { operation: 'UPDATE', object: {}, old: {} }, true],
    ['services', { operation: 'UPDATE', subresource: 'status', object: {}, old: {} }, false],
    ['persistentvolumeclaims', { operation: 'UPDATE', object: {}, old: {} }, true],
    ['persistentvolumeclaims', { operation: 'UPDATE', subresource: 'status', object: promised, old: {} }, true],
    ['persistentvolumeclaims', { operation: 'UPDATE', subresource: 'status', object: promised, old: promised }, false],
    ['configmaps', { operation: 'CREATE', object: {} }, true],
    ['configmaps', { operation: 'UPDATE', object: {}, old: {} }, false],
    ['deployments.apps', { operation: 'UPDATE', subresource: 'scale', object: {}, old: {} }, false],
  ];
  for (const [collection, write, handled] of rows) {
    test(`${collection} ${JSON.stringify(write)}: ${handled}`, () => {
      assert.equal(evaluator(collection).handles({ subresource: '', ...write } as QuotaWrite), handled);
    });
  }
});

describe('scopes', () => {
  const exists = (scopeName: string): object => ({ scopeName, operator: 'Exists' });
  const priority = (operator: string, ...values: string[]): object => ({
    scopeName: 'PriorityClass',
    operator,
    ...(values.length > 0 && { values }),
  });
  const asks = pod({ containers: [container({ cpu: '1' })] });
  const idle = pod({ containers: [container({})] });
  const high = pod({ priorityClassName: 'high' });
  const term = { topologyKey: 'x', labelSelector: {} };
  const near = (each: object) =>
    pod({ affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [each] } } });
  const prefers = (podAffinityTerm: object) =>
    pod({
      affinity: {
        podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm }] },
      },
    });
  const attributes = (operator: string, ...values: string[]): object => ({
    scopeName: 'VolumeAttributesClass',
    operator,
    ...(values.length > 0 && { values }),
  });
  const changing = {
    spec: { volumeAttributesClassName: 'fast' },
    status: {
      currentVolumeAttributesClassName: 'slow',
      modifyVolumeStatus: { targetVolumeAttributesClassName: 'fast' },
    },
  };
  const rows: readonly (readonly [collection: string, object: object, scope: object, inside: boolean])[] = [
    ['pods', pod({ activeDeadlineSeconds: 0 }), exists('Terminating'), true],
    ['pods', pod({}), exists('Terminating'), false],
    ['pods', pod({}), exists('NotTerminating'), true],
    ['pods', idle, exists('BestEffort'), true],
    ['pods', asks, exists('BestEffort'), false],
    ['pods', asks, exists('NotBestEffort'), true],
    ['pods', { ...idle, status: { qosClass: 'Burstable' } }, exists('BestEffort'), false],
    ['pods', high, priority('In', 'low', 'high'), true],
    ['pods', pod({}), priority('In', 'low', 'high'), false],
    ['pods', high, priority('NotIn', 'high'), false],
    ['pods', pod({}), priority('NotIn', 'high'), true],
    ['pods', high, priority('Exists'), true],
    ['pods', pod({}), priority('Exists'), false],
    ['pods', pod({}), priority('DoesNotExist'), true],
    ['pods', high, priority('DoesNotExist'), false],
    ['pods', near(term), exists('CrossNamespacePodAffinity'), false],
    ['pods', near({ ...term, namespaces: ['other'] }), exists('CrossNamespacePodAffinity'), true],
    ['pods', prefers({ ...term, namespaceSelector: {} }), exists('CrossNamespacePodAffinity'), true],
    ['pods', pod({}), attributes('DoesNotExist'), false],
    ['persistentvolumeclaims', changing, attributes('In', 'slow'), true],
    ['persistentvolumeclaims', changing, attributes('In', 'other'), false],
    ['persistentvolumeclaims', changing, attributes('Exists'), true],
    ['persistentvolumeclaims', {}, attributes('Exists'), false],
    ['persistentvolumeclaims', {}, attributes('DoesNotExist'), true],
    ['persistentvolumeclaims', {}, exists('NotTerminating'), false],
    ['services', {}, exists('NotTerminating'), false],
  ];
  for (const [collection, object, scope, inside] of rows) {
    test(`${JSON.stringify(object)} is ${inside ? '' : 'not '}in ${JSON.stringify(scope)}`, () => {
      assert.equal(inAllScopes(evaluator(collection), object as KubeObject, [scope as Scope]), inside);
    });
  }

  test('all of both forms must hold', () => {
    const spec = { scopes: ['NotBestEffort'], scopeSelector: { matchExpressions: [priority('In', 'high')] } };
    const scopes = scopesOf(spec as ResourceQuotaSpec);
    const both = pod({ priorityClassName: 'high', containers: [container({ cpu: '1' })] });
    const isInside = (object: object): boolean => inAllScopes(evaluator('pods'), object, scopes);
    assert.deepEqual([both, high, asks].map(isInside), [true, false, false]);
  });
});

describe('what containers must say', () => {
  const missing = (object: object, ...required: string[]): string | undefined =>
    evaluator('pods').missing?.(object, required);

  test('each that says nothing of cpu or memory is named, by resource', () => {
    const object = pod({
      initContainers: [container({}, {}, {}, 'init')],
      containers: [container({ cpu: '1' }, {}, {}, 'b'), container({}, { cpu: '1' }, {}, 'a')],
    });
    const text = 'must specify cpu for: a,init; limits.cpu for: b,init; requests.cpu for: a,init';
    assert.equal(missing(object, 'requests.cpu', 'limits.cpu', 'cpu', 'pods'), text);
  });

  test('nobody has to speak of anything else', () => {
    assert.equal(
      missing(pod({ containers: [container({})] }), 'requests.ephemeral-storage', 'requests.example.com/gpu'),
      undefined,
    );
  });

  test('a pod that speaks for itself speaks for its containers', () => {
    const object = pod({ resources: { limits: { cpu: '1' } }, containers: [container({})] });
    assert.equal(missing(object, 'requests.memory'), undefined);
  });
});

test('all pods of a quota are added up, by the names that it bounds and in its scopes only', () => {
  const spec = {
    hard: { pods: '9', 'requests.cpu': '9', 'limits.cpu': '9', services: '1' },
    scopes: ['NotBestEffort'],
  };
  const objects = [
    pod({ containers: [container({ cpu: '1500m', memory: '1Gi' })] }),
    pod({ containers: [container({ cpu: '500m' })] }),
    pod({ containers: [container({})] }),
    pod({ containers: [container({ cpu: '7' })] }, { status: { phase: 'Failed' } }),
  ];
  const used = usageOf(evaluator('pods'), spec as ResourceQuotaSpec, objects as unknown as KubeObject[], nowMs);
  assert.deepEqual(listOf(used), { 'limits.cpu': '0', pods: '2', 'requests.cpu': '2' });
});

describe('changes that set something free', () => {
  const rows: readonly (readonly [collection: string, from: object, to: object, frees: boolean])[] = [
    ['pods', pod({}), pod({}, { status: { phase: 'Succeeded' } }), true],
    ['pods', pod({}), pod({}, { status: { phase: 'Running' } }), false],
    ['pods', pod({}), pod({ activeDeadlineSeconds: 1 }), true],
    ['services', { spec: { type: 'NodePort' } }, { spec: { type: 'ClusterIP' } }, true],
    ['services', { spec: { type: 'ClusterIP' } }, { spec: { type: 'ExternalName' } }, false],
    ['persistentvolumeclaims', { status: { allocatedResources: { storage: '2Gi' } } }, {}, true],
    ['persistentvolumeclaims', {}, { status: { phase: 'Bound' } }, false],
  ];
  for (const [collection, from, to, frees] of rows) {
    test(`${collection} ${JSON.stringify(from)} → ${JSON.stringify(to)}: ${frees}`, () => {
      assert.equal(evaluator(collection).frees?.(to as KubeObject, from as KubeObject, nowMs), frees);
    });
  }
});
