/** `kubectl debug` and `kubectl run -it` with real containers and the real kubectl: containers added to a running pod, copies of pods, nodes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Pod, PodList } from '../../src/api/schema/types/core-v1.ts';
import { eventually, leftSince, machineState, run, TestCluster } from '../harness.ts';
import { type Client, everyClient, mustEnd, outcome, start } from './streams.ts';
import { create, hasEnded, PodWatch, podManifest, script } from './workload.ts';

const image = '--image=test/busybox:1';
const serves = 'mkdir -p /tmp && echo hello > /tmp/index.html && exec httpd -f -p 8080 -h /tmp';

void describe('kubectl debug and run', { timeout: 300_000 }, () => {
  let cluster: TestCluster;
  let watch: PodWatch;
  let client: Client;
  let earlier: readonly string[];

  before(async () => {
    earlier = await machineState();
    [client] = (await everyClient()) as [Client];
    cluster = await TestCluster.up();
    watch = new PodWatch(cluster);
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    await create(cluster, podManifest('web', { containers: [script(serves)] }));
    await watch.ready('web');
  });

  after(async () => {
    watch?.close();
    await TestCluster.closeAll();
    assert.deepEqual(await leftSince(earlier), [], 'naru down leaves nothing behind on the machine');
  });

  const logs = (...args: string[]): Promise<string> => cluster.mustKubectl('logs', ...args);
  const debug = (target: string, name: string, ...args: string[]): Promise<string> =>
    cluster.mustKubectl('debug', target, image, '--image-pull-policy=IfNotPresent', '-c', name, ...args);
  const typed = async (args: readonly string[], input: string) => {
    const session = start(cluster, client, args, { rows: 44, columns: 122 });
    session.child.stdin?.write(input);
    return session.ended;
  };
  const added = (pod: Pod, name: string) => pod.status?.ephemeralContainerStatuses?.find((one) => one.name === name);

  test('a container is added to a running pod, sees the processes of its target, and can be entered', async () => {
    await debug('web', 'sees', '--target=app', '--profile=general', '--', 'sh', '-c', 'ps; sleep 1000');
    await watch.until('web', 'it runs', (pod) => added(pod, 'sees')?.state?.running !== undefined);
    await eventually('it has spoken', async () => /httpd -f -p 8080[^]*sh -c ps/.test(await logs('web', '-c', 'sees')));
    const result = await outcome(cluster, client, [
      'exec',
      'web',
      '-c',
      'sees',
      '--',
      'cat',
      '/proc/1/root/tmp/index.html',
    ]);
    assert.equal(mustEnd(result), 'hello\n');
    const alone = await outcome(cluster, client, ['exec', 'web', '-c', 'app', '--', 'wget', '-qO-', '127.0.0.1:8080']);
    assert.equal(mustEnd(alone), 'hello\n', 'the target goes on');
  });

  test('a terminal in one has its size, and tells that it is not started again', async () => {
    const args = ['debug', '-it', 'web', image, '-c', 'typed', '--profile=general', '--', 'sh'];
    const { stdout } = await typed(args, 'stty size; wget -qO- 127.0.0.1:8080; exit 3\n');
    assert.match(stdout.toString(), /44 122\r\nhello\r\n/);
    const pod = await watch.until('web', 'it has ended', (one) => added(one, 'typed')?.state?.terminated !== undefined);
    assert.equal(added(pod, 'typed')?.state?.terminated?.exitCode, 3);
    assert.equal(pod.status?.phase, 'Running');
  });

  test('each profile gives its rights', async () => {
    const says = 'grep CapEff /proc/self/status';
    // Bits 12 and 19 and 21: net admin, sys ptrace, sys admin.
    const rights: Readonly<Record<string, readonly [boolean, boolean, boolean]>> = {
      general: [false, true, false],
      baseline: [false, false, false],
      netadmin: [true, false, false],
      sysadmin: [true, true, true],
    };
    for (const profile of Object.keys(rights))
      await debug('web', profile, `--profile=${profile}`, '--', 'sh', '-c', says);
    await debug('web', 'restricted', '--profile=restricted', '--', 'true');
    for (const [profile, expected] of Object.entries(rights)) {
      const text = await eventually(profile, async () => /CapEff:\s+(\w+)/.exec(await logs('web', '-c', profile))?.[1]);
      const bits = BigInt(`0x${text}`);
      const has = [12n, 19n, 21n].map((bit) => ((bits >> bit) & 1n) === 1n);
      assert.deepEqual(has, expected, profile);
    }
    const pod = await watch.until(
      'web',
      'it waits',
      (one) => added(one, 'restricted')?.state?.waiting?.message !== undefined,
    );
    const { reason, message } = added(pod, 'restricted')?.state?.waiting ?? {};
    assert.equal(reason, 'CreateContainerConfigError');
    assert.match(message ?? '', /container has runAsNonRoot and image will run as root/);
  });

  test('a copy shares its processes, or has other images', async () => {
    await debug('web', 'beside', '--copy-to=shared', '--share-processes', '--profile=general', '--', 'sleep', '1000');
    await watch.ready('shared');
    const seen = await outcome(cluster, client, ['exec', 'shared', '-c', 'beside', '--', 'ps']);
    assert.match(mustEnd(seen), /pause[^]*httpd -f -p 8080[^]*sleep 1000/);
    await cluster.mustKubectl('debug', 'web', '--copy-to=other', '--set-image=*=test/busybox:1', '--profile=general');
    await watch.ready('other');
  });

  test('a node is entered: its files, processes and network', async () => {
    const node = (await cluster.json<Pod>('get', 'pod', 'web')).spec?.nodeName ?? '';
    const says =
      'ls -d /host/etc /host/proc; hostname; ps | wc -l; ls /sys/class/net; chroot /host /bin/sh -c "echo inside"';
    await debug(`node/${node}`, 'looks', '--profile=sysadmin', '--', 'sh', '-c', says);
    const { items } = await cluster.json<PodList>('get', 'pods');
    const name = items.map((pod) => pod.metadata?.name ?? '').find((one) => one.startsWith('node-debug')) ?? '';
    await watch.until(name, 'it has looked', hasEnded);
    const lines = (await logs(name)).trim().split('\n');
    assert.deepEqual(lines.slice(0, 3), ['/host/etc', '/host/proc', (await run('hostname', [])).stdout.trim()]);
    assert.ok(Number(lines[3]) > 10, 'all processes of the machine');
    assert.ok(lines.includes('lo') && lines.at(-1) === 'inside');
  });

  test('a pod of one’s own for a moment: its terminal, its input, its exit code, and then it is gone', async () => {
    const once = ['run', image, '--rm', '--restart=Never'];
    const terminal = await typed([...once, '-it', 'shell', '--', 'sh'], 'stty size; exit 4\n');
    assert.equal(terminal.code, 4);
    assert.match(terminal.stdout.toString(), /44 122\r\n/);
    const piped = await outcome(
      cluster,
      client,
      [...once, '-i', '--quiet', 'piped', '--', 'sh', '-c', 'md5sum; exit 5'],
      'x',
    );
    assert.equal(mustEnd(piped, 5), '9dd4e461268c8034f5c8564e155c67a6  -\n');
    await Promise.all(['shell', 'piped'].map((name) => watch.gone(name)));
  });
});
