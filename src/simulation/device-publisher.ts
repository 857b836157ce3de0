/**
 * Publishes the devices of simulated nodes, as their drivers do: each node as itself, when its Node is there, which its slices go with.
 *
 * ```
 *  Node added ─▶ list the node's slices ─▶ compare with its plan ─▶ create, replace, delete
 * ```
 * Kept true: a pool whose devices are other than before gets a new generation in all its slices, so that nobody takes old and new for one.
 * What others do to slices later stays until the Node comes anew, or the process does.
 */
import type { Node } from '../api/schema/types/core-v1.ts';
import type { Device, ResourceSlice } from '../api/schema/types/resource-v1.ts';
import type { Client } from '../client/client.ts';
import { ControlLoop, done } from '../client/controller.ts';
import type { Informer } from '../client/informer.ts';
import { resourceSlices } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';
import { sameJson } from '../registry/draft.ts';
import { slicesOf } from './node-devices.ts';
import type { NodePlan } from './node-template.ts';

export interface DevicePublisherOptions {
  readonly plans: readonly NodePlan[];
  readonly clientFor: (node: string) => Client;
  readonly nodes: Informer<Node>;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

/** None where no node has devices. */
export function devicePublisher(options: DevicePublisherOptions): readonly Service[] {
  const { nodes } = options;
  const plans = new Map(options.plans.filter(({ devices }) => devices.length > 0).map((plan) => [plan.name, plan]));
  if (plans.size === 0) return [];
  const loop = new ControlLoop({
    ...options,
    name: 'simulated-devices',
    informers: [nodes],
    reconcile: async (name) => {
      const [plan, node] = [plans.get(name), nodes.cache.byKey(name)];
      if (plan !== undefined && node !== undefined) await publish(options.clientFor(name), plan, node);
      return done;
    },
  });
  const added = ({ metadata }: Node): void => {
    if (plans.has(metadata?.name ?? '')) loop.queue.add(metadata?.name ?? '');
  };
  nodes.addHandler({ added });
  return [loop];
}

async function publish(client: Client, { name, devices }: NodePlan, { metadata }: Node): Promise<void> {
  const { items } = await client.list(resourceSlices, { fieldSelector: `spec.nodeName=${name}` });
  const owner = { apiVersion: 'v1', kind: 'Node', name, uid: metadata?.uid ?? '', controller: true };
  const wanted = slicesOf(name, devices).map((slice) => ({
    ...slice,
    metadata: { ...slice.metadata, ownerReferences: [owner] },
  }));
  const plan = decideSlices(wanted, items);
  for (const slice of plan.remove) {
    await client.delete(resourceSlices, { namespace: '', name: slice.metadata?.name ?? '' });
  }
  for (const slice of plan.replace) await client.update(resourceSlices, slice);
  for (const slice of plan.create) await client.create(resourceSlices, slice);
}

export interface SlicePlan {
  readonly create: readonly ResourceSlice[];
  readonly replace: readonly ResourceSlice[];
  readonly remove: readonly ResourceSlice[];
}

/** Pure. @param standing what the node has in the API */
export function decideSlices(wanted: readonly ResourceSlice[], standing: readonly ResourceSlice[]): SlicePlan {
  const nameOf = ({ metadata }: ResourceSlice): string => metadata?.name ?? '';
  const known = new Map(standing.map((slice) => [nameOf(slice), slice]));
  const poolOf = ({ spec }: ResourceSlice): string => JSON.stringify([spec.driver, spec.pool.name]);
  const before = Map.groupBy(standing, poolOf);
  const pools = [...Map.groupBy(wanted, poolOf)].map(([pool, slices]) => {
    const old = before.get(pool) ?? [];
    const isSame =
      slices.length === old.length && slices.every((slice) => publishesSame(known.get(nameOf(slice)), slice));
    const generation = Math.max(...old.map(({ spec }) => spec.pool.generation), 0) + (isSame ? 0 : 1);
    return isSame ? [] : slices.map((slice) => ofGeneration(slice, generation));
  });
  const writes = pools.flat();
  const names = new Set(wanted.map(nameOf));
  return {
    create: writes.filter((slice) => !known.has(nameOf(slice))),
    replace: writes.flatMap((slice) => {
      const old = known.get(nameOf(slice));
      const { ownerReferences = [] } = slice.metadata ?? {};
      return old === undefined ? [] : [{ ...old, metadata: { ...old.metadata, ownerReferences }, spec: slice.spec }];
    }),
    remove: standing.filter((slice) => !names.has(nameOf(slice))),
  };
}

function ofGeneration(slice: ResourceSlice, generation: number): ResourceSlice {
  return { ...slice, spec: { ...slice.spec, pool: { ...slice.spec.pool, generation } } };
}

/** The API gives taints their time. What a Node of the same name had goes with that one, whatever it says. */
function publishesSame(old: ResourceSlice | undefined, wanted: ResourceSlice): boolean {
  const timeless = ({ taints, ...device }: Device): object => ({
    ...device,
    ...(taints && { taints: taints.map(({ timeAdded: _since, ...taint }) => taint) }),
  });
  const { resourceSliceCount } = old?.spec.pool ?? {};
  return (
    old?.metadata?.ownerReferences?.[0]?.uid === wanted.metadata?.ownerReferences?.[0]?.uid &&
    resourceSliceCount === wanted.spec.pool.resourceSliceCount &&
    sameJson((old?.spec.devices ?? []).map(timeless), (wanted.spec.devices ?? []).map(timeless))
  );
}
