/** The figures of one pod and its containers, from its cgroups, its network and what is known of its disk. */
import fs from 'node:fs/promises';
import path from 'node:path';
import { formatTime } from '../../lib/clock.ts';
import { podCgroup } from '../pod/qos.ts';
import type { ContainerStatus, LayerUsage } from '../runtime.ts';
import { addUsage, type DiskUsage, noUsage } from './disk-usage.ts';
import { type NodeNetwork, type NodeReader, nodeNetwork } from './node-reading.ts';
import type { PodDisks } from './pod-disks.ts';
import { parseInterfaces } from './proc-usage.ts';
import type { ShownPod } from './stats-facts.ts';
import { type FsRoom, fsRoom, networkStats, partOfFs, usageStats, wholeFs } from './stats-values.ts';
import type { ContainerStats, PodStats, VolumeStats } from './summary.ts';

/** What all pods of one look share. */
export interface Surroundings {
  /** By container id. */
  readonly layers: ReadonlyMap<string, LayerUsage>;
  readonly homeRoom: FsRoom;
  readonly imageRoom: FsRoom;
}

/** Where the pod's cgroup is; its sandbox and its containers are named by their ids in it. */
export const cgroupOf = ({ facts }: NodeReader, { pod }: ShownPod): string => podCgroup(facts.cgroupRoot, pod);

/** @param isWhole with its processes, which upstream does not tell with processor and memory alone */
export async function readPod(reader: NodeReader, shown: ShownPod, isWhole: boolean): Promise<PodStats> {
  const cgroup = cgroupOf(reader, shown);
  const usage = await reader.cgroups.usage(cgroup);
  const nowMs = reader.facts.clock.now();
  const { namespace, name, uid } = shown.identity;
  return {
    podRef: { name, namespace, uid },
    startTime: shown.startTime,
    containers: await Promise.all(shown.running.map((run) => readContainer(reader, cgroup, run))),
    ...usageStats(usage, nowMs, reader.rates, cgroup),
    ...(isWhole && usage.processes !== undefined && { process_stats: { process_count: usage.processes } }),
  };
}

async function readContainer(reader: NodeReader, cgroup: string, run: ContainerStatus): Promise<ContainerStats> {
  const own = `${cgroup}/${run.id}`;
  const usage = await reader.cgroups.usage(own);
  const nowMs = reader.facts.clock.now();
  return { name: run.name, startTime: formatTime(run.startedAtMs), ...usageStats(usage, nowMs, reader.rates, own) };
}

/** A process of its sandbox is in its network; on the machine's network its figures are the machine's. */
export async function podNetwork(reader: NodeReader, shown: ShownPod): Promise<NodeNetwork> {
  if (shown.pod.spec?.hostNetwork) return nodeNetwork(reader.proc);
  const cgroup = cgroupOf(reader, shown);
  const pid = await reader.cgroups.process(`${cgroup}/${shown.sandboxId}`);
  const file = path.join(reader.proc, String(pid), 'net/dev');
  const text = pid === undefined ? '' : await fs.readFile(file, 'utf8').catch(() => '');
  return { interfaces: parseInterfaces(text), defaultName: 'eth0' };
}

/** Lays the network and the disk over a pod's figures. */
export async function withDisks(
  reader: NodeReader,
  shown: ShownPod,
  stats: PodStats,
  surroundings: Surroundings & { readonly disks: PodDisks | undefined },
): Promise<PodStats> {
  const nowMs = reader.facts.clock.now();
  const network = await podNetwork(reader, shown);
  const told = networkStats(network.interfaces, network.defaultName, nowMs);
  const volume = await volumeStats(reader, shown, surroundings.disks);
  return {
    ...stats,
    containers: stats.containers.map((container) => withLayer(container, shown, surroundings)),
    ...(told !== undefined && { network: told }),
    ...(volume.length > 0 && { volume }),
    'ephemeral-storage': partOfFs(surroundings.homeRoom, ephemeral(reader, shown, surroundings), nowMs),
  };
}

function withLayer(
  container: ContainerStats,
  { running }: ShownPod,
  { layers, disks, homeRoom, imageRoom }: Surroundings & { readonly disks: PodDisks | undefined },
): ContainerStats {
  const id = running.find(({ name }) => name === container.name)?.id ?? '';
  const layer = layers.get(id);
  const log = disks?.logs.get(container.name);
  return {
    ...container,
    ...(layer !== undefined && { rootfs: partOfFs(imageRoom, layer, layer.timeMs) }),
    ...(log !== undefined && { logs: partOfFs(homeRoom, log, disks?.timeMs ?? 0) }),
  };
}

/** Layers, logs, and what of its volumes lies on the node's disk. */
function ephemeral(
  { facts }: NodeReader,
  { pod, running }: ShownPod,
  { layers, disks }: Pick<Surroundings, 'layers'> & { readonly disks: PodDisks | undefined },
): DiskUsage {
  const written = running.flatMap(({ id }) => layers.get(id) ?? []).map((layer) => ({ ...layer, isPartial: false }));
  const onDisk = facts.places(pod).filter(({ usage }) => usage === 'disk');
  const local = onDisk.flatMap(({ name }) => disks?.volumes.get(name) ?? []);
  const logs = [...(disks?.logs.values() ?? [])];
  return [...written, ...local, ...logs, disks?.other ?? noUsage].reduce(addUsage, noUsage);
}

/** Of the pod's own volumes what they take, of a claim's all that is used of its disk. */
async function volumeStats(
  { facts }: NodeReader,
  { pod, identity }: ShownPod,
  disks: PodDisks | undefined,
): Promise<readonly VolumeStats[]> {
  const stats = facts.places(pod).map(async ({ name, path, claim }) => {
    const used = disks?.volumes.get(name);
    if (used === undefined && claim === undefined) return [];
    const disk = await fs.statfs(path).catch(() => undefined);
    if (disk === undefined) return [];
    const own =
      used === undefined ? wholeFs(disk, facts.clock.now()) : partOfFs(fsRoom(disk), used, disks?.timeMs ?? 0);
    return [{ ...own, name, ...(claim !== undefined && { pvcRef: { name: claim, namespace: identity.namespace } }) }];
  });
  return (await Promise.all(stats)).flat();
}
