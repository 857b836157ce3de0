import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { make, rejection, startRegistry, type TestRegistry } from '../testing.ts';

const claims = 'resourceclaims.resource.k8s.io';
const templates = 'resourceclaimtemplates.resource.k8s.io';
const label = 'resource.kubernetes.io/admin-access';
const why = `admin access to devices requires the \`${label}: true\` label on the containing namespace`;

const asks = (...admin: boolean[]): object => ({
  devices: {
    requests: admin.map((adminAccess, index) => ({
      name: `r${index}`,
      exactly: { deviceClassName: 'class', allocationMode: 'ExactCount', count: 1, adminAccess },
    })),
  },
});
const claim = (name: string, ...admin: boolean[]): object => ({ metadata: { name }, spec: asks(...admin) });
const template = (name: string, ...admin: boolean[]): object => ({
  metadata: { name },
  spec: { spec: asks(...admin) },
});
const given = (...admin: boolean[]): object => ({
  results: admin.map((adminAccess, index) => ({
    request: `r${index}`,
    driver: 'd.example.com',
    pool: 'p',
    device: `d${index}`,
    adminAccess,
  })),
});
const handOut = (cluster: TestRegistry, name: string, namespace: string, ...admin: boolean[]) =>
  cluster.patch(
    claims,
    name,
    { status: { allocation: { devices: given(...admin) } } },
    {
      type: 'merge',
      namespace,
      subresource: 'status',
    },
  );

async function withNamespaces(): Promise<TestRegistry> {
  const cluster = await startRegistry();
  await cluster.create('namespaces', make.namespace({ metadata: { labels: { [label]: 'true' } } }, 'admins'));
  await cluster.create('namespaces', make.namespace({ metadata: { labels: { [label]: 'yes' } } }, 'others'));
  return cluster;
}

describe('devices as an administrator reaches them', () => {
  test('are asked for in labelled namespaces only', async () => {
    const cluster = await withNamespaces();
    await cluster.create(claims, claim('a', true), { namespace: 'admins' });
    await cluster.create(templates, template('a', true), { namespace: 'admins' });
    await cluster.create(claims, claim('plain', false), { namespace: 'others' });
    for (const namespace of ['default', 'others']) {
      const error = await rejection(cluster.create(claims, claim('b', false, true, true), { namespace }), 'Invalid');
      const text = `spec.devices.requests[1].adminAccess: Forbidden: ${why}`;
      assert.equal(error.message, `ResourceClaim.resource.k8s.io "b" is invalid: ${text}`);
      const other = await rejection(cluster.create(templates, template('b', true), { namespace }), 'Invalid');
      const where = 'spec.devices.requests[0].adminAccess';
      assert.equal(other.message, `ResourceClaimTemplate.resource.k8s.io "b" is invalid: ${where}: Forbidden: ${why}`);
    }
  });

  test('are handed out in labelled namespaces only, and stay where the label goes', async () => {
    const cluster = await withNamespaces();
    await cluster.create(claims, claim('a', true), { namespace: 'admins' });
    await cluster.create(claims, claim('b', false), { namespace: 'others' });
    const error = await rejection(handOut(cluster, 'b', 'others', true), 'Invalid');
    const where = 'status.allocation.devices.results[0].adminAccess';
    assert.equal(error.message, `ResourceClaim.resource.k8s.io "b" is invalid: ${where}: Forbidden: ${why}`);
    await handOut(cluster, 'b', 'others', false);
    await handOut(cluster, 'a', 'admins', true);
    await cluster.patch('namespaces', 'admins', { metadata: { labels: { [label]: null } } }, { type: 'merge' });
    const reserved = [{ resource: 'pods', name: 'p', uid: 'u' }];
    const options = { type: 'merge', namespace: 'admins', subresource: 'status' } as const;
    await cluster.patch(claims, 'a', { status: { reservedFor: reserved } }, options);
    await rejection(cluster.create(claims, claim('c', true), { namespace: 'admins' }), 'Invalid');
  });
});
