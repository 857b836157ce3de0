/** NodeVolumeLimits: a node takes no more volumes of a driver than the driver says it can attach there. */
import { classNameOf } from '../../api/persistent-volumes.ts';
import { claimsOf } from '../../api/pod-volumes.ts';
import type { CSINode } from '../../api/schema/types/storage-v1.ts';
import { type FilterPlan, type Plugin, refusal, type World } from '../framework/plugin.ts';
import type { PodFacts } from '../pod-facts.ts';
import { always, type Hint } from '../queue/changes.ts';
import type { NodeInfo } from '../snapshot/snapshot.ts';
import type { VolumeReader } from '../volumes/volume-reader.ts';

const name = 'NodeVolumeLimits';
const full = refusal(name, true, 'node(s) exceed max volume count');

export const nodeVolumeLimits: Plugin = {
  name,
  filter: filterPlan,
  hints: {
    CSINodeAdd: always,
    CSINodeUpdate: limitRose,
    AssignedPodDelete: (_pod, { before }) => claimsOf(before as Parameters<typeof claimsOf>[0]).length > 0,
    PersistentVolumeClaimAdd: (pod, { after }) =>
      after?.metadata?.namespace === pod.metadata?.namespace &&
      claimsOf(pod).some(({ name: claim }) => claim === after?.metadata?.name),
    VolumeAttachmentDelete: always,
  },
};

/** Volumes by their handle, each with its driver. */
type Attached = Map<string, string>;

function filterPlan(pod: PodFacts, world: World): FilterPlan {
  if (claimsOf(pod.pod).length === 0) return 'skip';
  const wanted: Attached = new Map();
  addVolumes(pod, world.volumes, wanted);
  if (wanted.size === 0) return 'skip';
  return { refuse: (node) => (isOverLimit(node, wanted, world.volumes) ? full : undefined) };
}

function isOverLimit(node: NodeInfo, wanted: Attached, volumes: VolumeReader): boolean {
  const limits = limitsOf(volumes.csiNode(node.name));
  if (limits.size === 0) return false;
  const attached = attachedTo(node, volumes);
  const missing = [...wanted].filter(([handle]) => !attached.has(handle));
  for (const [driver, limit] of limits) {
    const more = missing.filter(([, of]) => of === driver).length;
    const there = [...attached.values()].filter((of) => of === driver).length;
    if (more > 0 && there + more > limit) return true;
  }
  return false;
}

function limitsOf(csiNode: CSINode | undefined): ReadonlyMap<string, number> {
  const drivers = csiNode?.spec.drivers ?? [];
  return new Map(
    drivers.flatMap(({ name: driver, allocatable }) =>
      allocatable?.count === undefined ? [] : [[driver, allocatable.count] as const],
    ),
  );
}

/** By the pods there, and by what still hangs on the node. */
function attachedTo(node: NodeInfo, volumes: VolumeReader): Attached {
  const attached: Attached = new Map();
  for (const pod of node.pods.values()) addVolumes(pod, volumes, attached);
  for (const { spec } of volumes.attachmentsOn(node.name)) {
    const csi = volumes.volume(spec?.source?.persistentVolumeName ?? '')?.spec?.csi;
    if (csi !== undefined && spec?.attacher) attached.set(handleOf(spec.attacher, csi.volumeHandle), spec.attacher);
  }
  return attached;
}

const handleOf = (driver: string, handle: string): string => `${driver}/${handle}`;

/** A claim without a volume counts as one of its class's driver. */
function addVolumes({ pod, namespace }: PodFacts, volumes: VolumeReader, into: Attached): void {
  for (const { name: claimName } of claimsOf(pod)) {
    const claim = volumes.claim(namespace, claimName);
    if (claim === undefined) continue;
    const volumeName = claim.spec?.volumeName ?? '';
    const volume = volumeName === '' ? undefined : volumes.volume(volumeName);
    const csi = volume?.spec?.csi;
    if (csi !== undefined) into.set(handleOf(csi.driver, csi.volumeHandle), csi.driver);
    if (volume !== undefined) continue;
    const driver = volumes.storageClass(classNameOf(claim))?.provisioner;
    if (driver) into.set(handleOf(driver, `${namespace}/${claimName}`), driver);
  }
}

function limitRose(...[, { before, after }]: Parameters<Hint>): boolean {
  const was = limitsOf(before as CSINode);
  const is = limitsOf(after as CSINode);
  return [...was].some(([driver, limit]) => (is.get(driver) ?? Number.POSITIVE_INFINITY) > limit);
}
