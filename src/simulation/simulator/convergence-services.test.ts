import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import { addressesHeld } from './convergence-services.ts';

const collections = { Service: 'services', IPAddress: 'ipaddresses.networking.k8s.io' } as const;

async function problemsOf(objects: readonly KubeObject[]): Promise<readonly string[]> {
  const store = new MemoryStore({ clock: new VirtualClock(), log: silentLogger });
  await store.start();
  for (const object of objects) {
    const { namespace = '', name = '' } = object.metadata ?? {};
    const collection = collections[object.kind as keyof typeof collections];
    await store.write({ kind: 'put', key: { collection, namespace, name }, object, expectedRevision: 0 });
  }
  const problems = addressesHeld(store);
  await store.close();
  return problems;
}

const service = (name: string, ...clusterIPs: string[]) =>
  ({ apiVersion: 'v1', kind: 'Service', metadata: { namespace: 'default', name }, spec: { clusterIPs } }) as KubeObject;
const address = (name: string, holder: string): KubeObject =>
  ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'IPAddress',
    metadata: { name },
    spec: { parentRef: { resource: 'services', namespace: 'default', name: holder } },
  }) as KubeObject;

test('each address that a Service holds must be an IPAddress of its own, of both families', async () => {
  const web = service('web', '10.43.0.7', 'fd00:43::7');
  const [four, six] = [address('10.43.0.7', 'web'), address('fd00:43::7', 'web')];
  assert.deepEqual(await problemsOf([web, four, six, service('headless', 'None')]), []);
  assert.deepEqual(await problemsOf([web, four]), ['services default/web holds fd00:43::7, which is no IPAddress']);
  assert.deepEqual(await problemsOf([service('web', '10.43.0.7'), four, six]), [
    'ipaddresses.networking.k8s.io fd00:43::7 is of the Service default/web, which does not hold it',
  ]);
  assert.match(
    (await problemsOf([web, address('10.43.0.7', 'other'), six])).join(),
    /Service default\/other, which does/,
  );
});
