/** The arguments of plugins, as `pluginConfig` gives them: shapes, defaults and upstream's checks. Pure. */
import {
  childPath,
  duplicate,
  forbiddenField,
  indexPath,
  invalidValue,
  notSupported,
  required,
} from '../../api/field-error.ts';
import { isQualifiedName } from '../../api/names.ts';
import { parseDuration } from '../../api/protobuf/duration.ts';
import type { FieldError } from '../../api/status-error.ts';
import type { PreemptionArgs } from '../framework/profile.ts';
import type { DynamicResourcesArgs } from '../plugins/dynamic-resources.ts';
import type { InterPodAffinityArgs } from '../plugins/inter-pod-affinity.ts';
import type { NodeAffinityArgs } from '../plugins/node-affinity.ts';
import type { NodeResourcesBalancedAllocationArgs } from '../plugins/node-resources-balanced.ts';
import type { NodeResourcesFitArgs } from '../plugins/node-resources-fit.ts';
import type { PodTopologySpreadArgs } from '../plugins/pod-topology-spread.ts';
import type { ResourceWeight, ShapePoint } from '../plugins/resource-scores.ts';
import type { VolumeBindingArgs } from '../plugins/volume-binding.ts';
import { addedAffinityErrors } from './added-affinity.ts';
import type { Shape } from './shape.ts';

/** By the plugin's name. */
export interface PluginArgs {
  readonly DefaultPreemption: PreemptionArgs;
  readonly DynamicResources: DynamicResourcesArgs;
  readonly InterPodAffinity: InterPodAffinityArgs;
  readonly NodeAffinity: NodeAffinityArgs;
  readonly NodeResourcesBalancedAllocation: NodeResourcesBalancedAllocationArgs;
  readonly NodeResourcesFit: NodeResourcesFitArgs;
  readonly PodTopologySpread: PodTopologySpreadArgs;
  readonly VolumeBinding: VolumeBindingArgs;
}

const cpuAndMemory: readonly ResourceWeight[] = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];

export const defaultArgs: PluginArgs = {
  DefaultPreemption: { minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100 },
  DynamicResources: { filterTimeout: '10s', bindingTimeout: '600s' },
  InterPodAffinity: { hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: false },
  NodeAffinity: {},
  NodeResourcesBalancedAllocation: { resources: cpuAndMemory },
  NodeResourcesFit: { scoringStrategy: { type: 'LeastAllocated', resources: cpuAndMemory } },
  PodTopologySpread: { defaultConstraints: [], defaultingType: 'System' },
  VolumeBinding: { bindTimeoutSeconds: 600 },
};

const typed = { apiVersion: 'string', kind: 'string' } as const;
const resources = [{ name: 'string', weight: 'number' }] as const;

const requirements = [{ key: 'string', operator: 'string', values: ['string'] }] as const;
const term: Shape = { matchExpressions: requirements, matchFields: requirements };
const affinityShape: Shape = {
  requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] },
  preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 'number', preference: term }],
};

export const argShapes: { readonly [name in keyof PluginArgs]: Shape } = {
  DefaultPreemption: { ...typed, minCandidateNodesPercentage: 'number', minCandidateNodesAbsolute: 'number' },
  DynamicResources: { ...typed, filterTimeout: 'string', bindingTimeout: 'string' },
  InterPodAffinity: { ...typed, hardPodAffinityWeight: 'number', ignorePreferredTermsOfExistingPods: 'boolean' },
  NodeAffinity: { ...typed, addedAffinity: affinityShape },
  NodeResourcesBalancedAllocation: { ...typed, resources },
  NodeResourcesFit: {
    ...typed,
    ignoredResources: ['string'],
    ignoredResourceGroups: ['string'],
    scoringStrategy: {
      type: 'string',
      resources,
      requestedToCapacityRatio: { shape: [{ utilization: 'number', score: 'number' }] },
    },
  },
  PodTopologySpread: {
    ...typed,
    defaultConstraints: [
      {
        maxSkew: 'number',
        topologyKey: 'string',
        whenUnsatisfiable: 'string',
        labelSelector: 'any',
        minDomains: 'number',
        nodeAffinityPolicy: 'string',
        nodeTaintsPolicy: 'string',
        matchLabelKeys: ['string'],
      },
    ],
    defaultingType: 'string',
  },
  VolumeBinding: { ...typed, bindTimeoutSeconds: 'number', shape: 'any' },
};

/** With the defaults of what is absent. */
export function completeArgs<N extends keyof PluginArgs>(name: N, given: Partial<PluginArgs[N]>): PluginArgs[N] {
  const complete = { ...defaultArgs[name], ...given };
  if (name === 'NodeResourcesFit') return withResources(complete as NodeResourcesFitArgs) as PluginArgs[N];
  if (name === 'NodeResourcesBalancedAllocation') {
    const { resources: list } = complete as NodeResourcesBalancedAllocationArgs;
    return { ...complete, resources: weighted(list) };
  }
  return complete;
}

const weighted = (list: readonly ResourceWeight[]): readonly ResourceWeight[] =>
  list.length === 0 ? cpuAndMemory : list.map(({ name, weight }) => ({ name, weight: weight || 1 }));

/** A strategy without resources scores cpu and memory; a weight that is absent is one. */
function withResources(args: NodeResourcesFitArgs): NodeResourcesFitArgs {
  const { scoringStrategy } = args;
  return { ...args, scoringStrategy: { ...scoringStrategy, resources: weighted(scoringStrategy.resources ?? []) } };
}

type Check<A> = (args: A, path: string) => FieldError[];

const between = (value: number, least: number, most: number, path: string, brackets = '[]'): FieldError[] =>
  value >= least && value <= most
    ? []
    : [invalidValue(path, value, `not in valid range ${brackets[0]}${least}, ${most}${brackets[1]}`)];

export const argChecks: { readonly [name in keyof PluginArgs]: Check<PluginArgs[name]> } = {
  DefaultPreemption: ({ minCandidateNodesPercentage: percentage, minCandidateNodesAbsolute: absolute }, path) => {
    const percentagePath = childPath(path, 'minCandidateNodesPercentage');
    const absolutePath = childPath(path, 'minCandidateNodesAbsolute');
    const errors = between(percentage, 0, 100, percentagePath);
    if (absolute < 0) errors.push(invalidValue(absolutePath, absolute, 'not in valid range [0, inf)'));
    if (percentage === 0 && absolute === 0) {
      const same = (other: string): string => `cannot be zero at the same time as ${other}`;
      errors.push(invalidValue(percentagePath, 0, same('minCandidateNodesAbsolute')));
      errors.push(invalidValue(absolutePath, 0, same('minCandidateNodesPercentage')));
    }
    return errors;
  },
  DynamicResources: ({ filterTimeout, bindingTimeout }, path) => [
    ...atLeast(filterTimeout, 0n, childPath(path, 'filterTimeout'), 'must be zero or positive'),
    ...atLeast(bindingTimeout, 10n ** 9n, childPath(path, 'bindingTimeout'), 'must be at least 1 second'),
  ],
  InterPodAffinity: ({ hardPodAffinityWeight }, path) =>
    between(hardPodAffinityWeight, 0, 100, childPath(path, 'hardPodAffinityWeight')),
  NodeAffinity: ({ addedAffinity }, path) => addedAffinityErrors(addedAffinity, childPath(path, 'addedAffinity')),
  NodeResourcesBalancedAllocation: ({ resources: list }, path) =>
    list.flatMap(({ name, weight }, index) => {
      const at = indexPath(childPath(path, 'resources'), index);
      const isTwice = list.findIndex((other) => other.name === name) < index;
      return [
        ...(isTwice ? [duplicate(childPath(at, 'name'), name)] : []),
        ...(weight === 1 ? [] : [invalidValue(childPath(at, 'weight'), weight, 'must be 1')]),
      ];
    }),
  NodeResourcesFit: fitErrors,
  PodTopologySpread: spreadErrors,
  VolumeBinding: ({ bindTimeoutSeconds: seconds, ...rest }, path) => [
    ...(seconds >= 0
      ? []
      : [
          invalidValue(
            childPath(path, 'bindTimeoutSeconds'),
            seconds,
            'invalid BindTimeoutSeconds, should not be a negative value',
          ),
        ]),
    ...('shape' in rest
      ? [
          invalidValue(
            childPath(path, 'shape'),
            rest.shape,
            'unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring',
          ),
        ]
      : []),
  ],
};

/** `least` in nanoseconds. */
function atLeast(duration: string, least: bigint, path: string, otherwise: string): FieldError[] {
  try {
    return parseDuration(duration) >= least ? [] : [invalidValue(path, duration, otherwise)];
  } catch (error) {
    return [invalidValue(path, duration, error instanceof Error ? error.message : String(error))];
  }
}

const strategies = ['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'];

function fitErrors(args: NodeResourcesFitArgs, path: string): FieldError[] {
  const { ignoredResources = [], ignoredResourceGroups = [], scoringStrategy } = args;
  const names = (list: readonly string[], field: string): FieldError[] =>
    list.flatMap((name, index) => {
      const at = indexPath(childPath(path, field), index);
      const slash = field === 'ignoredResourceGroups' && name.includes('/');
      return [
        ...(slash ? [invalidValue(at, name, "resource group name can't contain '/'")] : []),
        ...isQualifiedName(name).map((message) => invalidValue(at, name, message)),
      ];
    });
  const at = childPath(path, 'scoringStrategy');
  const errors = [
    ...names(ignoredResources, 'ignoredResources'),
    ...names(ignoredResourceGroups, 'ignoredResourceGroups'),
  ];
  if (!strategies.includes(scoringStrategy.type)) {
    errors.push(notSupported(childPath(at, 'type'), scoringStrategy.type ?? '', strategies));
  }
  for (const [index, { name, weight }] of scoringStrategy.resources.entries()) {
    const weightPath = childPath(indexPath(childPath(at, 'resources'), index), 'weight');
    if (weight <= 0 || weight > 100) {
      errors.push(invalidValue(weightPath, weight, `resource weight of ${name} not in valid range (0, 100]`));
    }
  }
  return [...errors, ...ratioErrors(scoringStrategy, childPath(at, 'requestedToCapacityRatio'))];
}

function ratioErrors(strategy: NodeResourcesFitArgs['scoringStrategy'], at: string): FieldError[] {
  const ratio = 'requestedToCapacityRatio' in strategy ? strategy.requestedToCapacityRatio : undefined;
  if (strategy.type !== 'RequestedToCapacityRatio') {
    return ratio === undefined ? [] : [forbiddenField(at, 'must be nil when type is not RequestedToCapacityRatio')];
  }
  if (ratio === undefined) return [required(at, 'must be specified when type is RequestedToCapacityRatio')];
  return shapeErrors(ratio.shape ?? [], childPath(at, 'shape'));
}

function shapeErrors(shape: readonly ShapePoint[], path: string): FieldError[] {
  if (shape.length === 0) return [required(path, 'at least one point must be specified')];
  const unsorted = shape.findIndex(
    ({ utilization }, index) => index > 0 && (shape[index - 1]?.utilization ?? 0) >= utilization,
  );
  const order =
    unsorted < 0
      ? []
      : [
          invalidValue(
            childPath(indexPath(path, unsorted), 'utilization'),
            shape[unsorted]?.utilization,
            'values must be sorted in increasing order',
          ),
        ];
  return [
    ...order,
    ...shape.flatMap(({ utilization, score }, index) => [
      ...between(utilization, 0, 100, childPath(indexPath(path, index), 'utilization')),
      ...between(score, 0, 10, childPath(indexPath(path, index), 'score')),
    ]),
  ];
}

const actions = ['DoNotSchedule', 'ScheduleAnyway'];

function spreadErrors(
  { defaultConstraints: constraints, defaultingType }: PodTopologySpreadArgs,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const typePath = childPath(path, 'defaultingType');
  if (!['System', 'List'].includes(defaultingType)) {
    errors.push(notSupported(typePath, defaultingType, ['System', 'List']));
  } else if (defaultingType === 'System' && constraints.length > 0) {
    errors.push(invalidValue(typePath, defaultingType, 'when .defaultConstraints are not empty'));
  }
  const listPath = childPath(path, 'defaultConstraints');
  for (const [
    index,
    { maxSkew, topologyKey = '', whenUnsatisfiable = '' as string, labelSelector },
  ] of constraints.entries()) {
    const at = indexPath(listPath, index);
    const keyPath = childPath(at, 'topologyKey');
    const actionPath = childPath(at, 'whenUnsatisfiable');
    if (!(maxSkew > 0))
      errors.push(invalidValue(childPath(at, 'maxSkew'), maxSkew ?? 0, 'not in valid range (0, inf)'));
    if (topologyKey === '') errors.push(required(keyPath, 'can not be empty'));
    else errors.push(...isQualifiedName(topologyKey).map((message) => invalidValue(keyPath, topologyKey, message)));
    if (whenUnsatisfiable === '') errors.push(required(actionPath, 'can not be empty'));
    else if (!actions.includes(whenUnsatisfiable)) errors.push(notSupported(actionPath, whenUnsatisfiable, actions));
    if (labelSelector !== undefined) {
      const detail = 'constraint must not define a selector, as they deduced for each pod';
      errors.push(forbiddenField(childPath(at, 'labelSelector'), detail));
    }
    const first = constraints.findIndex(
      (other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable,
    );
    if (first < index) errors.push(duplicate(at, `{${topologyKey}, ${whenUnsatisfiable}}`));
  }
  return errors;
}
