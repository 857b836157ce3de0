/**
 * Named volumes: each is one PersistentVolumeClaim of the default StorageClass, `PROJECT-NAME` as Compose calls it. All who mount it share
 * it, and so do the replicas of a service: that is what a Compose volume is, and why services with volumes are Deployments that are replaced
 * (`Recreate`), not StatefulSets with a volume for each replica. How large it is: `x-naru-size`, or the label `naru.io/size`, else 1Gi.
 */
import type { PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import { ManifestError } from '../../manifests/source-object.ts';
import { isOn, type Volume } from '../model.ts';
import { annotationsOf } from './annotations.ts';
import { dnsLabel } from './names.ts';
import type { Translation } from './translation.ts';

const sizeLabel = 'naru.io/size';

export function claimNameOf(key: string, volume: Volume, translation: Translation): string {
  if (volume.name !== undefined) return dnsLabel(volume.name);
  return isOn(volume.external) ? dnsLabel(key) : translation.scoped(key);
}

/** The path of a volume that is a bind mount by another name. */
export function isBound({ driver_opts: options = {} }: Volume): string | undefined {
  const device = options['device'];
  const isBind =
    String(options['o'] ?? '')
      .split(',')
      .includes('bind') || options['type'] === 'bind';
  return isBind && typeof device === 'string' ? device : undefined;
}

/** The claims that the project makes, with the place where each comes from. */
export function claims(
  used: ReadonlySet<string>,
  translation: Translation,
): (readonly [PersistentVolumeClaim, string])[] {
  return [...translation.project.volumes].flatMap(([key, volume]) => {
    const name = claimNameOf(key, volume, translation);
    const place = `volumes.${key}`;
    if (isOn(volume.external)) {
      if (used.has(name)) translation.note(place, `it is external: the claim ${name} must be there`);
      return [];
    }
    return used.has(name) ? [[claimOf(name, key, volume, translation), place] as const] : [];
  });
}

function claimOf(name: string, key: string, volume: Volume, translation: Translation): PersistentVolumeClaim {
  const place = `volumes.${key}`;
  const { [sizeLabel]: labelled, ...labels } = volume.labels ?? {};
  const storage = volume['x-naru-size'] ?? labelled ?? '1Gi';
  if (!/^\d+(\.\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)?$/.test(storage)) {
    throw new ManifestError(`${translation.where(place)}: the size ${JSON.stringify(storage)} must be like 10Gi`);
  }
  const { driver = 'local', driver_opts: options = {} } = volume;
  if (driver !== 'local' || Object.keys(options).length > 0) {
    const what = [driver, ...Object.entries(options).map((pair) => pair.join('='))].join(', ');
    translation.note(place, `${what} is not carried over: the claim takes the default StorageClass`);
  }
  const annotations = annotationsOf(labels, `${place}.labels`, translation);
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      labels: { 'app.kubernetes.io/part-of': translation.partOf },
      ...(annotations && { annotations }),
    },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
  };
}
