import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ConfigMap } from '../api/schema/types/core-v1.ts';
import { StatusError } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import { intercept } from '../client/intercept.ts';
import { configMaps, pods, secrets } from '../client/resources.ts';
import { silentLogger as log } from '../lib/log.ts';
import { SeededPrng } from '../lib/prng.ts';
import { simulatedPlatform } from '../simulation/simulated-platform.ts';
import { startNode, type TestNode } from './cluster-testing.ts';
import { PodFolders } from './pod/volumes/pod-folders.ts';
import type { PodStorage } from './pod/volumes/pod-storage.ts';
import { notedMounts } from './pod/volumes/testing.ts';
import { make } from './testing.ts';
import { WatchedObjects } from './watched-objects.ts';

const reference = { namespace: 'default', name: 'settings' };
const configMap = (data: Record<string, string>, changes: Partial<ConfigMap> = {}): ConfigMap => ({
  metadata: reference,
  data,
  ...changes,
});
const pod = (uid: string, name = 'settings') =>
  make.pod({ volumes: [{ name: 'v', configMap: { name } }] }, { uid, name: uid });

interface Watching {
  readonly node: TestNode;
  readonly objects: WatchedObjects;
  readonly calls: { get: number; list: number; watch: number };
  readonly told: string[];
  /** While it is set, lists are refused. */
  readonly server: { refuses: boolean };
}

async function watching(context: TestContext): Promise<Watching> {
  const node = await startNode();
  const calls = { get: 0, list: 0, watch: 0 };
  const server = { refuses: false };
  const client = intercept(node.client, {
    get:
      (real) =>
      (resource, ...rest) => {
        calls.get++;
        return real.get(resource, ...rest);
      },
    list: (real) => (resource, query) => {
      calls.list++;
      if (server.refuses) return Promise.reject(new StatusError(403, 'Forbidden', 'no'));
      return real.list(resource, query);
    },
    watch: (real) => (resource, query, handler) => {
      calls.watch++;
      return real.watch(resource, query, handler);
    },
  });
  const objects = new WatchedObjects({ client, clock: node.clock, prng: new SeededPrng(1), log });
  const told: string[] = [];
  objects.onChange((uid) => told.push(uid));
  context.after(async () => {
    await objects.close();
    await node.close();
  });
  return { node, objects, calls, told, server };
}

test('a thousand pods that share an object share one watch, and each is told of a change', async (context) => {
  const { node, objects, calls, told } = await watching(context);
  await node.client.create(configMaps, configMap({ key: 'old' }));
  for (let index = 0; index < 1000; index++) objects.follow(pod(`u-${index}`));
  for (let index = 0; index < 1000; index++) {
    assert.deepEqual((await objects.configMap(reference))?.data, { key: 'old' });
  }
  await node.clock.advance(10);
  assert.deepEqual(calls, { get: 0, list: 1, watch: 1 });
  assert.ok(objects.follow(pod('u-0')));
  const found = await node.client.get(configMaps, reference);
  await node.client.update(configMaps, { ...found, data: { key: 'new' } });
  await node.clock.advance(10);
  assert.equal(new Set(told).size, 1000);
  assert.deepEqual((await objects.configMap(reference))?.data, { key: 'new' });
  assert.deepEqual(calls, { get: 0, list: 1, watch: 1 });
});

test('an object that comes, goes and comes again is seen to, and the last pod takes the watch with it', async (context) => {
  const { node, objects, told } = await watching(context);
  objects.follow(pod('u-1'));
  objects.follow(pod('u-2'));
  assert.equal(await objects.configMap(reference), undefined);
  await node.clock.advance(10);
  await node.client.create(configMaps, configMap({ key: 'a' }));
  await node.clock.advance(10);
  assert.deepEqual((await objects.configMap(reference))?.data, { key: 'a' });
  await node.client.delete(configMaps, reference);
  await node.clock.advance(10);
  assert.equal(await objects.configMap(reference), undefined);
  assert.deepEqual(told, ['u-1', 'u-2', 'u-1', 'u-2']);
  objects.forget('u-1');
  assert.equal(objects.size, 1);
  objects.forget('u-2');
  assert.equal(objects.size, 0);
});

test('where the watch is refused, objects are asked for by name, and what is not followed is said', async (context) => {
  const { node, objects, calls, server } = await watching(context);
  await node.client.create(configMaps, configMap({ key: 'a' }));
  server.refuses = true;
  assert.equal(objects.follow(pod('u-1')), false);
  const reading = objects.configMap(reference);
  await node.clock.advance(1000);
  assert.deepEqual((await reading)?.data, { key: 'a' });
  assert.equal(calls.get, 1);
  assert.equal(objects.follow(pod('u-1')), false);
  server.refuses = false;
  await node.clock.advance(60_000);
  assert.equal(objects.follow(pod('u-1')), true);
  await objects.configMap(reference);
  assert.equal(calls.get, 1);
});

test('an immutable object is read once, and watched no longer', async (context) => {
  const { node, objects, calls } = await watching(context);
  await node.client.create(configMaps, configMap({ key: 'a' }, { immutable: true }));
  objects.follow(pod('u-1'));
  await objects.configMap(reference);
  await node.clock.advance(600_000);
  assert.ok(objects.follow(pod('u-1')));
  assert.deepEqual((await objects.configMap(reference))?.data, { key: 'a' });
  assert.deepEqual(calls, { get: 0, list: 1, watch: calls.watch });
  assert.ok(calls.watch <= 1);
});

test('what nobody follows is asked for each time', async (context) => {
  const { node, objects, calls } = await watching(context);
  await node.client.create(secrets, { metadata: { namespace: 'default', name: 's' } });
  await objects.secret({ namespace: 'default', name: 's' });
  await objects.secret({ namespace: 'default', name: 's' });
  assert.deepEqual(calls, { get: 2, list: 0, watch: 0 });
});

interface NodeWithDisk {
  readonly node: TestNode;
  /** As `node.until`, and the disk, which knows no virtual time, is waited for between its steps. */
  readonly until: (what: string, check: () => Promise<boolean>, limitMs?: number) => Promise<void>;
  readonly read: (...parts: string[]) => Promise<string>;
}

/** A simulated node whose volumes are real files: as a node it may read what its pods refer to, and no more. */
async function nodeWithDisk(context: TestContext, client?: (real: Client) => Client): Promise<NodeWithDisk> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'naru-watched-'));
  const memory = `${root}-memory`;
  context.after(async () => {
    for (const folder of [root, memory]) await rm(folder, { recursive: true, force: true });
  });
  const node = await startNode();
  context.after(() => node.close());
  const closing = node.agent.close();
  await node.clock.advance(20_000);
  await closing;
  const underWay = new Set<Promise<unknown>>();
  const storage = noted(
    new PodFolders({ root, memory, volumes: `${root}-local`, mounter: notedMounts(), log }),
    underWay,
  );
  const settled = async () => {
    do {
      await Promise.allSettled(underWay);
      await new Promise((resolve) => setImmediate(resolve));
    } while (underWay.size > 0);
  };
  const platform = { ...simulatedPlatform(node.runtime), storage };
  await node.restart({ platform, ...(client && { client: client(node.client) }) });
  const read = async (...parts: string[]) => {
    const { metadata } = await node.pod();
    const uid = metadata?.uid ?? '';
    const folders = [path.join(root, uid, 'volumes'), path.join(memory, uid)];
    const found = folders.map((folder) => readFile(path.join(folder, ...parts), 'utf8').catch(() => ''));
    return (await Promise.all(found)).join('');
  };
  const until: NodeWithDisk['until'] = (what, check, limitMs = 60_000) =>
    node.until(
      what,
      async () => {
        await settled();
        return check();
      },
      limitMs,
    );
  return { node, read, until };
}

/** What is asked of `storage` stands in `underWay` until it is done. */
function noted(storage: PodFolders, underWay: Set<Promise<unknown>>): PodStorage {
  const note = <T>(promise: Promise<T>): Promise<T> => {
    underWay.add(promise);
    void promise.catch(() => {}).finally(() => underWay.delete(promise));
    return promise;
  };
  return {
    prepare: (facts) => note(storage.prepare(facts)),
    containerVolumes: (facts) => note(storage.containerVolumes(facts)),
    readFile: (...file) => note(storage.readFile(...file)),
    places: (pod) => storage.places(pod),
    terminationMessage: (...run) => note(storage.terminationMessage(...run)),
    remove: (uid) => note(storage.remove(uid)),
    removeVolume: (name) => note(storage.removeVolume(name)),
    uids: () => note(storage.uids()),
  };
}

/** The registry of these tests issues none. */
const noToken = { automountServiceAccountToken: false };

const phaseIs = (node: TestNode, phase: string) => async () => (await node.pod()).status?.phase === phase;

test('an update of an object, and of the pod itself, reaches the volumes of a running pod within ten seconds', async (context) => {
  const { node, read, until } = await nodeWithDisk(context);
  await node.client.create(configMaps, configMap({ key: 'old' }));
  const volumes = [
    { name: 'config', configMap: { name: 'settings' } },
    { name: 'self', downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
  ];
  await node.run({ ...noToken, volumes }, { labels: { tier: 'old' } });
  await until('it runs', phaseIs(node, 'Running'));
  assert.equal(await read('config', 'key'), 'old');
  const found = await node.client.get(configMaps, reference);
  await node.client.update(configMaps, { ...found, data: { key: 'new' } });
  const self = await node.pod();
  await node.client.update(pods, { ...self, metadata: { ...self.metadata, labels: { tier: 'new' } } });
  await until('the files are new', async () => (await read('config', 'key')) === 'new', 10_000);
  await until('the labels are new', async () => (await read('self', 'labels')) === 'tier="new"', 10_000);
});

test('a pod that waits for an object starts when it comes, not when its turn comes', async (context) => {
  const { node, until } = await nodeWithDisk(context);
  const env = [{ name: 'X', valueFrom: { configMapKeyRef: { name: 'settings', key: 'key' } } }];
  await node.run({ ...noToken, containers: [{ name: 'app', image: 'app:1', env }] });
  const waits = async () =>
    (await node.pod()).status?.containerStatuses?.[0]?.state?.waiting?.reason === 'CreateContainerConfigError';
  await until('it waits', waits, 20_000);
  await node.clock.advance(40_000);
  await node.client.create(configMaps, configMap({ key: 'x' }));
  await until('it runs', phaseIs(node, 'Running'), 2000);
});

test('a token in a volume is renewed while the pod runs, without any change of an object', async (context) => {
  let count = 0;
  const issuing = (real: Client): Client =>
    intercept(real, {
      createSubresource: () => (_resource, _reference, _subresource, body) => {
        const expirationTimestamp = new Date(clock().now() + 600_000).toISOString();
        return Promise.resolve({ ...body, status: { token: `token-${++count}`, expirationTimestamp } });
      },
    });
  const { node, read, until } = await nodeWithDisk(context, issuing);
  const clock = () => node.clock;
  const sources = [{ serviceAccountToken: { path: 'token', expirationSeconds: 600 } }];
  await node.run({ ...noToken, volumes: [{ name: 'api', projected: { sources } }] });
  await until('it runs', phaseIs(node, 'Running'));
  const first = await read('api', 'token');
  assert.notEqual(first, '');
  await node.clock.advance(470_000);
  assert.equal(await read('api', 'token'), first);
  await until('the token is new', async () => (await read('api', 'token')) !== first, 30_000);
});
