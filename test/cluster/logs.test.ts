/**
 * `kubectl logs` with real containers and the real kubectl: followers over rotations, of many pods, of pods that go; runs before, init
 * containers, streams apart, very long lines; and why there is no log.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { eventually, findOldestKubectl, leftSince, machineState, TestCluster } from '../harness.ts';
import { create, forever, PodWatch, podManifest, script, statusOf } from './workload.ts';

/** Small files, looked at as often as a kubelet may look. */
const settings = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerLogMaxSize: 64Ki
containerLogMaxFiles: 4
containerLogMonitorInterval: 3s
`;

const rounds = 200;
const perRound = 20;
const words = 'of a container that says a lot, and whose log is rotated';
const talk = `i=0; while [ $i -lt ${rounds} ]; do
  j=0; while [ $j -lt ${perRound} ]; do echo $i $j ${words}; j=$((j+1)); done
  i=$((i+1)); sleep 0.06
done; echo the end; while [ ! -f /done ]; do sleep 0.1; done`;

void describe('kubectl logs', { timeout: 400_000 }, () => {
  let cluster: TestCluster;
  let watch: PodWatch;
  let earlier: readonly string[];
  let folder: string;

  before(async () => {
    earlier = await machineState();
    folder = mkdtempSync(path.join(os.tmpdir(), 'naru-logs-'));
    writeFileSync(path.join(folder, 'kubelet.yaml'), settings);
    cluster = await TestCluster.up('--kubelet-config', path.join(folder, 'kubelet.yaml'));
    watch = new PodWatch(cluster);
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
  });

  after(async () => {
    watch?.close();
    await TestCluster.closeAll();
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(await leftSince(earlier), [], 'naru down leaves nothing behind on the machine');
  });

  const logs = (...args: string[]): Promise<string> => cluster.mustKubectl('logs', ...args);
  const raw = (pod: string, query: string): Promise<string> =>
    cluster.mustKubectl('get', '--raw', `/api/v1/namespaces/default/pods/${pod}/log?${query}`);
  const refusal = async (...args: string[]): Promise<string> => {
    const { code, stderr } = await cluster.kubectl(['logs', ...args]);
    assert.notEqual(code, 0);
    return stderr;
  };
  const openFiles = (): number => readdirSync(`/proc/${cluster.pid}/fd`).length;

  test('followers go with rotations: each line once, in order, and the end with the container', async () => {
    await create(cluster, podManifest('talks', { containers: [script(talk)] }));
    await watch.ready('talks');
    const uid = watch.history('talks')[0]?.metadata?.uid ?? '';
    const files = path.join(cluster.home, 'node/pod-logs', `default_talks_${uid}`, 'app');
    const expected = Array.from({ length: rounds * perRound }, (_, line) => {
      return `${Math.floor(line / perRound)} ${line % perRound} ${words}\n`;
    });
    const followers = [
      cluster.stream('logs', '-f', 'talks'),
      cluster.streamOf(await findOldestKubectl(), 'logs', '-f', 'talks'),
    ];
    const ends = followers.map(({ child }) => new Promise((resolve) => child.once('close', resolve)));
    await eventually('the last has come', () => followers.every(({ text }) => text().endsWith('the end\n')), 90_000);
    const names = readdirSync(files).toSorted();
    assert.ok(names.includes('0.log') && names.length > 2 && names.length <= 4, names.join());
    assert.ok(
      names.some((name) => name.endsWith('.gz')),
      'older files are compressed',
    );
    await cluster.mustKubectl('exec', 'talks', '--', 'touch', '/done');
    assert.deepEqual(await Promise.all(ends), [0, 0]);
    for (const { text } of followers) assert.equal(text(), `${expected.join('')}the end\n`);
    // Without -f only the file in use is told, as upstream's kubelet does.
    const now = await logs('talks');
    const whole = `${expected.join('')}the end\n`;
    assert.ok(whole.endsWith(now) && now.length < whole.length);
    assert.equal(
      await logs('talks', '--tail=2'),
      now
        .split(/(?<=\n)/)
        .slice(-2)
        .join(''),
    );
  });

  test('a line in many parts comes whole; each stream can be had alone; times and sizes choose', async () => {
    const text = "head -c 60000 /dev/zero | tr '\\0' x; echo; sleep 0.5; echo error >&2; sleep 2; echo late";
    await create(cluster, podManifest('long', { containers: [script(text)] }));
    const pod = await watch.ended('long');
    const line = `${'x'.repeat(60_000)}\n`;
    assert.equal(await logs('long'), `${line}error\nlate\n`);
    assert.equal(await raw('long', 'stream=Stdout'), `${line}late\n`);
    assert.equal(await raw('long', 'stream=Stderr'), 'error\n');
    assert.equal(await raw('long', 'stream=All&tailLines=1'), 'late\n');
    assert.equal(await raw('long', 'limitBytes=3&insecureSkipTLSVerifyBackend=true'), 'xxx');
    const stamped = await logs('long', '--timestamps', '--tail=1');
    assert.match(stamped, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}(Z|[+-]\d\d:\d\d) late\n$/);
    const whole = new Date(Math.floor(Date.parse(stamped.split(' ')[0] ?? '') / 1000) * 1000).toISOString();
    assert.equal(await logs('long', `--since-time=${whole}`), 'late\n');
    assert.equal(await logs('long', '--since-time=2100-01-01T00:00:00Z'), '');
    assert.equal(await logs('long', '--since=1h', '--tail=1'), 'late\n');
    assert.equal(pod.status?.phase, 'Succeeded');
  });

  test('runs before, init containers, and containers added later have their own logs', async () => {
    const again =
      'n=$(cat /data/n 2>/dev/null || echo 0); n=$((n+1)); echo $n > /data/n; echo run $n; [ $n -gt 1 ] || exit 1;';
    const volumeMounts = [{ name: 'data', mountPath: '/data' }];
    await create(
      cluster,
      podManifest('again', {
        restartPolicy: 'Always',
        volumes: [{ name: 'data', emptyDir: {} }],
        initContainers: [script('echo prepared')],
        containers: [script(`${again} ${forever}`, { volumeMounts })],
      }),
    );
    await watch.until(
      'again',
      'it runs again',
      (pod) => statusOf(pod, 'app')?.restartCount === 1 && statusOf(pod, 'app')?.state?.running !== undefined,
    );
    await eventually('the new run has spoken', async () => (await logs('again')) === 'run 2\n');
    assert.equal(await logs('again', '--previous'), 'run 1\n');
    assert.equal(await logs('again', '-c', 'init'), 'prepared\n');
    assert.match(
      await refusal('again', '-c', 'init', '-p'),
      /previous terminated container "init" in pod "again" not found/,
    );
    await cluster.mustKubectl(
      'debug',
      'again',
      '--image=test/busybox:1',
      '-c',
      'later',
      '--profile=general',
      '--',
      'echo',
      'looked',
    );
    await eventually('the added one has spoken', async () => (await logs('again', '-c', 'later')) === 'looked\n');
    const all = (await logs('again', '--all-containers', '--prefix')).trim().split('\n').toSorted();
    assert.deepEqual(all, ['[pod/again/app] run 2', '[pod/again/init] prepared', '[pod/again/later] looked']);
  });

  test('why there is no log is said', async () => {
    await create(
      cluster,
      podManifest('unpulled', { restartPolicy: 'Always', containers: [{ image: 'localhost:1/none:1' }] }),
      podManifest('prepares', { initContainers: [script(forever)], containers: [script('true')] }),
    );
    await watch.until(
      'unpulled',
      'it cannot be pulled',
      (pod) => statusOf(pod)?.state?.waiting?.reason === 'ImagePullBackOff',
    );
    await watch.until('prepares', 'it is prepared', (pod) => statusOf(pod, 'init')?.state?.running !== undefined);
    assert.match(
      await refusal('unpulled'),
      /\(BadRequest\): container "app" in pod "unpulled" is waiting to start: (trying and failing to pull image|image can't be pulled)\n/,
    );
    assert.match(
      await refusal('prepares', '-c', 'app'),
      /\(BadRequest\): container "app" in pod "prepares" is waiting to start: PodInitializing\n/,
    );
    assert.match(await refusal('unpulled', '-p'), /previous terminated container "app" in pod "unpulled" not found/);
    assert.match(await refusal('nobody'), /pods "nobody" not found/);
  });

  test('many pods are followed at once, up to the limit; with a pod that goes, its follower ends, and none leaves anything open', async () => {
    const text = `echo hello from $HOSTNAME; trap 'echo bye; exit 0' TERM; while :; do sleep 0.1; done`;
    const names = ['one', 'two', 'three'].map((name) => `many-${name}`);
    const labels = { app: 'many' };
    await create(cluster, ...names.map((name) => podManifest(name, { labels, containers: [script(text)] })));
    await Promise.all(names.map((name) => watch.ready(name)));
    const said = (await logs('-l', 'app=many', '--prefix')).trim().split('\n').toSorted();
    assert.deepEqual(said, names.map((name) => `[pod/${name}/app] hello from ${name}`).toSorted());
    assert.match(
      await refusal('-f', '-l', 'app=many', '--max-log-requests=2'),
      /attempting to follow 3 log streams, but maximum allowed concurrency is 2/,
    );
    const before = openFiles();
    const followers = Array.from({ length: 10 }, () => cluster.stream('logs', '-f', '-l', 'app=many'));
    await eventually('all are followed', () =>
      followers.every((one) => names.every((name) => one.text().includes(`hello from ${name}\n`))),
    );
    const [kept, ...killed] = followers;
    assert.ok(kept);
    for (const { child } of killed) child.kill('SIGKILL');
    const ended = new Promise((resolve) => kept.child.once('close', resolve));
    await cluster.mustKubectl('delete', 'pod', '-l', 'app=many', '--wait=false');
    assert.equal(await ended, 0);
    assert.equal(kept.text().split('bye\n').length - 1, names.length, 'the last words come, too');
    await Promise.all(names.map((name) => watch.gone(name)));
    await eventually('no file is left open', () => openFiles() <= before + 2);
  });
});
