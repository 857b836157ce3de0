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

  test('resources without a weight weigh one, in both plugins that score them', () => {
    for (const name of ['NodeResourcesFit', 'NodeResourcesBalancedAllocation']) {
      const resources = [{ name: 'cpu' }, { name: 'example.com/gpu', weight: 0 }];
      const args =
        name === 'NodeResourcesFit' ? { scoringStrategy: { type: 'MostAllocated', resources } } : { resources };
      assert.equal(parse({ profiles: [{ pluginConfig: [{ name, args }] }] }).profiles.length, 1);
    }
  });

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
    [
      args('NodeResourcesFit', {
        scoringStrategy: { type: 'LeastAllocated', resources: [{ name: 'cpu', weight: 101 }] },
      }),
      `${at}.scoringStrategy.resources[0].weight: Invalid value: 101: resource weight of cpu not in valid range (0, 100]`,
    ],
    [
      args('NodeResourcesFit', { scoringStrategy: { resources: [{ name: 'cpu' }] } }),
      `${at}.scoringStrategy.type: Unsupported value: "": supported values: "LeastAllocated", "MostAllocated", "RequestedToCapacityRatio"`,
    ],
    [
      args('NodeResourcesFit', {
        scoringStrategy: {
          type: 'RequestedToCapacityRatio',
          requestedToCapacityRatio: {
            shape: [
              { utilization: 5, score: 1 },
              { utilization: 5, score: 11 },
            ],
          },
        },
      }),
      `[${at}.scoringStrategy.requestedToCapacityRatio.shape[1].utilization: Invalid value: 5: values must be sorted in increasing order, ` +
        `${at}.scoringStrategy.requestedToCapacityRatio.shape[1].score: Invalid value: 11: not in valid range [0, 10]]`,
    ],
    [
      args('NodeResourcesFit', {
        scoringStrategy: { type: 'LeastAllocated', requestedToCapacityRatio: { shape: [] } },
      }),
      `${at}.scoringStrategy.requestedToCapacityRatio: Forbidden: must be nil when type is not RequestedToCapacityRatio`,
    ],
    [
      args('NodeResourcesBalancedAllocation', { resources: [{ name: 'cpu', weight: 2 }, { name: 'cpu' }] }),
      `[${at}.resources[0].weight: Invalid value: 2: must be 1, ${at}.resources[1].name: Duplicate value: "cpu"]`,
    ],
    [
      args('NodeAffinity', {
        addedAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'foo', operator: 'bar' }] },
              { matchFields: [{ key: 'metadata.name', operator: 'In' }] },
            ],
          },
        },
      }),
      `[${at}.addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].operator: ` +
        'Unsupported value: "bar": supported values: "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", ' +
        `${at}.addedAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[1].matchFields[0].values: ` +
        'Invalid value: []: must have one element]',
    ],
    [
      args('NodeAffinity', {
        addedAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 3, preference: { matchExpressions: [{ key: 'a', operator: 'Gt', values: ['x'] }] } },
            { weight: 0, preference: { matchExpressions: [{ key: 'a', operator: 'never read' }] } },
          ],
        },
      }),
      `${at}.addedAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].matchExpressions[0].values[0]: ` +
        `Invalid value: "x": for 'Gt', 'Lt' operators, the value must be an integer`,
    ],
    [
      args('NodeAffinity', { addedAffinity: { required: {} } }),
      `strict decoding error: unknown field "${at}.addedAffinity.required"`,
    ],
    [
      args('PodTopologySpread', {
        defaultingType: 'List',
        defaultConstraints: [
          { maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'Sometimes' },
          { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: {} },
          { maxSkew: 2, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule' },
        ],
      }),
      `[${at}.defaultConstraints[0].maxSkew: Invalid value: 0: not in valid range (0, inf), ` +
        `${at}.defaultConstraints[0].topologyKey: Required value: can not be empty, ` +
        `${at}.defaultConstraints[0].whenUnsatisfiable: Unsupported value: "Sometimes": supported values: "DoNotSchedule", "ScheduleAnyway", ` +
        `${at}.defaultConstraints[1].labelSelector: Forbidden: constraint must not define a selector, as they deduced for each pod, ` +
        `${at}.defaultConstraints[2]: Duplicate value: "{zone, DoNotSchedule}"]`,
    ],
    [
      args('DefaultPreemption', { minCandidateNodesPercentage: 0, minCandidateNodesAbsolute: 0 }),
      `[${at}.minCandidateNodesPercentage: Invalid value: 0: cannot be zero at the same time as minCandidateNodesAbsolute, ` +
        `${at}.minCandidateNodesAbsolute: Invalid value: 0: cannot be zero at the same time as minCandidateNodesPercentage]`,
    ],
    [
      {
        profiles: [
          { schedulerName: 'a' },
          { schedulerName: 'b', plugins: { queueSort: { enabled: [{ name: 'PrioritySort' }] } } },
        ],
      },
      'profiles[1].plugins.queueSort: Invalid value: {"Enabled":[{"name":"PrioritySort"}],"Disabled":[]}: must be the same for all profiles',
    ],
    [
      {
        profiles: [
          {
            schedulerName: 'a',
            pluginConfig: [{ name: 'EBSLimits' }, { name: 'NodeAffinity' }, { name: 'NodeAffinity' }],
          },
        ],
      },
      '[profiles[0].pluginConfig[0]: Invalid value: "EBSLimits": was invalid in version "v1" (KubeSchedulerConfiguration is version "kubescheduler.config.k8s.io/v1"), ' +
        'profiles[0].pluginConfig[2]: Duplicate value: "NodeAffinity"]',
    ],
    [
      { extenders: [{ urlPrefix: 'http://127.0.0.1/', filterVerb: 'filter' }] },
      'extenders: Invalid value: 1: naru calls no scheduler extenders: leave them out, or run a scheduler of your own for such pods (spec.schedulerName)',
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
