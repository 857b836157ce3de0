/** Limits and shares as the kernel has them: of containers, of pods, and of the tiers above; set at the start, and changed while pods run. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { after as afterAll, before, describe, test } from 'node:test';
import type { Container, Pod, PodCondition } from '../../src/api/schema/types/core-v1.ts';
import { nodes, pods } from '../../src/client/resources.ts';
import { type AgentNode, startAgentNode } from './agent-node.ts';
import { clock, type Ending, needsContainers } from './containerd-lab.ts';

const isUnified = existsSync('/sys/fs/cgroup/cgroup.controllers');
const forever = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
const mebibyte = 2 ** 20;

type Amounts = Record<string, string>;
const app = (pod: Pod) => pod.status?.containerStatuses?.[0];
const condition = (pod: Pod, type: string): PodCondition | undefined =>
  pod.status?.conditions?.find((one) => one.type === type);

describe('resources', { ...needsContainers, timeout: 300_000 }, () => {
  let node: AgentNode;
  const ends: (() => Promise<void>)[] = [];
  const ending: Ending = { after: (end) => void ends.push(end) };

  before(async () => {
    const configuration = { podPidsLimit: 20, kubeReserved: { memory: '512Mi', pid: '100' } };
    node = await startAgentNode(ending, { configuration });
  });

  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
  });

  const file = (controller: string, cgroup: string, name: string): string =>
    readFileSync(path.join('/sys/fs/cgroup', isUnified ? '' : controller, cgroup, name), 'utf8').trim();
  const memoryLimit = (cgroup: string): number =>
    Number(file('memory', cgroup, isUnified ? 'memory.max' : 'memory.limit_in_bytes'));
  const quota = (cgroup: string): number =>
    Number(isUnified ? file('cpu', cgroup, 'cpu.max').split(' ')[0] : file('cpu', cgroup, 'cpu.cfs_quota_us'));
  const shares = (cgroup: string): number =>
    isUnified ? Number(file('cpu', cgroup, 'cpu.weight')) : Number(file('cpu', cgroup, 'cpu.shares'));
  const root = (): string => `${node.lab.containerd.cgroupRoot}/kubepods`;
  const containerOf = (pod: Pod): string => app(pod)?.containerID?.replace('containerd://', '') ?? '';

  const sized = (requests: Amounts, limits: Amounts, more: Partial<Container> = {}) => ({
    containers: [{ resources: { requests, limits }, ...more } as Container],
  });
  const running = async (name: string): Promise<Pod> => {
    await node.until(`${name} runs`, async () => app(await node.pod(name))?.ready === true);
    return node.pod(name);
  };
  const resize = (name: string, requests: Amounts, limits: Amounts): Promise<Pod> => {
    const body = { spec: { containers: [{ name: 'app', resources: { requests, limits } }] } };
    const reference = { namespace: 'default', name };
    return node.client.patch(pods, reference, { type: 'strategic', body }, { subresource: 'resize' });
  };
  const isResized = async (name: string, limits: Amounts): Promise<boolean> => {
    const pod = await node.pod(name);
    const has = app(pod)?.resources?.limits ?? {};
    const isDone = condition(pod, 'PodResizeInProgress') === undefined;
    return isDone && Object.entries(limits).every(([resource, amount]) => has[resource] === amount);
  };
  const remove = async (name: string): Promise<void> => {
    await node.client.delete(pods, { namespace: 'default', name }, { gracePeriodSeconds: 1 });
    await node.until(`${name} is gone`, () => node.gone(name));
  };

  test('all pods together are held to what is left for them, and the node tells how much that is', async () => {
    const reference = { namespace: '', name: 'node-1' };
    await node.until('the node is told of', async () => (await node.client.list(nodes)).items.length > 0);
    await node.until(
      'its status',
      async () => (await node.client.get(nodes, reference)).status?.allocatable !== undefined,
    );
    const { capacity = {}, allocatable = {} } = (await node.client.get(nodes, reference)).status ?? {};
    const kibibytes = (text = ''): number => Number(text.replace('Ki', ''));
    assert.equal(kibibytes(capacity['memory']) - kibibytes(allocatable['memory']), (512 + 100) * 1024);
    assert.equal(capacity['cpu'], allocatable['cpu']);
    const limit = memoryLimit(root());
    assert.ok(Math.abs(kibibytes(capacity['memory']) * 1024 - 512 * mebibyte - limit) < 4096, String(limit));
    assert.ok(Number(file('pids', root(), 'pids.max')) > 1000);
    for (const tier of ['burstable', 'besteffort'])
      assert.ok(existsSync(path.join('/sys/fs/cgroup', isUnified ? '' : 'cpu', root(), tier)));
  });

  test('a pod has its limits as a whole, its container its own, and its tier the shares of its pods', async () => {
    await node.run('limited', forever, sized({ cpu: '100m', memory: '32Mi' }, { cpu: '200m', memory: '64Mi' }));
    const pod = await running('limited');
    const cgroup = `${root()}/burstable/pod${pod.metadata?.uid}`;
    for (const each of [cgroup, `${cgroup}/${containerOf(pod)}`]) {
      assert.equal(quota(each), 20_000);
      assert.equal(memoryLimit(each), 64 * mebibyte);
    }
    assert.equal(file('pids', cgroup, 'pids.max'), '20');
    if (!isUnified) assert.deepEqual([shares(cgroup), shares(`${root()}/burstable`)], [102, 102]);
    await remove('limited');
    assert.equal(existsSync(path.join('/sys/fs/cgroup', isUnified ? '' : 'cpu', cgroup)), false);
    if (!isUnified) await node.until('the tier gives back', async () => shares(`${root()}/burstable`) === 2);
  });

  test('a pod cannot start more processes than it may', async () => {
    const script = 'for i in $(seq 40); do sleep 20 & done; wait';
    await node.run('forks', script, { restartPolicy: 'Never' });
    await node.until('it is told', async () => (await node.logs('forks').catch(() => '')).includes("can't fork"));
    await remove('forks');
  });

  test('more and less, while it runs on', async () => {
    await node.run('live', forever, sized({ cpu: '100m', memory: '32Mi' }, { cpu: '200m', memory: '64Mi' }));
    const pod = await running('live');
    const cgroup = `${root()}/burstable/pod${pod.metadata?.uid}`;
    const own = `${cgroup}/${containerOf(pod)}`;
    for (const [cpu, memory] of [
      ['400m', '128Mi'],
      ['150m', '48Mi'],
    ] as const) {
      await resize('live', { cpu: '100m', memory: '32Mi' }, { cpu, memory });
      await node.until(`it has ${memory}`, () => isResized('live', { cpu, memory }));
      for (const each of [cgroup, own]) {
        assert.equal(quota(each), Number.parseInt(cpu, 10) * 100);
        assert.equal(memoryLimit(each), Number.parseInt(memory, 10) * mebibyte);
      }
    }
    const after = await node.pod('live');
    assert.equal(app(after)?.restartCount, 0);
    assert.equal(app(after)?.containerID, app(pod)?.containerID);
    await remove('live');
  });

  test('memory that is in use is not taken away; when it is free, it is', async () => {
    // A file in a memory-backed volume counts, and can be given back.
    const volume = { name: 'ram', emptyDir: { medium: 'Memory' } };
    const script = `dd if=/dev/zero of=/ram/file bs=1M count=40 2>/dev/null; ${forever}`;
    const mounts = { volumeMounts: [{ name: 'ram', mountPath: '/ram' }] };
    const { containers } = sized({ memory: '16Mi' }, { memory: '128Mi' }, mounts);
    const created = await node.run('full', script, { containers, volumes: [volume] });
    await running('full');
    const cgroup = `${root()}/burstable/pod${created.metadata?.uid}`;
    const used = () => Number(file('memory', cgroup, isUnified ? 'memory.current' : 'memory.usage_in_bytes'));
    await node.until('it uses much', async () => used() > 40 * mebibyte);
    await resize('full', { memory: '16Mi' }, { memory: '32Mi' });
    const problem = async () => condition(await node.pod('full'), 'PodResizeInProgress');
    await node.until('it is told', async () => (await problem())?.reason === 'Error');
    const wanted =
      /^cannot decrease memory limits: \[attempting to set pod memory limit \(33554432\) below current usage \(\d+\), attempting to set container "app" memory limit \(33554432\) below/;
    assert.match((await problem())?.message ?? '', wanted);
    assert.equal(memoryLimit(cgroup), 128 * mebibyte);
    assert.equal(app(await node.pod('full'))?.resources?.limits?.['memory'], '128Mi');
    const id = containerOf(await node.pod('full'));
    await node.lab.runtime.exec(id, ['/bin/sh', '-c', 'rm /ram/file'], 5000);
    await node.until('it holds', () => isResized('full', { memory: '32Mi' }), 30_000);
    assert.equal(memoryLimit(cgroup), 32 * mebibyte);
    await remove('full');
  });

  test('a container that wants it is started anew with its new limits', async () => {
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }];
    await node.run('anew', forever, sized({ memory: '32Mi' }, { memory: '64Mi' }, { resizePolicy }));
    const pod = await running('anew');
    await resize('anew', { memory: '32Mi' }, { memory: '96Mi' });
    await node.until('it was started anew', async () => app(await node.pod('anew'))?.restartCount === 1);
    await node.until('it holds', () => isResized('anew', { memory: '96Mi' }));
    const cgroup = `${root()}/burstable/pod${pod.metadata?.uid}`;
    const own = containerOf(await node.pod('anew'));
    assert.equal(memoryLimit(cgroup), 96 * mebibyte);
    assert.equal(memoryLimit(`${cgroup}/${own}`), 96 * mebibyte);
    await remove('anew');
  });

  test('what does not fit is refused, and what was promised outlives the agent', async () => {
    await node.run('huge', forever, sized({ cpu: '1000' }, {}));
    await node.until('it is refused', async () => (await node.pod('huge')).status?.reason === 'OutOfcpu');
    await node.run('kept', forever, sized({ cpu: '100m', memory: '32Mi' }, { memory: '64Mi' }));
    const pod = await running('kept');
    await resize('kept', { cpu: '1000', memory: '32Mi' }, { memory: '64Mi' });
    const pending = async () => condition(await node.pod('kept'), 'PodResizePending')?.reason;
    await node.until('it is infeasible', async () => (await pending()) === 'Infeasible');
    const state = path.join(node.home, 'allocated_pods_state');
    assert.equal(statSync(state).mode & 0o777, 0o600);
    await node.restart();
    await clock.sleep(1000);
    const after = await node.pod('kept');
    assert.equal(app(after)?.containerID, app(pod)?.containerID);
    assert.equal(app(after)?.allocatedResources?.['cpu'], '100m');
    assert.equal(await pending(), 'Infeasible');
    if (!isUnified) assert.equal(shares(`${root()}/burstable/pod${pod.metadata?.uid}`), 102);
    await resize('kept', { cpu: '200m', memory: '32Mi' }, { memory: '64Mi' });
    await node.until('it is done', async () => app(await node.pod('kept'))?.resources?.requests?.['cpu'] === '200m');
    await remove('kept');
    await node.until('it is forgotten', async () => !readFileSync(state, 'utf8').includes(pod.metadata?.uid ?? ''));
  });
});
