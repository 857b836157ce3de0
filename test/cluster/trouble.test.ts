/**
 * What the machine does to a cluster: containerd dies, hangs on a broken configuration or does not start at all, a pause process is
 * killed, everything is. Pods must not notice what need not reach them, and the words must help.
 */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { containerdPaths } from '../../src/agent/containerd/paths.ts';
import type { Node, NodeList, Pod } from '../../src/api/schema/types/core-v1.ts';
import { eventually, leftSince, machineState, root, run, TestCluster } from '../harness.ts';
import { containerProcesses, pauseProcess, runningTraces } from './containers.ts';
import { create, eventsOf, forever, isReady, podManifest, script, statusOf } from './workload.ts';

describe('trouble on the machine', { timeout: 600_000 }, () => {
  let cluster: TestCluster;
  let files: string;
  let before_: readonly string[];

  before(async () => {
    before_ = await machineState();
    files = mkdtempSync(path.join(os.tmpdir(), 'naru-files-'));
    cluster = await TestCluster.up();
    await prepare(cluster);
  });

  after(async () => {
    await TestCluster.closeAll();
    rmSync(files, { recursive: true, force: true });
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  /** An image, and a pod that runs until it is told to end. */
  const prepare = async (one: TestCluster): Promise<void> => {
    await one.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    await create(one, podManifest('web', { restartPolicy: 'Always', containers: [script(forever)] }));
    await ready(one);
  };

  const pod = (one = cluster): Promise<Pod> => one.json<Pod>('get', 'pod', 'web');
  const ready = (one = cluster, holds: (pod: Pod) => boolean = () => true): Promise<Pod> =>
    eventually(
      'the pod is Ready',
      async () => {
        const now = await pod(one);
        return isReady(now) && holds(now) ? now : undefined;
      },
      60_000,
    );
  const uidOf = (one: Pod): string => one.metadata?.uid ?? '';
  const restarts = (one: Pod): number => statusOf(one)?.restartCount ?? 0;

  const identity = (one: Pod): unknown => [
    one.metadata?.uid,
    statusOf(one)?.containerID,
    statusOf(one)?.restartCount,
    one.status?.podIP,
    containerProcesses(uidOf(one)),
  ];

  const node = async (): Promise<Node | undefined> => (await cluster.json<NodeList>('get', 'nodes')).items[0];
  const nodeReady = (status: string, words = /./): Promise<unknown> =>
    eventually(
      `the node’s Ready is ${status}`,
      async () => {
        const condition = (await node())?.status?.conditions?.find(({ type }) => type === 'Ready');
        return condition?.status === status && words.test(condition.message ?? '');
      },
      90_000,
    );

  const containerdPid = (one = cluster): number => {
    const { pidFile } = containerdPaths(one.home);
    return (JSON.parse(readFileSync(pidFile, 'utf8')) as { pid: number }).pid;
  };
  const log = (): string => readFileSync(path.join(cluster.home, 'naru.log'), 'utf8');

  test('containerd that is killed is started again, which the log tells and the pods do not notice', async () => {
    const earlier = await ready();
    const dead = containerdPid();
    process.kill(dead, 'SIGKILL');
    await eventually('another containerd', () => containerdPid() !== dead);
    await eventually('the log tells', () => log().includes('containerd runs again'));
    assert.match(log(), /"containerd is not running; starting it again"/);
    await create(cluster, podManifest('after-kill', { containers: [script('echo runs')] }));
    await eventually('new pods run', async () => (await cluster.kubectl(['logs', 'after-kill'])).stdout === 'runs\n');
    await nodeReady('True');
    assert.deepEqual(identity(await ready()), identity(earlier));
  });

  test('while containerd cannot start the node is not Ready, and says why; then all is as it was', async () => {
    const earlier = await ready();
    const { config } = containerdPaths(cluster.home);
    const good = readFileSync(config, 'utf8');
    writeFileSync(config, 'version = "broken');
    process.kill(containerdPid(), 'SIGKILL');
    await nodeReady('False', /^container runtime is down: the container runtime cannot be reached: connect /);
    const { code } = await cluster.kubectl(['logs', 'web']);
    assert.equal(code, 0, 'its log can be read meanwhile');
    assert.match(log(), /containerd could not be started again/);
    const wide = await cluster.mustKubectl('get', 'nodes');
    assert.match(wide, / NotReady /);
    writeFileSync(config, good);
    await nodeReady('True');
    assert.deepEqual(identity(await ready()), identity(earlier));
  });

  test('a pod whose pause process is killed gets a new sandbox, and its container runs once more in it', async () => {
    const earlier = await ready();
    process.kill(pauseProcess(uidOf(earlier)) ?? 0, 'SIGKILL');
    const later = await ready(cluster, (now) => restarts(now) === restarts(earlier) + 1);
    assert.equal(uidOf(later), uidOf(earlier));
    assert.notEqual(statusOf(later)?.containerID, statusOf(earlier)?.containerID);
    assert.equal(containerProcesses(uidOf(later)).length, 1, 'the container in the old sandbox is gone');
    await eventually('an event', async () =>
      (await eventsOf(cluster, 'web')).some(({ reason }) => reason === 'SandboxChanged'),
    );
  });

  test('what died while naru was away is told and mended when it is back', async () => {
    const earlier = await ready();
    process.kill(cluster.pid, 'SIGKILL');
    process.kill(containerProcesses(uidOf(earlier))[0] ?? 0, 'SIGKILL');
    await eventually('it is gone', () => containerProcesses(uidOf(earlier)).length === 0);
    await cluster.mustNaru('up', '--wait');
    const later = await ready(cluster, (now) => restarts(now) === restarts(earlier) + 1);
    const { exitCode, reason } = statusOf(later)?.lastState?.terminated ?? {};
    assert.deepEqual([exitCode, reason], [137, 'Error']);
  });

  /** A containerd that says its version and then does not start. */
  const brokenPath = (): string => {
    const program = path.join(files, 'containerd');
    writeFileSync(
      program,
      '#!/bin/sh\n[ "$1" = --version ] && exec /usr/bin/containerd --version\necho "level=fatal msg=\\"no space for me\\"" >&2\nexit 1\n',
    );
    chmodSync(program, 0o755);
    return `${files}:${process.env['PATH']}`;
  };

  test('naru up with a containerd that does not start ends with one sentence, and nothing is lost', async () => {
    const earlier = await ready();
    await cluster.mustKubectl('create', 'configmap', 'kept', '--from-literal=a=b');
    await cluster.mustNaru('down');
    const env = { NARU_HOME: cluster.home, PATH: brokenPath() };
    const { code, stderr } = await run(path.join(root, 'naru'), ['up'], { env });
    assert.equal(code, 1);
    assert.match(stderr, /^naru: containerd did not start: .*; mend what it complains of, .*no space for me/s);
    assert.match(stderr, /containerd\.log/);
    const status = await cluster.naru('status');
    assert.equal(status.code, 1, status.stdout);
    await cluster.mustNaru('up', '--wait');
    await cluster.mustKubectl('get', 'configmap', 'kept');
    const later = await ready();
    assert.equal(uidOf(later), uidOf(earlier));
    assert.equal(containerProcesses(uidOf(later)).length, 1);
  });

  test('two clusters run side by side, and one that goes leaves the other alone', async () => {
    const earlier = await ready();
    const other = await TestCluster.up();
    await prepare(other);
    const theirs = await ready(other);
    assert.notEqual(theirs.status?.podIP, earlier.status?.podIP);
    assert.deepEqual(identity(await ready()), identity(earlier));
    await other.close();
    assert.deepEqual(containerProcesses(uidOf(theirs)), []);
    assert.deepEqual(identity(await ready()), identity(earlier));
    await nodeReady('True');
  });

  test('naru down finds and ends everything also when naru and containerd were killed', async () => {
    const { metadata } = await ready();
    process.kill(cluster.pid, 'SIGKILL');
    process.kill(containerdPid(), 'SIGKILL');
    assert.match(await cluster.mustNaru('down'), /^Removed: /m);
    assert.deepEqual(runningTraces(cluster.home, [metadata?.uid ?? '']), []);
  });
});
