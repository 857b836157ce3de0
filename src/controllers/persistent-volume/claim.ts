/**
 * What becomes of a claim. Pure.
 *
 * ```
 *  never bound ─ names a volume ─ not there, or somebody else's ──▶ Pending
 *      │                └──────── free, or reserved for it ───────▶ bind, if it will do
 *      └──────── names none ───── one fits ───────────────────────▶ bind
 *                                 none: waits for a pod; or asks its class for one; or waits for one to come
 *  bound ─ its volume is gone, or another claim's ──▶ Lost, for good
 *      └── it is there ──▶ bind again: what is missing is written, mostly nothing
 * ```
 */
import { objectKey } from '../../api/object.ts';
import {
  boundByController,
  claimKeyOf,
  classNameOf,
  hasClass,
  isBindCompleted,
  isFor,
  selectedNode,
  waitsForPod,
} from '../../api/persistent-volumes.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import type { StorageClass } from '../../api/schema/types/storage-v1.ts';
import { matchingVolume, mismatch } from '../../api/volume-matching.ts';
import { createdMs, isDeleting, nameOf, uidOf } from '../shared/context.ts';
import { annotationOf, provisionerAnnotations } from './binding.ts';

export interface ClaimEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export type ClaimPlan =
  | { readonly kind: 'bind'; readonly volume: PersistentVolume }
  /** It has no class, and there is a default one. */
  | { readonly kind: 'class'; readonly className: string }
  /** `provisioner`: who shall be told to make a volume. */
  | { readonly kind: 'wait'; readonly event?: ClaimEvent; readonly provisioner?: string }
  | { readonly kind: 'lost'; readonly event: ClaimEvent }
  /** It was given a volume that is another's by now. Somebody has written where only this loop does: nothing is touched. */
  | { readonly kind: 'misbound'; readonly event: ClaimEvent; readonly problem: string };

export interface ClaimObserved {
  readonly claim: PersistentVolumeClaim;
  readonly volumes: readonly PersistentVolume[];
  readonly volume: (name: string) => PersistentVolume | undefined;
  readonly classes: readonly StorageClass[];
  /** The pods that use the claim and have no node yet. */
  readonly waitingPods: readonly string[];
}

export function decideClaim(observed: ClaimObserved): ClaimPlan {
  if (isBindCompleted(observed.claim)) return decideBound(observed);
  const { volumeName } = observed.claim.spec ?? {};
  return volumeName ? decideNamed(observed, volumeName) : decideUnbound(observed);
}

const lost = (reason: string, message: string): ClaimPlan => ({
  kind: 'lost',
  event: { type: 'Warning', reason, message },
});

function decideBound({ claim, volume: find }: ClaimObserved): ClaimPlan {
  const { volumeName } = claim.spec ?? {};
  if (!volumeName)
    return lost('ClaimLost', 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!');
  const volume = find(volumeName);
  if (volume === undefined)
    return lost('ClaimLost', 'Bound claim has lost its PersistentVolume. Data on the volume is lost!');
  const reference = volume.spec?.claimRef;
  if (reference === undefined || reference.uid === uidOf(claim)) return { kind: 'bind', volume };
  return lost('ClaimMisbound', 'Two claims are bound to the same volume, this one is bound incorrectly');
}

const warning = (reason: string, message: string) =>
  ({ kind: 'wait', event: { type: 'Warning', reason, message } }) as const satisfies ClaimPlan;

function decideNamed({ claim, volume: find }: ClaimObserved, volumeName: string): ClaimPlan {
  const volume = find(volumeName);
  if (volume === undefined) return { kind: 'wait' };
  if (claimKeyOf(volume) !== undefined) {
    return isFor(volume, claim) ? { kind: 'bind', volume } : decideTaken(claim, volume);
  }
  const problem = mismatch(volume, claim);
  if (problem === undefined) return { kind: 'bind', volume };
  return warning('VolumeMismatch', `Cannot bind to requested volume "${volumeName}": ${problem}`);
}

function decideTaken(claim: PersistentVolumeClaim, volume: PersistentVolume): ClaimPlan {
  const plan = warning('FailedBinding', `volume "${nameOf(volume)}" already bound to a different claim.`);
  if (annotationOf(claim, boundByController) === undefined) return plan;
  const problem = `invalid binding of claim "${objectKey(claim)}" to volume "${nameOf(volume)}": volume already claimed by "${claimKeyOf(volume)}"`;
  return { kind: 'misbound', event: plan.event, problem };
}

function decideUnbound(observed: ClaimObserved): ClaimPlan {
  const { claim, volumes, classes, waitingPods } = observed;
  const className = classNameOf(claim);
  const storageClass = classes.find((one) => nameOf(one) === className);
  // Also when its node is known: what is made for it there is reserved for it, and nothing else will do.
  const onlyReserved = className !== '' && waitsForPod(storageClass);
  const volume = isDeleting(claim) ? undefined : matchingVolume(claim, volumes, { onlyReserved });
  if (volume !== undefined) return { kind: 'bind', volume };
  const byDefault = hasClass(claim) ? undefined : defaultClass(classes);
  if (byDefault !== undefined) return { kind: 'class', className: nameOf(byDefault) };
  if (onlyReserved && annotationOf(claim, selectedNode) === undefined) {
    return { kind: 'wait', event: waitingEvent(waitingPods) };
  }
  if (className !== '') return decideProvision(className, storageClass);
  const message = 'no persistent volumes available for this claim and no storage class is set';
  return { kind: 'wait', event: { type: 'Normal', reason: 'FailedBinding', message } };
}

function waitingEvent(pods: readonly string[]): ClaimEvent {
  const type = 'Normal';
  if (pods.length === 0) {
    return { type, reason: 'WaitForFirstConsumer', message: 'waiting for first consumer to be created before binding' };
  }
  const message = `waiting for pod${pods.length > 1 ? 's' : ''} ${pods.join(',')} to be scheduled`;
  return { type, reason: 'WaitForPodScheduled', message };
}

const isDefault = ({ metadata }: StorageClass): boolean =>
  ['storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'].some(
    (name) => metadata?.annotations?.[name] === 'true',
  );

/** The newest; of several of one second the first by name. */
export function defaultClass(classes: readonly StorageClass[]): StorageClass | undefined {
  const sorted = classes
    .filter(isDefault)
    .toSorted((a, b) => createdMs(b) - createdMs(a) || (nameOf(a) < nameOf(b) ? -1 : 1));
  return sorted[0];
}

/** Volumes are made by others (CSI's provisioner and its like): they are told by annotations on the claim. */
function decideProvision(className: string, storageClass: StorageClass | undefined): ClaimPlan {
  if (storageClass === undefined) {
    return warning('ProvisioningFailed', `storageclass.storage.k8s.io "${className}" not found`);
  }
  const { provisioner } = storageClass;
  if (provisioner.startsWith('kubernetes.io/')) {
    return warning('ProvisioningFailed', `no volume plugin matched name: ${provisioner}`);
  }
  const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
  return { kind: 'wait', provisioner, event: { type: 'Normal', reason: 'ExternalProvisioning', message } };
}

/** The claim with its provisioner's name on it; undefined where it has it. */
export function withProvisioner(claim: PersistentVolumeClaim, provisioner: string): PersistentVolumeClaim | undefined {
  const missing = provisionerAnnotations.filter((name) => annotationOf(claim, name) !== provisioner);
  if (missing.length === 0) return undefined;
  const added = Object.fromEntries(missing.map((name) => [name, provisioner]));
  return { ...claim, metadata: { ...claim.metadata, annotations: { ...claim.metadata?.annotations, ...added } } };
}
