import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseSchedulerConfiguration, type SchedulerConfiguration } from './configuration.ts';

const parse = (more: object): SchedulerConfiguration =>
  parseSchedulerConfiguration(
    JSON.stringify({ apiVersion: 'kubescheduler.config.k8s.io/v1', kind: 'KubeSchedulerConfiguration', ...more }),
  );

const scoresOf = (plugins: object): readonly (readonly [string, number])[] => {
  const [plan] = parse({ profiles: [{ schedulerName: 'default-scheduler', plugins }] }).profiles;
  return (plan?.score ?? []).map(({ plugin, weight }) => [plugin.name, weight] as const);
};

test('without anything said, the plugins are upstream’s, in its order and with its weights', () => {
  const { profiles, queue } = parse({});
  const [plan] = profiles;
  assert.deepEqual(queue, { initialBackoffMs: 1000, maxBackoffMs: 10_000 });
  assert.deepEqual(
    plan?.filter.map(({ name }) => name),
    [
      'NodeUnschedulable',
      'NodeName',
      'TaintToleration',
      'NodeAffinity',
      'NodePorts',
      'NodeResourcesFit',
      'VolumeRestrictions',
      'NodeVolumeLimits',
      'VolumeBinding',
      'VolumeZone',
      'PodTopologySpread',
      'InterPodAffinity',
      'DynamicResources',
    ],
  );
  assert.deepEqual(scoresOf({}), [
    ['TaintToleration', 3],
    ['NodeAffinity', 2],
    ['NodeResourcesFit', 1],
    ['PodTopologySpread', 2],
    ['InterPodAffinity', 2],
    ['DynamicResources', 2],
    ['NodeResourcesBalancedAllocation', 1],
    ['ImageLocality', 1],
  ]);
  assert.deepEqual([plan?.schedulerName, plan?.percentageOfNodesToScore], ['default-scheduler', 0]);
});

describe('what a profile says about plugins', () => {
  const cases: readonly {
    readonly name: string;
    readonly plugins: object;
    readonly expected: readonly (readonly [string, number])[];
  }[] = [
    {
      name: 'all off but one at a point',
      plugins: { score: { disabled: [{ name: '*' }], enabled: [{ name: 'ImageLocality', weight: 7 }] } },
      expected: [['ImageLocality', 7]],
    },
    {
      name: 'a weight at a point comes first, and wins over the one for all points',
      plugins: {
        multiPoint: {
          disabled: [{ name: 'PodTopologySpread' }, { name: 'InterPodAffinity' }, { name: 'ImageLocality' }],
        },
        score: { enabled: [{ name: 'NodeAffinity', weight: 9 }] },
      },
      expected: [
        ['NodeAffinity', 9],
        ['TaintToleration', 3],
        ['NodeResourcesFit', 1],
        ['DynamicResources', 2],
        ['NodeResourcesBalancedAllocation', 1],
      ],
    },
    {
      name: 'a weight for all points takes the default’s place',
      plugins: {
        multiPoint: {
          disabled: [{ name: '*' }],
          enabled: [{ name: 'NodeResourcesFit', weight: 5 }, { name: 'NodeName' }],
        },
      },
      expected: [['NodeResourcesFit', 5]],
    },
  ];
  for (const { name, plugins, expected } of cases) test(name, () => assert.deepEqual(scoresOf(plugins), expected));

  test('preemption can be turned off', () => {
    const plugins = { postFilter: { disabled: [{ name: 'DefaultPreemption' }] } };
    const [plan] = parse({ profiles: [{ schedulerName: 'a', plugins }] }).profiles;
    assert.equal(plan?.preemption, undefined);
  });
});

describe('what cannot be used is refused in upstream’s words', () => {
  const args = (name: string, given: object): object => ({
    profiles: [{ schedulerName: 'a', pluginConfig: [{ name, args: given }] }],
  });
  const at = 'profiles[0].pluginConfig[0].args';
  const cases: readonly (readonly [object, string])[] = [
    [{ parallelism: 0 }, 'parallelism: Invalid value: 0: should be an integer value greater than zero'],
    [{ percentageOfNodesToScore: 101 }, 'percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]'],
    [
      { podInitialBackoffSeconds: 5, podMaxBackoffSeconds: 4 },
      'podMaxBackoffSeconds: Invalid value: 4: must be greater than or equal to PodInitialBackoffSeconds',
    ],
    [
      { profiles: [{ schedulerName: 'a' }, { schedulerName: 'a' }] },
      'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"',
    ],
    [{ profiles: [{ schedulerName: '' }] }, 'profiles[0].schedulerName: Required value'],
    [
      args('InterPodAffinity', { hardPodAffinityWeight: 101 }),
      `${at}.hardPodAffinityWeight: Invalid value: 101: not in valid range [0, 100]`,
    ],
    [
      args('PodTopologySpread', {
        defaultingType: 'System',
        defaultConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }],
      }),
      `${at}.defaultingType: Invalid value: "System": when .defaultConstraints are not empty`,
    ],
    [
      args('NodeResourcesFit', { scoringStrategy: { type: 'RequestedToCapacityRatio' } }),
      `${at}.scoringStrategy.requestedToCapacityRatio: Required value: must be specified when type is RequestedToCapacityRatio`,
    ],
    [
      args('NodeResourcesFit', { ignoredResourceGroups: ['example.com/x'] }),
      `${at}.ignoredResourceGroups[0]: Invalid value: "example.com/x": resource group name can't contain '/'`,
    ],
    [
      args('DynamicResources', { bindingTimeout: '500ms' }),
      `${at}.bindingTimeout: Invalid value: "500ms": must be at least 1 second`,
    ],
    [
      args('DynamicResources', { filterTimeout: '-1s' }),
      `${at}.filterTimeout: Invalid value: "-1s": must be zero or positive`,
    ],
    [
      args('VolumeBinding', { bindTimeoutSeconds: -1 }),
      `${at}.bindTimeoutSeconds: Invalid value: -1: invalid BindTimeoutSeconds, should not be a negative value`,
    ],
    [
      { profiles: [{ schedulerName: 'a', plugins: { score: { enabled: [{ name: 'Unheard' }] } } }] },
      'profiles[0].plugins.score.enabled[0]: Invalid value: "Unheard": is not a plugin that naru has',
    ],
    [{ profile: [] }, 'strict decoding error: unknown field "profile"'],
    [
      args('DefaultPreemption', { minCandidateNodesPercentage: 'x' }),
      `json: cannot unmarshal string into field ${at}.minCandidateNodesPercentage of type int32`,
    ],
  ];
  for (const [more, message] of cases) test(message, () => assert.throws(() => parse(more), { message }));

  test('another kind', () => {
    assert.throws(() => parseSchedulerConfiguration('{ kind: Pod, apiVersion: v1 }'), {
      message: 'no kind "Pod" is registered for version "v1"',
    });
  });
});
