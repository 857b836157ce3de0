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
  /** What the agent's clock says, and whether the server answers. */
  readonly clock: { nowMs: number; isDown: boolean };
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
    trustBundle: async () => undefined,
    trustBundlesOf: async () => [],
    token: async (_pod, { expirationSeconds = 3600 }) => {
      if (clock.isDown) throw new Error('the server is down');
      return { token: `token-${++tokens}`, expiresAtMs: clock.nowMs + expirationSeconds * 1000 };
    },
  };
  const clock = { nowMs, isDown: false };
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
      folders.prepare({ ...facts, pod: make.pod(spec, { labels: { b: '2', a: '1' } }), source, nowMs: clock.nowMs }),
    clock,
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

const tokenVolume = (expirationSeconds: number) => ({
  name: 'api',
  projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds } }] },
});

test('a token is made anew at four fifths of its life, and after a day at the latest', async (context) => {
  const { root, prepare, clock } = await fixture(context);
  const after = async (seconds: number, life: number): Promise<string> => {
    clock.nowMs = nowMs + seconds * 1000;
    await prepare({ volumes: [tokenVolume(life)] });
    return readFile(at(root, 'api', 'token'), 'utf8');
  };
  assert.equal(await after(0, 3607), 'token-1');
  assert.equal(await after(3607 * 0.8, 3607), 'token-1');
  assert.equal(await after(3607 * 0.8 + 1, 3607), 'token-2');
  assert.equal(await after(0, 864_000), 'token-3');
  assert.equal(await after(86_400, 864_000), 'token-3');
  assert.equal(await after(86_401, 864_000), 'token-4');
});

test('while the server is down, a token stays until it has ended', async (context) => {
  const { root, prepare, clock } = await fixture(context);
  await prepare({ volumes: [tokenVolume(3600)] });
  clock.isDown = true;
  clock.nowMs = nowMs + 3_500_000;
  await prepare({ volumes: [tokenVolume(3600)] });
  assert.equal(await readFile(at(root, 'api', 'token'), 'utf8'), 'token-1');
  clock.nowMs = nowMs + 3_600_001;
  await assert.rejects(prepare({ volumes: [tokenVolume(3600)] }), /volume "api" : the server is down/);
  clock.isDown = false;
  await prepare({ volumes: [tokenVolume(3600)] });
  assert.equal(await readFile(at(root, 'api', 'token'), 'utf8'), 'token-2');
});

test('a token’s file is for those alone who run in the pod', async (context) => {
  const { root, prepare } = await fixture(context);
  const seen = async (spec: Partial<PodSpec>): Promise<readonly [number, string]> => {
    await prepare({ ...spec, volumes: [{ ...tokenVolume(3600) }] });
    const { mode, uid, gid } = await stat(at(root, 'api', 'token'));
    return [mode & 0o777, `${uid}:${gid}`];
  };
  const { uid: own, gid: ownGroup } = await stat(root);
  const as = (runAsUser?: number) =>
    make.container('app', runAsUser === undefined ? {} : { securityContext: { runAsUser } });
  assert.deepEqual(await seen({ containers: [as()] }), [0o644, `${own}:${ownGroup}`]);
  // Only root may give files away; for others the modes alone are looked at.
  const owner = (uid: number, gid: number): string => (own === 0 ? `${uid}:${gid}` : `${own}:${ownGroup}`);
  assert.deepEqual(await seen({ containers: [as(7)] }), [0o600, owner(7, ownGroup)]);
  assert.deepEqual(await seen({ containers: [as(7), as()], securityContext: { runAsUser: 7 } }), [
    0o600,
    owner(7, ownGroup),
  ]);
  assert.deepEqual(await seen({ containers: [as(7), as(8)] }), [0o644, `${own}:${ownGroup}`]);
  assert.deepEqual(await seen({ containers: [as(7), as()] }), [0o644, `${own}:${ownGroup}`]);
  assert.deepEqual(await seen({ containers: [as()], securityContext: { fsGroup: 9 } }), [0o640, owner(own, 9)]);
  assert.deepEqual(await seen({ containers: [as(7)], securityContext: { fsGroup: 9 } }), [0o640, owner(7, 9)]);
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
