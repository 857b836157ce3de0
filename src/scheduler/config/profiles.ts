/**
 * From what a configuration says about plugins to the lists that a profile works by: upstream's default plugins, what a profile turns off
 * or adds, for all points at once (`multiPoint`) or for one. Pure.
 *
 * PreFilter and Filter are one point here, as are PreScore and Score, Reserve and PreBind: a plugin that is asked at the second is asked at
 * the first, too.
 */
import type { Plugin } from '../framework/plugin.ts';
import type { ProfilePlan, WeightedPlugin } from '../framework/profile.ts';
import { dynamicResources } from '../plugins/dynamic-resources.ts';
import { gangScheduling } from '../plugins/gang-scheduling.ts';
import { imageLocality } from '../plugins/image-locality.ts';
import { interPodAffinity } from '../plugins/inter-pod-affinity.ts';
import { nodeAffinity } from '../plugins/node-affinity.ts';
import { nodeName } from '../plugins/node-name.ts';
import { nodePorts } from '../plugins/node-ports.ts';
import { nodeResourcesBalancedAllocation } from '../plugins/node-resources-balanced.ts';
import { nodeResourcesFit } from '../plugins/node-resources-fit.ts';
import { nodeUnschedulable } from '../plugins/node-unschedulable.ts';
import { nodeVolumeLimits } from '../plugins/node-volume-limits.ts';
import { podTopologySpread } from '../plugins/pod-topology-spread.ts';
import { schedulingGates } from '../plugins/scheduling-gates.ts';
import { taintToleration } from '../plugins/taint-toleration.ts';
import { volumeBinding } from '../plugins/volume-binding.ts';
import { volumeRestrictions } from '../plugins/volume-restrictions.ts';
import { volumeZone } from '../plugins/volume-zone.ts';
import type { PluginArgs } from './plugin-args.ts';

export interface PluginChoice {
  readonly name: string;
  readonly weight?: number;
}

export interface PluginSet {
  readonly enabled?: readonly PluginChoice[];
  readonly disabled?: readonly PluginChoice[];
}

/** By the point's name in the configuration. */
export type PluginSets = { readonly [point in Point]?: PluginSet };

export const points = [
  'preEnqueue',
  'queueSort',
  'preFilter',
  'filter',
  'postFilter',
  'preScore',
  'score',
  'reserve',
  'permit',
  'preBind',
  'bind',
  'postBind',
  'multiPoint',
] as const;
export type Point = (typeof points)[number];

/** Upstream's order and weights. */
const defaultPlugins: readonly PluginChoice[] = [
  { name: 'SchedulingGates' },
  { name: 'GangScheduling' },
  { name: 'PrioritySort' },
  { name: 'NodeUnschedulable' },
  { name: 'NodeName' },
  { name: 'TaintToleration', weight: 3 },
  { name: 'NodeAffinity', weight: 2 },
  { name: 'NodePorts' },
  { name: 'NodeResourcesFit', weight: 1 },
  { name: 'VolumeRestrictions' },
  { name: 'NodeVolumeLimits' },
  { name: 'VolumeBinding' },
  { name: 'VolumeZone' },
  { name: 'PodTopologySpread', weight: 2 },
  { name: 'InterPodAffinity', weight: 2 },
  { name: 'DynamicResources', weight: 2 },
  { name: 'DefaultPreemption' },
  { name: 'NodeResourcesBalancedAllocation', weight: 1 },
  { name: 'ImageLocality', weight: 1 },
  { name: 'DefaultBinder' },
];

/** Those that are not asked through `Plugin`: the queue's order, making room, the binding itself. */
const ownPoints: Readonly<Record<string, Point>> = {
  PrioritySort: 'queueSort',
  DefaultPreemption: 'postFilter',
  DefaultBinder: 'bind',
};

export function makePlugins(args: PluginArgs): ReadonlyMap<string, Plugin> {
  const plugins: readonly Plugin[] = [
    schedulingGates,
    gangScheduling,
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity(args.NodeAffinity),
    nodePorts,
    nodeResourcesFit(args.NodeResourcesFit),
    volumeRestrictions,
    nodeVolumeLimits,
    volumeBinding(args.VolumeBinding),
    volumeZone,
    podTopologySpread(args.PodTopologySpread),
    interPodAffinity(args.InterPodAffinity),
    dynamicResources(args.DynamicResources),
    nodeResourcesBalancedAllocation(args.NodeResourcesBalancedAllocation),
    imageLocality,
  ];
  return new Map(plugins.map((plugin) => [plugin.name, plugin]));
}

export const knownPlugins: ReadonlySet<string> = new Set(defaultPlugins.map(({ name }) => name));

export interface ProfileSettings {
  readonly schedulerName: string;
  readonly percentageOfNodesToScore: number;
  readonly sets: PluginSets;
  readonly args: PluginArgs;
}

export function planProfile({ schedulerName, percentageOfNodesToScore, sets, args }: ProfileSettings): ProfilePlan {
  const plugins = makePlugins(args);
  const everywhere = mergeMultiPoint(sets.multiPoint ?? {});
  const at = (point: Point, has: (name: string) => boolean): PluginChoice[] =>
    expand(everywhere, sets[point] ?? {}, has);
  const asked = (point: Point, method: keyof Plugin): WeightedPlugin[] =>
    at(point, (name) => plugins.get(name)?.[method] !== undefined).flatMap(({ name, weight }) => {
      const plugin = plugins.get(name);
      return plugin === undefined ? [] : [{ plugin, weight: weight || 1 }];
    });
  const only = (list: readonly WeightedPlugin[]): Plugin[] => list.map(({ plugin }) => plugin);
  const mayPreempt = at('postFilter', (name) => ownPoints[name] === 'postFilter').length > 0;
  return {
    schedulerName,
    percentageOfNodesToScore,
    preEnqueue: only(asked('preEnqueue', 'preEnqueue')),
    filter: only(asked('filter', 'filter')),
    postFilter: only(asked('postFilter', 'postFilter')),
    score: asked('score', 'score'),
    reserve: only(asked('reserve', 'reserve')),
    preemption: mayPreempt ? args.DefaultPreemption : undefined,
  };
}

/** The defaults without those turned off, those named again in their place, then what else is named. */
function mergeMultiPoint({ enabled = [], disabled = [] }: PluginSet): PluginChoice[] {
  const off = new Set(disabled.map(({ name }) => name));
  const byName = new Map(enabled.map((choice) => [choice.name, choice]));
  const kept = off.has('*') ? [] : defaultPlugins.filter(({ name }) => !off.has(name));
  const names = new Set(kept.map(({ name }) => name));
  return [
    ...kept.map((choice) => byName.get(choice.name) ?? choice),
    ...enabled.filter(({ name }) => !names.has(name)),
  ];
}

/** What is named for a point overrides what is named for all, and comes before it; what is only named there comes last. */
function expand(
  everywhere: readonly PluginChoice[],
  { enabled = [], disabled = [] }: PluginSet,
  has: (name: string) => boolean,
): PluginChoice[] {
  const off = new Set(disabled.map(({ name }) => name));
  const named = new Set(enabled.map(({ name }) => name));
  const general = off.has('*') ? [] : everywhere.filter(({ name }) => has(name) && !off.has(name));
  const overrides = new Set(general.filter(({ name }) => named.has(name)).map(({ name }) => name));
  return [
    ...enabled.filter(({ name }) => overrides.has(name)),
    ...general.filter(({ name }) => !named.has(name)),
    ...enabled.filter(({ name }) => !overrides.has(name)),
  ];
}
