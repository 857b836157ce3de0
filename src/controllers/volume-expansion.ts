/**
 * Claims that ask for more than they have. Whoever made the volume makes it larger (CSI's resizer, which also writes the claim's conditions);
 * here it is only said that this is waited for.
 */
import { objectKey } from '../api/object.ts';
import { integerValue } from '../api/quantity.ts';
import type { PersistentVolumeClaim } from '../api/schema/types/core-v1.ts';
import { ControlLoop, done } from '../client/controller.ts';
import { persistentVolumeClaims, persistentVolumes } from '../client/resources.ts';
import type { Service } from '../lib/service.ts';
import { type ControllerContext, contextFor, uidOf } from './shared/context.ts';

const waits = 'waiting for an external controller to expand this PVC';

const asks = ({ spec }: PersistentVolumeClaim): number => integerValue(spec?.resources?.requests?.['storage'] ?? '0');
const has = ({ status }: PersistentVolumeClaim): number => integerValue(status?.capacity?.['storage'] ?? '0');

export const wantsMore = (claim: PersistentVolumeClaim): boolean =>
  claim.status?.phase === 'Bound' && asks(claim) > has(claim);

export function volumeExpansion(context: ControllerContext): Service {
  const own = contextFor(context, 'expand-controller', 'volume_expand');
  const claims = own.informers.informer(persistentVolumeClaims);
  const volumes = own.informers.informer(persistentVolumes);
  const loop: ControlLoop = new ControlLoop({
    ...own,
    name: 'volume-expansion',
    informers: [claims, volumes],
    reconcile: (key) => {
      const claim = claims.cache.byKey(key);
      const volume = volumes.cache.byKey(claim?.spec?.volumeName ?? '');
      if (claim === undefined || volume === undefined || !wantsMore(claim)) return Promise.resolve(done);
      if (volume.spec?.claimRef?.uid !== uidOf(claim)) return Promise.resolve(done);
      const type = volume.spec.csi === undefined ? 'Warning' : 'Normal';
      own.events.record(persistentVolumeClaims, claim, type, 'ExternalExpanding', waits);
      return Promise.resolve(done);
    },
  });
  claims.addHandler({
    added: (claim) => {
      if (wantsMore(claim)) loop.queue.add(objectKey(claim));
    },
    updated: (claim, before) => {
      if (wantsMore(claim) && asks(claim) !== asks(before)) loop.queue.add(objectKey(claim));
    },
  });
  return loop;
}
