import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { defaultKubeletConfiguration, type KubeletConfiguration } from '../kubelet-configuration.ts';
import { decideEviction, type EvictionFacts, nextVictim } from './decide-eviction.ts';
import { noPressure } from './decide-pressure.ts';
import { observe } from './signals.ts';
import { type NodeUsage, type PodUsage, podOf, summary } from './testing.ts';
import { thresholdsOf } from './thresholds.ts';

interface Scene {
  readonly settings?: Partial<KubeletConfiguration>;
  readonly node?: Omit<NodeUsage, 'timeMs'>;
  readonly pods: readonly Pod[];
  readonly usage: Readonly<Record<string, PodUsage>>;
  readonly changes?: Partial<EvictionFacts>;
}

function factsOf({ settings = {}, node = {}, pods, usage, changes = {} }: Scene): EvictionFacts {
  return {
    summary: summary({ timeMs: 1000, ...node }, usage),
    pods,
    thresholds: thresholdsOf({ ...defaultKubeletConfiguration, enforceNodeAllocatable: [], ...settings }),
    layout: 'one-disk',
    transitionPeriodMs: 300_000,
    maxPodGraceMs: 0,
    nowMs: 0,
    ...changes,
  };
}

function victim(scene: Scene) {
  const facts = factsOf(scene);
  const { due } = decideEviction(noPressure, facts);
  return nextVictim(facts, due, observe(facts.summary));
}

const shortOfMemory = {
  settings: { evictionHard: { 'memory.available': '100Mi' } },
  node: { memory: ['90Mi', '4Gi'] as const },
};

describe('eviction', () => {
  test('says what the node was short of, and which containers used more than they asked for', () => {
    const pods = [podOf('web', { requests: { memory: '100Mi' } }), podOf('small', { requests: { memory: '1Gi' } })];
    const usage = { web: { memory: '150Mi' }, small: { memory: '10Mi' } };
    const eviction = victim({ ...shortOfMemory, pods, usage });
    assert.equal(eviction?.pod.metadata?.name, 'web');
    assert.equal(
      eviction?.message,
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 90Mi. ' +
        'Container app was using 150Mi, request is 100Mi, has larger consumption of memory. ',
    );
    assert.deepEqual(eviction?.annotations, {
      offending_containers: 'app',
      offending_containers_usage: '150Mi',
      starved_resource: 'memory',
    });
    assert.equal(eviction?.graceMs, 1000);
    assert.equal(eviction?.isForTheNode, true);
  });

  test('names the pod, too, where it asks for memory as a whole', () => {
    const pod = podOf('web', { spec: { resources: { requests: { memory: '100Mi' } } } });
    const eviction = victim({ ...shortOfMemory, pods: [pod], usage: { web: { memory: '150Mi' } } });
    assert.match(
      eviction?.message ?? '',
      /Pod web was using 150Mi, request is 100Mi, has larger consumption of memory\. Container app was using 150Mi, request is 0, /,
    );
    assert.equal(eviction?.annotations['offending_pod_usage'], '150Mi');
  });

  test('of disk, the layer and the logs are counted to the container', () => {
    const settings = { evictionHard: { 'nodefs.available': '10%' } };
    const eviction = victim({
      settings,
      node: { nodefs: ['512Mi', '10Gi'] },
      pods: [podOf('web')],
      usage: { web: { layer: '1Mi', logs: '1Mi' } },
    });
    // A tenth in single precision, as upstream computes it, is a little more than a tenth.
    assert.equal(
      eviction?.message,
      'The node was low on resource: ephemeral-storage. Threshold quantity: 1073741840, available: 512Mi. ' +
        'Container app was using 2Mi, request is 0, has larger consumption of ephemeral-storage. ',
    );
  });

  test('a soft threshold gives the pod its own grace period, and no more than the node allows', () => {
    const settings = {
      evictionHard: {},
      evictionSoft: { 'memory.available': '1Gi' },
      evictionSoftGracePeriodMs: { 'memory.available': 1 },
    };
    const pods = [podOf('web', { spec: { terminationGracePeriodSeconds: 20 } })];
    const scene: Scene = { settings, node: { memory: ['90Mi', '4Gi'] }, pods, usage: { web: { memory: '1Mi' } } };
    const grace = (maxPodGraceMs: number) => {
      const facts = factsOf({ ...scene, changes: { maxPodGraceMs } });
      const { memory } = decideEviction(noPressure, facts);
      const later = {
        ...facts,
        nowMs: 10,
        summary: { ...facts.summary, node: summary({ timeMs: 5000, ...scene.node }).node },
      };
      const { due } = decideEviction(memory, later);
      return nextVictim(later, due, observe(later.summary))?.graceMs;
    };
    assert.deepEqual([0, 5000, 60_000].map(grace), [undefined, 5000, 20_000]);
  });

  test('critical and static pods stay, whatever they use', () => {
    const pods = [
      podOf('system', { spec: { priority: 2_000_000_000 } }),
      podOf('static', { metadata: { annotations: { 'kubernetes.io/config.source': 'file' } } }),
      podOf('mirror', { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } }),
    ];
    const usage = Object.fromEntries(pods.map(({ metadata }) => [metadata?.name ?? '', { memory: '1Gi' }]));
    assert.equal(victim({ ...shortOfMemory, pods, usage }), undefined);
    const others = victim({
      ...shortOfMemory,
      pods: [...pods, podOf('web')],
      usage: { ...usage, web: { memory: '1Mi' } },
    });
    assert.equal(others?.pod.metadata?.name, 'web');
  });
});

describe('limits of local storage', () => {
  const emptyDir = (sizeLimit: string) =>
    podOf('web', { spec: { volumes: [{ name: 'cache', emptyDir: { sizeLimit } }] } });
  const limits = { 'ephemeral-storage': '10Mi' };
  const cases: readonly (readonly [what: string, Pod, PodUsage, string])[] = [
    [
      'an emptyDir over its size',
      emptyDir('10Mi'),
      { volumes: { cache: '11Mi' } },
      'Usage of EmptyDir volume "cache" exceeds the limit "10Mi". ',
    ],
    ['an emptyDir that is just full', emptyDir('10Mi'), { volumes: { cache: '10Mi' } }, ''],
    ['an emptyDir with a limit of nothing', emptyDir('0'), { volumes: { cache: '1Gi' } }, ''],
    ['an emptyDir that nothing is known of', emptyDir('10Mi'), {}, ''],
    [
      'a pod over the limits of its containers together',
      podOf('web', { limits }),
      { whole: '11Mi' },
      'Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ',
    ],
    [
      'a container whose layer and logs are over its limit',
      podOf('web', { limits }),
      { layer: '6Mi', logs: '5Mi', whole: '9Mi' },
      'Container app exceeded its local ephemeral storage limit "10Mi". ',
    ],
    ['a container within its limit', podOf('web', { limits }), { layer: '5Mi', logs: '5Mi', whole: '10Mi' }, ''],
    ['a pod without limits', podOf('web'), { layer: '5Gi', whole: '5Gi' }, ''],
    [
      'a critical pod',
      podOf('web', { limits, spec: { ...podOf('web', { limits }).spec, priority: 2_000_000_000 } }),
      { whole: '11Mi' },
      '',
    ],
  ];
  for (const [what, pod, usage, message] of cases) {
    test(what, () => {
      const { evictions } = decideEviction(noPressure, factsOf({ pods: [pod], usage: { web: usage } }));
      assert.deepEqual(
        evictions.map((eviction) => [eviction.message, eviction.graceMs, eviction.isForTheNode]),
        message === '' ? [] : [[message, 1000, false]],
      );
    });
  }

  test('a layer on a disk of its own does not count', () => {
    const facts = factsOf({ pods: [podOf('web', { limits })], usage: { web: { layer: '11Mi' } } });
    assert.equal(decideEviction(noPressure, facts).evictions.length, 1);
    assert.equal(decideEviction(noPressure, { ...facts, layout: 'images-apart' }).evictions.length, 0);
  });

  test('all who are over go at once, and nobody else in this look', () => {
    const pods = ['a', 'b', 'c'].map((name) => podOf(name, { limits }));
    const usage = { a: { whole: '11Mi' }, b: { whole: '1Mi' }, c: { whole: '12Mi' } };
    const { evictions, due, pressures } = decideEviction(noPressure, factsOf({ ...shortOfMemory, pods, usage }));
    assert.deepEqual(
      evictions.map(({ pod }) => pod.metadata?.name),
      ['a', 'c'],
    );
    assert.deepEqual([due, pressures], [[], ['MemoryPressure']]);
  });
});
