import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Container, PodSpec } from '../../../api/schema/types/core-v1.ts';
import type { ObjectSource } from '../../object-source.ts';
import { make, nowMs } from '../../testing.ts';
import type { Mounter } from './mounter.ts';
import { PodFolders } from './pod-folders.ts';

const noMounts: Mounter = { mountMemory: async () => {}, unmountBelow: async () => {} };

interface Fixture {
  readonly root: string;
  readonly folders: PodFolders;
  readonly data: Record<string, string>;
  readonly prepare: (spec: Partial<PodSpec>) => Promise<void>;
  readonly mounts: (
    spec: Partial<PodSpec>,
    container?: Partial<Container>,
  ) => ReturnType<PodFolders['containerMounts']>;
}

async function fixture(context: TestContext): Promise<Fixture> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'naru-volumes-'));
  context.after(() => rm(root, { recursive: true, force: true }));
  const folders = new PodFolders({ root, mounter: noMounts });
  const data: Record<string, string> = { key: 'value' };
  let tokens = 0;
  const source: ObjectSource = {
    configMap: async ({ name }) => (name === 'settings' ? { data: { ...data } } : undefined),
    secret: async ({ name }) =>
      name === 'password' ? { data: { pw: Buffer.from('s3cret').toString('base64') } } : undefined,
    token: async () => ({ token: `token-${++tokens}`, expiresAtMs: nowMs + 3_600_000 }),
  };
  const facts = {
    podIps: ['10.42.0.5'],
    hostIps: ['192.0.2.1'],
    allocatable: { milliCpu: 4000, memoryBytes: 2 ** 30 },
  };
  return {
    root,
    folders,
    data,
    prepare: (spec) =>
      folders.prepare({ ...facts, pod: make.pod(spec, { labels: { b: '2', a: '1' } }), source, nowMs }),
    mounts: (spec, container = {}) =>
      folders.containerMounts({
        pod: make.pod(spec),
        container: make.container('app', container),
        attempt: 3,
        podIps: ['10.42.0.5'],
        env: new Map([['DIR', 'sub']]),
        clusterDomain: 'cluster.local',
      }),
  };
}

const at = (root: string, ...parts: string[]) => path.join(root, 'u-1', 'volumes', ...parts);

test('volumes made from objects hold their keys, with the modes asked for, and change all at once', async (context) => {
  const { root, prepare, data } = await fixture(context);
  const volumes = [{ name: 'config', configMap: { name: 'settings', defaultMode: 0o440 } }];
  await prepare({ volumes });
  assert.equal(await readFile(at(root, 'config', 'key'), 'utf8'), 'value');
  assert.equal((await stat(at(root, 'config', 'key'))).mode & 0o777, 0o440);
  const version = await readlink(at(root, 'config', '..data'));
  await prepare({ volumes });
  assert.equal(await readlink(at(root, 'config', '..data')), version);
  delete data.key;
  data.other = 'new';
  await prepare({ volumes });
  assert.notEqual(await readlink(at(root, 'config', '..data')), version);
  assert.deepEqual(
    (await readdir(at(root, 'config'))).filter((name) => !name.startsWith('..')),
    ['other'],
  );
  assert.equal((await readdir(at(root, 'config'))).length, 3);
});

test('several sources in one volume: a key under another path, facts about the pod, a token', async (context) => {
  const { root, prepare } = await fixture(context);
  const sources = [
    { secret: { name: 'password', items: [{ key: 'pw', path: 'deep/down', mode: 0o400 }] } },
    { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
    { configMap: { name: 'absent', optional: true } },
  ];
  for (let round = 0; round < 2; round++) await prepare({ volumes: [{ name: 'all', projected: { sources } }] });
  assert.equal(await readFile(at(root, 'all', 'deep', 'down'), 'utf8'), 's3cret');
  assert.equal((await stat(at(root, 'all', 'deep', 'down'))).mode & 0o777, 0o400);
  assert.equal(await readFile(at(root, 'all', 'labels'), 'utf8'), 'a="1"\nb="2"');
  assert.equal(await readFile(at(root, 'all', 'token'), 'utf8'), 'token-1');
});

test('what cannot be mounted says which volume, and why', async (context) => {
  const { root, prepare } = await fixture(context);
  const cases: readonly (readonly [object, RegExp])[] = [
    [{ configMap: { name: 'absent' } }, /^MountVolume.SetUp failed for volume "v" : configmap "absent" not found$/],
    [
      { configMap: { name: 'settings', items: [{ key: 'x', path: 'x' }] } },
      /non-existent configmap key: default\/settings: x$/,
    ],
    [{ hostPath: { path: path.join(root, 'none'), type: 'Directory' } }, /is not a directory$/],
    [{ hostPath: { path: root, type: 'File' } }, /is not a file$/],
    [{ nfs: { server: 'a', path: '/' } }, /volumes of type nfs are not supported$/],
  ];
  for (const [source, message] of cases) {
    await assert.rejects(prepare({ volumes: [{ name: 'v', ...source }] }), { name: 'VolumeError', message });
  }
});

test('a container gets its volumes, its hosts file and its termination log', async (context) => {
  const { root, prepare, mounts, folders } = await fixture(context);
  const volumes = [
    { name: 'scratch', emptyDir: {} },
    { name: 'config', configMap: { name: 'settings' } },
  ];
  const spec = { volumes, hostAliases: [{ ip: '203.0.113.7', hostnames: ['db'] }] };
  await prepare(spec);
  const volumeMounts = [
    { name: 'scratch', mountPath: '/scratch' },
    { name: 'scratch', mountPath: '/part', subPathExpr: '$(DIR)/x' },
    { name: 'config', mountPath: '/config' },
  ];
  const found = await mounts(spec, { volumeMounts });
  const of = (containerPath: string) => found.find((mount) => mount.containerPath === containerPath);
  assert.deepEqual(of('/scratch'), { hostPath: at(root, 'scratch'), containerPath: '/scratch', readOnly: false });
  assert.equal(of('/part')?.hostPath, at(root, 'scratch', 'sub', 'x'));
  assert.equal(of('/config')?.readOnly, true);
  assert.equal((await stat(at(root, 'scratch'))).mode & 0o777, 0o777);
  const hosts = await readFile(of('/etc/hosts')?.hostPath ?? '', 'utf8');
  assert.match(hosts, /^10\.42\.0\.5\tweb$/m);
  assert.match(hosts, /^203\.0\.113\.7\tdb$/m);
  await writeFile(of('/dev/termination-log')?.hostPath ?? '', 'out of luck');
  assert.equal(await folders.terminationMessage('u-1', 'app', 3), 'out of luck');
  assert.equal(await folders.terminationMessage('u-1', 'app', 4), '');
});

test('a path inside a volume never leads out of it', async (context) => {
  const { root, prepare, mounts } = await fixture(context);
  const spec = { volumes: [{ name: 'v', emptyDir: {} }] };
  await prepare(spec);
  await mkdir(path.join(root, 'outside'));
  await symlink(path.join(root, 'outside'), at(root, 'v', 'link'));
  for (const subPath of ['../x', '/etc', 'link', 'link/new']) {
    await assert.rejects(mounts(spec, { volumeMounts: [{ name: 'v', mountPath: '/v', subPath }] }), {
      name: 'ConfigError',
    });
  }
  assert.deepEqual(await readdir(path.join(root, 'outside')), []);
});

test('a removed pod leaves nothing, and a uid that is none removes nothing', async (context) => {
  const { prepare, folders } = await fixture(context);
  await prepare({ volumes: [{ name: 'v', emptyDir: {} }] });
  assert.deepEqual(await folders.uids(), ['u-1']);
  await folders.remove('u-1');
  await folders.remove('u-1');
  assert.deepEqual(await folders.uids(), []);
  await assert.rejects(folders.remove('../x'), /is not the uid of a pod/);
});
