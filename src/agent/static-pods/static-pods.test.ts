import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { pods } from '../../client/resources.ts';
import { RealClock, VirtualClock } from '../../lib/clock.ts';
import { silentLogger as log } from '../../lib/log.ts';
import { readPodManifest } from '../../registry/manifest.ts';
import { startNode, type TestNode } from '../cluster-testing.ts';
import { ManifestFolder, type ManifestReader } from './manifest-folder.ts';
import { asStaticPod, decideMirror, isMirrorPod, isStaticPod, mirrorOf } from './static-pod.ts';

const read: ManifestReader = async (text, adapt) => readPodManifest(text, adapt);
const origin = { nodeName: 'node-1', file: '/m/web.yaml', seen: '2026-01-01T00:00:00Z' };
const adapt = (pod: Pod): Pod => asStaticPod(pod, origin);

const manifest = (image = 'app:1', more = ''): string => `apiVersion: v1
kind: Pod
metadata: { name: web, labels: { app: web } }
spec:
  terminationGracePeriodSeconds: 3
  containers: [{ name: app, image: '${image}' }]
${more}`;

function folderOf(context: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-manifests-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a manifest becomes the pod that upstream makes of it', () => {
  const { pod, warnings } = readPodManifest(manifest('app:1', '  surprise: 1\n'), adapt);
  const { uid = '' } = pod.metadata ?? {};
  assert.match(uid, /^[0-9a-f]{32}$/);
  assert.deepEqual(pod.metadata, {
    name: 'web-node-1',
    namespace: 'default',
    uid,
    labels: { app: 'web' },
    annotations: {
      'kubernetes.io/config.source': 'file',
      'kubernetes.io/config.hash': uid,
      'kubernetes.io/config.seen': origin.seen,
    },
  });
  assert.equal(pod.spec?.nodeName, 'node-1');
  assert.equal(pod.spec?.restartPolicy, 'Always');
  assert.equal(pod.spec?.containers[0]?.imagePullPolicy, 'IfNotPresent');
  assert.deepEqual(pod.spec?.tolerations, [{ operator: 'Exists', effect: 'NoExecute' }]);
  assert.deepEqual(warnings, ['unknown field "spec.surprise"']);
  assert.ok(isStaticPod(pod) && !isMirrorPod(pod));
  assert.notEqual(readPodManifest(manifest('app:2'), adapt).pod.metadata?.uid, uid);
  assert.equal(
    readPodManifest(manifest(), (one) => asStaticPod(one, { ...origin, seen: 'later' })).pod.metadata?.uid,
    uid,
  );
});

const refused: readonly (readonly [string, string, RegExp])[] = [
  ['no YAML', 'a: [', /./],
  ['no object', '- 1', /^Error: it holds no object$/],
  [
    'another kind',
    'apiVersion: v1\nkind: ConfigMap',
    /^Error: it must hold one Pod of v1, and holds kind "ConfigMap" of "v1"$/,
  ],
  ['no container', 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}', /invalid pod: .*spec\.containers: Required value/],
  ['no name', 'apiVersion: v1\nkind: Pod\nspec: {containers: [{name: a, image: b}]}', /invalid pod: .*metadata\.name/],
  ['a service account', manifest('a', '  serviceAccountName: x\n'), /static pods may not reference serviceaccounts/],
  [
    'a ConfigMap',
    manifest('a', '  volumes: [{ name: v, configMap: { name: x } }]\n'),
    /static pods may not reference configmaps/,
  ],
  [
    'a uid that is a path',
    manifest().replace(/name: web\b/, 'name: web, uid: "../../etc"'),
    /the uid "\.\.\/\.\.\/etc" is none: leave it out/,
  ],
];

for (const [what, text, problem] of refused) {
  test(`a manifest is refused: ${what}`, () => {
    assert.throws(() => readPodManifest(text, adapt), problem);
  });
}

test('a mirror is kept while it shows the manifest of now and nobody deletes it', () => {
  const { pod } = readPodManifest(manifest(), adapt);
  const mirror = mirrorOf(pod, { name: 'node-1', uid: 'n' });
  assert.ok(isMirrorPod(mirror) && !isStaticPod(mirror));
  assert.equal(mirror.metadata?.uid, undefined);
  assert.deepEqual(mirror.metadata?.ownerReferences, [
    { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: 'n', controller: true },
  ]);
  const other = readPodManifest(manifest('app:2'), adapt).pod;
  const dying = { ...mirror, metadata: { ...mirror.metadata, deletionTimestamp: 'now' } };
  assert.equal(decideMirror(pod, mirror), 'keep');
  assert.equal(decideMirror(pod, undefined), 'create');
  assert.equal(decideMirror(pod, dying), 'delete');
  assert.equal(decideMirror(other, mirror), 'delete');
  assert.equal(decideMirror(undefined, mirror), 'delete');
  assert.equal(decideMirror(undefined, undefined), 'nothing');
});

test('a folder is read in order; half a file, and one of no use, end nothing; one that is gone does', async (context) => {
  const folder = folderOf(context);
  const at = (name: string): string => path.join(folder, name);
  writeFileSync(at('b.yaml'), manifest());
  writeFileSync(at('.hidden.yaml'), manifest().replace('web', 'hidden'));
  writeFileSync(
    at('c.json'),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'json' },
      spec: { containers: [{ name: 'a', image: 'b' }] },
    }),
  );
  writeFileSync(at('broken.yaml'), 'kind: [');
  mkdirSync(at('sub'));
  // Nobody writes into it: who opened it would wait for ever.
  execFileSync('mkfifo', [at('pipe.yaml')]);
  const clock = new VirtualClock();
  const told: string[][] = [];
  const changed = (found: readonly Pod[]): void =>
    void told.push(found.map(({ metadata, spec }) => `${metadata?.name} ${spec?.containers[0]?.image}`));
  const manifests = new ManifestFolder({ path: folder, nodeName: 'n', read, changed, clock, log });
  context.after(() => manifests.close());
  await manifests.start();
  assert.deepEqual(told, [['web-n app:1', 'json-n b']]);
  /** Files take real time, and no virtual one. */
  const tells = async (...expected: readonly string[]): Promise<void> => {
    for (let look = 0; look < 500 && !isDeepStrictEqual(told.at(-1), expected); look++) {
      await clock.advance(20_000);
      await realTime.sleep(5);
    }
    assert.deepEqual(told.at(-1), expected);
  };
  writeFileSync(at('b.yaml'), manifest('app:2').slice(0, 60));
  writeFileSync(at('c.json'), manifest('app:3').replace('web', 'other'));
  await tells('web-n app:1', 'other-n app:3');
  rmSync(at('c.json'));
  writeFileSync(at('b.yaml'), manifest('app:2'));
  await tells('web-n app:2');
  rmSync(folder, { recursive: true });
  await tells();
});

/** For the reading of files. */
const realTime = new RealClock({ keepsAlive: true });

const mirrorName = 'web-node-1';
const phaseOf = async (node: TestNode): Promise<string | undefined> =>
  (await node.client.list(pods)).items.find(({ metadata }) => metadata?.name === mirrorName)?.status?.phase;

/** Virtual time and real reads of files: each step has a moment for them. */
async function until(node: TestNode, what: string, check: () => Promise<boolean>): Promise<void> {
  for (let step = 0; step < 600; step++) {
    if (await check()) return;
    await node.clock.advance(100);
    await realTime.sleep(2);
  }
  assert.fail(`not within 60 s: ${what}`);
}

async function staticNode(context: TestContext) {
  const folder = folderOf(context);
  const file = path.join(folder, 'web.yaml');
  writeFileSync(file, manifest());
  const agent = { configuration: { staticPodPath: folder }, readManifest: read };
  const node = await startNode({ agent });
  const mirror = () => node.pod(mirrorName);
  const runs = async () => (await node.runs('app')).filter(({ state }) => state === 'running');
  return { node, file, mirror, runs };
}

test('a static pod runs and its mirror says so; who deletes the mirror does not delete the pod', async (context) => {
  const { node, mirror, runs } = await staticNode(context);
  await until(node, 'the mirror runs', async () => (await phaseOf(node)) === 'Running');
  const before = await mirror();
  const [run] = await runs();
  assert.ok(run !== undefined);
  assert.equal(run.pod.uid, before.metadata?.annotations?.['kubernetes.io/config.hash']);
  assert.notEqual(run.pod.uid, before.metadata?.uid);
  assert.equal(before.status?.containerStatuses?.[0]?.ready, true);
  await node.client.delete(pods, { namespace: 'default', name: mirrorName });
  await until(node, 'there is another mirror, which runs', async () => {
    const now = (await node.client.list(pods)).items.find(({ metadata }) => metadata?.name === mirrorName);
    return now !== undefined && now.metadata?.uid !== before.metadata?.uid && now.status?.phase === 'Running';
  });
  assert.deepEqual(
    (await runs()).map(({ id }) => id),
    [run.id],
  );
  await node.close();
});

test('a manifest that changes replaces the pod when nothing is left of it; one that goes ends it, and its mirror', async (context) => {
  const { node, file, mirror, runs } = await staticNode(context);
  await until(node, 'the mirror runs', async () => (await phaseOf(node)) === 'Running');
  const [old] = await runs();
  writeFileSync(file, manifest('app:2'));
  await until(node, 'the new one runs', async () => {
    const all = await runs();
    assert.ok(all.length <= 1, 'never both');
    return all[0] !== undefined && all[0].pod.uid !== old?.pod.uid && (await phaseOf(node)) === 'Running';
  });
  assert.equal((await mirror()).spec?.containers[0]?.image, 'app:2');
  rmSync(file);
  await until(node, 'nothing is left', async () => (await runs()).length === 0 && (await phaseOf(node)) === undefined);
  await node.close();
});

test('an agent that comes back adopts its static pods; one that finds another manifest ends what ran by the old one', async (context) => {
  const { node, file, runs } = await staticNode(context);
  await until(node, 'the mirror runs', async () => (await phaseOf(node)) === 'Running');
  const [run] = await runs();
  await node.agent.close();
  const second = await node.restart();
  await node.clock.advance(20_000);
  assert.deepEqual(
    (await runs()).map(({ id }) => id),
    [run?.id],
  );
  await second.close();
  writeFileSync(file, manifest('app:2'));
  await node.restart();
  await until(node, 'the new one runs alone', async () => {
    const all = await runs();
    assert.ok(all.length <= 1, 'never both');
    return all[0] !== undefined && all[0].pod.uid !== run?.pod.uid && (await phaseOf(node)) === 'Running';
  });
  await node.close();
});

test('static pods run without a server, and are shown when it is there', async (context) => {
  const folder = folderOf(context);
  writeFileSync(path.join(folder, 'web.yaml'), manifest());
  const agent = { configuration: { staticPodPath: folder }, readManifest: read };
  const node = await startNode();
  await node.agent.close();
  node.outage.begin();
  await node.restart(agent);
  const running = async () => (await node.runs('app')).some(({ state }) => state === 'running');
  await until(node, 'it runs', running);
  assert.equal(await phaseOf(node), undefined);
  node.outage.end();
  await until(node, 'it is shown', async () => (await phaseOf(node)) === 'Running');
  await node.close();
});

test('without a server, also what the runtime does not tell of is seen within some seconds', async (context) => {
  const folder = folderOf(context);
  writeFileSync(path.join(folder, 'web.yaml'), manifest());
  const node = await startNode();
  await node.agent.close();
  const silent = new Proxy(node.runtime, {
    get(target, key) {
      if (key === 'watch') return () => ({ cancel: () => {} });
      const value = Reflect.get(target, key, target) as unknown;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  node.outage.begin();
  await node.restart({ runtime: silent, configuration: { staticPodPath: folder }, readManifest: read });
  const newest = async () => (await node.runs('app'))[0];
  await until(node, 'it runs', async () => (await newest())?.state === 'running');
  await node.clock.advance(10_000);
  node.runtime.killContainer((await newest())?.id ?? '');
  await until(node, 'it is restarted', async () => {
    const run = await newest();
    return run?.attempt === 1 && run.state === 'running';
  });
  node.outage.end();
  await node.close();
});
