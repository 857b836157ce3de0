import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../object.ts';
import { resourceTable } from '../resource-table.ts';
import { printTable } from './print-table.ts';

const now = Date.parse('2026-01-02T00:00:00Z');
const minutesAgo = (minutes: number): string => new Date(now - minutes * 60_000).toISOString();

/** An object as JSON; the printers read it as its kind. */
function object(fields: object): KubeObject {
  const { metadata, ...rest } = fields as { metadata?: object };
  return { metadata: { name: 'x', creationTimestamp: minutesAgo(5), ...metadata }, ...rest };
}

function print(resource: string, fields: object): unknown[] {
  const [name = '', ...group] = resource.split('.');
  const table = printTable({ group: group.join('.'), resource: name }, [object(fields)], { now });
  assert.equal(table.rows[0]?.cells.length, table.columnDefinitions?.length);
  return [...(table.rows[0]?.cells ?? [])];
}

const template = {
  spec: {
    containers: [
      { name: 'a', image: 'i:1' },
      { name: 'b', image: 'i:2' },
    ],
  },
};
const selector = { matchLabels: { app: 'web' } };

const cases: readonly (readonly [string, object, readonly unknown[]])[] = [
  [
    'jobs.batch',
    { spec: { parallelism: 3, template }, status: { conditions: [{ type: 'SuccessCriteriaMet', status: 'True' }] } },
    ['x', 'SuccessCriteriaMet', '0/1 of 3', '', '5m', 'a,b', 'i:1,i:2', '<none>'],
  ],
  ['serviceaccounts', { secrets: [{ name: 's' }] }, ['x', '5m']],
  [
    'ingressclasses.networking.k8s.io',
    {
      metadata: { annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
      spec: { controller: 'c', parameters: { apiGroup: 'g', kind: 'K', name: 'n' } },
    },
    ['x (default)', 'c', 'K.g/n', '5m'],
  ],
  [
    'ingresses.networking.k8s.io',
    { spec: { rules: [{ host: 'a' }, {}, { host: 'b' }, { host: 'c' }, {}] } },
    ['x', '<none>', 'a,b,c + 2 more...', '', '80', '5m'],
  ],
  ['ingresses.networking.k8s.io', { spec: { rules: [{}, {}, {}, {}] } }, ['x', '<none>', '*', '', '80', '5m']],
  [
    'services',
    { spec: { type: 'ExternalName', externalName: 'e.example', ports: [] } },
    ['x', 'ExternalName', '<none>', 'e.example', '<none>', '5m', '<none>'],
  ],
  [
    'services',
    {
      spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'], externalIPs: ['9.9.9.9'] },
      status: { loadBalancer: { ingress: [{ ip: '2.2.2.2' }, { hostname: 'h' }, { ip: '1.1.1.1' }] } },
    },
    ['x', 'LoadBalancer', '10.0.0.1', '1.1.1.1,2.2.2.2,h,9.9.9.9', '<none>', '5m', '<none>'],
  ],
  ['deployments.apps', { spec: { template, selector: {} } }, ['x', '0/0', 0, 0, '5m', 'a,b', 'i:1,i:2', '']],
  [
    'volumeattributesclasses.storage.k8s.io',
    {
      metadata: { annotations: { 'volumeattributesclass.alpha.kubernetes.io/is-default-class': 'true' } },
      driverName: 'd',
    },
    ['x', 'd', '5m'],
  ],
  [
    'horizontalpodautoscalers.autoscaling',
    {
      spec: {
        scaleTargetRef: { kind: 'Deployment', name: 'd' },
        minReplicas: 1,
        maxReplicas: 5,
        metrics: [
          { type: 'Pods', pods: { target: { averageValue: '5' } } },
          { type: 'External', external: { target: { value: '30' } } },
          { type: 'Object', object: { target: { averageValue: '3' } } },
        ],
      },
      status: {
        currentMetrics: [{ type: 'Pods', pods: { current: { averageValue: '4' } } }, { external: { current: {} } }],
      },
    },
    ['x', 'Deployment/d', '4/5, <nil>/30 + 1 more...', '1', 5, 0, '5m'],
  ],
  [
    'validatingadmissionpolicybindings.admissionregistration.k8s.io',
    {
      spec: {
        policyName: 'p',
        paramRef: {
          selector: {
            matchLabels: { b: '2', a: '1' },
            matchExpressions: [{ key: 'k', operator: 'In', values: ['x', 'y'] }],
          },
        },
      },
    },
    [
      'x',
      'p',
      '&LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:k,Operator:In,Values:[x y],},},}',
      '5m',
    ],
  ],
  [
    'resourceclaims.resource.k8s.io',
    { status: { allocation: {}, reservedFor: [{ name: 'p' }] } },
    ['x', 'allocated,reserved', '5m'],
  ],
  ['resourceclaims.resource.k8s.io', { metadata: { deletionTimestamp: minutesAgo(1) } }, ['x', 'deleted', '5m']],
  ['deviceclasses.resource.k8s.io', {}, ['x', '5m']],
  ['servicecidrs.networking.k8s.io', { spec: { cidrs: ['10.0.0.0/8', 'fd::/64'] } }, ['x', '10.0.0.0/8,fd::/64', '5m']],
  [
    'ipaddresses.networking.k8s.io',
    { spec: { parentRef: { resource: 'services', namespace: 'n', name: 's' } } },
    ['x', 'services/n/s'],
  ],
  [
    'csidrivers.storage.k8s.io',
    { spec: { volumeLifecycleModes: ['Persistent', 'Ephemeral'], tokenRequests: [{ audience: 'a' }] } },
    ['x', true, false, false, 'a', false, 'Persistent,Ephemeral', '5m'],
  ],
  [
    'persistentvolumes',
    {
      metadata: { deletionTimestamp: minutesAgo(1) },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteMany', 'ReadWriteOnce'],
        claimRef: { namespace: 'n', name: 'c' },
      },
      status: { phase: 'Bound' },
    },
    ['x', '1Gi', 'RWO,RWX', '', 'Terminating', 'n/c', '', '<unset>', '', '5m', '<unset>'],
  ],
  [
    'deployments.apps',
    {
      spec: { replicas: 3, template, selector },
      status: { readyReplicas: 2, updatedReplicas: 3, availableReplicas: 1 },
    },
    ['x', '2/3', 3, 1, '5m', 'a,b', 'i:1,i:2', 'app=web'],
  ],
  [
    'replicasets.apps',
    { spec: { replicas: 3, template, selector }, status: { replicas: 2 } },
    ['x', 3, 2, 0, '5m', 'a,b', 'i:1,i:2', 'app=web'],
  ],
  ['statefulsets.apps', { spec: { replicas: 1, template } }, ['x', '0/1', '5m', 'a,b', 'i:1,i:2']],
  [
    'daemonsets.apps',
    { spec: { template, selector }, status: { desiredNumberScheduled: 1, currentNumberScheduled: 1, numberReady: 1 } },
    ['x', 1, 1, 1, 0, 0, '<none>', '5m', 'a,b', 'i:1,i:2', 'app=web'],
  ],
  [
    'jobs.batch',
    { spec: { completions: 2, template }, status: { succeeded: 1, startTime: minutesAgo(4) } },
    ['x', 'Running', '1/2', '4m', '5m', 'a,b', 'i:1,i:2', '<none>'],
  ],
  [
    'jobs.batch',
    {
      spec: { template },
      status: {
        succeeded: 1,
        startTime: minutesAgo(4),
        completionTime: minutesAgo(3),
        conditions: [{ type: 'Complete', status: 'True' }],
      },
    },
    ['x', 'Complete', '1/1', '60s', '5m', 'a,b', 'i:1,i:2', '<none>'],
  ],
  [
    'cronjobs.batch',
    { spec: { schedule: '* * * * *', suspend: false, jobTemplate: { spec: { template } } } },
    ['x', '* * * * *', '<none>', 'False', 0, '<none>', '5m', 'a,b', 'i:1,i:2', '<none>'],
  ],
  [
    'services',
    {
      spec: {
        type: 'ClusterIP',
        clusterIPs: ['10.0.0.1'],
        ports: [{ port: 80, protocol: 'TCP' }],
        selector: { b: '2', a: '1' },
      },
    },
    ['x', 'ClusterIP', '10.0.0.1', '<none>', '80/TCP', '5m', 'a=1,b=2'],
  ],
  [
    'services',
    {
      spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'], ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }] },
    },
    ['x', 'LoadBalancer', '10.0.0.1', '<pending>', '80:30080/TCP', '5m', '<none>'],
  ],
  [
    'endpoints',
    { subsets: [{ addresses: [{ ip: '1' }, { ip: '2' }, { ip: 'fd::3' }, { ip: '4' }], ports: [{ port: 80 }] }] },
    ['x', '1:80,2:80,[fd::3]:80 + 1 more...', '5m'],
  ],
  [
    'endpointslices.discovery.k8s.io',
    { addressType: 'IPv4', endpoints: [], ports: [{ port: 80 }] },
    ['x', 'IPv4', '80', '<unset>', '5m'],
  ],
  [
    'ingresses.networking.k8s.io',
    { spec: { ingressClassName: 'h', rules: [{ host: 'a' }, { host: 'b' }], tls: [{}] } },
    ['x', 'h', 'a,b', '', '80, 443', '5m'],
  ],
  ['networkpolicies.networking.k8s.io', { spec: { podSelector: {} } }, ['x', '<none>', '5m']],
  ['namespaces', { status: { phase: 'Active' } }, ['x', 'Active', '5m']],
  ['configmaps', { data: { a: '1' }, binaryData: { b: '' } }, ['x', 2, '5m']],
  ['secrets', { type: 'Opaque', data: { a: '' } }, ['x', 'Opaque', 1, '5m']],
  [
    'persistentvolumeclaims',
    {
      spec: { volumeName: 'v', storageClassName: 's' },
      status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] },
    },
    ['x', 'Bound', 'v', '1Gi', 'RWO', 's', '<unset>', '5m', '<unset>'],
  ],
  [
    'storageclasses.storage.k8s.io',
    { metadata: { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } }, provisioner: 'p' },
    ['x (default)', 'p', 'Delete', 'Immediate', false, '5m'],
  ],
  ['leases.coordination.k8s.io', { spec: { holderIdentity: 'h' } }, ['x', 'h', '5m']],
  ['poddisruptionbudgets.policy', { spec: { minAvailable: '50%' } }, ['x', '50%', 'N/A', 0, '5m']],
  [
    'horizontalpodautoscalers.autoscaling',
    {
      spec: {
        scaleTargetRef: { kind: 'Deployment', name: 'd' },
        maxReplicas: 5,
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { averageUtilization: 80 } } }],
      },
    },
    ['x', 'Deployment/d', 'cpu: <unknown>/80%', '<unset>', 5, 0, '5m'],
  ],
  [
    'horizontalpodautoscalers.autoscaling',
    {
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'd' }, maxReplicas: 5, targetCPUUtilizationPercentage: 70 },
      status: { currentCPUUtilizationPercentage: 9 },
    },
    ['x', 'Deployment/d', 'cpu: 9%/70%', '<unset>', 5, 0, '5m'],
  ],
  [
    'rolebindings.rbac.authorization.k8s.io',
    {
      roleRef: { kind: 'Role', name: 'r' },
      subjects: [
        { kind: 'ServiceAccount', namespace: 'n', name: 's' },
        { kind: 'User', name: 'u' },
      ],
    },
    ['x', 'Role/r', '5m', 'u', '', 'n/s'],
  ],
  [
    'certificatesigningrequests.certificates.k8s.io',
    {
      spec: { signerName: 's', username: 'u', expirationSeconds: 3600 },
      status: { certificate: 'c', conditions: [{ type: 'Approved' }] },
    },
    ['x', '5m', 's', 'u', '60m', 'Approved,Issued'],
  ],
  ['roles.rbac.authorization.k8s.io', {}, ['x', minutesAgo(5)]],
  [
    'resourcequotas',
    { status: { hard: { pods: '5', 'limits.cpu': '2' }, used: { pods: '1' } } },
    ['x', 'pods: 1/5', 'limits.cpu: 0/2', '5m'],
  ],
  [
    'apiservices.apiregistration.k8s.io',
    { spec: {}, status: { conditions: [{ type: 'Available', status: 'False', reason: 'Gone' }] } },
    ['x', 'Local', 'False (Gone)', '5m'],
  ],
  [
    'events',
    {
      involvedObject: { kind: 'Pod', name: 'p' },
      type: 'Normal',
      reason: 'R',
      message: ' m\n',
      firstTimestamp: minutesAgo(3),
      lastTimestamp: minutesAgo(2),
      source: { component: 'c', host: 'h' },
      count: 4,
    },
    ['2m', 'Normal', 'R', 'pod/p', '', 'c, h', 'm', '3m', 4, 'x'],
  ],
  [
    'events.events.k8s.io',
    {
      regarding: { kind: 'Pod', name: 'p' },
      type: 'Normal',
      reason: 'R',
      note: 'm',
      eventTime: minutesAgo(3),
      reportingController: 'c',
    },
    ['3m', 'Normal', 'R', 'pod/p', '', 'c', 'm', '3m', 1, 'x'],
  ],
];

for (const [resource, fields, expected] of cases) {
  test(`${resource}: ${expected.join(' | ')}`, () => assert.deepEqual(print(resource, fields), expected));
}

test('nodes show readiness, roles and addresses', () => {
  const node = {
    metadata: {
      labels: { 'node-role.kubernetes.io/b': '', 'node-role.kubernetes.io/a': '', 'kubernetes.io/role': 'c' },
    },
    spec: { unschedulable: true },
    status: {
      conditions: [{ type: 'Ready', status: 'Unknown' }],
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
      nodeInfo: { kubeletVersion: 'v1', osImage: 'os', kernelVersion: 'k', containerRuntimeVersion: 'containerd://2' },
    },
  };
  assert.deepEqual(print('nodes', node), [
    'x',
    'NotReady,SchedulingDisabled',
    'a,b,c',
    '5m',
    'v1',
    '10.0.0.1',
    '<none>',
    'os',
    'k',
    'containerd://2',
  ]);
});

test('every resource that can be listed can be printed, and unknown ones have their name and age', () => {
  for (const { group, resource } of resourceTable().all) printTable({ group, resource }, [], { now });
  assert.deepEqual(print('widgets.example.com', {}), ['x', '5m']);
});

test('rows carry the object that was asked for', () => {
  const pod = object({ spec: { containers: [] } });
  const rowWith = (includeObject: 'None' | 'Metadata' | 'Object'): object | undefined =>
    printTable({ group: '', resource: 'pods' }, [pod], { now, includeObject }).rows[0];
  assert.equal((rowWith('None') as { object: unknown }).object, null);
  assert.deepEqual((rowWith('Metadata') as { object: unknown }).object, {
    kind: 'PartialObjectMetadata',
    apiVersion: 'meta.k8s.io/v1',
    metadata: pod.metadata,
  });
  assert.equal((rowWith('Object') as { object: unknown }).object, pod);
});

test('headers can be left out, and wide columns have priority 1', () => {
  const info = { group: '', resource: 'pods' };
  assert.equal(printTable(info, [], { now, noHeaders: true }).columnDefinitions, null);
  const { columnDefinitions, metadata, kind, apiVersion } = printTable(info, [], {
    now,
    metadata: { resourceVersion: '7' },
  });
  assert.deepEqual([kind, apiVersion, metadata], ['Table', 'meta.k8s.io/v1', { resourceVersion: '7' }]);
  assert.deepEqual(columnDefinitions?.[0], {
    name: 'Name',
    type: 'string',
    format: 'name',
    description: 'The name, which is unique among objects of this kind in a namespace.',
    priority: 0,
  });
  assert.equal(columnDefinitions?.find(({ name }) => name === 'Node')?.priority, 1);
});

test('the scale subresource has columns of its own', () => {
  const scale = object({ spec: { replicas: 3 }, status: { replicas: 2 } });
  const table = printTable({ group: 'apps', resource: 'deployments' }, [scale], { now, subresource: 'scale' });
  assert.deepEqual(table.rows[0]?.cells, ['x', 3, 2, '5m']);
});

test('flow schemas stand in the order in which they are tried', () => {
  const schema = (name: string, matchingPrecedence: number) =>
    object({ metadata: { name }, spec: { priorityLevelConfiguration: {}, matchingPrecedence } });
  const list = [schema('late', 900), schema('b', 100), schema('a', 100)];
  const table = printTable({ group: 'flowcontrol.apiserver.k8s.io', resource: 'flowschemas' }, list, { now });
  assert.deepEqual(
    table.rows.map(({ cells }) => (cells as unknown[])[0]),
    ['a', 'b', 'late'],
  );
});

test('a kernel is shown with its architecture', () => {
  const nodeInfo = {
    kernelVersion: '6.1',
    architecture: 'arm64',
    osImage: 'o',
    kubeletVersion: 'v1',
    containerRuntimeVersion: 'c://1',
  };
  assert.equal(print('nodes', { status: { nodeInfo } })[8], '6.1 (arm64)');
});

test('every column of a built-in kind says what it is', () => {
  for (const { group, resource } of resourceTable().all) {
    for (const { name, description } of printTable({ group, resource }, [], { now }).columnDefinitions ?? []) {
      assert.notEqual(description, '', `${resource}: ${name}`);
    }
  }
});
