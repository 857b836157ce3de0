/** The Gateway API's kinds through the registry: defaults, first statuses, versions, and what custom resources may that others may not. */
import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { resourceTable } from '../../api/resource-table.ts';
import type { Gateway, HTTPRoute } from '../../api/schema/types/gateway-v1.ts';
import { startRegistry, type TestRegistry } from '../testing.ts';

const group = 'gateway.networking.k8s.io';
const apiVersion = `${group}/v1`;
const namespace = 'default';

void describe('the Gateway API', () => {
  let cluster: TestRegistry;
  before(async () => {
    cluster = await startRegistry();
  });

  const created = async <T>(resource: string, object: object): Promise<T> =>
    (await cluster.create(`${resource}.${group}`, object)) as unknown as T;

  void test('a route without rules gets one, which matches every path', async () => {
    const route = await created<HTTPRoute>('httproutes', {
      apiVersion,
      kind: 'HTTPRoute',
      metadata: { name: 'plain', namespace },
      spec: { parentRefs: [{ name: 'web' }] },
    });
    assert.deepEqual(route.spec, {
      parentRefs: [{ group, kind: 'Gateway', name: 'web' }],
      rules: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }] }],
    });
    assert.equal(route.status, undefined);
    assert.equal(route.metadata?.generation, 1);
  });

  void test('what is left out of rules, matches and references is filled in, and what is empty stays', async () => {
    const route = await created<HTTPRoute>('httproutes', {
      apiVersion,
      kind: 'HTTPRoute',
      metadata: { name: 'more', namespace },
      spec: {
        hostnames: [],
        rules: [{ matches: [{ headers: [{ name: 'a', value: 'b' }] }], backendRefs: [{ name: 'web', port: 80 }] }],
      },
    });
    assert.deepEqual(route.spec, {
      hostnames: [],
      rules: [
        {
          backendRefs: [{ group: '', kind: 'Service', name: 'web', port: 80, weight: 1 }],
          matches: [{ headers: [{ name: 'a', type: 'Exact', value: 'b' }], path: { type: 'PathPrefix', value: '/' } }],
        },
      ],
    });
  });

  void test('a Gateway waits for its controller, whatever status it was sent with; listeners let in routes of their namespace', async () => {
    const gateway = await created<Gateway>('gateways', {
      apiVersion,
      kind: 'Gateway',
      metadata: { name: 'web', namespace, finalizers: ['plain'] },
      spec: { gatewayClassName: 'naru', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
      status: { addresses: [{ value: '1.2.3.4' }] },
    });
    assert.deepEqual(gateway.spec.listeners[0]?.allowedRoutes, { namespaces: { from: 'Same' } });
    assert.equal(gateway.status?.addresses, undefined);
    assert.deepEqual(
      gateway.status?.conditions?.map(({ type, status, reason }) => [type, status, reason]),
      [
        ['Accepted', 'Unknown', 'Pending'],
        ['Programmed', 'Unknown', 'Pending'],
      ],
    );
  });

  void test('what was made in one version is read in the other', async () => {
    const old = `${group}/v1beta1`;
    const target = cluster.target(`gatewayclasses.${group}`, { name: 'old' });
    await created('gatewayclasses', {
      apiVersion,
      kind: 'GatewayClass',
      metadata: { name: 'old' },
      spec: { controllerName: 'example.net/a' },
    });
    const resource = resourceTable().find(group, 'v1beta1', 'gatewayclasses');
    assert.ok(resource);
    const { object } = await cluster.registry.get({ ...target, resource });
    assert.equal(object.apiVersion, old);
  });
});
