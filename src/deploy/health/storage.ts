/** Health of claims and volumes. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import { failing, type Health, type HealthRules, healthy, progressing } from './base.ts';

export const storageHealth: HealthRules = { 'PersistentVolumeClaim.': claim, 'PersistentVolume.': volume };

function claim({ spec, status }: PersistentVolumeClaim): Health {
  if (status?.phase === 'Bound') return healthy(`it has the volume ${spec?.volumeName ?? ''}`);
  if (status?.phase === 'Lost') return failing(`its volume ${spec?.volumeName ?? ''} is gone`);
  const name = spec?.storageClassName;
  return progressing(`it waits for a volume${name ? ` of the class ${name}` : ''}`);
}

function volume({ status }: PersistentVolume): Health {
  if (status?.phase === 'Failed')
    return failing(`it could not be taken back: ${status.message ?? status.reason ?? ''}`);
  return healthy(`it is ${status?.phase ?? 'there'}`);
}
