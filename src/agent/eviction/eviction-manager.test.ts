import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger as log } from '../../lib/log.ts';
import { defaultKubeletConfiguration, type KubeletConfiguration } from '../kubelet-configuration.ts';
import { type EvictablePod, EvictionManager, type Verdict } from './eviction-manager.ts';
import { NodePressures } from './node-pressures.ts';
import { type NodeUsage, type PodUsage, podOf, summary } from './testing.ts';

interface Worker extends EvictablePod {
  failed: (Verdict & { readonly reason: string; readonly message: string }) | undefined;
  isActive: boolean;
  isCleanedUp: boolean;
}

function workerOf(pod: Pod): Worker {
  const worker: Worker = {
    lastPod: pod,
    isActive: true,
    isCleanedUp: false,
    failed: undefined,
    fail: (reason, message, verdict) => {
      worker.failed = { reason, message, ...verdict };
    },
  };
  return worker;
}

/** A manager whose node uses what the test says. */
async function startManager(context: TestContext, settings: Partial<KubeletConfiguration>, pods: readonly Pod[]) {
  const clock = new VirtualClock();
  const workers = pods.map(workerOf);
  const told: string[] = [];
  const events: string[] = [];
  const pressures = new NodePressures();
  const node = {
    clock,
    workers,
    told,
    events,
    pressures,
    usage: {} as Omit<NodeUsage, 'timeMs'>,
    pods: {} as Record<string, PodUsage>,
    problem: undefined as Error | undefined,
    /** What giving back changes. */
    reclaim: (): void => {},
    reclaimed: 0,
    evicted: () => workers.flatMap(({ failed, lastPod }) => (failed ? [lastPod?.metadata?.name] : [])),
  };
  const manager = new EvictionManager({
    nodeName: 'node-1',
    configuration: { ...defaultKubeletConfiguration, evictionHard: {}, enforceNodeAllocatable: [], ...settings },
    pressures,
    stats: {
      summary: async () => {
        if (node.problem !== undefined) throw node.problem;
        return summary({ timeMs: clock.now(), ...node.usage }, node.pods);
      },
    },
    pods: () => workers,
    reclaimer: {
      reclaimContainers: () => Promise.reject(new Error('the runtime is busy')),
      reclaimImages: async () => {
        node.reclaimed++;
        node.reclaim();
        return 1;
      },
    },
    layout: async () => 'one-disk',
    events: {
      record: (pod, type, reason, message, _, annotations) =>
        events.push(`${pod.metadata?.name} ${type} ${reason} ${message}${JSON.stringify(annotations)}`),
      recordNode: (type, reason, message) => told.push(`${type} ${reason} ${message}`),
    },
    clock,
    log,
  });
  context.after(async () => {
    const closed = manager.close();
    await clock.advance(1000);
    await closed;
  });
  await manager.start();
  await clock.advance(1);
  return node;
}

const short = { memory: ['90Mi', '4Gi'] as const };
const plenty = { memory: ['3Gi', '4Gi'] as const };
const hard = { evictionHard: { 'memory.available': '100Mi' } };

describe('the eviction manager', () => {
  test('evicts one pod, and no other until it is cleaned up and the node is still short', async (context) => {
    const node = await startManager(
      context,
      hard,
      ['a', 'b', 'c'].map((name) => podOf(name)),
    );
    node.pods = { a: { memory: '1Mi' }, b: { memory: '900Mi' }, c: { memory: '20Mi' } };
    node.usage = plenty;
    await node.clock.advance(30_000);
    assert.deepEqual(node.evicted(), []);

    node.usage = short;
    await node.clock.advance(10_000);
    assert.deepEqual(node.evicted(), ['b']);
    const [, second] = node.workers;
    assert.equal(second?.failed?.reason, 'Evicted');
    assert.equal(second?.failed?.graceMs, 1000);
    assert.equal(second?.failed?.isDisruption, true);
    assert.deepEqual(node.events, [
      'b Warning Evicted The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. ' +
        'Container app was using 900Mi, request is 0, has larger consumption of memory. ' +
        '{"offending_containers":"app","offending_containers_usage":"900Mi","starved_resource":"memory"}',
    ]);
    assert.deepEqual(node.told, [
      'Normal NodeHasInsufficientMemory Node node-1 status is now: NodeHasInsufficientMemory',
      'Warning EvictionThresholdMet Attempting to reclaim memory',
    ]);

    await node.clock.advance(20_000);
    assert.deepEqual(node.evicted(), ['b'], 'it is not cleaned up yet');
    if (second) Object.assign(second, { isActive: false, isCleanedUp: true });
    await node.clock.advance(1500);
    assert.deepEqual(node.evicted(), ['b', 'c'], 'the next look follows at once');
    node.usage = plenty;
    for (const worker of node.workers) if (worker.failed) Object.assign(worker, { isActive: false, isCleanedUp: true });
    await node.clock.advance(60_000);
    assert.deepEqual(node.evicted(), ['b', 'c']);
  });

  test('a pod that never ends holds up the others for half a minute and its grace, no longer', async (context) => {
    const node = await startManager(context, hard, [podOf('a'), podOf('b')]);
    node.usage = short;
    node.pods = { a: { memory: '2Mi' }, b: { memory: '1Mi' } };
    await node.clock.advance(10_000);
    assert.deepEqual(node.evicted(), ['a']);
    await node.clock.advance(38_000);
    assert.deepEqual(node.evicted(), ['a']);
    await node.clock.advance(5000);
    assert.deepEqual(node.evicted(), ['a', 'b']);
  });

  test('under disk pressure the node first gives back what nobody needs, and evicts nobody where that is enough', async (context) => {
    const settings = {
      evictionHard: { 'nodefs.available': '1Gi' },
      evictionMinimumReclaim: { 'nodefs.available': '500Mi' },
    };
    const node = await startManager(context, settings, [podOf('a')]);
    node.pods = { a: { layer: '900Mi' } };
    node.usage = { nodefs: ['900Mi', '20Gi'] };
    node.reclaim = () => void (node.usage = { nodefs: ['1600Mi', '20Gi'] });
    await node.clock.advance(10_000);
    assert.deepEqual([node.reclaimed, node.evicted()], [1, []]);
    assert.equal(node.told[0], 'Normal NodeHasDiskPressure Node node-1 status is now: NodeHasDiskPressure');
    assert.equal(node.pressures.hook.admit?.(podOf('new', { requests: { memory: '1Mi' } }), [])?.reason, 'Evicted');

    node.usage = { nodefs: ['900Mi', '20Gi'] };
    node.reclaim = () => void (node.usage = { nodefs: ['1400Mi', '20Gi'] });
    await node.clock.advance(10_000);
    assert.deepEqual(
      [node.reclaimed, node.evicted()],
      [2, ['a']],
      'more than the threshold is less than what was asked for',
    );
  });

  test('what a pod does to itself is no disruption, and needs no shortage', async (context) => {
    const pod = podOf('a', { limits: { 'ephemeral-storage': '10Mi' } });
    const node = await startManager(context, {}, [pod, podOf('b')]);
    node.pods = { a: { whole: '11Mi' }, b: { whole: '5Gi' } };
    await node.clock.advance(10_000);
    assert.deepEqual(node.evicted(), ['a']);
    assert.equal(node.workers[0]?.failed?.isDisruption, false);
    assert.deepEqual(node.told, []);
  });

  test('while nothing is known of the node nobody is evicted, and the pressures stay', async (context) => {
    const node = await startManager(context, hard, [podOf('a')]);
    node.usage = short;
    node.workers.length = 0;
    await node.clock.advance(10_000);
    node.problem = new Error('the machine does not tell');
    node.workers.push(workerOf(podOf('late')));
    await node.clock.advance(600_000);
    assert.deepEqual(node.evicted(), []);
    assert.equal(node.pressures.hook.admit?.(podOf('new'), [])?.reason, 'Evicted');
    node.problem = undefined;
    node.usage = plenty;
    await node.clock.advance(10_000);
    assert.equal(node.pressures.hook.admit?.(podOf('new'), []), undefined);
    assert.equal(node.told.at(-1), 'Normal NodeHasSufficientMemory Node node-1 status is now: NodeHasSufficientMemory');
  });

  test('a threshold that is none stops the node before it starts', () => {
    const settings = { ...defaultKubeletConfiguration, evictionHard: { 'memory.availabel': '1Gi' } };
    const rest = {} as Omit<ConstructorParameters<typeof EvictionManager>[0], 'configuration'>;
    assert.throws(() => new EvictionManager({ ...rest, configuration: settings }), /unsupported eviction signal/);
  });
});
