/** Definitions of kinds that are built in, as users install those of the Gateway API. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { definitions, makeDefinition, startCustomRegistry } from './testing.ts';

const group = 'gateway.networking.k8s.io';
const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as const;
const schema = { openAPIV3Schema: { type: 'object', properties: { spec: open, status: open } } };

/** An older release: its only version, and that in which it stores, is not built in. */
const older = makeDefinition({
  plural: 'tcproutes',
  group,
  kind: 'TCPRoute',
  names: { plural: 'tcproutes', singular: 'tcproute', kind: 'TCPRoute', listKind: 'TCPRouteList' },
  metadata: { annotations: { 'api-approved.kubernetes.io': 'https://github.com/kubernetes-sigs/gateway-api/pull/1' } },
  versions: [{ name: 'v1alpha2', served: true, storage: true, schema }],
});

const route = (version: string, name: string): object => ({
  apiVersion: `${group}/${version}`,
  kind: 'TCPRoute',
  metadata: { name, namespace: 'default' },
  spec: { rules: [{ name: 'all', backendRefs: [{ name: 'db', port: 5432 }] }] },
});

test('its own version and the built-in one show the same objects, which outlive it', async () => {
  const registry = await startCustomRegistry();
  await registry.create(`tcproutes.v1.${group}`, route('v1', 'before'));
  await registry.create(definitions, older);
  await registry.settle();
  const definition = await registry.get(definitions, `tcproutes.${group}`);
  const established = definition.status?.['conditions'] as unknown as { type: string; status: string }[];
  assert.equal(established.find(({ type }) => type === 'Established')?.status, 'True');

  await registry.create(`tcproutes.v1alpha2.${group}`, route('v1alpha2', 'during'));
  for (const version of ['v1', 'v1alpha2']) {
    const { objects } = await registry.list(`tcproutes.${version}.${group}`);
    assert.deepEqual(
      objects.map((object) => [object.apiVersion, object.metadata?.name]),
      [
        [`${group}/${version}`, 'before'],
        [`${group}/${version}`, 'during'],
      ],
    );
  }
  const stored = registry.store.list(`tcproutes.${group}`).entries.map(({ object }) => object.apiVersion);
  assert.deepEqual(stored, [`${group}/v1`, `${group}/v1`]);

  await registry.delete(definitions, `tcproutes.${group}`);
  await registry.settle();
  assert.deepEqual(await registry.names(definitions), []);
  assert.deepEqual(await registry.names(`tcproutes.v1.${group}`), ['before', 'during']);
  await registry.close();
});
