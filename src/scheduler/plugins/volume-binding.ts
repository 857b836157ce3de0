/**
 * VolumeBinding: a pod's bound claims must be usable on the node; for those that wait for a pod (WaitForFirstConsumer) a volume is found
 * there, or their class must be able to make one there. What was found is set aside with the decision, written before the binding.
 */

import { askedBytes, classNameOf, isFullyBound, selectedNode, waitsForPod } from '../../api/persistent-volumes.ts';
import { claimsOf, isOwnedBy } from '../../api/pod-volumes.ts';
import { integerValue } from '../../api/quantity.ts';
import type { Node, PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import type { CSIDriver, CSIStorageCapacity, StorageClass } from '../../api/schema/types/storage-v1.ts';
import { matchingVolume, suitsNode } from '../../api/volume-matching.ts';
import { type FilterPlan, type Plugin, type Refusal, refusal, type World } from '../framework/plugin.ts';
import type { PodFacts } from '../pod-facts.ts';
import { always, type Hint } from '../queue/changes.ts';
import { matcherOf } from '../snapshot/terms.ts';
import type { VolumePlan, VolumeReader } from '../volumes/volume-reader.ts';

export interface VolumeBindingArgs {
  readonly bindTimeoutSeconds: number;
}

const name = 'VolumeBinding';
const noVolume = refusal(name, false, "node(s) didn't find available persistent volumes to bind");
const elsewhere = refusal(name, false, "node(s) didn't match PersistentVolume's node affinity");
const noSpace = refusal(name, false, 'node(s) did not have enough free storage');
const volumeGone = refusal(name, false, 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)');
const unbound = refusal(name, false, 'pod has unbound immediate PersistentVolumeClaims');

export function volumeBinding({ bindTimeoutSeconds }: VolumeBindingArgs): Plugin {
  return {
    name,
    filter: filterPlan,
    reserve: (pod, { volumes }, { node }) => {
      const claims = sortOut(pod.pod, volumes);
      if ('refused' in claims || claims.waiting.length === 0) return undefined;
      const plan = planFor(claims.waiting, node, volumes);
      // Nothing changed since the filter found one.
      if ('plugin' in plan) return undefined;
      return volumes.assume(plan, { pod: pod.pod, node }, bindTimeoutSeconds * 1000);
    },
    hints: {
      PersistentVolumeClaimAdd: isOwnClaim,
      PersistentVolumeClaimUpdate: isOwnClaim,
      PersistentVolumeAdd: always,
      PersistentVolumeUpdate: always,
      StorageClassAdd: always,
      StorageClassUpdate: topologiesChanged,
      NodeAdd: always,
      NodeLabel: always,
      CSINodeAdd: always,
      CSIDriverUpdate: capacityLifted,
      CSIStorageCapacityAdd: always,
      CSIStorageCapacityUpdate: limitRose,
    },
  };
}

interface Claims {
  readonly bound: readonly PersistentVolumeClaim[];
  /** They get a volume where the pod goes. */
  readonly waiting: readonly PersistentVolumeClaim[];
}

function sortOut(pod: Pod, volumes: VolumeReader): Claims | { readonly refused: Refusal } {
  const bound: PersistentVolumeClaim[] = [];
  const waiting: PersistentVolumeClaim[] = [];
  let immediate = false;
  for (const { name: claimName, isEphemeral } of claimsOf(pod)) {
    const claim = volumes.claim(pod.metadata?.namespace ?? '', claimName);
    const problem = problemOf(claim, claimName, isEphemeral, pod);
    if (problem !== undefined) return { refused: refusal(name, false, problem) };
    if (claim === undefined) continue;
    const className = classNameOf(claim);
    const storageClass = volumes.storageClass(className);
    if (isFullyBound(claim)) bound.push(claim);
    else if (claim.spec?.volumeName) immediate = true;
    else if (className !== '' && storageClass === undefined) {
      return { refused: refusal(name, false, `storageclass.storage.k8s.io "${className}" not found`) };
    } else if (waitsForPod(storageClass)) waiting.push(claim);
    else immediate = true;
  }
  return immediate ? { refused: unbound } : { bound, waiting };
}

function problemOf(
  claim: PersistentVolumeClaim | undefined,
  claimName: string,
  isEphemeral: boolean,
  pod: Pod,
): string | undefined {
  if (claim === undefined) {
    return isEphemeral
      ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${claimName}"`
      : `persistentvolumeclaim "${claimName}" not found`;
  }
  if (claim.status?.phase === 'Lost') {
    return `persistentvolumeclaim "${claimName}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`;
  }
  if (claim.metadata?.deletionTimestamp !== undefined) return `persistentvolumeclaim "${claimName}" is being deleted`;
  if (isEphemeral && !isOwnedBy(claim, pod)) {
    const namespace = pod.metadata?.namespace ?? '';
    return `PVC ${namespace}/${claimName} was not created for pod ${namespace}/${pod.metadata?.name ?? ''} (pod is not owner)`;
  }
  return undefined;
}

function filterPlan({ pod }: PodFacts, { volumes }: World): FilterPlan {
  if (claimsOf(pod).length === 0) return 'skip';
  const claims = sortOut(pod, volumes);
  if ('refused' in claims) return claims;
  return {
    refuse: ({ node }) => {
      for (const { spec } of claims.bound) {
        const volume = volumes.volume(spec?.volumeName ?? '');
        if (volume === undefined) return volumeGone;
        if (!suitsNode(volume, node)) return elsewhere;
      }
      const plan = planFor(claims.waiting, node, volumes);
      return 'plugin' in plan ? plan : undefined;
    },
  };
}

/** Claims that were promised a volume on some node already get it made there, or nowhere. */
function planFor(claims: readonly PersistentVolumeClaim[], node: Node, volumes: VolumeReader): VolumePlan | Refusal {
  const promised = claims.filter((claim) => promiseOf(claim) !== undefined);
  if (promised.some((claim) => promiseOf(claim) !== node.metadata?.name)) return noVolume;
  const bindings: VolumePlan['bindings'][number][] = [];
  const provisions = [...promised];
  const taken = new Set<string>();
  const open = claims.filter((claim) => promiseOf(claim) === undefined);
  for (const claim of open.toSorted((a, b) => askedBytes(a) - askedBytes(b))) {
    const volume = matchingVolume(claim, volumes.volumesOfClass(classNameOf(claim)), { node, taken });
    if (volume === undefined) {
      provisions.push(claim);
      continue;
    }
    taken.add(volume.metadata?.name ?? '');
    bindings.push({ volume, claim });
  }
  for (const claim of provisions) {
    const problem = problemOfProvision(claim, node, volumes);
    if (problem !== undefined) return problem;
  }
  return { bindings, provisions };
}

const promiseOf = ({ metadata }: PersistentVolumeClaim): string | undefined => metadata?.annotations?.[selectedNode];

function problemOfProvision(claim: PersistentVolumeClaim, node: Node, volumes: VolumeReader): Refusal | undefined {
  const storageClass = volumes.storageClass(classNameOf(claim));
  const provisioner = storageClass?.provisioner ?? '';
  if (storageClass === undefined || provisioner === '' || provisioner === 'kubernetes.io/no-provisioner')
    return noVolume;
  if (!allowsNode(storageClass, node)) return noVolume;
  return hasSpace(storageClass, askedBytes(claim), node, volumes) ? undefined : noSpace;
}

/** Where a class makes volumes. */
function allowsNode({ allowedTopologies = [] }: StorageClass, { metadata }: Node): boolean {
  if (allowedTopologies.length === 0) return true;
  return allowedTopologies.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => {
      const value = metadata?.labels?.[key];
      return value !== undefined && values.includes(value);
    }),
  );
}

/** Only drivers that say so tell how much they have. */
function hasSpace({ provisioner, metadata }: StorageClass, bytes: number, node: Node, volumes: VolumeReader): boolean {
  if (volumes.driver(provisioner)?.spec?.storageCapacity !== true) return true;
  return volumes.capacitiesOfClass(metadata?.name ?? '').some((capacity) => {
    if (limitOf(capacity) < bytes || capacity.nodeTopology === undefined) return false;
    return matcherOf(capacity.nodeTopology).matches(node.metadata?.labels);
  });
}

/** The largest volume (bytes) that can be made, as far as the driver knows; -1: none. */
function limitOf({ maximumVolumeSize, capacity }: CSIStorageCapacity): number {
  const most = maximumVolumeSize ?? capacity;
  return most === undefined ? -1 : integerValue(most);
}

const limitRose: Hint = (_pod, { before, after }) =>
  limitOf(after as CSIStorageCapacity) > limitOf(before as CSIStorageCapacity);

const isOwnClaim: Hint = (pod, { after }) =>
  after?.metadata?.namespace === pod.metadata?.namespace &&
  claimsOf(pod).some(({ name: claimName }) => claimName === after?.metadata?.name);

const topologiesChanged: Hint = (_pod, { before, after }) =>
  JSON.stringify((before as StorageClass).allowedTopologies) !==
  JSON.stringify((after as StorageClass).allowedTopologies);

const capacityLifted: Hint = (_pod, { before, after }) =>
  (before as CSIDriver).spec.storageCapacity === true && (after as CSIDriver).spec.storageCapacity !== true;
