import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Volume } from '../../api/schema/types/core-v1.ts';
import { StatusError } from '../../api/status-error.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { MemoryStore } from '../../store/memory-store.ts';
import type { AuthorizationAttributes, UserInfo } from '../request.ts';
import { resourceNamed } from '../testing.ts';
import { Reinvocation } from './admission.ts';
import { nodeTokens } from './node-tokens.ts';

const node: UserInfo = { name: 'system:node:n1', groups: ['system:nodes'] };
const admin: UserInfo = { name: 'admin', groups: [] };

/** A node that asks for a token for the pod `web`, which runs on it. */
async function world(
  volumes: readonly Volume[] = [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }],
) {
  const clock = new VirtualClock();
  const store = new MemoryStore({ clock, log: silentLogger });
  await store.start();
  const put = async (collection: string, name: string, object: object, namespace = 'default'): Promise<void> => {
    const metadata = { name, namespace, uid: `uid-${name}` };
    const key = { collection, namespace, name };
    await store.write({ kind: 'put', key, object: { ...object, metadata }, expectedRevision: 0 });
  };
  await put('pods', 'web', { spec: { nodeName: 'n1', volumes } });
  await put('pods', 'far', { spec: { nodeName: 'n2', volumes } });
  const asked: AuthorizationAttributes[] = [];
  const granted = new Set<string>();
  const plugin = nodeTokens({
    decide(attributes) {
      asked.push(attributes);
      return { allowed: granted.has(attributes.resource), reason: '' };
    },
  });
  const ask = async (audiences: readonly string[], bound: object | null = {}, user = node): Promise<string> => {
    const reference = { apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'uid-web', ...bound };
    const resource = resourceNamed('serviceaccounts');
    try {
      await plugin.mutate?.({
        operation: 'CREATE',
        target: { user, resource, namespace: 'default', name: 'bot', subresource: 'token' },
        collection: 'serviceaccounts',
        draft: { spec: { audiences, ...(bound && { boundObjectRef: reference }) } },
        dryRun: false,
        store,
        clock,
        prng: new SeededPrng(1),
        warn() {},
        annotate() {},
        undoWith() {},
        asked: () => assert.fail('nobody outside is asked'),
        waitsOutside: () => {},
        reinvocation: new Reinvocation(),
      });
      return 'admitted';
    } catch (error) {
      assert.ok(error instanceof StatusError, String(error));
      return error.message;
    }
  };
  return { ask, put, asked, granted };
}

const forbidden = (why: string): string => `serviceaccounts "bot" is forbidden: ${why}`;

test('a node gets tokens for its own pods only', async () => {
  const { ask } = await world();
  assert.equal(await ask([]), 'admitted');
  assert.equal(await ask([], null), forbidden('node requested token not bound to a pod'));
  assert.equal(await ask([], { kind: 'Secret' }), forbidden('node requested token not bound to a pod'));
  assert.equal(await ask([], { uid: '' }), forbidden('node requested token with a pod binding without a uid'));
  assert.equal(await ask([], { name: 'none' }), 'pods "none" not found');
  assert.equal(
    await ask([], { uid: 'old' }),
    forbidden(
      'the UID in the bound object reference (old) does not match the UID in record. The object might have been deleted and then recreated',
    ),
  );
  assert.equal(
    await ask([], { name: 'far', uid: 'uid-far' }),
    forbidden('node requested token bound to a pod scheduled on a different node'),
  );
  assert.equal(await ask(['any', 'thing'], null, admin), 'admitted', 'others than nodes are not asked');
});

const unknown = (audience: string): string =>
  forbidden(
    `audience "${audience}" not found in pod spec volume, system:node:n1 is not authorized to request tokens for this audience`,
  );

test('a node gets tokens only for whom the pod’s volumes ask for', async () => {
  const vault = { serviceAccountToken: { path: 't', audience: 'vault' } };
  const { ask } = await world([{ name: 't', projected: { sources: [{ configMap: { name: 'c' } }, vault] } }]);
  assert.equal(await ask(['vault']), 'admitted');
  assert.equal(await ask(['other']), unknown('other'));
  assert.equal(await ask([]), unknown(''));
  assert.equal(await ask(['vault', 'other']), forbidden('node may only request 0 or 1 audiences'));
});

test('CSI drivers ask, too: of volumes in the pod, of its claims, and of claims made for it', async () => {
  const { ask, put } = await world([
    { name: 'inline', csi: { driver: 'inline.example' } },
    { name: 'claimed', persistentVolumeClaim: { claimName: 'data' } },
    { name: 'made', ephemeral: { volumeClaimTemplate: { spec: {} } } },
  ]);
  assert.equal(await ask(['inline']), unknown('inline'));
  const driver = (audience: string) => ({ spec: { tokenRequests: [{ audience }] } });
  await put('csidrivers.storage.k8s.io', 'inline.example', driver('inline'), '');
  await put('csidrivers.storage.k8s.io', 'claimed.example', driver('claimed'), '');
  await put('csidrivers.storage.k8s.io', 'made.example', driver('made'), '');
  assert.equal(await ask(['inline']), 'admitted');
  assert.equal(await ask(['claimed']), unknown('claimed'));
  for (const [claim, kind] of [
    ['data', 'claimed'],
    ['web-made', 'made'],
  ] as const) {
    await put('persistentvolumeclaims', claim, { spec: { volumeName: kind } });
    await put('persistentvolumes', kind, { spec: { csi: { driver: `${kind}.example` } } }, '');
    assert.equal(await ask([kind]), 'admitted');
  }
});

test('a role may allow a node more', async () => {
  const { ask, asked, granted } = await world();
  assert.equal(await ask(['registry']), unknown('registry'));
  granted.add('registry');
  assert.equal(await ask(['registry']), 'admitted');
  assert.deepEqual(asked[0], {
    user: node,
    verb: 'request-serviceaccounts-token-audience',
    group: '',
    version: 'v1',
    resource: 'registry',
    subresource: '',
    namespace: 'default',
    name: 'bot',
    path: '',
  });
});
