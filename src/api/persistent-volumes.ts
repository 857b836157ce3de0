/**
 * How claims and volumes belong together: who is whose, what each asks and has, what a volume looks like that is bound. Pure; the binder, the
 * scheduler and whoever attaches volumes agree by asking here. Annotations are upstream's: external provisioners and kubectl read them.
 * Which volume suits which claim: `volume-matching.ts`. Which claims a pod has: `pod-volumes.ts`.
 */
import { integerValue } from './quantity.ts';
import type { PersistentVolume, PersistentVolumeClaim } from './schema/types/core-v1.ts';
import type { StorageClass } from './schema/types/storage-v1.ts';

/** On a claim: it has been bound once. Never taken away. */
export const bindCompleted = 'pv.kubernetes.io/bind-completed';
/** On either: the binder or the scheduler chose the other side, nobody else did. */
export const boundByController = 'pv.kubernetes.io/bound-by-controller';
/** On a claim: the node where the scheduler wants its volume made. Who cannot make it there takes it away, and the scheduler looks anew. */
export const selectedNode = 'volume.kubernetes.io/selected-node';
const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

export const classNameOf = ({ metadata, spec }: PersistentVolumeClaim | PersistentVolume): string =>
  metadata?.annotations?.[classAnnotation] ?? spec?.storageClassName ?? '';

/** The claim names a class, be it none; otherwise the default may still become its own. */
export const hasClass = ({ metadata, spec }: PersistentVolumeClaim): boolean =>
  metadata?.annotations?.[classAnnotation] !== undefined || spec?.storageClassName !== undefined;

/** Its claims get a volume where their pod goes, and not before. */
export const waitsForPod = (storageClass: StorageClass | undefined): boolean =>
  storageClass?.volumeBindingMode === 'WaitForFirstConsumer';

export const askedBytes = ({ spec }: PersistentVolumeClaim): number =>
  integerValue(spec?.resources?.requests?.['storage'] ?? '0');

export const capacityBytes = ({ spec }: PersistentVolume): number => integerValue(spec?.capacity?.['storage'] ?? '0');

export const isBindCompleted = ({ metadata }: PersistentVolumeClaim): boolean =>
  metadata?.annotations?.[bindCompleted] !== undefined;

export const isFullyBound = (claim: PersistentVolumeClaim): boolean =>
  Boolean(claim.spec?.volumeName) && isBindCompleted(claim);

/** The key of the claim that the volume is for; undefined where it is for nobody. */
export function claimKeyOf({ spec }: PersistentVolume): string | undefined {
  const { namespace, name } = spec?.claimRef ?? {};
  return name === undefined ? undefined : `${namespace ?? ''}/${name}`;
}

/** The volume is for this very claim, or for the next of its name. */
export function isFor({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const reference = spec?.claimRef;
  if (reference === undefined) return false;
  if (reference.name !== metadata?.name || reference.namespace !== metadata?.namespace) return false;
  return !reference.uid || reference.uid === metadata?.uid;
}

/** The volume as the claim's own; undefined where it is. Only where nobody had reserved it is it marked as chosen by us. */
export function volumeBoundTo(volume: PersistentVolume, claim: PersistentVolumeClaim): PersistentVolume | undefined {
  const { namespace = '', name = '', uid = '', resourceVersion } = claim.metadata ?? {};
  const isOurs = isFor(volume, claim);
  if (isOurs && volume.spec?.claimRef?.uid === uid) return undefined;
  const reference = { kind: 'PersistentVolumeClaim', namespace, name, uid, apiVersion: 'v1' };
  const claimRef = { ...reference, ...(resourceVersion && { resourceVersion }) };
  const bound = { ...volume, spec: { ...volume.spec, claimRef } };
  if (isOurs) return bound;
  const annotations = { ...volume.metadata?.annotations, [boundByController]: 'yes' };
  return { ...bound, metadata: { ...volume.metadata, annotations } };
}
