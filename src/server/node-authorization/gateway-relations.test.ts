import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { question } from '../rbac/testing.ts';
import { NodeAuthorizer } from './node-authorizer.ts';
import { NodeRelations } from './node-relations.ts';

const group = 'gateway.networking.k8s.io';

class World {
  readonly store = new MemoryStore({ clock: new VirtualClock(), log: silentLogger });
  readonly relations = new NodeRelations(this.store);
  readonly #authorizer = new NodeAuthorizer(this.relations);

  async put(collection: string, where: string, content: object): Promise<void> {
    const [namespace = '', name = ''] = where.includes('/') ? where.split('/') : ['', where];
    const key = { collection, namespace, name };
    const { metadata = {} } = content as { readonly metadata?: object };
    const object = { ...content, metadata: { name, namespace, ...metadata } };
    await this.store.write({ kind: 'put', key, object, expectedRevision: this.store.get(key)?.revision ?? 0 });
  }

  async remove(collection: string, where: string): Promise<void> {
    const [namespace = '', name = ''] = where.split('/');
    const key = { collection, namespace, name };
    await this.store.write({ kind: 'delete', key, expectedRevision: this.store.get(key)?.revision ?? 0 });
  }

  /** `watch secrets a/s`. */
  may(node: string, text: string): boolean {
    const [verb = '', resource = '', where = ''] = text.split(' ');
    const [namespace = '', name = ''] = where.split('/');
    const user = { name: `system:node:${node}`, groups: ['system:nodes', 'system:authenticated'] };
    return this.#authorizer.decide(question(user, `${verb} ${resource}`, namespace, name)).allowed;
  }
}

async function start(context: TestContext): Promise<World> {
  const world = new World();
  await world.store.start();
  await world.put('nodes', 'n1', {});
  await world.put('nodes', 'n2', {
    metadata: { labels: { 'node.kubernetes.io/exclude-from-external-load-balancers': '' } },
  });
  await world.put('ingressclasses.networking.k8s.io', 'naru', { spec: { controller: 'naru.io/ingress' } });
  await world.put('ingressclasses.networking.k8s.io', 'other', { spec: { controller: 'example.com/x' } });
  await world.put(`gatewayclasses.${group}`, 'naru', { spec: { controllerName: 'naru.io/gateway' } });
  await world.put(`gatewayclasses.${group}`, 'other', { spec: { controllerName: 'example.com/x' } });
  await world.relations.start();
  context.after(async () => {
    await world.relations.close();
    await world.store.close();
  });
  return world;
}

const ingress = (ingressClassName: string, secretName: string, annotations = {}): object => ({
  metadata: { annotations },
  spec: { ingressClassName, tls: [{ hosts: ['a.example'], secretName }] },
});

test('a node reads the Secrets that Ingresses of our classes name, one at a time, while they do', async (context) => {
  const world = await start(context);
  assert.equal(world.may('n1', 'get secrets a/tls'), false);
  const annotations = {
    'nginx.ingress.kubernetes.io/auth-secret': 'users',
    'naru.io/auth-tls-secret': 'a/clients',
    'nginx.ingress.kubernetes.io/proxy-ssl-secret': 'b/elsewhere',
  };
  await world.put('ingresses.networking.k8s.io', 'a/web', ingress('naru', 'tls', annotations));
  for (const verb of ['get', 'list', 'watch']) {
    for (const name of ['tls', 'users', 'clients'])
      assert.equal(world.may('n1', `${verb} secrets a/${name}`), true, name);
  }
  const never = [
    'get secrets a/other',
    'get secrets b/tls',
    'get secrets b/elsewhere',
    'list secrets a/',
    'update secrets a/tls',
    'get configmaps a/tls',
  ];
  for (const asked of never) assert.equal(world.may('n1', asked), false, asked);
  assert.equal(world.may('n2', 'get secrets a/tls'), false, 'it runs no gateway');
  assert.equal(world.may('n3', 'get secrets a/tls'), false, 'there is no such node');
  await world.put('ingresses.networking.k8s.io', 'a/web', ingress('naru', 'tls2'));
  assert.equal(world.may('n1', 'get secrets a/tls'), false);
  assert.equal(world.may('n1', 'get secrets a/tls2'), true);
  await world.put('ingresses.networking.k8s.io', 'a/twin', ingress('naru', 'tls2'));
  await world.remove('ingresses.networking.k8s.io', 'a/web');
  assert.equal(world.may('n1', 'get secrets a/tls2'), true, 'another names it');
  await world.remove('ingresses.networking.k8s.io', 'a/twin');
  assert.equal(world.may('n1', 'get secrets a/tls2'), false);
});

test('Secrets of Ingresses that others serve are not read', async (context) => {
  const world = await start(context);
  await world.put('ingresses.networking.k8s.io', 'a/web', ingress('other', 'tls'));
  assert.equal(world.may('n1', 'get secrets a/tls'), false);
  await world.put('ingresses.networking.k8s.io', 'a/web', ingress('nginx', 'tls'));
  assert.equal(world.may('n1', 'get secrets a/tls'), true, 'borrowed');
  await world.put('ingressclasses.networking.k8s.io', 'nginx', { spec: { controller: 'k8s.io/ingress-nginx' } });
  assert.equal(world.may('n1', 'get secrets a/tls'), false, 'taken over');
});

test('a label that comes later keeps a node from reading', async (context) => {
  const world = await start(context);
  await world.put('ingresses.networking.k8s.io', 'a/web', ingress('naru', 'tls'));
  assert.equal(world.may('n1', 'get secrets a/tls'), true);
  const labels = { 'node.kubernetes.io/exclude-from-external-load-balancers': 'true' };
  await world.put('nodes', 'n1', { metadata: { labels } });
  assert.equal(world.may('n1', 'get secrets a/tls'), false);
});

test('what Gateways of our classes name is read; in other namespaces where a grant allows it', async (context) => {
  const world = await start(context);
  const listeners = [
    {
      name: 'x',
      port: 443,
      protocol: 'HTTPS',
      tls: {
        certificateRefs: [{ name: 'own' }, { namespace: 'b', name: 'far' }, { kind: 'X', group: 'y', name: 'z' }],
      },
    },
  ];
  const frontend = {
    default: { validation: { caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'clients' }] } },
  };
  const tls = { frontend, backend: { clientCertificateRef: { name: 'client' } } };
  await world.put(`gateways.${group}`, 'a/gw', { spec: { gatewayClassName: 'naru', listeners, tls } });
  for (const asked of ['secrets a/own', 'secrets a/client', 'configmaps a/clients']) {
    assert.equal(world.may('n1', `get ${asked}`), true, asked);
    assert.equal(world.may('n2', `get ${asked}`), false, asked);
  }
  assert.equal(world.may('n1', 'get secrets a/z'), false);
  assert.equal(world.may('n1', 'get secrets b/far'), false, 'nobody grants it');
  const from = [{ group, kind: 'Gateway', namespace: 'a' }];
  const grant = (to: object): object => ({ spec: { from, to: [{ group: '', kind: 'Secret', ...to }] } });
  await world.put(`referencegrants.${group}`, 'b/g', grant({ name: 'another' }));
  assert.equal(world.may('n1', 'get secrets b/far'), false);
  await world.put(`referencegrants.${group}`, 'c/g', grant({}));
  assert.equal(world.may('n1', 'get secrets b/far'), false, 'a grant of another namespace');
  await world.put(`referencegrants.${group}`, 'b/g', grant({ name: 'far' }));
  assert.equal(world.may('n1', 'get secrets b/far'), true);
  await world.put(`gateways.${group}`, 'a/gw', { spec: { gatewayClassName: 'other', listeners, tls } });
  assert.equal(world.may('n1', 'get secrets a/own'), false);
});

test('ListenerSets count by their Gateway, policies of backends where a Gateway of ours is', async (context) => {
  const world = await start(context);
  const listeners = [{ name: 'x', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'set' }] } }];
  await world.put(`listenersets.${group}`, 'b/set', { spec: { parentRef: { namespace: 'a', name: 'gw' }, listeners } });
  const validation = { hostname: 'x', caCertificateRefs: [{ group: '', kind: 'ConfigMap', name: 'ca' }] };
  await world.put(`backendtlspolicies.${group}`, 'b/policy', { spec: { targetRefs: [], validation } });
  const both = ['get secrets b/set', 'get configmaps b/ca'];
  for (const asked of both) assert.equal(world.may('n1', asked), false, asked);
  await world.put(`gateways.${group}`, 'a/gw', { spec: { gatewayClassName: 'naru', listeners: [] } });
  for (const asked of both) assert.equal(world.may('n1', asked), true, asked);
  await world.remove(`gateways.${group}`, 'a/gw');
  for (const asked of both) assert.equal(world.may('n1', asked), false, asked);
});
