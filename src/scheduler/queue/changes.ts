/**
 * What may happen in a cluster that makes a waiting pod fit: the names of such changes, and which of them an update of an object is. Pure.
 * Each plugin says in its table of hints which of them could undo its refusal.
 */

import { podRequests } from '../../api/node-requests.ts';
import type { KubeObject } from '../../api/object.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';

export type ChangeKind =
  | 'NodeAdd'
  | 'NodeAllocatable'
  | 'NodeLabel'
  | 'NodeTaint'
  | 'NodeImages'
  | 'NodeDelete'
  | 'AssignedPodAdd'
  | 'AssignedPodLabel'
  | 'AssignedPodScaleDown'
  | 'AssignedPodDelete'
  /** The waiting pod itself. */
  | 'PodLabel'
  | 'PodScaleDown'
  | 'PodToleration'
  | 'PodGatesGone'
  | 'NamespaceLabel'
  | 'PodGroupAdd'
  /** It is known which claims were made for the waiting pod. */
  | 'PodGeneratedResourceClaims'
  | 'ResourceClaimAdd'
  | 'ResourceClaimUpdate'
  | 'ResourceClaimDelete'
  | 'DeviceClassAdd'
  | 'DeviceClassUpdate'
  | 'ResourceSliceAdd'
  | 'ResourceSliceUpdate'
  | 'PersistentVolumeClaimAdd'
  | 'PersistentVolumeClaimUpdate'
  | 'PersistentVolumeAdd'
  | 'PersistentVolumeUpdate'
  | 'StorageClassAdd'
  | 'StorageClassUpdate'
  | 'CSINodeAdd'
  | 'CSINodeUpdate'
  | 'CSIDriverUpdate'
  | 'CSIStorageCapacityAdd'
  | 'CSIStorageCapacityUpdate'
  | 'VolumeAttachmentDelete';

/** Upstream's labels for those that it does not call as they are called here. */
const labels: { readonly [kind in ChangeKind]?: string } = {
  NodeAllocatable: 'NodeUpdateNodeAllocatable',
  NodeLabel: 'NodeUpdateNodeLabel',
  NodeTaint: 'NodeUpdateNodeTaint',
  NodeImages: 'NodeUpdate',
  AssignedPodLabel: 'AssignedPodUpdatePodLabel',
  AssignedPodScaleDown: 'AssignedPodUpdatePodScaleDown',
  PodLabel: 'TargetPodUpdatePodLabel',
  PodScaleDown: 'TargetPodUpdatePodScaleDown',
  PodToleration: 'TargetPodUpdatePodToleration',
  PodGatesGone: 'TargetPodUpdatePodSchedulingGatesEliminated',
  PodGeneratedResourceClaims: 'TargetPodUpdatePodGeneratedResourceClaim',
  NamespaceLabel: 'NamespaceUpdate',
};
const groups: Readonly<Record<string, string>> = {
  PodGroup: 'scheduling.k8s.io',
  ResourceClaim: 'resource.k8s.io',
  DeviceClass: 'resource.k8s.io',
  ResourceSlice: 'resource.k8s.io',
  StorageClass: 'storage.k8s.io',
  CSINode: 'storage.k8s.io',
  CSIDriver: 'storage.k8s.io',
  CSIStorageCapacity: 'storage.k8s.io',
  VolumeAttachment: 'storage.k8s.io',
};

/** What upstream calls the change where it counts: `NodeAdd`, `storage.k8s.io/CSINodeUpdate`. */
export function eventOf(kind: ChangeKind): string {
  const group = groups[kind.replace(/(Add|Update|Delete)$/, '')];
  return labels[kind] ?? (group === undefined ? kind : `${group}/${kind}`);
}

/** One change of one object, which may be of several kinds. */
export interface ClusterChange {
  readonly kinds: readonly ChangeKind[];
  readonly before?: KubeObject | undefined;
  readonly after?: KubeObject | undefined;
}

/** False: this change of this kind does not make `pod` fit, as far as the plugin is concerned. */
export type Hint = (pod: Pod, change: ClusterChange) => boolean;

export type Hints = { readonly [kind in ChangeKind]?: Hint };

export const always: Hint = () => true;

const differ = (a: unknown, b: unknown): boolean => a !== b && JSON.stringify(a) !== JSON.stringify(b);

/** Empty where the change means nothing to decisions: heartbeats change a node often, and wake nobody. */
export function nodeChanges(before: Node, after: Node): ChangeKind[] {
  const kinds: ChangeKind[] = [];
  if (differ(before.status?.allocatable, after.status?.allocatable)) kinds.push('NodeAllocatable');
  if (differ(before.metadata?.labels, after.metadata?.labels)) kinds.push('NodeLabel');
  const isSpecOther = differ(before.spec?.taints, after.spec?.taints);
  if (isSpecOther || before.spec?.unschedulable !== after.spec?.unschedulable) kinds.push('NodeTaint');
  if (differ(before.status?.images, after.status?.images)) kinds.push('NodeImages');
  return kinds;
}

/** Of a pod that has a node. */
export function assignedPodChanges(before: Pod, after: Pod): ChangeKind[] {
  const kinds: ChangeKind[] = [];
  if (differ(before.metadata?.labels, after.metadata?.labels)) kinds.push('AssignedPodLabel');
  if (before.status !== after.status || before.spec !== after.spec) {
    if (asksForLess(before, after)) kinds.push('AssignedPodScaleDown');
  }
  return kinds;
}

/** Of a pod that waits. */
export function waitingPodChanges(before: Pod, after: Pod): ChangeKind[] {
  const kinds: ChangeKind[] = [];
  if (differ(before.metadata?.labels, after.metadata?.labels)) kinds.push('PodLabel');
  if (differ(before.status?.resourceClaimStatuses, after.status?.resourceClaimStatuses)) {
    kinds.push('PodGeneratedResourceClaims');
  }
  if (before.spec === after.spec) return kinds;
  if (differ(before.spec?.tolerations, after.spec?.tolerations)) kinds.push('PodToleration');
  if (asksForLess(before, after)) kinds.push('PodScaleDown');
  if ((before.spec?.schedulingGates?.length ?? 0) > 0 && (after.spec?.schedulingGates?.length ?? 0) === 0) {
    kinds.push('PodGatesGone');
  }
  return kinds;
}

const resourcesOf = ({ spec, status }: Pod): unknown => [
  spec?.containers?.map(({ resources }) => resources),
  spec?.initContainers?.map(({ resources }) => resources),
  spec?.resources,
  status?.containerStatuses?.map(({ resources, allocatedResources }) => [resources, allocatedResources]),
  status?.allocatedResources,
];

function asksForLess(before: Pod, after: Pod): boolean {
  if (!differ(resourcesOf(before), resourcesOf(after))) return false;
  const now = podRequests(after).amounts;
  return [...podRequests(before).amounts].some(([name, amount]) => amount > (now.get(name) ?? 0));
}
