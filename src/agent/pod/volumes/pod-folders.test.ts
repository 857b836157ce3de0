import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import type { PodSpec } from '../../../api/schema/types/core-v1.ts';
import { make, nowMs } from '../../testing.ts';
import { storageFixture as fixture } from './testing.ts';

test('volumes made from objects hold their keys, with the modes asked for, and change all at once', async (context) => {
  const { at, prepare, data } = await fixture(context);
  const volumes = [{ name: 'config', configMap: { name: 'settings', defaultMode: 0o440 } }];
  await prepare({ volumes });
  assert.equal(await readFile(at('config', 'key'), 'utf8'), 'value');
  assert.equal((await stat(at('config', 'key'))).mode & 0o777, 0o440);
  const version = await readlink(at('config', '..data'));
  await prepare({ volumes });
  assert.equal(await readlink(at('config', '..data')), version);
  delete data.key;
  data.other = 'new';
  await prepare({ volumes });
  assert.notEqual(await readlink(at('config', '..data')), version);
  assert.deepEqual(
    (await readdir(at('config'))).filter((name) => !name.startsWith('..')),
    ['other'],
  );
  assert.equal((await readdir(at('config'))).length, 3);
});

test('several sources in one volume: a key under another path, facts about the pod, a token', async (context) => {
  const { inMemory: at, prepare } = await fixture(context);
  const sources = [
    { secret: { name: 'password', items: [{ key: 'pw', path: 'deep/down', mode: 0o400 }] } },
    { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
    { serviceAccountToken: { path: 'token', expirationSeconds: 3600 } },
    { configMap: { name: 'absent', optional: true } },
  ];
  for (let round = 0; round < 2; round++) await prepare({ volumes: [{ name: 'all', projected: { sources } }] });
  assert.equal(await readFile(at('all', 'deep', 'down'), 'utf8'), 's3cret');
  assert.equal((await stat(at('all', 'deep', 'down'))).mode & 0o777, 0o400);
  assert.equal(await readFile(at('all', 'labels'), 'utf8'), 'a="1"\nb="2"');
  assert.equal(await readFile(at('all', 'token'), 'utf8'), 'token-1');
});

const tokenVolume = (expirationSeconds: number) => ({
  name: 'api',
  projected: { sources: [{ serviceAccountToken: { path: 'token', expirationSeconds } }] },
});

test('a token is made anew at four fifths of its life, and after a day at the latest', async (context) => {
  const { inMemory: at, prepare, clock } = await fixture(context);
  const after = async (seconds: number, life: number): Promise<string> => {
    clock.nowMs = nowMs + seconds * 1000;
    await prepare({ volumes: [tokenVolume(life)] });
    return readFile(at('api', 'token'), 'utf8');
  };
  assert.equal(await after(0, 3607), 'token-1');
  assert.equal(await after(3607 * 0.8, 3607), 'token-1');
  assert.equal(await after(3607 * 0.8 + 1, 3607), 'token-2');
  assert.equal(await after(0, 864_000), 'token-3');
  assert.equal(await after(86_400, 864_000), 'token-3');
  assert.equal(await after(86_401, 864_000), 'token-4');
});

test('a clock that was set back does not keep a token beyond its life', async (context) => {
  const { inMemory: at, prepare, clock } = await fixture(context);
  await prepare({ volumes: [tokenVolume(3600)] });
  clock.nowMs = nowMs - 3_600_000;
  for (let round = 0; round < 2; round++) await prepare({ volumes: [tokenVolume(3600)] });
  assert.equal(await readFile(at('api', 'token'), 'utf8'), 'token-2');
});

test('while the server is down, a token stays until it has ended', async (context) => {
  const { inMemory: at, prepare, clock } = await fixture(context);
  await prepare({ volumes: [tokenVolume(3600)] });
  clock.isDown = true;
  clock.nowMs = nowMs + 3_500_000;
  await prepare({ volumes: [tokenVolume(3600)] });
  assert.equal(await readFile(at('api', 'token'), 'utf8'), 'token-1');
  clock.nowMs = nowMs + 3_600_001;
  await assert.rejects(prepare({ volumes: [tokenVolume(3600)] }), /volume "api" : the server is down/);
  clock.isDown = false;
  await prepare({ volumes: [tokenVolume(3600)] });
  assert.equal(await readFile(at('api', 'token'), 'utf8'), 'token-2');
});

test('a token’s file is for those alone who run in the pod', async (context) => {
  const { inMemory: at, root, prepare, restart } = await fixture(context);
  const seen = async (spec: Partial<PodSpec>): Promise<readonly [number, string]> => {
    restart();
    await prepare({ ...spec, volumes: [{ ...tokenVolume(3600) }] });
    const { mode, uid, gid } = await stat(at('api', 'token'));
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
      /: configmap references non-existent config key: x$/,
    ],
    [
      { secret: { secretName: 'password', items: [{ key: 'x', path: 'x' }] } },
      /volume "v" : references non-existent secret key: x$/,
    ],
    [{ hostPath: { path: path.join(root, 'none'), type: 'Directory' } }, /is not a directory$/],
    [{ hostPath: { path: root, type: 'File' } }, /is not a file$/],
    [{ nfs: { server: 'a', path: '/' } }, /volumes of type nfs are not supported on this node: use emptyDir, /],
  ];
  for (const [source, message] of cases) {
    await assert.rejects(prepare({ volumes: [{ name: 'v', ...source }] }), { name: 'VolumeError', message });
  }
});

test('a container gets its volumes, its hosts file and its termination log', async (context) => {
  const { at, prepare, container, folders, mounter, root } = await fixture(context);
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
  const { mounts: found } = await container(spec, { volumeMounts });
  const of = (containerPath: string) => found.find((mount) => mount.containerPath === containerPath);
  assert.deepEqual(of('/scratch'), { hostPath: at('scratch'), containerPath: '/scratch', readOnly: false });
  const part = path.join(root, 'u-1', 'volume-subpaths', 'scratch', 'app', '1');
  assert.equal(of('/part')?.hostPath, part);
  assert.equal(mounter.mounted.get(part), at('scratch', 'sub', 'x'));
  assert.equal(of('/config')?.readOnly, true);
  assert.equal((await stat(at('scratch'))).mode & 0o777, 0o777);
  const hosts = await readFile(of('/etc/hosts')?.hostPath ?? '', 'utf8');
  assert.match(hosts, /^10\.42\.0\.5\tweb$/m);
  assert.match(hosts, /^203\.0\.113\.7\tdb$/m);
  await writeFile(of('/dev/termination-log')?.hostPath ?? '', 'out of luck');
  assert.equal(await folders.terminationMessage('u-1', 'app', 3), 'out of luck');
  assert.equal(await folders.terminationMessage('u-1', 'app', 4), '');
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

test('a pod’s folder goes when its mounts are gone: what is busy is asked again, and in the end let go lazily', async (context) => {
  const { prepare, folders, mounter, at } = await fixture(context);
  await prepare({ volumes: [{ name: 'v', emptyDir: { medium: 'Memory' } }] });
  await writeFile(at('v', 'file'), 'x');
  mounter.busy.add(at('v'));
  for (let round = 0; round < 4; round++) await assert.rejects(folders.remove('u-1'), /target is busy/);
  assert.equal(await readFile(at('v', 'file'), 'utf8'), 'x');
  await folders.remove('u-1');
  assert.deepEqual([...mounter.mounted], []);
  assert.deepEqual(await folders.uids(), []);
});

test('nothing outside of a pod’s folder is removed with it', async (context) => {
  const { prepare, folders, root, at } = await fixture(context);
  await mkdir(path.join(root, 'outside'));
  await writeFile(path.join(root, 'outside', 'file'), 'x');
  const host = { name: 'host', hostPath: { path: path.join(root, 'outside') } };
  await prepare({ volumes: [{ name: 'v', emptyDir: {} }, host] });
  await symlink(path.join(root, 'outside'), at('v', 'link'));
  await folders.remove('u-1');
  assert.equal(await readFile(path.join(root, 'outside', 'file'), 'utf8'), 'x');
});

test('files change all at once also where an earlier life ended half-way, and old versions go', async (context) => {
  const { at, prepare } = await fixture(context);
  const volumes = [{ name: 'config', configMap: { name: 'settings' } }];
  await prepare({ volumes });
  await rm(at('config', 'key'));
  await mkdir(at('config', '..half'));
  await prepare({ volumes });
  assert.equal(await readFile(at('config', 'key'), 'utf8'), 'value');
  assert.equal((await readdir(at('config'))).length, 3);
});

test('a file never lies outside of its volume, whatever its path says', async (context) => {
  const { prepare } = await fixture(context);
  const cases: readonly (readonly [string, RegExp])[] = [
    ['../x', /must not contain '..'/],
    ['a/../../x', /must not contain '..'/],
    ['/etc/x', /must be relative path/],
    ['..data/x', /must not start with '..'/],
    ['x'.repeat(300), /filenames must be less than or equal to 255 characters/],
  ];
  for (const [file, message] of cases) {
    const volumes = [{ name: 'v', configMap: { name: 'settings', items: [{ key: 'key', path: file }] } }];
    await assert.rejects(prepare({ volumes }), { name: 'VolumeError', message });
  }
});

test('it is told when volumes are due: those with a token at its renewal, the others only when an object changes', async (context) => {
  const { prepare } = await fixture(context);
  assert.equal(await prepare({ volumes: [{ name: 'v', configMap: { name: 'settings' } }] }), Number.POSITIVE_INFINITY);
  assert.equal(await prepare({ volumes: [tokenVolume(3600)] }), nowMs + 3_600_000 * 0.8);
});

test('it is told where the bytes of each volume lie, and whose they are', async (context) => {
  const { prepare, folders, at, root } = await fixture(context);
  const volumes = [
    { name: 'scratch', emptyDir: {} },
    { name: 'ram', emptyDir: { medium: 'Memory' as const } },
    { name: 'config', configMap: { name: 'settings' } },
    { name: 'host', hostPath: { path: root } },
  ];
  assert.deepEqual(folders.places(make.pod({ volumes })), []);
  await prepare({ volumes });
  assert.deepEqual(folders.places(make.pod({ volumes })), [
    { name: 'scratch', path: at('scratch'), usage: 'disk' },
    { name: 'ram', path: at('ram'), usage: 'memory' },
    { name: 'config', path: at('config'), usage: 'disk' },
    { name: 'host', path: root, usage: 'foreign' },
  ]);
});

test('secrets and tokens lie in memory, under one mount for all pods, and go with the pod', async (context) => {
  const { prepare, folders, at, inMemory, mounter, restart } = await fixture(context);
  const memory = path.dirname(inMemory());
  const volumes = [
    { name: 'secret', secret: { secretName: 'password' } },
    tokenVolume(3600),
    { name: 'config', configMap: { name: 'settings' } },
  ];
  for (const uid of ['u-1', 'u-2']) await prepare({ volumes }, uid);
  restart();
  await prepare({ volumes });
  assert.deepEqual([...mounter.mounted], [[memory, 'tmpfs 0 750:0']]);
  assert.deepEqual((await readdir(inMemory())).toSorted(), ['api', 'secret']);
  assert.deepEqual(await readdir(at()), ['config']);
  await folders.remove('u-1');
  assert.deepEqual(await readdir(memory), ['u-2']);
  assert.equal(mounter.mounted.size, 1);
  assert.deepEqual(await folders.uids(), ['u-2']);
});

test('what is left in memory alone is known by its uid, and a mount that failed is tried again', async (context) => {
  const { prepare, folders, inMemory, mounter } = await fixture(context);
  const { mountMemory } = mounter;
  mounter.mountMemory = () => Promise.reject(new Error('no memory'));
  const volumes = [{ name: 'secret', secret: { secretName: 'password' } }];
  await assert.rejects(prepare({ volumes }), /^VolumeError: MountVolume.SetUp failed for volume "secret" : no memory$/);
  mounter.mountMemory = mountMemory;
  await prepare({ volumes });
  await mkdir(path.join(path.dirname(inMemory()), 'u-9'));
  assert.deepEqual((await folders.uids()).toSorted(), ['u-1', 'u-9']);
});

test('the folders of objects are the group’s, as their files are', async (context) => {
  const { at, prepare } = await fixture(context);
  const { gid } = await stat('/proc/self');
  const items = [{ key: 'key', path: 'deep/er/key' }];
  await prepare({
    volumes: [{ name: 'config', configMap: { name: 'settings', items } }],
    securityContext: { fsGroup: gid },
  });
  const modes = ['', '..data/', 'deep', 'deep/er'].map(async (name) => (await stat(at('config', name))).mode & 0o7777);
  assert.deepEqual(await Promise.all(modes), [0o2777, 0o2755, 0o2755, 0o2755]);
});

test('a certificate in the name of a pod is refused in words', async (context) => {
  const { prepare } = await fixture(context);
  const podCertificate = { signerName: 'a.b/c', keyType: 'ED25519', credentialBundlePath: 'bundle.pem' };
  const volumes = [{ name: 'v', projected: { sources: [{ podCertificate }] } }];
  await assert.rejects(prepare({ volumes }), /podCertificate is not supported: .* use a serviceAccountToken/);
});
