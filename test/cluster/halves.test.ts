/**
 * The two halves as two processes: `naru server` and `naru agent`. Either may end, by a signal or by force, and come back; pods run
 * on meanwhile, as they are.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { NodeList, Pod } from '../../src/api/schema/types/core-v1.ts';
import { elapsedMs, eventually, freePort, leftSince, machineState, root, run, TestCluster } from '../harness.ts';
import { containerProcesses } from './containers.ts';
import { Foreground } from './foreground.ts';
import { create, isReady, podManifest, script, statusOf } from './workload.ts';

const ticking = "trap 'exit 0' TERM; i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.1; done";
const endMsMax = 10_000;

describe('naru server and naru agent', { timeout: 600_000 }, () => {
  let cluster: TestCluster;
  let port: number;
  let server: Foreground;
  let agent: Foreground;
  let before_: readonly string[];

  before(async () => {
    before_ = await machineState();
    cluster = await TestCluster.create();
    port = await freePort();
  });

  after(async () => {
    await Foreground.killAll();
    await TestCluster.closeAll();
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  const startServer = async (): Promise<void> => {
    server = new Foreground(cluster.home, ['server', '--port', String(port)]);
    await eventually('the API answers', async () => (await cluster.kubectl(['get', '--raw', '/readyz'])).code === 0);
  };

  const nodeIs = (status: 'True' | 'False' | 'Unknown'): Promise<unknown> =>
    eventually(`the node’s Ready is ${status}`, async () => {
      const { items } = await cluster.json<NodeList>('get', 'nodes');
      const condition = items[0]?.status?.conditions?.find(({ type }) => type === 'Ready');
      return condition?.status === status;
    });

  const pod = (name: string): Promise<Pod> => cluster.json<Pod>('get', 'pod', name);
  const ready = (name: string): Promise<Pod> =>
    eventually(
      `pod ${name} is Ready`,
      async () => {
        const now = await pod(name);
        return isReady(now) ? now : undefined;
      },
      60_000,
    );

  /** What must not change where nothing was to happen to the pod. */
  const identity = (one: Pod): unknown => [
    one.metadata?.uid,
    statusOf(one)?.containerID,
    statusOf(one)?.restartCount,
    one.status?.podIP,
    containerProcesses(one.metadata?.uid ?? ''),
  ];

  /** The server can call the agent: its log goes on from here. */
  const logGoesOn = async (name: string): Promise<void> => {
    await eventually('the log can be read', async () => (await cluster.kubectl(['logs', name, '--tail=1'])).code === 0);
    const following = cluster.stream('logs', '-f', name, '--tail=1');
    await eventually('some lines', () => following.text().split('\n').length > 5);
    following.child.kill();
  };

  const ends = async (half: Foreground): Promise<void> => {
    const since = elapsedMs();
    half.kill('SIGTERM');
    const { code, signal } = await half.ended;
    assert.deepEqual([code, signal], [0, null], half.text);
    assert.ok(since() < endMsMax, `${since()} ms`);
  };

  test('an agent without a server to speak of says what to do', async () => {
    const { code, stderr } = await run(path.join(root, 'naru'), ['agent'], { env: { NARU_HOME: cluster.home } });
    assert.equal(code, 1);
    assert.match(stderr, /^naru: there is no kubeconfig .*agent\.kubeconfig; start naru server on this machine first/);
    const told = await run(path.join(root, 'naru'), ['agent', '--pod-cidr', '10.42'], {
      env: { NARU_HOME: cluster.home },
    });
    assert.equal(told.code, 1);
    assert.match(told.stderr, /^naru: --pod-cidr takes a range of addresses such as 10\.42\.7\.0\/24, and got 10\.42/);
  });

  test('the server alone answers, without a node; the agent joins, and pods run', async () => {
    await startServer();
    assert.deepEqual((await cluster.json<NodeList>('get', 'nodes')).items, []);
    agent = new Foreground(cluster.home, ['agent']);
    await nodeIs('True');
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    await create(cluster, podManifest('web', { restartPolicy: 'Always', containers: [script(ticking)] }));
    await ready('web');
    await logGoesOn('web');
  });

  test('a server that is stopped and started again finds its agent, and the pod as it was', async () => {
    const earlier = await ready('web');
    await ends(server);
    await startServer();
    await nodeIs('True');
    await logGoesOn('web');
    assert.deepEqual(identity(await ready('web')), identity(earlier));
  });

  test('so does one that is killed; what happened meanwhile is told', async () => {
    const earlier = await ready('web');
    server.kill('SIGKILL');
    await server.ended;
    const [victim] = containerProcesses(earlier.metadata?.uid ?? '');
    process.kill(victim ?? 0, 'SIGKILL');
    await eventually('the agent restarts it without a server', () => {
      const [now] = containerProcesses(earlier.metadata?.uid ?? '');
      return now !== undefined && now !== victim;
    });
    await startServer();
    await eventually('the API knows', async () => statusOf(await pod('web'))?.restartCount === 1);
    await create(cluster, podManifest('later', { restartPolicy: 'Always', containers: [script(ticking)] }));
    await ready('later');
    await logGoesOn('later');
  });

  test('an agent that is killed leaves its pods running, and takes them over as they are', async () => {
    const earlier = await Promise.all([ready('web'), ready('later')]);
    agent.kill('SIGKILL');
    await agent.ended;
    assert.deepEqual(earlier.map(identity), (await Promise.all([pod('web'), pod('later')])).map(identity));
    const unreachable = await cluster.kubectl(['logs', 'web']);
    assert.notEqual(unreachable.code, 0);
    assert.match(unreachable.stderr, /node|connect/);
    await cluster.mustKubectl('delete', 'pod', 'later', '--wait=false', '--grace-period=1');
    agent = new Foreground(cluster.home, ['agent']);
    await eventually(
      'what was deleted meanwhile is gone',
      async () => (await cluster.kubectl(['get', 'pod', 'later'])).code === 1,
      60_000,
    );
    await nodeIs('True');
    await logGoesOn('web');
    assert.deepEqual(identity(await ready('web')), identity(earlier[0]));
  });

  test('an agent starts, and ends, also while there is no server', async () => {
    const earlier = await ready('web');
    await ends(agent);
    await ends(server);
    assert.deepEqual(containerProcesses(earlier.metadata?.uid ?? '').length, 1, 'the pod runs on');
    agent = new Foreground(cluster.home, ['agent']);
    await eventually('it runs', () => agent.text.includes('containerd'));
    await ends(agent);
    agent = new Foreground(cluster.home, ['agent']);
    await startServer();
    await nodeIs('True');
    await logGoesOn('web');
    assert.deepEqual(identity(await ready('web')), identity(earlier));
  });

  test('a second agent in the same home is refused', async () => {
    const { code, stderr } = await run(path.join(root, 'naru'), ['agent'], { env: { NARU_HOME: cluster.home } });
    assert.equal(code, 1);
    assert.match(stderr, /^naru: the agent in .* already runs, as process \d+/);
  });

  test('naru down ends both, with all that they run', async () => {
    const { metadata } = await ready('web');
    await cluster.mustNaru('down');
    assert.deepEqual(
      (await Promise.all([server.ended, agent.ended])).map(({ code }) => code),
      [0, 0],
    );
    assert.deepEqual(containerProcesses(metadata?.uid ?? ''), []);
  });

  test('an agent with a home of its own needs only the kubeconfig', async () => {
    await startServer();
    const other = mkdtempSync(path.join(os.tmpdir(), 'naru-agent-'));
    agent = new Foreground(other, ['agent', '--kubeconfig', path.join(cluster.home, 'agent.kubeconfig')]);
    try {
      const naru = (...args: string[]) =>
        run(path.join(root, 'naru'), args, { env: { NARU_HOME: other }, timeoutMs: 120_000 });
      // The node's last word is that of the agent before: whether this one is there, its containerd tells.
      await eventually('it runs containers', async () => (await naru('image', 'list')).code === 0, 60_000);
      const packed = await naru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
      assert.equal(packed.code, 0, packed.stderr);
      await create(cluster, podManifest('elsewhere', { restartPolicy: 'Always', containers: [script(ticking)] }));
      await ready('elsewhere');
      await logGoesOn('elsewhere');
      await Promise.all([ends(agent), ends(server)]);
      const down = await naru('down', '--all');
      assert.equal(down.code, 0, down.stderr);
      assert.equal(existsSync(other), false);
    } finally {
      agent.kill('SIGKILL');
      await agent.ended;
      await run(path.join(root, 'naru'), ['down', '--all'], { env: { NARU_HOME: other } });
    }
  });
});
