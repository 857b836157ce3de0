/** What an administrator does with nodes: cordon, drain, label, taint. */
import type { Node, Pod } from '../../../api/schema/types/core-v1.ts';
import { nodes, pods } from '../../../client/resources.ts';
import { evict } from './pods.ts';
import type { Family, World } from './world.ts';

const maintenance = 'users.example/maintenance';

const isDaemon = ({ metadata }: Pod): boolean =>
  metadata?.ownerReferences?.some(({ kind }) => kind === 'DaemonSet') === true;

/** As `kubectl drain`, one round of it: whom a budget holds stays. */
export async function drain(world: World): Promise<void> {
  const node = world.pickOf(nodes, ({ spec }) => !spec?.unschedulable);
  const others = world.all(nodes).filter((one) => one !== node && !one.spec?.unschedulable);
  if (node === undefined || others.length === 0) return;
  await world.patch(nodes, node, { spec: { unschedulable: true } });
  for (const pod of world.living(pods)) {
    if (pod.spec?.nodeName === node.metadata?.name && !isDaemon(pod)) await evict(world, pod).catch(() => {});
  }
}

export const uncordon = (world: World): Promise<void> =>
  world.patch(
    nodes,
    world.pickOf(nodes, ({ spec }) => spec?.unschedulable === true),
    { spec: { unschedulable: null } },
  );

/** The version is named: a list of taints is written whole, and others write it, too. */
async function taint(world: World, node: Node | undefined): Promise<void> {
  if (node === undefined) return;
  const effect = world.oneOf(['NoSchedule', 'NoExecute']);
  const others = (node.spec?.taints ?? []).filter(({ key }) => key !== maintenance);
  const taints = isTainted(node) ? others : [...others, { key: maintenance, effect }];
  await world.client.update(nodes, { ...node, spec: { ...node.spec, taints } });
}

const isTainted = ({ spec }: Node): boolean => spec?.taints?.some(({ key }) => key === maintenance) === true;

export const nodeFamily: Family = {
  name: 'nodes',
  actions: [
    {
      name: 'cordon or uncordon a node',
      weight: 3,
      act: (world) => world.patch(nodes, world.pickOf(nodes), { spec: { unschedulable: world.oneIn(3) } }),
    },
    { name: 'drain a node', weight: 3, act: drain },
    { name: 'uncordon a node', weight: 4, act: uncordon },
    {
      name: 'label a node',
      weight: 3,
      act: (world) =>
        world.patch(nodes, world.pickOf(nodes), {
          metadata: { labels: { disk: world.oneOf(['fast', 'slow', null]) } },
        }),
    },
    { name: 'taint a node, or take it back', weight: 3, act: (world) => taint(world, world.pickOf(nodes)) },
    { name: 'take a taint back', weight: 3, act: (world) => taint(world, world.pickOf(nodes, isTainted)) },
  ],
  settle: async (world) => {
    for (const node of world.all(nodes)) {
      if (node.spec?.unschedulable) await world.patch(nodes, node, { spec: { unschedulable: null } });
      const taints = node.spec?.taints?.filter(({ key }) => key !== maintenance) ?? [];
      if (isTainted(node)) await world.patch(nodes, node, { spec: { taints } });
    }
  },
};
