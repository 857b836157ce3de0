/** The whole agent, told that something runs out: what the API shows of it. */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { resourceTable } from '../../api/resource-table.ts';
import type { Event, Node, Pod, PodCondition } from '../../api/schema/types/core-v1.ts';
import { InformerSet } from '../../client/informer.ts';
import { events as eventsResource, nodes } from '../../client/resources.ts';
import { nodeLifecycleControllers } from '../../controllers/node-lifecycle/controller.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { startNode } from '../cluster-testing.ts';
import type { KubeletConfiguration } from '../kubelet-configuration.ts';
import { type NodeUsage, type PodUsage, summary } from './testing.ts';

const plenty = { memory: ['3Gi', '4Gi'], nodefs: ['50Gi', '100Gi'] } as const;

async function startEvicting(context: TestContext, configuration: Partial<KubeletConfiguration>) {
  const used = { node: plenty as Omit<NodeUsage, 'timeMs'>, pods: {} as Record<string, PodUsage> };
  const uids = new Map<string, string>();
  const stats = {
    summary: async () => {
      const byUid = Object.entries(used.pods).map(([name, usage]) => [uids.get(name) ?? name, usage] as const);
      return summary({ timeMs: node.clock.now(), ...used.node }, Object.fromEntries(byUid));
    },
  };
  const evicts = { stats, layout: async () => 'one-disk' as const };
  const node = await startNode({ agent: { evicts, configuration } });
  context.after(() => node.close());
  return {
    ...node,
    used,
    async start(name: string, changes: Parameters<typeof node.run>[0] = {}): Promise<Pod> {
      const pod = await node.run(changes, { name });
      uids.set(name, pod.metadata?.uid ?? '');
      return node.running(name);
    },
    node: (): Promise<Node> => node.client.get(nodes, { namespace: '', name: 'node-1' }),
    phase: async (name: string) => (await node.pod(name)).status?.phase,
    events: async (reason: string): Promise<readonly Event[]> =>
      (await node.client.list(eventsResource)).items.filter((event) => event.reason === reason),
  };
}

const conditionOf = (object: Pod | Node, type: string) =>
  ((object.status?.conditions ?? []) as readonly PodCondition[]).find((condition) => condition.type === type);

describe('a node that runs out of something', () => {
  test('evicts the pod that uses most beyond what it asked for, and says so everywhere', async (context) => {
    const node = await startEvicting(context, { evictionHard: { 'memory.available': '100Mi' } });
    await node.start('greedy');
    await node.start('modest', { terminationGracePeriodSeconds: 600 });
    node.used.pods = { greedy: { memory: '900Mi' }, modest: { memory: '10Mi' } };
    node.used.node = { memory: ['90Mi', '4Gi'] };
    await node.until('it has failed', async () => (await node.phase('greedy')) === 'Failed');

    const pod = await node.pod('greedy');
    const message =
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. ' +
      'Container app was using 900Mi, request is 0, has larger consumption of memory. ';
    assert.equal(pod.status?.reason, 'Evicted');
    assert.equal(pod.status?.message, message);
    const { lastTransitionTime: _, ...told } = conditionOf(pod, 'DisruptionTarget') ?? {};
    assert.deepEqual(told, {
      type: 'DisruptionTarget',
      observedGeneration: 1,
      status: 'True',
      reason: 'TerminationByKubelet',
      message,
    });
    await node.until('the event is written', async () => (await node.events('Evicted')).length === 1);
    const [event] = await node.events('Evicted');
    assert.equal(event?.metadata.annotations?.['offending_containers'], 'app');
    assert.equal(await node.phase('modest'), 'Running');

    node.used.node = plenty;
    const pressure = async (status: string) => conditionOf(await node.node(), 'MemoryPressure')?.status === status;
    await node.until('the node tells', () => pressure('True'));
    assert.equal(conditionOf(await node.node(), 'MemoryPressure')?.reason, 'KubeletHasInsufficientMemory');
    const since = conditionOf(await node.node(), 'MemoryPressure')?.lastTransitionTime;
    await node.clock.advance(60_000);
    assert.equal(conditionOf(await node.node(), 'MemoryPressure')?.lastTransitionTime, since);

    await node.run({}, { name: 'late' });
    await node.until('it is refused', async () => (await node.phase('late')) === 'Failed');
    const late = await node.pod('late');
    assert.deepEqual(
      [late.status?.reason, late.status?.message],
      ['Evicted', 'Pod was rejected: The node had condition: [MemoryPressure]. '],
    );
    await node.until('it is over', () => pressure('False'), 400_000);
    assert.equal(conditionOf(await node.node(), 'MemoryPressure')?.reason, 'KubeletHasSufficientMemory');
    await node.start('after');
  });

  test('frees the containers of ended pods first, and their statuses stay', async (context) => {
    const node = await startEvicting(context, { evictionHard: { 'nodefs.available': '10Gi' } });
    await node.run({
      restartPolicy: 'Never',
      volumes: [{ name: 'scratch', emptyDir: {} }],
      containers: [{ name: 'done', image: 'job:1', volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] }],
    });
    await node.running();
    await node.start('server');
    await node.runtime.stopContainer((await node.runs('done'))[0]?.id ?? '', 0);
    await node.until('it has ended', async () => ['Succeeded', 'Failed'].includes((await node.phase('web')) ?? ''));
    const before = (await node.pod()).status;

    node.used.pods = { server: { layer: '1Gi' } };
    node.used.node = { nodefs: ['9Gi', '100Gi'] };
    await node.until('its container is gone', async () => (await node.runs('done')).length === 0);
    node.used.node = plenty;
    await node.clock.advance(30_000);
    assert.deepEqual((await node.pod()).status, before);
    assert.equal((await node.runs('app')).length, 1, 'what runs stays');
  });

  test('gets the taint that keeps pods of its kind away, and loses it again', async (context) => {
    const node = await startEvicting(context, {
      evictionHard: { 'memory.available': '100Mi' },
      evictionPressureTransitionPeriodMs: 30_000,
    });
    const { client, clock } = node;
    const prng = new SeededPrng(1);
    const informers = new InformerSet({ client, clock, prng, log: silentLogger });
    const controllers = nodeLifecycleControllers({
      client,
      clock,
      prng,
      log: silentLogger,
      informers,
      resources: resourceTable(),
      rootCa: 'CA',
    });
    for (const service of [informers, ...controllers]) await service.start();
    context.after(async () => {
      for (const service of [...controllers, informers]) await service.close();
    });
    const isTainted = async () =>
      ((await node.node()).spec?.taints ?? []).some(
        ({ key, effect }) => key === 'node.kubernetes.io/memory-pressure' && effect === 'NoSchedule',
      );
    node.used.node = { memory: ['90Mi', '4Gi'] };
    await node.until('the taint is there', isTainted);
    node.used.node = plenty;
    await node.until('the taint is gone', async () => !(await isTainted()), 90_000);
  });
});
