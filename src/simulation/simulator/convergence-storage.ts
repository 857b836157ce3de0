/** What claims and volumes must have come to at the end: each claim has its volume, and the volume says so, too. */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import type { Store } from '../../store/store.ts';
import { list, problemsOf } from './convergence-list.ts';

export function claimsBound(store: Store): readonly string[] {
  const claims = list<PersistentVolumeClaim>(store, 'persistentvolumeclaims');
  const volumes = new Map(
    list<PersistentVolume>(store, 'persistentvolumes').map((one) => [one.metadata?.name ?? '', one]),
  );
  const used = new Set(list<Pod>(store, 'pods').flatMap(claimKeysOf));
  return [
    ...problemsOf<PersistentVolumeClaim>(store, 'persistentvolumeclaims', (claim) => {
      const isUsed = used.has(`${claim.metadata?.namespace}/${claim.metadata?.name}`);
      return claimProblem(claim, volumes.get(claim.spec?.volumeName ?? ''), isUsed);
    }),
    ...problemsOf<PersistentVolume>(store, 'persistentvolumes', (volume) => volumeProblem(volume, claims)),
  ];
}

const claimKeysOf = ({ metadata, spec }: Pod): readonly string[] =>
  (spec?.volumes ?? []).map(({ name, ephemeral, persistentVolumeClaim }) => {
    const claim = ephemeral ? `${metadata?.name}-${name}` : persistentVolumeClaim?.claimName;
    return `${metadata?.namespace}/${claim}`;
  });

/** One of a class that waits for a pod may wait for ever. */
function claimProblem(
  { metadata, spec, status }: PersistentVolumeClaim,
  volume: PersistentVolume | undefined,
  isUsed: boolean,
): string | undefined {
  if (!isUsed && spec?.storageClassName === 'local' && status?.phase === 'Pending' && !spec.volumeName)
    return undefined;
  if (status?.phase === 'Lost' && volume === undefined) return undefined;
  if (status?.phase !== 'Bound') return `is ${status?.phase}`;
  if (volume === undefined) return `is bound to ${spec?.volumeName}, which is not there`;
  return volume.spec?.claimRef?.uid === metadata?.uid
    ? undefined
    : `is bound to ${spec?.volumeName}, which has another claim`;
}

function volumeProblem(
  { metadata, spec, status }: PersistentVolume,
  claims: readonly PersistentVolumeClaim[],
): string | undefined {
  const uid = spec?.claimRef?.uid;
  const claim = claims.find((one) => one.metadata?.uid === uid);
  if (claim !== undefined && claim.spec?.volumeName !== metadata?.name) return 'is kept for a claim that has another';
  const wanted = claim === undefined ? (spec?.claimRef === undefined ? 'Available' : 'Released') : 'Bound';
  return status?.phase === wanted ? undefined : `is ${status?.phase}, and should be ${wanted}`;
}
