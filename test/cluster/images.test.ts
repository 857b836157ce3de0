/**
 * Where images come from: a registry, as the pull policy says, and archives that a person brings in with `naru image`. What cannot be had
 * is told in the pod's status, and had as soon as it is there.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Container, Pod } from '../../src/api/schema/types/core-v1.ts';
import { architectureOf } from '../../src/images/platform.ts';
import { eventually, freePort, leftSince, machineState, root, run, TestCluster } from '../harness.ts';
import { startGuard, TestRegistry } from './test-registry.ts';
import { create, eventsOf, PodWatch, type PodWishes, podManifest, statusOf } from './workload.ts';

const cat = { command: ['/bin/sh', '-c', 'cat /word'] };

describe('images', { timeout: 600_000, concurrency: 8 }, () => {
  let cluster: TestCluster;
  let watch: PodWatch;
  let registry: TestRegistry;
  let guard: Server;
  let files: string;
  let before_: readonly string[];

  before(async () => {
    before_ = await machineState();
    files = mkdtempSync(path.join(os.tmpdir(), 'naru-files-'));
    [cluster, registry] = await Promise.all([TestCluster.up(), TestRegistry.start()]);
    guard = await startGuard(registry, 'user', 'pass word');
    watch = new PodWatch(cluster);
  });

  after(async () => {
    watch?.close();
    guard?.close();
    guard?.closeAllConnections();
    await registry?.stop();
    await TestCluster.closeAll();
    rmSync(files, { recursive: true, force: true });
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  let count = 0;
  const newFile = (name = ''): string => path.join(files, `${++count}${name}`);

  /** An archive of busybox with one word in it. */
  const pack = async (name: string, word: string): Promise<string> => {
    const [wordFile, archive] = [newFile('.txt'), newFile('.tar')];
    writeFileSync(wordFile, word);
    await cluster.mustNaru(
      'image',
      'pack',
      '/usr/bin/busybox',
      '--file',
      `${wordFile}:/word`,
      '--name',
      name,
      '--output',
      archive,
    );
    return archive;
  };

  const push = async (name: string, word: string): Promise<void> =>
    registry.push(cluster.home, await pack(name, word), name);

  const start = (name: string, container: Partial<Container>, wishes: PodWishes = {}): Promise<void> =>
    create(cluster, podManifest(name, { ...wishes, containers: [{ ...cat, ...container }] }));

  const output = async (name: string, container: Partial<Container>, wishes: PodWishes = {}): Promise<string> => {
    await start(name, container, wishes);
    const pod = await watch.ended(name);
    assert.equal(pod.status?.phase, 'Succeeded', JSON.stringify(pod.status));
    return cluster.mustKubectl('logs', name);
  };

  const waits = (name: string, reason: string): Promise<Pod> =>
    watch.until(name, `it waits: ${reason}`, (pod) => statusOf(pod)?.state?.waiting?.reason === reason);

  const message = (pod: Pod): string => statusOf(pod)?.state?.waiting?.message ?? '';

  const reasons = async (pod: string): Promise<(string | undefined)[]> =>
    (await eventsOf(cluster, pod)).map(({ reason }) => reason);

  test('Always asks the registry each time, IfNotPresent only when there is none, Never not at all', async () => {
    const image = `${registry.host}/words:1`;
    await push(image, 'first');
    assert.equal(await output('pulls-first', { image, imagePullPolicy: 'IfNotPresent' }), 'first');
    await push(image, 'second');
    assert.equal(await output('keeps-first', { image, imagePullPolicy: 'IfNotPresent' }), 'first');
    assert.equal(await output('never-pulls', { image, imagePullPolicy: 'Never' }), 'first');
    assert.equal(await output('pulls-second', { image, imagePullPolicy: 'Always' }), 'second');
    const pulled = await eventually('events', async () =>
      (await eventsOf(cluster, 'pulls-second')).find(({ reason }) => reason === 'Pulled'),
    );
    assert.match(
      pulled.message ?? '',
      new RegExp(`^Successfully pulled image "${image}" in .*\\. Image size: \\d{6,} bytes\\.$`),
    );
    assert.equal((await reasons('keeps-first')).includes('Pulling'), false);
    const status = statusOf(await watch.ended('pulls-second'));
    assert.equal(status?.image, image);
    assert.match(status?.imageID ?? '', new RegExp(`^${registry.host}/words@sha256:[0-9a-f]{64}$`));
  });

  test('a digest names one image for ever', async () => {
    const image = `${registry.host}/pinned:1`;
    await push(image, 'pinned');
    await output('by-tag', { image });
    const id = statusOf(await watch.ended('by-tag'))?.imageID ?? '';
    await push(image, 'newer');
    assert.equal(await output('by-digest', { image: id, imagePullPolicy: 'Always' }), 'pinned');
  });

  test('what is not in the registry is ErrImagePull, then ImagePullBackOff, and runs when it comes', async () => {
    const image = `${registry.host}/late:1`;
    await start('late', { image });
    const failed = await waits('late', 'ErrImagePull');
    assert.match(message(failed), /late:1.*not found/);
    const backedOff = await waits('late', 'ImagePullBackOff');
    assert.match(message(backedOff), new RegExp(`^Back-off pulling image "${image}": ErrImagePull: `));
    assert.match(await cluster.mustKubectl('get', 'pod', 'late'), /^late +0\/1 +(ImagePullBackOff|ErrImagePull) +0 /m);
    assert.equal(backedOff.status?.phase, 'Pending');
    await push(image, 'at last');
    await watch.ended('late');
    assert.equal(await cluster.mustKubectl('logs', 'late'), 'at last');
    const seen = await reasons('late');
    for (const reason of ['Pulling', 'Failed', 'BackOff', 'Pulled'])
      assert.ok(seen.includes(reason), `${reason} in ${seen.join()}`);
  });

  test('a registry that nobody answers for is told by its address', async () => {
    const image = `127.0.0.1:${await freePort()}/nobody:1`;
    await start('nobody', { image });
    assert.match(message(await waits('nobody', 'ErrImagePull')), /127\.0\.0\.1:\d+.*connection refused/s);
    await cluster.mustKubectl('delete', 'pod', 'nobody');
  });

  test('Never without the image, and a name that is none, are told and not tried', async () => {
    await Promise.all([
      start('not-here', { image: 'example/not-here:1', imagePullPolicy: 'Never' }),
      start('bad-name', { image: 'Example/Bad:1' }),
    ]);
    const absent = await waits('not-here', 'ErrImageNeverPull');
    assert.equal(message(absent), 'Container image "example/not-here:1" is not present with pull policy of Never');
    const invalid = await waits('bad-name', 'InvalidImageName');
    assert.match(
      message(invalid),
      /^Failed to apply default image tag "Example\/Bad:1": couldn't parse image name .*must be lowercase/,
    );
    assert.equal((await reasons('bad-name')).includes('Pulling'), false, 'no registry was asked');
    await cluster.mustKubectl('delete', 'pod', 'not-here', 'bad-name');
  });

  test('a registry with a password is open to pods with the right pull secret', async () => {
    await push(`${registry.host}/private:1`, 'private');
    const host = `127.0.0.1:${(guard.address() as AddressInfo).port}`;
    const container = { image: `${host}/private:1` };
    const auths = { [host]: { auth: Buffer.from('user:pass word').toString('base64') } };
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'door' },
      type: 'kubernetes.io/dockerconfigjson',
      stringData: { '.dockerconfigjson': JSON.stringify({ auths }) },
    };
    await create(cluster, secret);
    await start('locked-out', container);
    assert.match(message(await waits('locked-out', 'ErrImagePull')), /401|authoriz/i);
    await cluster.mustKubectl('delete', 'pod', 'locked-out');
    const wishes = { imagePullSecrets: [{ name: 'door' }] };
    assert.equal(await output('let-in', container, wishes), 'private');

    // Now it is on the node, and still only for those who may have it.
    await start('still-locked-out', container);
    assert.match(message(await waits('still-locked-out', 'ErrImagePull')), /401|authoriz/i);
    await start('never-told', { ...container, imagePullPolicy: 'Never' });
    await waits('never-told', 'ErrImageNeverPull');
    await cluster.mustKubectl('delete', 'pod', 'still-locked-out', 'never-told');
    assert.equal(await output('let-in-again', container, wishes), 'private');
    assert.equal((await reasons('let-in-again')).includes('Pulling'), false, 'its secret is known');
  });

  test('an image is a read-only volume, pulled by its own policy, and goes with the pod', async () => {
    const [image, data] = [`${registry.host}/volume-user:1`, `${registry.host}/volume-data:1`];
    await Promise.all([push(image, 'the program'), push(data, 'the data')]);
    const script = 'cat /data/word; echo no > /data/word || echo ", read-only"';
    const container: Partial<Container> = {
      image,
      command: ['/bin/sh', '-c', `${script}; sleep 1000`],
      volumeMounts: [{ name: 'data', mountPath: '/data' }],
    };
    await start('reads-image', container, { volumes: [{ name: 'data', image: { reference: data } }] });
    await watch.until('reads-image', 'it runs', (pod) => pod.status?.phase === 'Running');
    const log = await eventually('its log', async () => {
      const text = await cluster.mustKubectl('logs', 'reads-image');
      return text.includes('read-only') ? text : undefined;
    });
    // The two streams of one moment may come in either order.
    assert.match(log, /the data/);
    assert.ok((await reasons('reads-image')).filter((reason) => reason === 'Pulled').length >= 2);
    const notes = path.join(cluster.home, 'node', 'image-volumes');
    assert.equal(readdirSync(notes).length, 1);
    const removed = await cluster.naru('image', 'remove', data);
    assert.equal(removed.code, 1);
    assert.match(removed.stderr, /is used by a volume of a pod.*--force/);
    await cluster.mustKubectl('delete', 'pod', 'reads-image', '--grace-period=0', '--force');
    await eventually('its view is given back', async () => readdirSync(notes).length === 0);
    assert.equal(await cluster.mustNaru('image', 'remove', data), `removed ${data}\n`);
  });

  test('an image volume that cannot be pulled is told as an image of the container would be', async () => {
    const image = `${registry.host}/volume-user:2`;
    const absent = `${registry.host}/no-such-volume:1`;
    await push(image, 'the program');
    const volumes = [{ name: 'data', image: { reference: absent } }];
    await start('no-volume', { image, volumeMounts: [{ name: 'data', mountPath: '/data' }] }, { volumes });
    assert.match(message(await waits('no-volume', 'ErrImagePull')), /no-such-volume:1.*not found/);
    const backedOff = await waits('no-volume', 'ImagePullBackOff');
    assert.match(message(backedOff), new RegExp(`^Back-off pulling image "${absent}": ErrImagePull: `));
    await cluster.mustKubectl('delete', 'pod', 'no-volume');
  });

  test('registries.yaml sends pulls to a mirror, with the node’s credentials, as soon as it is written', async () => {
    await push(`${registry.host}/mirrored:1`, 'from the mirror');
    const door = `http://127.0.0.1:${(guard.address() as AddressInfo).port}`;
    const entry = { mirrors: [door], mirrorsOnly: true, username: 'user', password: 'pass word' };
    writeFileSync(path.join(cluster.home, 'registries.yaml'), JSON.stringify({ registries: { 'far.example': entry } }));
    const made = path.join(cluster.home, 'containerd', 'certs.d', 'far.example', 'hosts.toml');
    await eventually(
      'containerd is told',
      async () => existsSync(made) && existsSync(path.join(cluster.home, 'node', 'registries.json')),
      20_000,
    );
    assert.equal(await output('mirrored', { image: 'far.example/mirrored:1' }), 'from the mirror');
    const { code, stderr } = await cluster.naru('image', 'pull', 'far.example/absent:1');
    assert.equal(code, 1);
    assert.match(stderr, /^naru: far\.example\/absent:1 cannot be pulled: .*not found/);
    assert.match(
      await cluster.mustNaru('image', 'pull', 'far.example/mirrored:1'),
      /^pulled far\.example\/mirrored:1 \(\d+\.\d MiB\)\n$/,
    );
  });

  test('two pods may want one image at once', async () => {
    const image = `${registry.host}/shared:1`;
    await push(image, 'shared');
    const pods = await Promise.all([output('shares-1', { image }), output('shares-2', { image })]);
    assert.deepEqual(pods, ['shared', 'shared']);
  });

  describe('that a person brings in', { concurrency: 8 }, () => {
    const importFile = (file: string, ...args: string[]) => cluster.naru('image', 'import', file, ...args);

    const imported = async (file: string, ...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await importFile(file, ...args);
      assert.equal(code, 0, stderr);
      return stdout;
    };

    test('OCI archives, also compressed, can be used at once, under their own name and the one given', async () => {
      const archive = await pack('example/plain:1', 'from a file');
      assert.equal(await imported(archive), 'imported docker.io/example/plain:1\n');
      assert.equal(await output('from-plain', { image: 'example/plain:1' }), 'from a file');
      const compressed = newFile('.tar.gz');
      writeFileSync(compressed, gzipSync(readFileSync(await pack('example/gzipped:1', 'compressed'))));
      assert.match(await imported(compressed, '--name', 'other:2'), /^imported docker\.io\/library\/other:2$/m);
      assert.equal(await output('from-gzipped', { image: 'example/gzipped:1' }), 'compressed');
      assert.equal(await output('from-other', { image: 'other:2' }), 'compressed');
    });

    test('archives of docker save can be used', async () => {
      assert.equal(await imported(await dockerArchive('example/docker:1')), 'imported docker.io/example/docker:1\n');
      assert.equal(await output('from-docker', { image: 'example/docker:1' }), 'from docker');
      assert.equal(
        await output('from-docker-default', { image: 'example/docker:1', command: [] }),
        'its own command\n',
      );
    });

    test('names are listed as they are spelt out, with the size', async () => {
      await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'short');
      await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'registry.example:5000/a/b:c');
      const listed = await cluster.mustNaru('image', 'list');
      for (const name of ['docker.io/library/short:latest', 'registry.example:5000/a/b:c', 'naru.local/pause:1']) {
        assert.match(listed, new RegExp(`^${name} +[0-9a-f]{12} +\\d+\\.\\d MiB$`, 'm'));
      }
      assert.match(listed, /^IMAGE +ID +SIZE$/m);
      const images = JSON.parse(await cluster.mustNaru('image', 'list', '-o', 'json')) as {
        readonly names: readonly string[];
        readonly sizeBytes: number;
      }[];
      const short = images.find(({ names }) => names.includes('docker.io/library/short:latest'));
      assert.ok((short?.sizeBytes ?? 0) > 100_000);
      assert.equal((await cluster.naru('image', 'list', '-o', 'xml')).code, 2);
    });

    test('what is exported can be imported again, several at once, and by way of a pipe', async () => {
      for (const name of ['out/one:1', 'out/two:1']) await imported(await pack(name, `this is ${name}`));
      const archive = newFile('-out.tar');
      const names = ['docker.io/out/one:1', 'docker.io/out/two:1'];
      const told = await cluster.mustNaru('image', 'export', 'out/one:1', 'out/two:1', '-o', archive);
      assert.equal(told, names.map((name) => `exported ${name}\n`).join(''));
      await cluster.mustNaru('image', 'remove', 'out/one:1', 'out/two:1');
      assert.doesNotMatch(await cluster.mustNaru('image', 'list'), /docker\.io\/out\//);
      const piped = `"${path.join(root, 'naru')}" image import - < "${archive}"`;
      const { code, stdout, stderr } = await run('sh', ['-c', piped], { env: { NARU_HOME: cluster.home } });
      assert.equal(code, 0, stderr);
      for (const name of names) assert.match(stdout, new RegExp(`^imported ${name}$`, 'm'));
      assert.equal(await output('from-pipe', { image: 'out/two:1', imagePullPolicy: 'Never' }), 'this is out/two:1');
      const absent = await cluster.naru('image', 'export', 'out/three:1', '-o', archive);
      assert.match(absent.stderr, /^naru: there is no image out\/three:1 on this machine; naru image list shows/);
    });

    test('an image that a container uses is removed by force alone; what every pod needs stays', async () => {
      await imported(await pack('in/use:1', 'in use'));
      await start('uses', { image: 'in/use:1', command: ['/bin/sh', '-c', 'sleep 1000'] });
      await watch.until('uses', 'it runs', (pod) => pod.status?.phase === 'Running');
      const refused = await cluster.naru('image', 'remove', 'in/use:1');
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /^naru: docker\.io\/in\/use:1 is used by default\/uses \(.*\); .*--force\n$/);
      assert.equal(await cluster.mustNaru('image', 'remove', '--force', 'in/use:1'), 'removed docker.io/in/use:1\n');
      const pause = await cluster.naru('image', 'remove', '--force', 'naru.local/pause:1');
      assert.match(pause.stderr, /every pod needs/);
      await cluster.mustKubectl('delete', 'pod', 'uses', '--grace-period=0', '--force');
    });

    test('what is no image is refused in one sentence that names the file', async () => {
      const whole = await pack('example/broken:1', 'x');
      const [cut, text, empty, tar, away] = ['.tar', '.txt', '.empty', '.root.tar', '.away'].map(newFile) as [
        string,
        string,
        string,
        string,
        string,
      ];
      copyFileSync(whole, cut);
      truncateSync(cut, 100_000);
      writeFileSync(text, 'I am not an image. '.repeat(100));
      writeFileSync(empty, '');
      await run('tar', ['-C', files, '-cf', tar, path.basename(text)]);
      const cases: readonly (readonly [file: string, words: RegExp])[] = [
        [cut, /is damaged, or cut off/],
        [text, /is no image archive: it is neither a tar file nor one compressed/],
        [empty, /is empty/],
        [tar, /is a tar file, but no image archive/],
        [away, /cannot be read \(ENOENT\)/],
      ];
      for (const [file, words] of cases) {
        const { code, stderr, stdout } = await importFile(file);
        assert.deepEqual([code, stdout], [1, ''], file);
        assert.match(stderr, words);
        assert.ok(stderr.startsWith('naru: ') && stderr.includes(file), stderr);
        assert.equal(stderr.trim().split('\n').length, 1, stderr);
      }
      const { code, stderr } = await importFile(whole, '--name', 'Not/Valid');
      assert.equal(code, 1);
      assert.match(stderr, /^naru: repository name must be lowercase: "Not\/Valid"\n$/);
    });

    test('a layer that does not hold what its digest says is refused', async () => {
      const damaged = await dockerArchive('example/damaged:1', 'sha256:'.padEnd(71, '0'));
      const { code, stderr } = await importFile(damaged);
      assert.equal(code, 1);
      assert.match(stderr, /^naru: .*(digest|diff)/s);
      assert.doesNotMatch(await cluster.mustNaru('image', 'list'), /damaged/);
    });

    /** As `docker save` lays it out: manifest.json, a configuration, a layer. */
    const dockerArchive = async (name: string, diffId?: string): Promise<string> => {
      const folder = newFile('-docker');
      const rootFolder = path.join(folder, 'root');
      mkdirSync(path.join(rootFolder, 'bin'), { recursive: true });
      copyFileSync('/usr/bin/busybox', path.join(rootFolder, 'bin/busybox'));
      for (const applet of ['sh', 'cat', 'echo']) symlinkSync('busybox', path.join(rootFolder, 'bin', applet));
      writeFileSync(path.join(rootFolder, 'word'), 'from docker');
      const layer = path.join(folder, 'layer.tar');
      await run('tar', ['-C', rootFolder, '--owner=0', '--group=0', '-cf', layer, '.']);
      const digest = createHash('sha256').update(readFileSync(layer)).digest('hex');
      const config = {
        architecture: architectureOf(process.arch),
        os: 'linux',
        config: { Cmd: ['/bin/echo', 'its own command'], Env: ['PATH=/bin'] },
        rootfs: { type: 'layers', diff_ids: [diffId ?? `sha256:${digest}`] },
      };
      const manifest = [{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }];
      writeFileSync(path.join(folder, 'config.json'), JSON.stringify(config));
      writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
      const archive = newFile('-docker.tar');
      await run('tar', ['-C', folder, '-cf', archive, 'manifest.json', 'config.json', 'layer.tar']);
      return archive;
    };
  });
});
