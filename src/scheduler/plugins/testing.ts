/** Makers and readers for tests of single plugins: what one says of each node. */
import type { Container, Node, Pod, PodSpec, TopologySpreadConstraint } from '../../api/schema/types/core-v1.ts';
import type { Plugin, World } from '../framework/plugin.ts';
import { PodFacts } from '../pod-facts.ts';
import { makeNode, makePod, makeSnapshot, makeWorld } from '../testing.ts';

export type Placed = readonly (readonly [Pod, string])[];

export interface Cluster {
  readonly nodes: readonly Node[];
  readonly placed?: Placed;
}

export const worldOf = ({ nodes, placed = [] }: Cluster, more: Partial<World> = {}): World => ({
  ...makeWorld(makeSnapshot(nodes, placed)),
  ...more,
});

/** By node: the reasons, `fits`; a reason that no preemption can undo ends in an exclamation mark. */
export function answers(plugin: Plugin, pod: Pod, cluster: Cluster): Record<string, string> {
  const world = worldOf(cluster);
  const plan = plugin.filter?.(new PodFacts(pod), world) ?? 'skip';
  const of = (node: World['snapshot']['nodes'][number]): string => {
    const refused = plan === 'skip' ? undefined : 'refused' in plan ? plan.refused : plan.refuse(node);
    return refused === undefined ? 'fits' : `${refused.reasons.join('; ')}${refused.resolvable ? '' : '!'}`;
  };
  return Object.fromEntries(world.snapshot.nodes.map((node) => [node.name, of(node)]));
}

/** By node, normalized; `skip` where the plugin has nothing to say. */
export function scoresOf(
  plugin: Plugin,
  pod: Pod,
  cluster: Cluster,
  more?: Partial<World>,
): Record<string, number> | 'skip' {
  const world = worldOf(cluster, more);
  const { nodes } = world.snapshot;
  const plan = plugin.score?.(new PodFacts(pod), world, nodes) ?? 'skip';
  if (plan === 'skip') return 'skip';
  const scores = Float64Array.from(nodes, plan.score);
  plan.normalize?.(scores);
  return Object.fromEntries(nodes.map(({ name }, index) => [name, scores[index] ?? 0]));
}

export const withSpec = (spec: Partial<PodSpec>, labels?: Record<string, string>): Pod =>
  makePod('pod', { spec, ...(labels && { labels }) });

export const container = (requests: Record<string, string>, more: Partial<Container> = {}): Container => ({
  name: 'main',
  image: 'image',
  resources: { requests },
  ...more,
});

export const taint = (
  effect: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute',
  value = 'v',
  key = 'k',
): Node['spec'] => ({
  taints: [{ key, value, effect }],
});

export const small = makeNode('small', {
  cpu: '1',
  memory: '1Gi',
  pods: '2',
  more: { 'example.com/aaa': '2', 'hugepages-2Mi': '4Mi' },
});

export const spreadOver = (more: Partial<TopologySpreadConstraint> = {}): Partial<PodSpec> => ({
  topologySpreadConstraints: [
    {
      topologyKey: 'zone',
      maxSkew: 1,
      whenUnsatisfiable: 'DoNotSchedule',
      labelSelector: { matchLabels: { app: 'x' } },
      ...more,
    },
  ],
});
export const app = (name: string, labels: Record<string, string> = { app: 'x' }): Pod => makePod(name, { labels });
export const zones = [
  makeNode('a', { labels: { zone: 'a' } }),
  makeNode('b', { labels: { zone: 'b' } }),
  makeNode('none', {}),
];
