import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { JsonObject, KubeObject } from '../../../api/object.ts';
import type { ObjectResult, RequestTarget, UserInfo } from '../../request.ts';
import { make, type Place, rejection, requestPem, startRegistry, type TestRegistry } from '../../testing.ts';
import { forbiddenLabels } from './nodes.ts';

const nodeUser = (name: string): UserInfo => ({
  name: `system:node:${name}`,
  groups: ['system:nodes', 'system:authenticated'],
});

/** The registry as node n1 meets it: with n1, n2, and a pod on each. */
class World {
  readonly api: TestRegistry;

  constructor(api: TestRegistry) {
    this.api = api;
  }

  as(node: string, resource: string, place: Place = {}): RequestTarget {
    return { ...this.api.target(resource, place), user: nodeUser(node) };
  }

  create(node: string, resource: string, body: object, place: Place = {}): Promise<ObjectResult> {
    return this.api.registry.create(this.as(node, resource, place), body as JsonObject, {});
  }

  merge(node: string, resource: string, name: string, patch: object, place: Place = {}): Promise<ObjectResult> {
    const target = this.as(node, resource, { ...place, name });
    return this.api.registry.patch(target, 'application/merge-patch+json', patch as JsonObject, {});
  }

  delete(node: string, resource: string, name: string): Promise<ObjectResult> {
    return this.api.registry.delete(this.as(node, resource, { name }), { gracePeriodSeconds: 0 });
  }
}

const pod = (name: string, nodeName: string) => make.pod({ spec: { nodeName } }, name);
const node = (name: string, metadata: object = {}, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, ...metadata },
  spec,
});

async function start(context: TestContext): Promise<World> {
  const api = await startRegistry();
  context.after(() => api.store.close());
  for (const name of ['n1', 'n2']) {
    await api.create('nodes', node(name));
    await api.create('pods', pod(`on-${name}`, name));
  }
  return new World(api);
}

async function refused(work: Promise<unknown>, message: string): Promise<void> {
  assert.equal((await rejection(work, 'Forbidden')).message, message);
}

test('a node makes itself, and no other', async (context) => {
  const world = await start(context);
  await world.create('n3', 'nodes', node('n3', { labels: { 'kubernetes.io/hostname': 'n3', team: 'a' } }));
  const another = 'nodes "n5" is forbidden: node "n4" is not allowed to modify node "n5"';
  await refused(world.create('n4', 'nodes', node('n5')), another);
  const generated = { ...node(''), metadata: { generateName: 'n4' } };
  const unnamed = 'nodes "n4" is forbidden: node "n4" is not allowed to modify node ""';
  await refused(world.create('n4', 'nodes', generated), unnamed);
  const labels = { 'node-restriction.kubernetes.io/pool': 'x', 'node-role.kubernetes.io/worker': '' };
  const told = 'node-restriction.kubernetes.io/pool, node-role.kubernetes.io/worker';
  await refused(
    world.create('n4', 'nodes', node('n4', { labels })),
    `nodes "n4" is forbidden: node "n4" is not allowed to set the following labels: ${told}`,
  );
  const configSource = { configMap: { namespace: 'a', name: 'c', kubeletConfigKey: 'k' } };
  await refused(
    world.create('n4', 'nodes', node('n4', {}, { configSource })),
    'nodes "n4" is forbidden: node "n4" is not allowed to create pods with a non-nil configSource',
  );
});

test('a node may leave load balancing by itself, and not come back', async (context) => {
  const world = await start(context);
  const excluded = 'node.kubernetes.io/exclude-from-external-load-balancers';
  const label = (value: string | null) => ({ metadata: { labels: { [excluded]: value } } });
  await world.merge('n1', 'nodes', 'n1', label(''));
  await world.merge('n1', 'nodes', 'n1', label('true'));
  const why = `nodes "n1" is forbidden: is not allowed to modify labels: ${excluded}`;
  await refused(world.merge('n1', 'nodes', 'n1', label(null)), why);
  await refused(world.merge('n1', 'nodes', 'n1', label(null), { subresource: 'status' }), why);
});

test('a node says what it is, and steers nothing', async (context) => {
  const world = await start(context);
  const change = (patch: object, subresource = '') => world.merge('n1', 'nodes', 'n1', patch, { subresource });
  await change({ metadata: { labels: { 'topology.kubernetes.io/zone': 'z', mine: 'x' }, annotations: { a: 'b' } } });
  await change({ status: { conditions: [{ type: 'Ready', status: 'True' }] } }, 'status');
  const n1 = 'nodes "n1" is forbidden:';
  const rows: readonly (readonly [patch: object, why: string])[] = [
    [{ spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }, 'node "n1" is not allowed to modify taints'],
    [
      { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u' }] } },
      'node "n1" is not allowed to modify ownerReferences',
    ],
    [{ metadata: { labels: { 'x.k8s.io/a': '1' } } }, 'is not allowed to modify labels: x.k8s.io/a'],
    [{ metadata: { annotations: { 'naru.io/agent': 'x' } } }, 'is not allowed to modify annotation naru.io/agent'],
    [
      { spec: { configSource: { configMap: { namespace: 'a', name: 'c', kubeletConfigKey: 'k' } } } },
      'node "n1" is not allowed to update configSource to a new non-nil configSource',
    ],
  ];
  for (const [patch, why] of rows) {
    await refused(change(patch), `${n1} ${why}`);
    await refused(change(patch, 'status'), `${n1} ${why}`);
  }
  await refused(
    world.merge('n1', 'nodes', 'n2', { metadata: { labels: { a: 'b' } } }),
    'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
  );
  await refused(
    world.merge('n1', 'nodes', 'n2', { status: {} }, { subresource: 'status' }),
    'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
  );
  await refused(
    world.delete('n1', 'nodes', 'n2'),
    'nodes "n2" is forbidden: node "n1" is not allowed to modify node "n2"',
  );
});

test('taints and labels that others set do not stand in the way of a status', async (context) => {
  const world = await start(context);
  const taints = [{ key: 'k', value: '', effect: 'NoSchedule' }];
  const labels = { 'node-role.kubernetes.io/worker': '' };
  await world.api.patch('nodes', 'n1', { metadata: { labels }, spec: { taints } }, { type: 'merge' });
  await world.merge('n1', 'nodes', 'n1', { status: { phase: 'Running' } }, { subresource: 'status' });
  await refused(
    world.merge('n1', 'nodes', 'n1', { metadata: { labels: { 'node-role.kubernetes.io/worker': null } } }),
    'nodes "n1" is forbidden: is not allowed to modify labels: node-role.kubernetes.io/worker',
  );
});

test('which labels of the cluster a node may set is a list', () => {
  const rows: readonly (readonly [label: string, isForbidden: boolean])[] = [
    ['plain', false],
    ['example.com/x', false],
    ['notkubernetes.io/x', false],
    ['kubernetes.io/arch', false],
    ['node.kubernetes.io/instance-type', false],
    ['node.kubernetes.io/anything', false],
    ['sub.node.kubernetes.io/x', false],
    ['kubelet.kubernetes.io/x', false],
    ['topology.kubernetes.io/zone', false],
    ['topology.kubernetes.io/rack', true],
    ['kubernetes.io/other', true],
    ['k8s.io/x', true],
    ['node-role.kubernetes.io/control-plane', true],
    ['node-restriction.kubernetes.io/x', true],
    ['my.node-restriction.kubernetes.io/x', true],
  ];
  for (const [label, isForbidden] of rows) {
    const expected = isForbidden ? [label] : [];
    assert.deepEqual(forbiddenLabels({ [label]: '' }, {}), expected, `sets ${label}`);
    assert.deepEqual(forbiddenLabels({}, { [label]: '' }), expected, `removes ${label}`);
    assert.deepEqual(forbiddenLabels({ [label]: 'x' }, { [label]: 'x' }), [], `keeps ${label}`);
  }
  assert.deepEqual(forbiddenLabels({}, {}), []);
});

const annotations = { 'kubernetes.io/config.mirror': 'x' };

test('a node creates mirrors of its own pods, which refer to nothing', async (context) => {
  const world = await start(context);
  const uid = (await world.api.get('nodes', 'n1')).metadata.uid as unknown as string;
  const owner = { apiVersion: 'v1', kind: 'Node', name: 'n1', uid, controller: true };
  const mirror = (metadata: object = {}, spec: object = {}): object => {
    const own = { annotations, ownerReferences: [owner], ...metadata };
    return make.pod({ metadata: own, spec: { nodeName: 'n1', ...spec } }, 'mirror');
  };
  const volume = (source: object): object => mirror({}, { volumes: [{ name: 'v', ...source }] });
  const projected = (source: object): object => volume({ projected: { sources: [source] } });
  const only = 'node "n1" can only create';
  const refers = (what: string): string => `node "n1" can not create pods that reference ${what}`;
  const rows: readonly (readonly [body: object, why: string])[] = [
    [
      mirror({ annotations: {} }),
      'pod does not have "kubernetes.io/config.mirror" annotation, node "n1" can only create mirror pods',
    ],
    [mirror({}, { nodeName: 'n2' }), `${only} pods with spec.nodeName set to itself`],
    [
      mirror({ ownerReferences: [owner, { ...owner, uid: 'other', controller: false }] }),
      `${only} pods with a single owner reference set to itself`,
    ],
    [mirror({ ownerReferences: [] }), `${only} pods with an owner reference set to itself`],
    [mirror({ ownerReferences: [{ ...owner, name: 'n2' }] }), `${only} pods with an owner reference set to itself`],
    [
      mirror({ ownerReferences: [{ ...owner, controller: false }] }),
      `${only} pods with a controller owner reference set to itself`,
    ],
    [
      mirror({ ownerReferences: [{ ...owner, blockOwnerDeletion: true }] }),
      'node "n1" must not set blockOwnerDeletion on an owner reference',
    ],
    [mirror({ ownerReferences: [{ ...owner, uid: 'old' }] }), `node n1 UID mismatch: expected old got ${uid}`],
    [mirror({}, { imagePullSecrets: [{ name: 's' }] }), refers('secrets')],
    [volume({ secret: { secretName: 's' } }), refers('secrets')],
    [volume({ configMap: { name: 'c' } }), refers('configmaps')],
    [mirror({}, { resourceClaims: [{ name: 'r', resourceClaimName: 'c' }] }), refers('resourceclaims')],
    [volume({ csi: { driver: 'd' } }), refers('csidrivers (via CSI volumes)')],
    [volume({ persistentVolumeClaim: { claimName: 'c' } }), refers('persistentvolumeclaims')],
    [
      volume({ ephemeral: { volumeClaimTemplate: { spec: {} } } }),
      refers('persistentvolumeclaims (via ephemeral volumes)'),
    ],
    [volume({ glusterfs: { endpoints: 'e', path: 'p' } }), refers('endpoints (via glusterFS volumes)')],
    [projected({ configMap: { name: 'c' } }), refers('configmaps')],
    [projected({ clusterTrustBundle: { name: 'b', path: 'p' } }), refers('clustertrustbundles')],
  ];
  for (const [body, why] of rows) {
    await refused(world.create('n1', 'pods', body), `pods "mirror" is forbidden: ${why}`);
  }
  const { object } = await world.create('n1', 'pods', mirror());
  assert.equal(object.metadata?.name, 'mirror');
});

test('a node ends, evicts and tells of its own pods only', async (context) => {
  const world = await start(context);
  const eviction = (name: string) => ({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } });
  const evict = (name: string) => world.create('n1', 'pods', eviction(name), { name, subresource: 'eviction' });
  const status = (name: string, patch: object) => world.merge('n1', 'pods', name, patch, { subresource: 'status' });
  await status('on-n1', { status: { phase: 'Running' } });
  const elsewhere = 'pods "on-n2" is forbidden: node';
  await refused(
    status('on-n2', { status: { phase: 'Running' } }),
    `${elsewhere} "n1" can only update pod status for pods with spec.nodeName set to itself`,
  );
  await refused(
    world.delete('n1', 'pods', 'on-n2'),
    `${elsewhere} "n1" can only delete pods with spec.nodeName set to itself`,
  );
  await refused(evict('on-n2'), `${elsewhere} n1 can only evict pods with spec.nodeName set to itself`);
  assert.equal((await rejection(evict('gone'), 'NotFound')).message, 'pods "gone" not found');
  const own = 'pods "on-n1" is forbidden: node "n1"';
  await refused(
    status('on-n1', { metadata: { labels: { role: '' } } }),
    `${own} cannot update labels through pod status`,
  );
  await refused(
    status('on-n1', { status: { resourceClaimStatuses: [{ name: 'r', resourceClaimName: 'c' }] } }),
    `${own} cannot update resource claim statues`,
  );
  await refused(
    status('on-n1', { status: { extendedResourceClaimStatus: { resourceClaimName: 'c', requestMappings: [] } } }),
    `${own} cannot update extended resource claim status`,
  );
  await refused(
    world.merge('n1', 'pods', 'on-n1', { metadata: { annotations: { a: 'b' } } }),
    'pods "on-n1" is forbidden: unexpected operation "UPDATE", node "n1" can only create and delete mirror pods',
  );
  await refused(
    world.merge('n1', 'pods', 'on-n1', { spec: {} }, { subresource: 'resize' }),
    `pods "on-n1" is forbidden: unexpected pod subresource "resize", only 'status' and 'eviction' are allowed`,
  );
  await evict('on-n1');
  assert.ok((await world.api.get('pods', 'on-n1')).metadata.deletionTimestamp);
  await world.api.create('pods', pod('again', 'n1'));
  await world.delete('n1', 'pods', 'again');
});

test('of a claim a node writes how large its volume became', async (context) => {
  const world = await start(context);
  const resources = { requests: { storage: '1Gi' } };
  const claim = { spec: { accessModes: ['ReadWriteOnce'], resources, storageClassName: 'fast' } };
  await world.api.create('persistentvolumeclaims', {
    ...claim,
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
  });
  const patch = (content: object, subresource = 'status') =>
    world.merge('n1', 'persistentvolumeclaims', 'data', content, { subresource });
  await patch({ status: { capacity: { storage: '2Gi' }, allocatedResources: { storage: '2Gi' } } });
  await patch({ status: { conditions: [{ type: 'Resizing', status: 'True' }] } });
  const what = 'is not allowed to update fields other than status.quantity and status.conditions';
  const start1 = `persistentvolumeclaims "data" is forbidden: node "n1" ${what}`;
  await refused(patch({ metadata: { labels: { a: '' } } }), `${start1}: metadata.labels`);
  await refused(patch({ status: { phase: 'Lost' } }), `${start1}: status.phase`);
  await refused(patch({ spec: { volumeName: 'v' } }), `${start1}: spec`);
  await refused(
    patch({ spec: { volumeName: 'v' } }, ''),
    'persistentvolumeclaims "data" is forbidden: may only update PVC status',
  );
});

test('leases, CSINodes and slices bear its name', async (context) => {
  const world = await start(context);
  const lease = (name: string) => ({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name } });
  const csi = (name: string) => ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    metadata: { name },
    spec: { drivers: [] },
  });
  const slice = (name: string, nodeName: string) => ({
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceSlice',
    metadata: { name },
    spec: { driver: 'd.example', nodeName, pool: { name: 'p', generation: 1, resourceSliceCount: 1 } },
  });
  const leases = 'leases.coordination.k8s.io';
  const there = { namespace: 'kube-node-lease' };
  await world.create('n1', leases, lease('n1'), there);
  await refused(
    world.create('n1', leases, lease('n2'), there),
    'leases.coordination.k8s.io "n2" is forbidden: can only access node lease with the same name as the requesting node',
  );
  await refused(
    world.create('n1', leases, lease('n1')),
    'leases.coordination.k8s.io "n1" is forbidden: can only access leases in the "kube-node-lease" system namespace',
  );
  await world.create('n1', 'csinodes.storage.k8s.io', csi('n1'));
  await refused(
    world.create('n1', 'csinodes.storage.k8s.io', csi('n2')),
    'csinodes.storage.k8s.io "n2" is forbidden: can only access CSINode with the same name as the requesting node',
  );
  const slices = 'resourceslices.resource.k8s.io';
  await world.create('n1', slices, slice('own', 'n1'));
  await refused(
    world.create('n1', slices, slice('theirs', 'n2')),
    `${slices} "theirs" is forbidden: can only create ResourceSlice with the same NodeName as the requesting node`,
  );
  await world.api.create(slices, slice('theirs', 'n2'));
  await refused(
    world.delete('n1', slices, 'theirs'),
    `${slices} "theirs" is forbidden: can only delete ResourceSlice with the same NodeName as the requesting node`,
  );
  await world.delete('n1', slices, 'own');
});

test('a node asks for certificates for itself', async (context) => {
  const world = await start(context);
  const asked = (signerName: string, request = requestPem) => ({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'c' },
    spec: { request, signerName, usages: ['client auth'] },
  });
  const csrs = 'certificatesigningrequests.certificates.k8s.io';
  const c = `${csrs} "c" is forbidden:`;
  for (const signer of ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet']) {
    await refused(world.create('n1', csrs, asked(signer)), `${c} can only create a node CSR with CN=system:node:n1`);
    await refused(
      world.create('n1', csrs, asked(signer, Buffer.from('nonsense').toString('base64'))),
      `${c} unable to parse csr: PEM block type must be CERTIFICATE REQUEST`,
    );
  }
  await world.create('n1', csrs, asked('example.com/any'));
});

test('a node that says not which may write nothing; who is no node is not asked', async (context) => {
  const world = await start(context);
  await refused(
    world.create('', 'configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } }),
    'configmaps "c" is forbidden: could not determine node from user "system:node:"',
  );
  const target = { ...world.api.target('nodes'), user: { name: 'system:node:n9', groups: ['system:authenticated'] } };
  const made: KubeObject = (await world.api.registry.create(target, node('other') as unknown as JsonObject, {})).object;
  assert.equal(made.metadata?.name, 'other');
});
