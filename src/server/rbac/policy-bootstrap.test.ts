import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import { resourceTable } from '../../api/resource-table.ts';
import type { ClusterRole, ClusterRoleBinding } from '../../api/schema/types/rbac-v1.ts';
import { silentLogger } from '../../lib/log.ts';
import type { RequestHandler } from '../../registry/request.ts';
import { PolicyBootstrap } from './policy-bootstrap.ts';
import { ruleOf } from './policy-text.ts';
import { binding, RbacWorld, user } from './testing.ts';

async function reconcile(world: RbacWorld, handler: RequestHandler = world.registry): Promise<void> {
  const { index, clock } = world;
  const bootstrap = new PolicyBootstrap({ handler, index, resources: resourceTable(), clock, log: silentLogger });
  await bootstrap.start();
  for (let round = 0; round < 3; round++) await clock.advance(1_000);
  await bootstrap.done();
  await bootstrap.close();
}

const roleOf = async (world: RbacWorld, name: string) => (await world.find('clusterroles', name)) as ClusterRole;

test('a new cluster gets all of the policy, and the defaults hold before it is written', async () => {
  const world = await new RbacWorld({ defaults: true }).start();
  const may = (): boolean => world.may(user('ann'), 'get /api');
  assert.equal(may(), true);
  await reconcile(world);
  assert.equal(may(), true);
  const counts = world.store.counts();
  assert.equal(counts.get('clusterroles.rbac.authorization.k8s.io'), 80);
  assert.equal(counts.get('clusterrolebindings.rbac.authorization.k8s.io'), 64);
  assert.equal(counts.get('roles.rbac.authorization.k8s.io'), 9);
  assert.equal(counts.get('rolebindings.rbac.authorization.k8s.io'), 9);
  assert.equal((await roleOf(world, 'admin')).rules?.length, 29);
  await world.delete('clusterrolebindings', 'system:discovery');
  assert.equal(may(), false, 'what is deleted holds no longer');
  await world.close();
});

test('a second start writes nothing', async () => {
  const world = await new RbacWorld({ defaults: true }).start();
  await reconcile(world);
  const { revision } = world.store;
  await reconcile(world);
  assert.equal(world.store.revision, revision);
  await world.close();
});

test('a start adds what is missing, keeps what was added, and leaves alone what asks for it', async () => {
  const world = await new RbacWorld({ defaults: true }).start();
  await reconcile(world);
  const own = ruleOf('get x.example gadgets');
  await world.update('clusterroles', {
    metadata: { name: 'system:kube-dns' },
    rules: [own, ruleOf('list core services')],
  });
  const spared = { name: 'view', annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } };
  await world.update('clusterroles', { metadata: spared, rules: [own] });
  await world.update('clusterrolebindings', binding('system:discovery', 'ClusterRole/system:discovery', ['User:ann']));
  await world.delete('clusterrolebindings', 'system:kube-scheduler');
  await world.delete('clusterrolebindings', 'system:monitoring');
  await world.create('clusterrolebindings', binding('system:monitoring', 'ClusterRole/view', ['User:eve']));
  await reconcile(world);
  const dns = await roleOf(world, 'system:kube-dns');
  assert.deepEqual(dns.rules?.slice(0, 2), [own, ruleOf('list core services')]);
  assert.equal(dns.rules?.length, 5, 'list and watch of endpoints, watch of services');
  assert.equal(dns.metadata?.labels?.['kubernetes.io/bootstrapping'], 'rbac-defaults');
  assert.deepEqual((await roleOf(world, 'view')).rules, [own]);
  const bound = async (name: string) =>
    ((await world.find('clusterrolebindings', name)) as ClusterRoleBinding | undefined)?.subjects?.map(
      (one) => one.name,
    );
  assert.deepEqual(await bound('system:discovery'), ['ann', 'system:authenticated']);
  assert.deepEqual(await bound('system:kube-scheduler'), ['system:kube-scheduler']);
  assert.deepEqual(await bound('system:monitoring'), ['system:monitoring'], 'bound to another role: made anew');
  await world.close();
});

test('a store that refuses for a while gets the policy later', async () => {
  const world = await new RbacWorld({ defaults: true }).start();
  let failures = 5;
  const flaky = Object.create(world.registry) as RequestHandler;
  flaky.get = (target) => world.registry.get(target);
  flaky.create = async (...call) => {
    if (failures-- > 0) throw new Error('disk full');
    return world.registry.create(...call);
  };
  await reconcile(world, flaky);
  assert.equal(world.store.counts().get('clusterroles.rbac.authorization.k8s.io'), 80);
  await world.close();
});

test('a default that the store holds counts, and not the one in memory', async () => {
  const world = new RbacWorld({ defaults: true });
  await world.store.start();
  const narrowed: KubeObject & { rules: object[] } = {
    metadata: { name: 'system:discovery' },
    rules: [ruleOf('get /api')],
  };
  const key = { collection: 'clusterroles.rbac.authorization.k8s.io', namespace: '', name: 'system:discovery' };
  await world.store.write({ kind: 'put', key, object: narrowed, expectedRevision: 0 });
  await world.index.start();
  assert.equal(world.may(user('ann'), 'get /api'), true);
  assert.equal(world.may(user('ann'), 'get /apis'), false);
  await world.close();
});
