/** When is what healthy: rows of objects as the API shows them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import type { EndpointSlice } from '../api/schema/types/discovery-v1.ts';
import { healthOf } from './health.ts';

type Row = readonly [kind: string, more: object, state: string, message: RegExp];

const apiVersions: Readonly<Record<string, string>> = {
  Deployment: 'apps/v1',
  StatefulSet: 'apps/v1',
  DaemonSet: 'apps/v1',
  ReplicaSet: 'apps/v1',
  Job: 'batch/v1',
  CronJob: 'batch/v1',
  HorizontalPodAutoscaler: 'autoscaling/v2',
  PodDisruptionBudget: 'policy/v1',
  Ingress: 'networking.k8s.io/v1',
  HTTPRoute: 'gateway.networking.k8s.io/v1',
  CustomResourceDefinition: 'apiextensions.k8s.io/v1',
  APIService: 'apiregistration.k8s.io/v1',
  Database: 'example.com/v1',
};

const condition = (type: string, status: string, reason = '', message = ''): object => ({
  type,
  status,
  reason,
  message,
});
const seen = { observedGeneration: 2 };

const rows: readonly Row[] = [
  ['Deployment', {}, 'progressing', /not seen yet/],
  ['Deployment', { spec: { replicas: 3 }, status: { observedGeneration: 1 } }, 'progressing', /not seen yet/],
  [
    'Deployment',
    { spec: { replicas: 3 }, status: { ...seen, replicas: 3, updatedReplicas: 1 } },
    'progressing',
    /^1 of 3 pods updated$/,
  ],
  [
    'Deployment',
    { spec: { replicas: 3 }, status: { ...seen, replicas: 4, updatedReplicas: 3, availableReplicas: 3 } },
    'progressing',
    /^1 old pod still to end$/,
  ],
  [
    'Deployment',
    { spec: { replicas: 3 }, status: { ...seen, replicas: 3, updatedReplicas: 3, availableReplicas: 2 } },
    'progressing',
    /^2 of 3 pods are ready$/,
  ],
  [
    'Deployment',
    { spec: { replicas: 1 }, status: { ...seen, replicas: 1, updatedReplicas: 1, availableReplicas: 1 } },
    'healthy',
    /^1 of 1 pod is ready$/,
  ],
  ['Deployment', { spec: { replicas: 0 }, status: seen }, 'healthy', /scaled to 0/],
  [
    'Deployment',
    { spec: { replicas: 1, paused: true }, status: { ...seen, replicas: 1 } },
    'failing',
    /paused.*naru rollout resume/,
  ],
  [
    'Deployment',
    {
      spec: { replicas: 1 },
      status: { ...seen, conditions: [condition('ReplicaFailure', 'True', 'FailedCreate', 'exceeded quota')] },
    },
    'failing',
    /refused: exceeded quota/,
  ],
  [
    'Deployment',
    {
      spec: { replicas: 1 },
      status: { ...seen, conditions: [condition('Progressing', 'False', 'ProgressDeadlineExceeded')] },
    },
    'failing',
    /no progress for 600 s/,
  ],
  [
    'StatefulSet',
    { spec: { replicas: 2 }, status: { ...seen, replicas: 2, readyReplicas: 1 } },
    'progressing',
    /^1 of 2 pods are ready$/,
  ],
  [
    'StatefulSet',
    {
      spec: { replicas: 2 },
      status: { ...seen, replicas: 2, readyReplicas: 2, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
    },
    'progressing',
    /^1 of 2 pods updated$/,
  ],
  [
    'StatefulSet',
    {
      spec: { replicas: 2, updateStrategy: { rollingUpdate: { partition: 1 } } },
      status: { ...seen, replicas: 2, readyReplicas: 2, updatedReplicas: 1, currentRevision: 'a', updateRevision: 'b' },
    },
    'healthy',
    /2 of 2/,
  ],
  [
    'StatefulSet',
    {
      spec: { replicas: 1 },
      status: { ...seen, replicas: 1, readyReplicas: 1, currentRevision: 'a', updateRevision: 'a' },
    },
    'healthy',
    /1 of 1/,
  ],
  [
    'DaemonSet',
    { status: { ...seen, desiredNumberScheduled: 3, updatedNumberScheduled: 3, numberAvailable: 2 } },
    'progressing',
    /^2 of 3 pods/,
  ],
  ['DaemonSet', { status: { ...seen, desiredNumberScheduled: 0 } }, 'healthy', /no node is meant/],
  [
    'DaemonSet',
    { status: { ...seen, desiredNumberScheduled: 1, updatedNumberScheduled: 1, numberAvailable: 1 } },
    'healthy',
    /1 of 1/,
  ],
  [
    'ReplicaSet',
    { spec: { replicas: 2 }, status: { ...seen, replicas: 2, availableReplicas: 2 } },
    'healthy',
    /2 of 2/,
  ],
  ['Job', { status: { active: 1 } }, 'progressing', /^0 of 1 run done$/],
  [
    'Job',
    { spec: { completions: 3 }, status: { succeeded: 1, failed: 2 } },
    'progressing',
    /^1 of 3 runs done, 2 pods failed$/,
  ],
  ['Job', { status: { conditions: [condition('Complete', 'True')] } }, 'healthy', /done/],
  [
    'Job',
    { status: { conditions: [condition('Failed', 'True', 'BackoffLimitExceeded')] } },
    'failing',
    /^it failed: BackoffLimitExceeded$/,
  ],
  ['Job', { spec: { suspend: true } }, 'healthy', /suspended/],
  ['CronJob', { spec: { schedule: '0 3 * * *' } }, 'healthy', /0 3/],
  [
    'HorizontalPodAutoscaler',
    {
      status: {
        desiredReplicas: 2,
        conditions: [condition('ScalingActive', 'False', 'FailedGetResourceMetric', 'no metrics')],
      },
    },
    'progressing',
    /no metrics/,
  ],
  [
    'HorizontalPodAutoscaler',
    { spec: { maxReplicas: 5 }, status: { desiredReplicas: 2, conditions: [condition('ScalingActive', 'True')] } },
    'healthy',
    /2 pods, of at most 5/,
  ],
  ['PodDisruptionBudget', { status: { ...seen, currentHealthy: 1, desiredHealthy: 2 } }, 'progressing', /1 of 2/],
  ['Pod', { status: { phase: 'Running', conditions: [condition('Ready', 'True')] } }, 'healthy', /ready/],
  ['Pod', { status: { phase: 'Succeeded' } }, 'healthy', /done/],
  [
    'Pod',
    { status: { phase: 'Failed', reason: 'Evicted', message: 'the node was low on memory' } },
    'failing',
    /low on memory/,
  ],
  [
    'Pod',
    {
      status: {
        phase: 'Pending',
        conditions: [condition('PodScheduled', 'False', 'Unschedulable', '0/3 nodes are available')],
      },
    },
    'progressing',
    /0\/3 nodes/,
  ],
  [
    'Pod',
    {
      spec: { nodeName: 'a' },
      status: {
        phase: 'Pending',
        containerStatuses: [{ name: 'web', state: { waiting: { reason: 'ImagePullBackOff', message: 'not found' } } }],
      },
    },
    'failing',
    /container web: ImagePullBackOff, not found/,
  ],
  [
    'Pod',
    {
      spec: { nodeName: 'a' },
      status: {
        phase: 'Running',
        containerStatuses: [
          {
            name: 'web',
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { reason: 'Error', exitCode: 3 } },
          },
        ],
      },
    },
    'failing',
    /exit code 3/,
  ],
  [
    'PersistentVolumeClaim',
    { spec: { storageClassName: 'fast' }, status: { phase: 'Pending' } },
    'progressing',
    /of the class fast/,
  ],
  ['PersistentVolumeClaim', { status: { phase: 'Bound' } }, 'healthy', /volume/],
  ['PersistentVolumeClaim', { status: { phase: 'Lost' } }, 'failing', /gone/],
  ['Service', { spec: { type: 'LoadBalancer' } }, 'progressing', /no address/],
  [
    'Service',
    { spec: { type: 'LoadBalancer' }, status: { loadBalancer: { ingress: [{ ip: '10.0.0.1' }] } } },
    'healthy',
    /10\.0\.0\.1/,
  ],
  ['Service', { spec: {} }, 'healthy', /exists/],
  ['Ingress', {}, 'progressing', /no address/],
  [
    'HTTPRoute',
    { status: { parents: [{ conditions: [condition('Accepted', 'False', 'NoMatchingParent', 'no listener')] }] } },
    'failing',
    /Accepted is false: no listener/,
  ],
  ['CustomResourceDefinition', { status: { conditions: [condition('Established', 'True')] } }, 'healthy', /served/],
  [
    'CustomResourceDefinition',
    { status: { conditions: [condition('NamesAccepted', 'False', '', 'taken')] } },
    'failing',
    /taken/,
  ],
  [
    'APIService',
    { status: { conditions: [condition('Available', 'False', 'MissingEndpoints', 'nobody there')] } },
    'progressing',
    /nobody there/,
  ],
  ['Node', { status: { conditions: [condition('Ready', 'True')] } }, 'healthy', /ready/],
  ['Namespace', { status: { phase: 'Active' } }, 'healthy', /exists/],
  ['Database', {}, 'healthy', /the Database exists/],
  ['Database', { status: { observedGeneration: 1 } }, 'progressing', /not seen yet/],
  [
    'Database',
    { status: { conditions: [condition('Ready', 'False', 'NoDisk', 'no disk')] } },
    'progressing',
    /not Ready: no disk/,
  ],
  ['Database', { status: { conditions: [condition('Ready', 'True')] } }, 'healthy', /it is Ready/],
  ['Database', { status: { conditions: [condition('Stalled', 'True', 'Broken')] } }, 'failing', /Broken/],
  [
    'Pod',
    { metadata: { deletionTimestamp: 'x', finalizers: ['a/b'] } },
    'progressing',
    /being deleted, and waits for a\/b/,
  ],
];

describe('health', () => {
  for (const [kind, more, state, message] of rows) {
    test(`${kind} ${JSON.stringify(more)} is ${state}`, () => {
      const object = {
        apiVersion: apiVersions[kind] ?? 'v1',
        kind,
        metadata: { name: 'x', generation: 2 },
        ...more,
      } as KubeObject;
      const health = healthOf(object);
      assert.equal(health.state, state);
      assert.match(health.message, message);
    });
  }

  test('a Service with its endpoints: somebody ready must stand behind it', () => {
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec: {} } as KubeObject;
    const slices = (ready: boolean): EndpointSlice[] => [
      { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready } }] },
    ];
    assert.equal(healthOf(service, { endpointSlices: [] }).state, 'progressing');
    assert.equal(healthOf(service, { endpointSlices: slices(false) }).state, 'progressing');
    assert.equal(healthOf(service, { endpointSlices: slices(true) }).state, 'healthy');
  });
});
