/**
 * Lets a plugin say which of the free devices a container should rather have than those that were taken for its pod (GetPreferredAllocation).
 *
 * Kept true: the pod holds as many devices at every moment as it needs, so that whatever a plugin answers, and however long it takes, the pod
 * keeps its place; an answer that names what is not free (any more) is followed as far as it can be.
 */
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import { appContainers, initContainers } from '../pod/containers.ts';
import type { DeviceSupply } from './choose-devices.ts';
import type { PodDevices } from './device-manager.ts';
import type { DevicePlugin } from './device-plugin.ts';

export interface Preference {
  readonly given: PodDevices;
  readonly pod: Pod;
  readonly resource: string;
  readonly plugin: DevicePlugin;
  /** As it is now, with what other pods have as taken. */
  readonly supply: () => DeviceSupply;
}

/** Changes the ids in `given`. @throws Error in upstream's words */
export async function preferDevices(preference: Preference): Promise<void> {
  const { given, pod, resource } = preference;
  const settled = new Set<string>();
  const containers = [...initContainers(pod), ...appContainers(pod)].filter(({ name }) => has(given, name, resource));
  for (const container of containers) {
    await settle(preference, container, settled);
    for (const id of idsOf(given, container.name, resource)) settled.add(id);
  }
}

async function settle(
  { given, resource, plugin, supply }: Preference,
  { name }: Container,
  settled: ReadonlySet<string>,
): Promise<void> {
  const ids = idsOf(given, name, resource);
  const kept = ids.filter((id) => settled.has(id));
  const open = ids.filter((id) => !settled.has(id));
  const choice = choiceFor(supply(), settled);
  if (open.length === 0 || choice.length <= open.length) return;
  let wished: readonly string[];
  try {
    wished = await plugin.preferred([...kept, ...choice], kept, ids.length);
  } catch (error) {
    throw new Error(`device plugin GetPreferredAllocation rpc failed with err: ${(error as Error).message}`, {
      cause: error,
    });
  }
  // Others may have taken some while the plugin thought.
  const free = new Set(choiceFor(supply(), settled));
  const better = wished.filter((id) => free.has(id));
  const next = [...new Set([...better, ...open])].slice(0, open.length);
  exchange(given, resource, open, next);
}

function choiceFor({ healthy, taken }: DeviceSupply, settled: ReadonlySet<string>): readonly string[] {
  return [...healthy].filter((id) => !taken.has(id) && !settled.has(id)).toSorted();
}

/** In all containers of the pod: `next` where `open` was, and the other way round where a later container had what is now wished for. */
function exchange(given: PodDevices, resource: string, open: readonly string[], next: readonly string[]): void {
  const gained = next.filter((id) => !open.includes(id));
  const lost = open.filter((id) => !next.includes(id));
  const pairs = lost.map((id, index) => [id, gained[index] ?? id] as const);
  const swap = new Map([...pairs, ...pairs.map(([id, other]) => [other, id] as const)]);
  for (const each of given.values()) {
    const had = each.get(resource);
    if (had !== undefined) each.set(resource, { ...had, ids: had.ids.map((id) => swap.get(id) ?? id) });
  }
}

const has = (given: PodDevices, container: string, resource: string): boolean =>
  given.get(container)?.has(resource) === true;

const idsOf = (given: PodDevices, container: string, resource: string): readonly string[] =>
  given.get(container)?.get(resource)?.ids ?? [];
