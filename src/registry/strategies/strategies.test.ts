import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from '../../api/schema/types/core-v1.ts';
import { make, rejection, startRegistry } from '../testing.ts';

test('a new pod gets what a kubelet and a scheduler need to find', async () => {
  const cluster = await startRegistry();
  const pod = await cluster.create('pods', make.pod());
  assert.deepEqual(pod.status, { phase: 'Pending', qosClass: 'BestEffort' });
  assert.equal(pod.spec.serviceAccountName, 'default');
  assert.equal(pod.spec.priority, 0);
  assert.deepEqual(pod.spec.tolerations, [
    { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
  ]);
});

test('a pod that tolerates everything gets no more tolerations', async () => {
  const cluster = await startRegistry();
  const tolerations = [{ operator: 'Exists' }];
  const pod = await cluster.create('pods', make.pod({ spec: { tolerations } }));
  assert.deepEqual(pod.spec.tolerations, tolerations);
});

test('a pod’s negative grace period becomes a second, when it is made and later', async () => {
  const cluster = await startRegistry();
  const spec = { terminationGracePeriodSeconds: -1 };
  const pod = await cluster.create('pods', make.pod({ spec }));
  assert.equal((pod.spec as unknown as PodSpec).terminationGracePeriodSeconds, 1);
  const patched = await cluster.patch('pods', 'pod', { spec });
  assert.deepEqual(
    [(patched.spec as unknown as PodSpec).terminationGracePeriodSeconds, patched.metadata.generation],
    [1, 1],
  );
});

test('quality of service follows from requests and limits', async () => {
  const cluster = await startRegistry();
  const withResources = async (name: string, resources: object) => {
    const containers = [{ name: 'c', image: 'i', resources }];
    return (await cluster.create('pods', make.pod({ spec: { containers } }, name))).status.qosClass;
  };
  assert.equal(await withResources('a', { limits: { cpu: '1', memory: '1Gi' } }), 'Guaranteed');
  assert.equal(
    await withResources('b', { requests: { cpu: '500m', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } }),
    'Burstable',
  );
  assert.equal(await withResources('c', { limits: { cpu: '1' } }), 'Burstable');
  assert.equal(await withResources('d', { requests: { 'ephemeral-storage': '1Gi' } }), 'BestEffort');
});

test('a priority class gives a pod its number; an unknown one refuses it', async () => {
  const cluster = await startRegistry();
  const pod = await cluster.create('pods', make.pod({ spec: { priorityClassName: 'system-node-critical' } }));
  assert.equal(pod.spec.priority, 2_000_001_000);
  const error = await rejection(
    cluster.create('pods', make.pod({ spec: { priorityClassName: 'x' } }, 'b')),
    'Forbidden',
  );
  assert.equal(error.message, 'pods "b" is forbidden: no PriorityClass with name x was found');
  await cluster.create('priorityclasses.scheduling.k8s.io', {
    metadata: { name: 'low' },
    value: -5,
    globalDefault: true,
  });
  const other = await cluster.create('pods', make.pod({}, 'c'));
  assert.equal(other.spec.priority, -5);
  assert.equal(other.spec.priorityClassName, 'low');
});

test('of a running pod the image and a few more may change, the rest is refused', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod());
  const image = await cluster.patch('pods', 'pod', { spec: { containers: [{ name: 'main', image: 'x:2' }] } });
  assert.equal(image.metadata.generation, 2);
  await cluster.patch('pods', 'pod', { spec: { activeDeadlineSeconds: 100 } });
  await cluster.patch('pods', 'pod', {
    spec: { tolerations: [{ key: 'a', operator: 'Exists' }, ...(image.spec.tolerations as unknown as object[])] },
  });
  const node = await rejection(cluster.patch('pods', 'pod', { spec: { nodeName: 'n1' } }), 'Invalid');
  assert.match(
    node.message,
    /^Pod "pod" is invalid: spec: Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`,/,
  );
  assert.match(node.message, /\+ +"nodeName": "n1"/);
  await rejection(cluster.patch('pods', 'pod', { spec: { activeDeadlineSeconds: 200 } }), 'Invalid');
  const added = { spec: { containers: [{ name: 'more', image: 'i' }] } };
  const error = await rejection(cluster.patch('pods', 'pod', added), 'Invalid');
  assert.match(error.message, /spec\.containers: Forbidden: pod updates may not add or remove containers/);
});

test('a node’s report keeps the owners, and mirrors the addresses', async () => {
  const cluster = await startRegistry();
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u', controller: true };
  await cluster.create('pods', make.pod({ metadata: { ownerReferences: [owner] } }));
  const patch = {
    metadata: { ownerReferences: [], labels: { a: 'b' } },
    status: { phase: 'Running', podIP: '10.0.0.1' },
  };
  const pod = await cluster.patch('pods', 'pod', patch, { subresource: 'status', type: 'merge' });
  assert.deepEqual((pod.metadata as unknown as { ownerReferences: unknown }).ownerReferences, [owner]);
  assert.deepEqual((pod.status as unknown as { podIPs: unknown }).podIPs, [{ ip: '10.0.0.1' }]);
  assert.equal(pod.status.qosClass, 'BestEffort');
});

test('which generation a node saw stands where a report leaves it out', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod());
  const report = async (conditions: readonly object[], more: object = {}): Promise<unknown[]> => {
    const body = { status: { ...more, conditions } };
    const { status } = await cluster.patch('pods', 'pod', body, { subresource: 'status', type: 'merge' });
    const seen = status as unknown as { observedGeneration?: number; conditions: { observedGeneration?: number }[] };
    return [seen.observedGeneration, ...seen.conditions.map(({ observedGeneration }) => observedGeneration)];
  };
  const ready = (observedGeneration?: number): object => ({ type: 'Ready', status: 'True', observedGeneration });
  assert.deepEqual(await report([ready(), ready(1), ready(2)], { observedGeneration: 3 }), [3, undefined, 1, 2]);
  assert.deepEqual(await report([ready(4), ready(), ready()], { observedGeneration: null }), [3, 4, 1, 2]);
  assert.deepEqual(await report([{ type: 'Initialized', status: 'True' }]), [3, undefined]);
});

test('a service gets a free address and node ports, and keeps them', async () => {
  const cluster = await startRegistry();
  const spec = {
    type: 'NodePort',
    ports: [
      { port: 53, protocol: 'UDP', name: 'u' },
      { port: 53, name: 't' },
    ],
  };
  const created = await cluster.create('services', make.service({ spec }));
  assert.match(created.spec.clusterIP as unknown as string, /^10\.43\.\d+\.\d+$/);
  assert.deepEqual(created.spec.clusterIPs, [created.spec.clusterIP]);
  assert.equal(created.spec.ports[0].nodePort, created.spec.ports[1].nodePort, 'one number for both protocols');
  const updated = await cluster.update('services', make.service({ spec: { ...spec, selector: { a: 'b' } } }));
  assert.equal(updated.spec.clusterIP, created.spec.clusterIP);
  assert.equal(updated.spec.ports[0].nodePort, created.spec.ports[0].nodePort);
  const plain = await cluster.patch('services', 'web', { spec: { type: 'ClusterIP' } });
  assert.equal(plain.spec.ports[0].nodePort, undefined);
  assert.equal(plain.spec.externalTrafficPolicy, undefined);
});

test('an address or a port that somebody has is refused, one outside the range too', async () => {
  const cluster = await startRegistry();
  await cluster.create(
    'services',
    make.service({ spec: { clusterIP: '10.43.0.30', type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] } }),
  );
  const message = async (spec: object) =>
    (await rejection(cluster.create('services', make.service({ spec }, 'b')), 'Invalid')).message;
  assert.match(
    await message({ clusterIP: '10.43.0.30' }),
    /failed to allocate IP 10\.43\.0\.30: provided IP is already allocated/,
  );
  assert.match(await message({ clusterIP: '10.44.0.1' }), /the provided network does not match the current range/);
  assert.match(
    await message({ type: 'NodePort', ports: [{ port: 80, nodePort: 30080 }] }),
    /spec\.ports\[0\]\.nodePort: Invalid value: 30080: provided port is already allocated/,
  );
  assert.match(
    await message({ type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }),
    /The range of valid ports is 30000-32767/,
  );
});

test('services made at the same moment never share an address or a port', async () => {
  const cluster = await startRegistry();
  const spec = { type: 'NodePort', clusterIP: '10.43.0.77', ports: [{ port: 80, nodePort: 30077 }] };
  const outcomes = await Promise.allSettled(
    Array.from({ length: 5 }, (_, index) => cluster.create('services', make.service({ spec }, `s${index}`))),
  );
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  await Promise.all(
    Array.from({ length: 50 }, (_, index) => cluster.create('services', make.service({}, `t${index}`))),
  );
  const { objects } = await cluster.list('services', { namespace: '' });
  const addresses = objects.map((service) => (service as { spec?: { clusterIP?: string } }).spec?.clusterIP);
  assert.equal(new Set(addresses).size, addresses.length);
});

test('the status of a service is written without asking for addresses and ports again', async () => {
  const cluster = await startRegistry();
  const spec = { type: 'LoadBalancer', ports: [{ port: 80 }] };
  const created = await cluster.create('services', make.service({ spec }));
  const ingress = [{ ip: '203.0.113.1' }];
  const status = { loadBalancer: { ingress } };
  const patched = await cluster.patch('services', 'web', { status }, { subresource: 'status' });
  assert.deepEqual(patched.status, { loadBalancer: { ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }] } });
  assert.deepEqual(patched.spec, created.spec);
});

test('who makes a service external keeps nothing that it had of the cluster', async () => {
  const cluster = await startRegistry();
  const created = await cluster.create('services', make.service({ spec: { type: 'NodePort', ports: [{ port: 80 }] } }));
  const spec = { ...created.spec, type: 'ExternalName', externalName: 'a.example' };
  const external = await cluster.update('services', { ...created, spec });
  assert.deepEqual(external.spec, {
    type: 'ExternalName',
    externalName: 'a.example',
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    selector: { app: 'web' },
    sessionAffinity: 'None',
  });
});

test('headless and external services have no address', async () => {
  const cluster = await startRegistry();
  const headless = await cluster.create('services', make.service({ spec: { clusterIP: 'None' } }));
  assert.deepEqual(headless.spec.clusterIPs, ['None']);
  const external = await cluster.create('services', {
    metadata: { name: 'e' },
    spec: { type: 'ExternalName', externalName: 'a.example' },
  });
  assert.equal(external.spec.clusterIP, undefined);
});

test('the API’s own service stands at the first address', async () => {
  const cluster = await startRegistry();
  assert.equal((await cluster.get('services', 'kubernetes')).spec.clusterIP, '10.43.0.1');
});

test('a secret takes plain text and shows base64', async () => {
  const cluster = await startRegistry();
  const secret = await cluster.create('secrets', make.secret({ stringData: { a: 'ä' }, data: { b: 'eA==' } }));
  assert.equal(secret.type, 'Opaque');
  assert.equal(secret.stringData, undefined);
  assert.deepEqual(secret.data, { a: 'w6Q=', b: 'eA==' });
});

test('an immutable ConfigMap stays as it is', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', make.configMap({ data: { a: '1' }, immutable: true }));
  const error = await rejection(
    cluster.patch('configmaps', 'config', { data: { a: '2' } }, { type: 'merge' }),
    'Invalid',
  );
  assert.equal(
    error.message,
    'ConfigMap "config" is invalid: data: Forbidden: field is immutable when `immutable` is set',
  );
});

test('a job finds its pods by its own uid', async () => {
  const cluster = await startRegistry();
  const job = await cluster.create('jobs.batch', make.job());
  const uid = job.metadata.uid;
  assert.deepEqual(job.spec.selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': uid } });
  assert.deepEqual(job.spec.template.metadata.labels, {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': 'once',
    'controller-uid': uid,
    'job-name': 'once',
  });
  const suspended = await cluster.patch('jobs.batch', 'once', { spec: { suspend: true } });
  assert.equal(suspended.metadata.generation, 2);
});

test('a namespace carries its name as a label, and the API’s finalizer', async () => {
  const cluster = await startRegistry();
  const namespace = await cluster.create('namespaces', { metadata: { generateName: 'team-' } });
  assert.equal(
    (namespace.metadata.labels as unknown as Record<string, string>)['kubernetes.io/metadata.name'],
    namespace.metadata.name,
  );
  assert.deepEqual(namespace.spec.finalizers, ['kubernetes']);
  assert.equal(namespace.status.phase, 'Active');
});

test('a node registers with its status', async () => {
  const cluster = await startRegistry();
  const node = await cluster.create('nodes', make.node({ status: { capacity: { cpu: '2' } } }));
  assert.deepEqual((node.status as unknown as { allocatable: unknown }).allocatable, { cpu: '2' });
});

test('a cluster address that changes alone changes in both fields, and is refused in words that name it', async () => {
  const cluster = await startRegistry();
  const service = await cluster.create('services', make.service());
  const spec = { ...(service.spec as object), clusterIP: '10.43.0.99' };
  const error = await rejection(cluster.update('services', { ...service, spec }), 'Invalid');
  assert.match(error.message, /spec\.clusterIPs\[0\]: Invalid value: \["10\.43\.0\.99"\]: may not change once set/);
});

test('a role whose rule names no verbs is refused, and no bug', async () => {
  const cluster = await startRegistry();
  const role = { metadata: { name: 'r' }, rules: [{ apiGroups: [''], resources: ['pods'] }] };
  const error = await rejection(cluster.create('roles.rbac.authorization.k8s.io', role), 'Invalid');
  assert.match(error.message, /rules\[0\]\.verbs: Required value: verbs must contain at least one value$/);
});

test('a storage capacity changes only for who names the version he saw', async () => {
  const cluster = await startRegistry();
  const seen = await cluster.create('csistoragecapacities.storage.k8s.io', {
    metadata: { name: 'fast' },
    storageClassName: 'fast',
  });
  const { resourceVersion: _version, ...metadata } = seen.metadata;
  const blind = { ...seen, metadata: { ...metadata, labels: { a: 'b' } } };
  const error = await rejection(cluster.update('csistoragecapacities.storage.k8s.io', blind), 'Invalid');
  assert.match(error.message, /metadata\.resourceVersion: Invalid value: 0: must be specified for an update$/);
});

test('a pod gets from its runtime class what it costs and where it can run, and may not say otherwise', async () => {
  const cluster = await startRegistry();
  const podFixed = { cpu: '10m' };
  await cluster.create('runtimeclasses.node.k8s.io', {
    metadata: { name: 'boxed' },
    handler: 'boxed',
    overhead: { podFixed },
    scheduling: { nodeSelector: { box: 'yes' }, tolerations: [{ key: 'box', operator: 'Exists' }] },
  });
  const create = (name: string, spec: object) =>
    cluster.create('pods', make.pod({ spec: { containers: [{ name: 'c', image: 'i' }], ...spec } }, name));
  const refusal = async (spec: object): Promise<string> => (await rejection(create('no', spec), 'Forbidden')).message;
  const tolerations = [{ key: 'box', operator: 'Equal', value: 'a' }];
  const made = await create('boxed', { runtimeClassName: 'boxed', nodeSelector: { disk: 'fast' }, tolerations });
  const { overhead, nodeSelector } = made.spec as unknown as PodSpec;
  assert.deepEqual([overhead, nodeSelector], [podFixed, { disk: 'fast', box: 'yes' }]);
  assert.deepEqual(
    (made.spec.tolerations as unknown as { key: string; operator: string }[]).filter(({ key }) => key === 'box'),
    [{ key: 'box', operator: 'Exists' }],
  );
  assert.match(
    await refusal({ runtimeClassName: 'none' }),
    /is forbidden: pod rejected: RuntimeClass "none" not found$/,
  );
  assert.match(await refusal({ overhead: podFixed }), /Pod Overhead set without corresponding RuntimeClass defined/);
  assert.match(
    await refusal({ runtimeClassName: 'boxed', overhead: { cpu: '1' } }),
    /Pod's Overhead doesn't match RuntimeClass's defined Overhead/,
  );
  assert.match(
    await refusal({ runtimeClassName: 'boxed', nodeSelector: { box: 'no' } }),
    /conflict: runtimeClass\.scheduling\.nodeSelector\[box\] = yes; pod\.spec\.nodeSelector\[box\] = no/,
  );
});

test('names of sysctls are checked, long ones at once', async () => {
  const cluster = await startRegistry();
  const create = (...names: string[]) => {
    const sysctls = names.map((name) => ({ name, value: '1' }));
    return cluster.create('pods', make.pod({ spec: { securityContext: { sysctls } } }, 'tuned'));
  };
  const { message } = await rejection(create('foo-', 'kernel.shmmax', 'bar..', 'net/ipv4/a', 'net/ipv4/a'), 'Invalid');
  assert.match(
    message,
    /sysctls\[0\]\.name: Invalid value: "foo-": must have at most 253 characters and match regex \^/,
  );
  assert.match(message, /sysctls\[2\]\.name: Invalid value: "bar\.\."/);
  assert.match(message, /sysctls\[4\]\.name: Duplicate value: "net\/ipv4\/a"/);
  assert.doesNotMatch(message, /shmmax/);
  await rejection(create('a-'.repeat(126)), 'Invalid');
  await create('kernel.shm_rmid_forced', 'a'.repeat(253));
});

const newEvent = {
  metadata: { name: 'e' },
  regarding: { kind: 'Pod', namespace: 'default', name: 'p' },
  eventTime: '2026-01-01T00:00:00.000000Z',
  type: 'Normal',
  reason: 'Tried',
  action: 'Try',
  reportingController: 'a.b/c',
  reportingInstance: 'c-1',
};

test('an event of the newer group says when, who and what', async () => {
  const cluster = await startRegistry();
  const bare = { metadata: { name: 'e' }, regarding: { namespace: 'default' }, deprecatedCount: 1 };
  const timeless = await rejection(cluster.create('events.events.k8s.io', bare), 'Invalid');
  assert.match(timeless.message, /eventTime: Required value, type: Invalid value: "": has invalid value: , count: /);
  const { action: _action, reportingController: _controller, ...silent } = newEvent;
  const nobody = await rejection(cluster.create('events.events.k8s.io', silent), 'Invalid');
  assert.match(nobody.message, /^Event\.events\.k8s\.io "e" is invalid: \[reportingController: Required value, /);
  assert.match(nobody.message, /action: Required value\]$/);
  await cluster.create('events', { metadata: { name: 'e' }, involvedObject: { namespace: 'default' }, count: 1 });
});

test('of an event of the newer group only the series changes', async () => {
  const cluster = await startRegistry();
  await cluster.create('events.events.k8s.io', newEvent);
  const change = (patch: object): Promise<unknown> =>
    cluster.patch('events.events.k8s.io', 'e', patch, { type: 'merge' });
  const again = await rejection(change({ note: 'again' }), 'Invalid');
  assert.match(again.message, /message: Invalid value: "again": field is immutable$/);
  const lone = await rejection(change({ series: { count: 1, lastObservedTime: newEvent.eventTime } }), 'Invalid');
  assert.match(lone.message, /series\.count: Invalid value: "": should be at least 2$/);
  await change({ series: { count: 2, lastObservedTime: newEvent.eventTime } });
  await cluster.patch('events', 'e', { message: 'again' }, { type: 'merge' });
});

test('a claim’s two sources say the same, and what was never a source falls', async () => {
  const cluster = await startRegistry();
  const sources = async (name: string, given: object): Promise<unknown[]> => {
    const { spec } = await cluster.create('persistentvolumeclaims', make.claim({ spec: given }, name));
    const { dataSource, dataSourceRef } = spec as unknown as Record<string, unknown>;
    return [dataSource, dataSourceRef];
  };
  const claim = { kind: 'PersistentVolumeClaim', name: 'old' };
  const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' };
  const other = { apiGroup: 'example.com', kind: 'Backup', name: 'b' };
  assert.deepEqual(await sources('a', { dataSource: claim }), [claim, claim]);
  assert.deepEqual(await sources('b', { dataSource: snapshot }), [snapshot, snapshot]);
  assert.deepEqual(await sources('c', { dataSourceRef: other }), [other, other]);
  assert.deepEqual(await sources('d', { dataSource: other }), [undefined, undefined]);
  assert.deepEqual(await sources('e', { dataSourceRef: { ...other, namespace: 'elsewhere' } }), [undefined, undefined]);
  // An old client, which knows nothing of the reference, sends back what it read.
  const { dataSourceRef: _unknown, ...spec } = (await cluster.get('persistentvolumeclaims', 'c')).spec as unknown as {
    dataSourceRef: object;
  };
  const written = await cluster.update('persistentvolumeclaims', make.claim({ spec }, 'c'));
  assert.deepEqual((written.spec as unknown as { dataSourceRef: object }).dataSourceRef, other);
});

test('a claim’s template is not a claim yet: its source stays as it was written', async () => {
  const cluster = await startRegistry();
  const source = { kind: 'PersistentVolumeClaim', name: 'old' };
  const volumeClaimTemplates = [make.claim({ spec: { dataSource: source } }, 'data')];
  const set = await cluster.create('statefulsets.apps', make.statefulSet({ spec: { volumeClaimTemplates } }));
  const { volumeClaimTemplates: kept } = set.spec as unknown as {
    volumeClaimTemplates: { spec: { dataSource?: object; dataSourceRef?: object } }[];
  };
  assert.deepEqual(kept[0]?.spec.dataSource, source);
  assert.equal(kept[0]?.spec.dataSourceRef, undefined);
});

test('a node port is one Service’s, whatever the protocol', async () => {
  const cluster = await startRegistry();
  const tcp = (name: string, port: number, nodePort?: number) => ({ name, port, ...(nodePort && { nodePort }) });
  const udp = (name: string, port: number, nodePort?: number) => ({ ...tcp(name, port, nodePort), protocol: 'UDP' });
  const service = (ports: object[], name: string) => make.service({ spec: { type: 'NodePort', ports } }, name);
  const numbers = async (ports: object[], name: string): Promise<unknown[]> => {
    const { spec } = await cluster.create('services', service(ports, name));
    return (spec.ports as unknown as { nodePort: number }[]).map(({ nodePort }) => nodePort);
  };
  const message = async (ports: object[]): Promise<string> =>
    (await rejection(cluster.create('services', service(ports, 'other')), 'Invalid')).message;
  assert.deepEqual(await numbers([tcp('a', 53), udp('b', 53, 30_053)], 'dns'), [30_053, 30_053]);
  const again = /spec\.ports\[1\]\.nodePort: Invalid value: 30054: provided port is already allocated/;
  assert.match(await message([tcp('a', 1, 30_054), udp('b', 2, 30_054)]), again);
  assert.match(
    await message([udp('a', 9, 30_053)]),
    /spec\.ports\[0\]\.nodePort: .*provided port is already allocated/,
  );
  const own = (await cluster.get('services', 'dns')).spec as unknown as object;
  const ports = [tcp('a', 53, 30_053), udp('b', 54, 30_053)];
  const updated = await cluster.update('services', make.service({ spec: { ...own, ports } }, 'dns'));
  assert.equal(
    updated.spec.ports[0].nodePort,
    updated.spec.ports[1].nodePort,
    'what it has it may use for another port',
  );
});

test('the port of a health check is taken like any other', async () => {
  const cluster = await startRegistry();
  const service = (healthCheckNodePort: number, name: string) =>
    make.service({ spec: { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort } }, name);
  const message = async (port: number): Promise<string> =>
    (await rejection(cluster.create('services', service(port, 'other')), 'InternalError')).message;
  await cluster.create('services', service(31_000, 'first'));
  assert.equal(
    await message(31_000),
    'Internal error occurred: failed to allocate requested HealthCheck NodePort 31000: provided port is already allocated',
  );
  assert.match(await message(80), /HealthCheck NodePort 80: provided port is not in the valid range/);
});
