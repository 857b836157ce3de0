import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourceTable } from '../api/resource-table.ts';
import { limits } from '../lib/limits.ts';
import { authorityPem, make, rejection, requestPem, resourceNamed, startRegistry, text } from './testing.ts';

test('a created object carries what the server owns, and reads back the same', async () => {
  const cluster = await startRegistry();
  const created = await cluster.create('deployments.apps', make.deployment());
  assert.match(text(created.metadata.uid), /^[0-9a-f-]{36}$/);
  assert.equal(created.metadata.creationTimestamp, '2026-01-01T00:00:00Z');
  assert.equal(created.metadata.generation, 1);
  assert.equal(created.metadata.namespace, 'default');
  assert.equal(created.spec.replicas, 1);
  assert.deepEqual(created.status, {});
  assert.deepEqual(await cluster.get('deployments.apps', 'web'), created);
  assert.ok(Object.isFrozen(created.spec));
});

test('what the client may not set on a new object is overwritten or refused', async () => {
  const cluster = await startRegistry();
  const metadata = { uid: 'mine', generation: 7, deletionTimestamp: '2020-01-01T00:00:00Z', selfLink: '/x' };
  const created = await cluster.create('deployments.apps', make.deployment({ metadata }));
  assert.notEqual(created.metadata.uid, 'mine');
  assert.equal(created.metadata.generation, 1);
  assert.equal(created.metadata.deletionTimestamp, undefined);
  assert.equal(created.metadata.selfLink, undefined);
  const error = await rejection(
    cluster.create('configmaps', make.configMap({ metadata: { resourceVersion: '5' } })),
    'BadRequest',
  );
  assert.equal(error.message, 'resourceVersion should not be set on objects to be created');
});

test('a second object of the same name is refused, a generated name gets another suffix', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', make.configMap());
  const error = await rejection(cluster.create('configmaps', make.configMap()), 'AlreadyExists');
  assert.equal(error.message, 'configmaps "config" already exists');
  const generated = await cluster.create('configmaps', { metadata: { generateName: 'config-' } });
  assert.match(text(generated.metadata.name), /^config-[a-z0-9]{5}$/);
});

test('a body for another kind, version, name or namespace is refused in upstream’s words', async () => {
  const cluster = await startRegistry();
  const message = async (work: Promise<unknown>) => (await rejection(work, 'BadRequest')).message;
  assert.equal(
    await message(cluster.create('deployments.apps', { ...make.deployment(), apiVersion: 'apps/v2' })),
    'the API version in the data (apps/v2) does not match the expected API version (apps/v1)',
  );
  assert.match(
    await message(cluster.create('pods', make.service())),
    /^Service in version "v1" cannot be handled as a Pod: /,
  );
  assert.equal(
    await message(cluster.create('configmaps', make.configMap({ metadata: { namespace: 'other' } }))),
    'the namespace of the provided object does not match the namespace sent on the request',
  );
  await cluster.create('configmaps', make.configMap());
  assert.equal(
    await message(cluster.update('configmaps', make.configMap(), { name: 'else' })),
    'the name of the object (config) does not match the name on the URL (else)',
  );
});

test('strict field validation refuses unknown and repeated fields, Warn tells them, Ignore drops them', async () => {
  const cluster = await startRegistry();
  const body = make.deployment({ spec: { foo: 1 } });
  const duplicateFields = ['duplicate field "spec.replicas"'];
  const error = await rejection(
    cluster.create('deployments.apps', body, { fieldValidation: 'Strict', duplicateFields }),
    'BadRequest',
  );
  assert.equal(
    error.message,
    'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: ' +
      'duplicate field "spec.replicas", unknown field "spec.foo"',
  );
  const inDocumentOrder = (unknown: readonly string[]): readonly string[] => [...unknown, ...duplicateFields];
  const ordered = await rejection(
    cluster.create('deployments.apps', body, { fieldValidation: 'Strict', duplicateFields, inDocumentOrder }),
    'BadRequest',
  );
  assert.match(ordered.message, /: unknown field "spec.foo", duplicate field "spec.replicas"$/);
  const warned = await cluster.createResult('deployments.apps', body, { fieldValidation: 'Warn', dryRun: true });
  assert.deepEqual(warned.warnings, ['unknown field "spec.foo"']);
  const ignored = await cluster.createResult('deployments.apps', body, { fieldValidation: 'Ignore' });
  assert.deepEqual(ignored.warnings, []);
  assert.equal((ignored.object as unknown as { spec: { foo?: number } }).spec.foo, undefined);
});

test('a dry run answers as if, and changes nothing', async () => {
  const cluster = await startRegistry();
  const before = cluster.store.revision;
  const pod = await cluster.create('pods', make.pod(), { dryRun: true });
  assert.equal(pod.metadata.resourceVersion, undefined);
  assert.equal(await cluster.find('pods', 'pod'), undefined);
  assert.equal(cluster.store.revision, before);
});

test('an update needs the version it was made from, or none', async () => {
  const cluster = await startRegistry();
  const first = await cluster.create('configmaps', make.configMap({ data: { a: '1' } }));
  await cluster.update('configmaps', make.configMap({ data: { a: '2' } }));
  const error = await rejection(cluster.update('configmaps', { ...first, data: { a: '3' } }), 'Conflict');
  assert.equal(
    error.message,
    'Operation cannot be fulfilled on configmaps "config": the object has been modified; ' +
      'please apply your changes to the latest version and try again',
  );
  assert.equal((await cluster.get('configmaps', 'config')).data.a, '2');
});

test('an update that changes nothing writes nothing', async () => {
  const cluster = await startRegistry();
  const created = await cluster.create('deployments.apps', make.deployment());
  const again = await cluster.update('deployments.apps', make.deployment());
  assert.equal(again.metadata.resourceVersion, created.metadata.resourceVersion);
  const patched = await cluster.patch('deployments.apps', 'web', { spec: { replicas: 1 } });
  assert.equal(patched.metadata.resourceVersion, created.metadata.resourceVersion);
});

test('generation counts changes of the spec, not of labels or status', async () => {
  const cluster = await startRegistry();
  await cluster.create('deployments.apps', make.deployment());
  const labelled = await cluster.patch('deployments.apps', 'web', { metadata: { labels: { a: 'b' } } });
  assert.equal(labelled.metadata.generation, 1);
  const scaled = await cluster.patch('deployments.apps', 'web', { spec: { replicas: 3 } });
  assert.equal(scaled.metadata.generation, 2);
  const status = await cluster.patch('deployments.apps', 'web', { status: { replicas: 3 } }, { subresource: 'status' });
  assert.equal(status.metadata.generation, 2);
});

test('the main resource keeps the status, and /status keeps the spec', async () => {
  const cluster = await startRegistry();
  const created = await cluster.create('deployments.apps', make.deployment({ status: { replicas: 9 } }));
  assert.deepEqual(created.status, {});
  await cluster.update('deployments.apps', make.deployment({ spec: { replicas: 5 }, status: { replicas: 2 } }), {
    subresource: 'status',
  });
  const changed = await cluster.get('deployments.apps', 'web');
  assert.equal(changed.spec.replicas, 1);
  assert.equal(changed.status.replicas, 2);
  await cluster.update('deployments.apps', make.deployment({ spec: { replicas: 5 }, status: { replicas: 7 } }));
  const scaled = await cluster.get('deployments.apps', 'web');
  assert.equal(scaled.spec.replicas, 5);
  assert.equal(scaled.status.replicas, 2);
});

test('the selector of a workload never changes, nor does it miss its template', async () => {
  const cluster = await startRegistry();
  await cluster.create('deployments.apps', make.deployment());
  const labels = { app: 'other' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  const changed = make.deployment({ spec: { selector: { matchLabels: labels }, template } });
  const error = await rejection(cluster.update('deployments.apps', changed), 'Invalid');
  assert.equal(
    error.message,
    'Deployment.apps "web" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable',
  );
  const missing = make.deployment({ spec: { selector: { matchLabels: labels } } }, 'other');
  const refused = await rejection(cluster.create('deployments.apps', missing), 'Invalid');
  assert.equal(
    refused.message,
    'Deployment.apps "other" is invalid: spec.template.metadata.labels: Invalid value: {"app":"web"}: ' +
      '`selector` does not match template `labels`',
  );
});

test('patches of all three kinds change what they say', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod());
  const strategic = { spec: { containers: [{ name: 'main', image: 'new:2' }] } };
  assert.equal((await cluster.patch('pods', 'pod', strategic)).spec.containers[0].image, 'new:2');
  const merge = { metadata: { labels: { a: 'b' } } };
  assert.equal((await cluster.patch('pods', 'pod', merge, { type: 'merge' })).metadata.labels.a, 'b');
  const json = [{ op: 'replace', path: '/metadata/labels/a', value: 'c' }];
  assert.equal((await cluster.patch('pods', 'pod', json, { type: 'json' })).metadata.labels.a, 'c');
});

test('a patch that names a version holds to it; one that names none never loses a race', async () => {
  const cluster = await startRegistry();
  const created = await cluster.create('configmaps', make.configMap({ data: {} }));
  const writers = Array.from({ length: 20 }, (_, index) =>
    cluster.patch('configmaps', 'config', { data: { [`k${index}`]: 'x' } }, { type: 'merge' }),
  );
  await Promise.all(writers);
  assert.equal(Object.keys((await cluster.get('configmaps', 'config')).data).length, 20);
  const pinned = { metadata: { resourceVersion: created.metadata.resourceVersion }, data: { a: 'b' } };
  await rejection(cluster.patch('configmaps', 'config', pinned, { type: 'merge' }), 'Conflict');
});

test('hundreds of writers on one object all get through, and few of their changes are made in vain', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', make.configMap({ data: {} }));
  const { store } = cluster;
  const write = store.write.bind(store);
  let writes = 0;
  store.write = (operation) => {
    writes++;
    return write(operation);
  };
  const change = (key: string) => cluster.patch('configmaps', 'config', { data: { [key]: 'x' } }, { type: 'merge' });
  const writer = async (index: number): Promise<void> => {
    for (let round = 0; round < 10; round++) await change(`k${index}-${round}`);
  };
  await Promise.all(Array.from({ length: 30 }, (_, index) => writer(index)));
  assert.equal(Object.keys((await cluster.get('configmaps', 'config')).data).length, 300);
  assert.ok(writes < 400, `${writes} writes for 300 changes`);
});

test('an unknown field in a patch is the patch’s fault', async () => {
  const cluster = await startRegistry();
  await cluster.create('pods', make.pod());
  const error = await rejection(
    cluster.patch('pods', 'pod', { spec: { foo: 1 } }, { fieldValidation: 'Strict' }),
    'Invalid',
  );
  assert.match(error.message, /strict decoding error: unknown field "spec\.foo"/);
});

test('a PUT creates only the kinds that upstream lets it create', async () => {
  const cluster = await startRegistry();
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l', resourceVersion: '1' } };
  const created = await cluster.update('leases.coordination.k8s.io', lease);
  assert.equal(created.metadata.name, 'l');
  await rejection(cluster.update('configmaps', make.configMap()), 'NotFound');
});

test('a kind that wants the version in a PUT says so', async () => {
  const cluster = await startRegistry();
  const budget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'b' },
    spec: { minAvailable: 1 },
  };
  await cluster.create('poddisruptionbudgets.policy', budget);
  const error = await rejection(cluster.update('poddisruptionbudgets.policy', budget), 'Invalid');
  assert.match(error.message, /metadata\.resourceVersion: Invalid value: 0: must be specified for an update/);
});

/** What they hold goes first, by somebody else's hand. */
const isHeld: ReadonlySet<string> = new Set(['namespaces', 'customresourcedefinitions']);

test('every resource of the table that is stored can be created, read, listed, patched and deleted', async () => {
  const cluster = await startRegistry();
  const stored = resourceTable().all.filter((info) => info.verbs.includes('create') && info.verbs.includes('get'));
  assert.ok(stored.length > 45);
  for (const info of stored) {
    const name = `${info.resource}.${info.version}.${info.group}`.replace(/\.$/, '');
    const body = bodies[`${info.resource}.${info.group}`] ?? {};
    const objectName = (body as { metadata?: { name?: string } }).metadata?.name ?? 'x';
    const created = await cluster.create(name, {
      ...body,
      metadata: { ...(body as { metadata?: object }).metadata, name: objectName },
    });
    assert.equal(created.kind, info.kind, name);
    // Custom resources take no strategic merge.
    const type = info.custom ? 'merge' : 'strategic';
    const patched = await cluster.patch(name, objectName, { metadata: { labels: { a: 'b' } } }, { type });
    assert.equal(patched.metadata.labels.a, 'b', name);
    assert.ok((await cluster.names(name)).includes(objectName), name);
    const unprotected = { metadata: { finalizers: null } };
    if (created.metadata.finalizers) await cluster.patch(name, objectName, unprotected, { type: 'merge' });
    await cluster.delete(name, objectName, { propagationPolicy: 'Background' });
    if (!isHeld.has(info.resource)) assert.equal(await cluster.find(name, objectName), undefined, name);
  }
});

const labels = { app: 'web' };
const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
const once = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } };

const admitted = {
  resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
};

const routeRules = [{ backendRefs: [{ name: 'web', port: 80 }] }];
const listeners = [{ name: 'http', port: 80, protocol: 'HTTP' }];

/** What a kind asks for beside a name. */
const bodies: Readonly<Record<string, object>> = {
  'backendtlspolicies.gateway.networking.k8s.io': {
    spec: {
      targetRefs: [{ group: '', kind: 'Service', name: 'web' }],
      validation: { hostname: 'a.example', wellKnownCACertificates: 'System' },
    },
  },
  'gatewayclasses.gateway.networking.k8s.io': { spec: { controllerName: 'a.b/c' } },
  'gateways.gateway.networking.k8s.io': { spec: { gatewayClassName: 'a', listeners } },
  'grpcroutes.gateway.networking.k8s.io': { spec: {} },
  'httproutes.gateway.networking.k8s.io': { spec: {} },
  'listenersets.gateway.networking.k8s.io': { spec: { parentRef: { name: 'a' }, listeners } },
  'referencegrants.gateway.networking.k8s.io': {
    spec: { from: [{ group: '', kind: 'Pod', namespace: 'a' }], to: [{ group: '', kind: 'Secret' }] },
  },
  'tcproutes.gateway.networking.k8s.io': { spec: { rules: routeRules } },
  'tlsroutes.gateway.networking.k8s.io': { spec: { hostnames: ['a.example'], rules: routeRules } },
  'udproutes.gateway.networking.k8s.io': { spec: { rules: routeRules } },
  'devicetaintrules.resource.k8s.io': { spec: { taint: { key: 'a.b/c', effect: 'NoSchedule' } } },
  'podgroups.scheduling.k8s.io': { spec: { schedulingPolicy: { basic: {} } } },
  'workloads.scheduling.k8s.io': { spec: { podGroupTemplates: [{ name: 'a', schedulingPolicy: { basic: {} } }] } },
  'pods.': make.pod(),
  'services.': make.service(),
  'replicationcontrollers.': { spec: { selector: labels, template } },
  'podtemplates.': { template },
  'persistentvolumeclaims.': make.claim(),
  'persistentvolumes.': {
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } },
  },
  'events.': { involvedObject: { namespace: 'default' } },
  'events.events.k8s.io': {
    regarding: { namespace: 'default' },
    eventTime: '2026-01-01T00:00:00.000000Z',
    type: 'Normal',
    reason: 'Tried',
    action: 'Try',
    reportingController: 'a.b/c',
    reportingInstance: 'c-1',
  },
  'deployments.apps': { spec: { selector: { matchLabels: labels }, template } },
  'replicasets.apps': { spec: { selector: { matchLabels: labels }, template } },
  'statefulsets.apps': { spec: { selector: { matchLabels: labels }, template } },
  'daemonsets.apps': { spec: { selector: { matchLabels: labels }, template } },
  'jobs.batch': { spec: { template: once } },
  'cronjobs.batch': { spec: { schedule: '@daily', jobTemplate: { spec: { template: once } } } },
  'controllerrevisions.apps': { data: { spec: {} }, revision: 1 },
  'horizontalpodautoscalers.autoscaling': {
    spec: { maxReplicas: 2, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' } },
  },
  'certificatesigningrequests.certificates.k8s.io': {
    spec: { request: requestPem, signerName: 'a.b/c', usages: ['client auth'] },
  },
  'clustertrustbundles.certificates.k8s.io': { spec: { trustBundle: authorityPem } },
  'rolebindings.rbac.authorization.k8s.io': { roleRef: { kind: 'Role', name: 'r' } },
  'clusterrolebindings.rbac.authorization.k8s.io': { roleRef: { kind: 'ClusterRole', name: 'r' } },
  'storageclasses.storage.k8s.io': { provisioner: 'a.b/c' },
  'volumeattachments.storage.k8s.io': {
    spec: { attacher: 'a.b', nodeName: 'n', source: { persistentVolumeName: 'v' } },
  },
  'csistoragecapacities.storage.k8s.io': { storageClassName: 's' },
  'volumeattributesclasses.storage.k8s.io': { driverName: 'd', parameters: { speed: 'high' } },
  'runtimeclasses.node.k8s.io': { handler: 'runc' },
  'endpointslices.discovery.k8s.io': { addressType: 'IPv4' },
  'customresourcedefinitions.apiextensions.k8s.io': {
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  },
  'apiservices.apiregistration.k8s.io': {
    metadata: { name: 'v1.example.com' },
    spec: { group: 'example.com', version: 'v1', groupPriorityMinimum: 100, versionPriority: 10 },
  },
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': {
    spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } },
  },
  'flowschemas.flowcontrol.apiserver.k8s.io': { spec: { priorityLevelConfiguration: { name: 'p' } } },
  'ipaddresses.networking.k8s.io': {
    metadata: { name: '10.43.9.9' },
    spec: { parentRef: { name: 'n', resource: 'services' } },
  },
  'ingressclasses.networking.k8s.io': { spec: { controller: 'a.b/c' } },
  'ingresses.networking.k8s.io': { spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } } },
  'servicecidrs.networking.k8s.io': { spec: { cidrs: ['192.168.0.0/24'] } },
  'validatingadmissionpolicies.admissionregistration.k8s.io': {
    spec: { matchConstraints: admitted, validations: [{ expression: 'true' }] },
  },
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': {
    spec: { policyName: 'p', validationActions: ['Deny'] },
  },
  'mutatingadmissionpolicies.admissionregistration.k8s.io': {
    spec: {
      matchConstraints: admitted,
      reinvocationPolicy: 'Never',
      mutations: [{ patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{}]' } }],
    },
  },
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': { spec: { policyName: 'p' } },
  'csidrivers.storage.k8s.io': { spec: {} },
  'resourceslices.resource.k8s.io': {
    spec: { driver: 'd', pool: { name: 'p', resourceSliceCount: 1 }, allNodes: true },
  },
};

test('events show the same object in both groups, under each group’s names', async () => {
  const cluster = await startRegistry();
  const body = {
    metadata: { name: 'e' },
    regarding: { kind: 'Pod', namespace: 'default', name: 'p' },
    note: 'hello',
    eventTime: '2026-01-01T00:00:00.000000Z',
    type: 'Normal',
    reason: 'Tried',
    action: 'Try',
    reportingController: 'a.b/c',
    reportingInstance: 'c-1',
  };
  await cluster.create('events.events.k8s.io', body);
  const core = await cluster.get('events', 'e');
  assert.equal(core.apiVersion, 'v1');
  assert.equal(core.message, 'hello');
  assert.equal(core.involvedObject.name, 'p');
  const series = { count: 2, lastObservedTime: '2026-01-01T00:01:00.000000Z' };
  const patched = await cluster.patch('events.events.k8s.io', 'e', { series }, { type: 'merge' });
  assert.equal(patched.apiVersion, 'events.k8s.io/v1');
  assert.deepEqual((patched as { series?: unknown }).series, series);
  assert.deepEqual(await cluster.names('events', { fieldSelector: 'involvedObject.name=p,involvedObject.kind=Pod' }), [
    'e',
  ]);
});

test('an autoscaler written in v1 is read in v2, and the other way round', async () => {
  const cluster = await startRegistry();
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
  const v1 = 'horizontalpodautoscalers.v1.autoscaling';
  const v2 = 'horizontalpodautoscalers.v2.autoscaling';
  await cluster.create(v1, {
    metadata: { name: 'a' },
    spec: { maxReplicas: 3, scaleTargetRef, targetCPUUtilizationPercentage: 50 },
  });
  const metric = (await cluster.get(v2, 'a')).spec.metrics[0];
  assert.equal(metric.resource.target.averageUtilization, 50);
  const memory = {
    type: 'Resource',
    resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } },
  };
  await cluster.create(v2, { metadata: { name: 'b' }, spec: { maxReplicas: 3, scaleTargetRef, metrics: [memory] } });
  const old = await cluster.get(v1, 'b');
  assert.equal(old.spec.targetCPUUtilizationPercentage, undefined);
  await cluster.update(v1, { ...old, spec: { ...old.spec, maxReplicas: 4 } });
  assert.deepEqual((await cluster.get(v2, 'b')).spec.metrics, [memory]);
});

test('the fast path gives the stored entry, conversion does not', async () => {
  const cluster = await startRegistry();
  await cluster.create('events', { metadata: { name: 'e' }, involvedObject: { namespace: 'default' } });
  const direct = await cluster.registry.get(cluster.target('events', { name: 'e' }));
  assert.equal(direct.entry?.object, direct.object);
  const converted = await cluster.registry.get(cluster.target('events.events.k8s.io', { name: 'e' }));
  assert.equal(converted.entry, undefined);
});

test('resources are found by the names that the tests use', () => {
  assert.equal(resourceNamed('horizontalpodautoscalers.v1.autoscaling').version, 'v1');
  assert.equal(resourceNamed('pods').kind, 'Pod');
});

test('an object that is too large to be stored is refused as such, and nothing is stored', async () => {
  const cluster = await startRegistry();
  const many = Object.fromEntries(
    Array.from({ length: 3 }, (_, index) => [`note-${index}`, 'x'.repeat(limits.objectBytesMax / 3)]),
  );
  const pod = make.pod({
    spec: {
      containers: [
        {
          name: 'a',
          image: 'a',
          env: Object.entries(many).map(([name, value]) => ({ name: name.replace('-', '_'), value })),
        },
      ],
    },
  });
  const error = await rejection(cluster.create('pods', pod), 'RequestEntityTooLarge');
  assert.equal(error.code, 413);
  await rejection(cluster.get('pods', 'web'), 'NotFound');
});

test('an update names its object, whatever the URL says', async () => {
  const cluster = await startRegistry();
  await cluster.create('configmaps', { metadata: { name: 'c' }, data: { a: '1' } });
  const refused = /^the name of the object \(c based on URL\) was undeterminable: name must be provided$/;
  const nameless = cluster.update('configmaps', { data: { a: '2' } }, { name: 'c' });
  assert.match((await rejection(nameless, 'BadRequest')).message, refused);
  const unnaming = cluster.patch('configmaps', 'c', { metadata: { name: null } });
  assert.match((await rejection(unnaming, 'BadRequest')).message, refused);
});
