import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import type { UserInfo } from '../../registry/request.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import type { StoreKey } from '../../store/store.ts';
import { question } from '../rbac/testing.ts';
import { NodeAuthorizer } from './node-authorizer.ts';
import { NodeRelations } from './node-relations.ts';

const nodeUser = (node: string): UserInfo => ({
  name: `system:node:${node}`,
  groups: ['system:nodes', 'system:authenticated'],
});

class World {
  readonly store = new MemoryStore({ clock: new VirtualClock(), log: silentLogger });
  readonly relations = new NodeRelations(this.store);
  readonly authorizer = new NodeAuthorizer(this.relations);

  async put(collection: string, where: string, content: object): Promise<void> {
    const key = keyOf(collection, where);
    const { namespace, name } = key;
    const object = { ...content, metadata: { name, ...(namespace && { namespace }), ...metadataOf(content) } };
    const expectedRevision = this.store.get(key)?.revision ?? 0;
    await this.store.write({ kind: 'put', key, object, expectedRevision });
  }

  async remove(collection: string, where: string): Promise<void> {
    const key = keyOf(collection, where);
    await this.store.write({ kind: 'delete', key, expectedRevision: this.store.get(key)?.revision ?? 0 });
  }

  /** `get secrets a/s`: allowed, or the reason. */
  ask(node: string, text: string, fieldSelector?: string): string {
    const [verb = '', what = '', where = ''] = text.split(' ');
    const { namespace, name } = where === '' ? { namespace: '', name: '' } : keyOf('', where);
    const asked = question(nodeUser(node), `${verb} ${what}`, namespace, name);
    const { allowed, denied, reason } = this.authorizer.decide(fieldSelector ? { ...asked, fieldSelector } : asked);
    assert.equal(denied, undefined, 'others may still allow it');
    return allowed ? 'allowed' : reason;
  }

  check(rows: readonly (readonly [node: string, asked: string, answer: string, fieldSelector?: string])[]): void {
    const told = rows.map(([node, asked, , selector]) => `${node} ${asked}: ${this.ask(node, asked, selector)}`);
    assert.deepEqual(
      told,
      rows.map(([node, asked, answer]) => `${node} ${asked}: ${answer}`),
    );
  }
}

/** `a/s`; `a/` for a namespace, `/n` or `n` for what stands outside of them. */
function keyOf(collection: string, where: string): StoreKey {
  const [first = '', second] = where.split('/');
  return second === undefined
    ? { collection, namespace: '', name: first }
    : { collection, namespace: first, name: second };
}

const metadataOf = (content: object): object => (content as KubeObject).metadata ?? {};

async function start(context: TestContext): Promise<World> {
  const world = new World();
  await world.store.start();
  context.after(async () => {
    await world.relations.close();
    await world.store.close();
  });
  return world;
}

const unrelated = (node: string): string => `no relationship found between node '${node}' and this object`;

const pod = (spec: object, rest: object = {}): object => ({
  spec: { nodeName: 'n1', containers: [], ...spec },
  ...rest,
});
const secretRef = (name: string) => ({ secretRef: { name } });

const everyReference = pod(
  {
    serviceAccountName: 'robot',
    imagePullSecrets: [{ name: 'pull' }],
    initContainers: [{ name: 'i', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'init', key: 'k' } } }] }],
    containers: [
      {
        name: 'c',
        envFrom: [secretRef('env-from'), { configMapRef: { name: 'map-from' } }],
        env: [{ name: 'B', valueFrom: { configMapKeyRef: { name: 'map-key', key: 'k' } } }],
      },
    ],
    ephemeralContainers: [{ name: 'e', envFrom: [secretRef('debug')] }],
    volumes: [
      { name: 'v1', secret: { secretName: 'volume' } },
      { name: 'v2', configMap: { name: 'map-volume' } },
      {
        name: 'v3',
        projected: { sources: [{ secret: { name: 'projected' } }, { configMap: { name: 'map-projected' } }] },
      },
      { name: 'v4', csi: { driver: 'd', nodePublishSecretRef: { name: 'csi' } } },
      { name: 'v5', azureFile: { secretName: 'azure', shareName: 's' } },
      { name: 'v6', rbd: { image: 'i', monitors: [], secretRef: { name: 'rbd' } } },
      { name: 'v7', persistentVolumeClaim: { claimName: 'claim' } },
      { name: 'scratch', ephemeral: { volumeClaimTemplate: { spec: {} } } },
    ],
    resourceClaims: [
      { name: 'own', resourceClaimName: 'named' },
      { name: 'made', resourceClaimTemplateName: 't' },
      { name: 'later', resourceClaimTemplateName: 't' },
    ],
  },
  {
    status: {
      resourceClaimStatuses: [{ name: 'made', resourceClaimName: 'generated' }, { name: 'later' }],
      extendedResourceClaimStatus: { requestMappings: [], resourceClaimName: 'extended' },
    },
  },
);

const reachable: readonly (readonly [resource: string, ...names: readonly string[]])[] = [
  ['secrets', 'pull', 'init', 'env-from', 'debug', 'volume', 'projected', 'csi', 'azure', 'rbd'],
  ['configmaps', 'map-from', 'map-key', 'map-volume', 'map-projected'],
  ['persistentvolumeclaims', 'claim', 'web-scratch'],
  ['resourceclaims.resource.k8s.io', 'named', 'generated', 'extended'],
  ['serviceaccounts', 'robot'],
  ['pods', 'web'],
];

test('a node reads whatever a pod on it refers to, and its neighbour does not', async (context) => {
  const world = await start(context);
  await world.put('pods', 'a/web', everyReference);
  await world.relations.start();
  for (const [resource, ...names] of reachable) {
    for (const name of names) {
      const asked = `get ${resource} a/${name}`;
      assert.equal(world.ask('n1', asked), 'allowed', asked);
      assert.equal(world.ask('n2', asked), unrelated('n2'), asked);
      assert.equal(world.ask('n1', `get ${resource} b/${name}`), unrelated('n1'), 'not in another namespace');
      assert.equal(world.ask('n1', `get ${resource} a/${name}x`), unrelated('n1'));
    }
  }
});

test('what a volume needs is reached by the claim that it is bound to', async (context) => {
  const world = await start(context);
  await world.relations.start();
  const csi = {
    driver: 'd',
    volumeHandle: 'h',
    nodeStageSecretRef: { namespace: 'keys', name: 'stage' },
    controllerPublishSecretRef: { namespace: 'keys', name: 'control' },
  };
  await world.put('pods', 'a/db', pod({ volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'data' } }] }));
  await world.put('persistentvolumes', 'pv', { spec: { csi } });
  assert.equal(world.ask('n1', 'get persistentvolumes pv'), unrelated('n1'), 'not bound yet');
  await world.put('persistentvolumes', 'pv', { spec: { csi, claimRef: { namespace: 'a', name: 'data' } } });
  const cephfs = { monitors: [], secretRef: { name: 'ceph' } };
  await world.put('persistentvolumes', 'other', { spec: { cephfs, claimRef: { namespace: 'a', name: 'data' } } });
  world.check([
    ['n1', 'get persistentvolumes pv', 'allowed'],
    ['n2', 'get persistentvolumes pv', unrelated('n2')],
    ['n1', 'get secrets keys/stage', 'allowed'],
    ['n1', 'get secrets a/ceph', 'allowed'],
    ['n2', 'get secrets keys/stage', unrelated('n2')],
    ['n1', 'get secrets keys/control', unrelated('n1')],
    ['n1', 'list persistentvolumes', 'can only get individual resources of this type'],
    ['n1', 'update persistentvolumeclaims/status a/data', 'allowed'],
    ['n1', 'patch persistentvolumeclaims/status a/data', 'allowed'],
    ['n1', 'get persistentvolumeclaims/status a/data', 'can only get/update/patch this type'],
    ['n1', 'get persistentvolumeclaims/other a/data', 'cannot get subresource'],
    ['n2', 'update persistentvolumeclaims/status a/data', unrelated('n2')],
  ]);
  await world.put('persistentvolumes', 'pv', { spec: { csi, claimRef: { namespace: 'a', name: 'elsewhere' } } });
  assert.equal(world.ask('n1', 'get secrets keys/stage'), unrelated('n1'));
  await world.remove('persistentvolumes', 'other');
  assert.equal(world.ask('n1', 'get secrets a/ceph'), unrelated('n1'));
});

test('a path is there from the moment a pod is bound, and ends with the pod', async (context) => {
  const world = await start(context);
  await world.relations.start();
  const spec = { imagePullSecrets: [{ name: 's' }], serviceAccountName: 'robot' };
  await world.put('pods', 'a/web', pod({ ...spec, nodeName: undefined }));
  const asked = 'get secrets a/s';
  assert.equal(world.ask('n1', asked), unrelated('n1'));
  await world.put('pods', 'a/web', pod(spec));
  assert.equal(world.ask('n1', asked), 'allowed');
  await world.put('pods', 'a/web', pod(spec, { status: { phase: 'Running' } }));
  assert.equal(world.ask('n1', asked), 'allowed');
  const debug = { name: 'd', envFrom: [secretRef('more')] };
  assert.equal(world.ask('n1', 'get secrets a/more'), unrelated('n1'));
  await world.put('pods', 'a/web', pod({ ...spec, ephemeralContainers: [debug] }));
  assert.equal(world.ask('n1', 'get secrets a/more'), 'allowed', 'what comes later counts, too');
  await world.put('pods', 'a/twin', pod(spec));
  await world.remove('pods', 'a/web');
  assert.equal(world.ask('n1', asked), 'allowed', 'another pod needs it');
  await world.remove('pods', 'a/twin');
  world.check([
    ['n1', asked, unrelated('n1')],
    ['n1', 'create serviceaccounts/token a/robot', unrelated('n1')],
    ['n1', 'get pods a/web', unrelated('n1')],
  ]);
});

test('a mirror pod, which a node makes itself, leads nowhere', async (context) => {
  const world = await start(context);
  await world.relations.start();
  const annotations = { 'kubernetes.io/config.mirror': 'x' };
  await world.put('pods', 'a/own', pod({ imagePullSecrets: [{ name: 's' }] }, { metadata: { annotations } }));
  world.check([
    ['n1', 'get secrets a/s', unrelated('n1')],
    ['n1', 'get pods a/own', 'allowed'],
  ]);
});

test('attachments and slices lead to the node that they name', async (context) => {
  const world = await start(context);
  await world.put('volumeattachments.storage.k8s.io', 'va', { spec: { nodeName: 'n1' } });
  await world.put('resourceslices.resource.k8s.io', 'slice', { spec: { nodeName: 'n1' } });
  await world.put('resourceslices.resource.k8s.io', 'shared', { spec: { allNodes: true } });
  await world.relations.start();
  const slices = 'resourceslices.resource.k8s.io';
  const selectorOnly = 'can only list/watch/deletecollection resourceslices with nodeName field selector';
  const verbs =
    'only the following verbs are allowed for a ResourceSlice: get, watch, list, create, update, patch, delete, deletecollection';
  world.check([
    ['n1', 'get volumeattachments.storage.k8s.io va', 'allowed'],
    ['n2', 'get volumeattachments.storage.k8s.io va', unrelated('n2')],
    ['n1', 'list volumeattachments.storage.k8s.io', 'can only get individual resources of this type'],
    ['n1', `create ${slices}`, 'allowed'],
    ['n1', `update ${slices} slice`, 'allowed'],
    ['n2', `delete ${slices} slice`, unrelated('n2')],
    ['n1', `get ${slices} shared`, unrelated('n1')],
    ['n1', `list ${slices}`, 'allowed', 'spec.nodeName=n1'],
    ['n1', `deletecollection ${slices}`, 'allowed', 'spec.driver=d,spec.nodeName==n1'],
    ['n1', `deletecollection ${slices}`, selectorOnly, 'spec.nodeName=n2'],
    ['n1', `watch ${slices}`, selectorOnly],
    ['n1', `get resourceslices/status.resource.k8s.io slice`, 'cannot authorize ResourceSlice subresources'],
    ['n1', `escalate ${slices}`, verbs],
  ]);
});

test('secrets are read one by one; pods by the node that they are on; nodes by their own name', async (context) => {
  const world = await start(context);
  await world.put('pods', 'a/web', pod({ volumes: [{ name: 'v', secret: { secretName: 's' } }] }));
  await world.relations.start();
  const ownPods = 'can only list/watch pods with spec.nodeName field selector';
  world.check([
    ['n1', 'watch secrets a/s', 'allowed', 'metadata.name=s'],
    ['n1', 'list secrets a/', 'No Object name found'],
    ['n1', 'list secrets', 'can only read namespaced object of this type'],
    ['n1', 'update secrets a/s', 'can only read resources of this type'],
    ['n1', 'get secrets/x a/s', 'cannot read subresource'],
    ['n1', 'list pods', 'allowed', 'spec.nodeName=n1'],
    ['n1', 'watch pods a/', 'allowed', 'spec.nodeName=n1'],
    ['n1', 'list pods', ownPods, 'spec.nodeName=n2'],
    ['n1', 'list pods', ownPods, 'spec.nodeName!=n1'],
    ['n1', 'list pods', ownPods, 'spec.nodeName=n1=x'],
    ['n1', 'list pods', ownPods],
    ['n1', 'list pods a/web', 'allowed', 'metadata.name=web'],
    ['n2', 'list pods a/web', unrelated('n2'), 'metadata.name=web'],
    ['n2', 'get pods a/web', unrelated('n2')],
    ['n1', 'update pods a/web', ''],
    ['n1', 'deletecollection pods a/', ''],
    ['n1', 'create pods a/', 'allowed'],
    ['n2', 'delete pods a/web', 'allowed'],
    ['n2', 'patch pods/status a/web', 'allowed'],
    ['n1', 'get pods/status a/web', ''],
    ['n1', 'create pods/eviction a/web', 'allowed'],
    ['n1', 'create pods/binding a/web', ''],
    ['n1', 'create pods/exec a/web', ''],
    ['n1', 'get nodes n1', 'allowed'],
    ['n1', 'watch nodes n1', 'allowed', 'metadata.name=n1'],
    ['n1', 'get nodes n2', "node 'n1' cannot read 'n2', only its own Node object"],
    ['n1', 'list nodes', "node 'n1' cannot read all nodes, only its own Node object"],
    ['n1', 'patch nodes n2', 'allowed'],
    ['n1', 'update nodes/status n1', 'allowed'],
    ['n1', 'get nodes/proxy n1', ''],
    ['n1', 'delete nodes n1', ''],
  ]);
});

test('leases, CSINodes and tokens: its own', async (context) => {
  const world = await start(context);
  await world.put('pods', 'a/web', pod({ serviceAccountName: 'robot' }));
  await world.relations.start();
  const leases = 'leases.coordination.k8s.io';
  const csi = 'csinodes.storage.k8s.io';
  const sameName = 'with the same name as the requesting node';
  world.check([
    ['n1', `create ${leases} kube-node-lease/`, 'allowed'],
    ['n1', `update ${leases} kube-node-lease/n1`, 'allowed'],
    ['n1', `update ${leases} kube-node-lease/n2`, `can only access node lease ${sameName}`],
    ['n1', `get ${leases} kube-system/n1`, 'can only access leases in the "kube-node-lease" system namespace'],
    ['n1', `list ${leases} kube-node-lease/`, 'can only get, create, update, patch, or delete a node lease'],
    ['n1', `create ${csi}`, 'allowed'],
    ['n1', `delete ${csi} n1`, 'allowed'],
    ['n1', `get ${csi} n2`, `can only access CSINode ${sameName}`],
    ['n1', `watch ${csi}`, 'can only get, create, update, patch, or delete a CSINode'],
    ['n1', 'get csinodes/x.storage.k8s.io n1', 'cannot authorize CSINode subresources'],
    ['n1', 'create serviceaccounts/token a/robot', 'allowed'],
    ['n2', 'create serviceaccounts/token a/robot', unrelated('n2')],
    ['n1', 'create serviceaccounts a/', 'can only create tokens for individual service accounts'],
    ['n1', 'create serviceaccounts a/robot', 'can only create token subresource of serviceaccount'],
    ['n1', 'get serviceaccounts a/robot', 'allowed'],
    ['n1', 'list serviceaccounts a/', 'can only create tokens for individual service accounts'],
  ]);
});

test('for all else every node has the rights of the ClusterRole system:node', async (context) => {
  const world = await start(context);
  await world.relations.start();
  world.check([
    ['n1', 'list services', 'allowed'],
    ['n1', 'watch csidrivers.storage.k8s.io', 'allowed'],
    ['n1', 'list runtimeclasses.node.k8s.io', 'allowed'],
    ['n1', 'create events a/', 'allowed'],
    ['n1', 'patch events.events.k8s.io a/x', 'allowed'],
    ['n1', 'create tokenreviews.authentication.k8s.io', 'allowed'],
    ['n1', 'create subjectaccessreviews.authorization.k8s.io', 'allowed'],
    ['n1', 'create certificatesigningrequests.certificates.k8s.io', 'allowed'],
    ['n1', 'list namespaces', ''],
    ['n1', 'list endpointslices.discovery.k8s.io', ''],
    ['n1', 'create clusterrolebindings.rbac.authorization.k8s.io', ''],
    ['n1', 'get constructor', ''],
    ['n1', 'get /metrics', ''],
  ]);
});

test('who only looks like a node gets nothing, and a node without a name is told so', () => {
  const authorizer = new NodeAuthorizer({ leadsTo: () => true });
  const decide = (name: string, ...groups: string[]) =>
    authorizer.decide(question({ name, groups }, 'get secrets', 'a', 's'));
  assert.deepEqual(decide('system:node:n1', 'system:nodes'), { allowed: true, reason: '' });
  assert.deepEqual(decide('system:node:n1', 'system:authenticated'), { allowed: false, reason: '' });
  assert.deepEqual(decide('jane', 'system:nodes'), { allowed: false, reason: '' });
  const nameless = { allowed: false, reason: 'unknown node for user "system:node:"' };
  assert.deepEqual(decide('system:node:', 'system:nodes'), nameless);
});

test('what a node may is no list: it says so', () => {
  const authorizer = new NodeAuthorizer({ leadsTo: () => true });
  const problem = 'node authorizer does not support user rule resolution';
  assert.deepEqual(authorizer.rulesFor(nodeUser('n1')), { rules: [], incomplete: true, problem });
  assert.deepEqual(authorizer.rulesFor({ name: 'jane', groups: ['system:nodes'] }), { rules: [] });
});

test('every node may ask for images of other nodes, and only read them', async (context) => {
  const world = await start(context);
  world.check([
    ['n1', 'get /naru/images/docker.io%2Fshop%2Fweb%3A1', 'allowed'],
    ['n1', 'post /naru/images/docker.io%2Fshop%2Fweb%3A1', ''],
    ['n1', 'get /naru/agent/0', ''],
  ]);
});
