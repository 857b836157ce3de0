/** Claims and volumes belong to each other for as long as either is used, one to one. */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../api/schema/types/core-v1.ts';
import type { StoreEvent } from '../../../store/store.ts';
import { before, type Checker, named, uidOf } from './checker.ts';
import { Followed, isDeleting } from './followed.ts';

export function claimBinding(): Checker {
  const claims = new Followed<PersistentVolumeClaim>('persistentvolumeclaims');
  const volumes = new Followed<PersistentVolume>('persistentvolumes');
  return {
    name: 'a claim and its volume belong to each other',
    check: (event) => {
      if (claims.follow(event)) return event.type === 'deleted' ? undefined : judgeClaim(event);
      return volumes.follow(event) ? judgeVolume(event) : undefined;
    },
  };

  function judgeClaim(event: StoreEvent): string | undefined {
    const claim = event.entry.object as PersistentVolumeClaim;
    const old = before<PersistentVolumeClaim>(event);
    const was = old?.spec?.volumeName;
    const name = claim.spec?.volumeName;
    if (was && name !== was) return `${named(event)} went from volume ${was} to ${name}`;
    if (claim.status?.phase !== 'Bound' || old?.status?.phase === 'Bound') return undefined;
    const volume = volumes.named('', name ?? '');
    if (volume?.spec?.claimRef?.uid !== uidOf(claim))
      return `${named(event)} is bound to ${name}, which is kept for ${volume?.spec?.claimRef?.uid}`;
    const other = claims.where((one) => one !== claim && one.spec?.volumeName === name && isBound(one))[0];
    return other && `${named(event)} is bound to ${name}, and so is ${uidOf(other)}`;
  }

  function judgeVolume(event: StoreEvent): string | undefined {
    const old = before<PersistentVolume>(event);
    const owner = claims.get(old?.spec?.claimRef?.uid ?? '');
    if (owner === undefined || owner.spec?.volumeName !== event.entry.key.name || !isBound(owner)) return undefined;
    if (event.type === 'deleted') return `${named(event)} is gone, and ${uidOf(owner)} is bound to it`;
    const uid = (event.entry.object as PersistentVolume).spec?.claimRef?.uid;
    return uid === uidOf(owner) ? undefined : `${named(event)} is kept for ${uid}, and ${uidOf(owner)} is bound to it`;
  }
}

const isBound = ({ status }: PersistentVolumeClaim): boolean => status?.phase === 'Bound';

/** A claim stays while a pod on a node uses it that was there before the claim was told to go. */
export function claimProtection(): Checker {
  const pods = new Followed<Pod>('pods');
  /** Of claims that are being deleted: the pods that used them when they were told to go. */
  const users = new Map<string, readonly string[]>();
  return {
    name: 'a claim in use stays',
    check: (event) => {
      if (pods.follow(event) || event.entry.key.collection !== 'persistentvolumeclaims') return undefined;
      const { object, key } = event.entry;
      const old = before(event);
      const isTold = isDeleting(object) && (old === undefined || !isDeleting(old));
      if (isTold && event.type !== 'deleted')
        users.set(uidOf(object), pods.where((pod) => uses(pod, key.namespace, key.name)).map(uidOf));
      if (event.type !== 'deleted') return undefined;
      const user = users.get(uidOf(object))?.find((uid) => uses(pods.get(uid), key.namespace, key.name));
      return user && `${named(event)} is gone, and the pod ${user} uses it`;
    },
  };
}

function uses(pod: Pod | undefined, namespace: string, claim: string): boolean {
  if (pod?.metadata?.namespace !== namespace || !pod.spec?.nodeName) return false;
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return false;
  return (pod.spec.volumes ?? []).some(({ name, ephemeral, persistentVolumeClaim }) =>
    ephemeral ? `${pod.metadata?.name}-${name}` === claim : persistentVolumeClaim?.claimName === claim,
  );
}
