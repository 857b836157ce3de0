/** How storage kinds are printed: volumes, claims, classes, CSI, and devices (resource.k8s.io). */

import type { ConfigMap, PersistentVolume, PersistentVolumeClaim, Secret } from '../schema/types/core-v1.ts';
import type { ResourceClaim, ResourceSlice } from '../schema/types/resource-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../schema/types/storage-v1.ts';
import {
  ageColumn,
  boolean,
  defaultableName,
  integer,
  nameColumn,
  type Printer,
  printer,
  text,
  wide,
} from './column.ts';

const accessModeNames: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

function accessModes(modes: readonly string[] = []): string {
  return Object.entries(accessModeNames)
    .filter(([mode]) => modes.includes(mode))
    .map(([, name]) => name)
    .join(',');
}

/** The class stood in an annotation before it was a field. */
function storageClassOf(object: PersistentVolume | PersistentVolumeClaim): string {
  return (
    object.metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? object.spec?.storageClassName ?? ''
  );
}

function phaseOf(object: PersistentVolume | PersistentVolumeClaim): string {
  return object.metadata?.deletionTimestamp === undefined ? (object.status?.phase ?? '') : 'Terminating';
}

const persistentVolumes = printer<PersistentVolume>(
  nameColumn,
  text('Capacity', ({ spec }) => spec?.capacity?.storage ?? '0'),
  text('Access Modes', ({ spec }) => accessModes(spec?.accessModes)),
  text('Reclaim Policy', ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? ''),
  text('Status', phaseOf),
  text('Claim', ({ spec }) => (spec?.claimRef ? `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}` : '')),
  text('StorageClass', storageClassOf),
  text('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
  text('Reason', ({ status }) => status?.reason ?? ''),
  ageColumn,
  wide(text('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>')),
);

const persistentVolumeClaims = printer<PersistentVolumeClaim>(
  nameColumn,
  text('Status', phaseOf),
  text('Volume', ({ spec }) => spec?.volumeName ?? ''),
  text('Capacity', ({ spec, status }) => (spec?.volumeName ? (status?.capacity?.storage ?? '0') : '')),
  text('Access Modes', ({ spec, status }) => (spec?.volumeName ? accessModes(status?.accessModes) : '')),
  text('StorageClass', storageClassOf),
  text('VolumeAttributesClass', ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>'),
  ageColumn,
  wide(text('VolumeMode', ({ spec }) => spec?.volumeMode ?? '<unset>')),
);

const storageClasses = printer<StorageClass>(
  defaultableName('storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'),
  text('Provisioner', ({ provisioner }) => provisioner),
  text('ReclaimPolicy', ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete'),
  text('VolumeBindingMode', ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate'),
  text('AllowVolumeExpansion', ({ allowVolumeExpansion }) => allowVolumeExpansion ?? false),
  ageColumn,
);

const volumeAttributesClasses = printer<VolumeAttributesClass>(
  nameColumn,
  text('DriverName', ({ driverName }) => driverName),
  ageColumn,
);

const volumeAttachments = printer<VolumeAttachment>(
  nameColumn,
  { ...text<VolumeAttachment>('Attacher', ({ spec }) => spec.attacher), format: 'name' },
  text('PV', ({ spec }) => spec.source.persistentVolumeName ?? ''),
  text('Node', ({ spec }) => spec.nodeName),
  boolean('Attached', ({ status }) => status?.attached),
  ageColumn,
);

const csiNodes = printer<CSINode>(
  nameColumn,
  integer('Drivers', ({ spec }) => spec.drivers?.length),
  ageColumn,
);

const csiDrivers = printer<CSIDriver>(
  nameColumn,
  boolean('AttachRequired', ({ spec }) => spec.attachRequired ?? true),
  boolean('PodInfoOnMount', ({ spec }) => spec.podInfoOnMount),
  boolean('StorageCapacity', ({ spec }) => spec.storageCapacity),
  text('TokenRequests', ({ spec }) => spec.tokenRequests?.map(({ audience }) => audience).join(',') ?? '<unset>'),
  boolean('RequiresRepublish', ({ spec }) => spec.requiresRepublish),
  text('Modes', ({ spec }) => (spec.volumeLifecycleModes ?? []).join(',') || '<none>'),
  ageColumn,
);

const csiStorageCapacities = printer<CSIStorageCapacity>(
  nameColumn,
  text('StorageClassName', ({ storageClassName }) => storageClassName),
  text('Capacity', ({ capacity }) => capacity ?? '<unset>'),
);

const configMaps = printer<ConfigMap>(
  nameColumn,
  text('Data', ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length),
  ageColumn,
);

const secrets = printer<Secret>(
  nameColumn,
  text('Type', ({ type }) => type ?? ''),
  text('Data', ({ data }) => Object.keys(data ?? {}).length),
  ageColumn,
);

function claimState({ metadata, status }: ResourceClaim): string {
  const deleted = metadata?.deletionTimestamp !== undefined;
  const states = deleted ? ['deleted'] : [];
  if (status?.allocation !== undefined) states.push('allocated', ...(status.reservedFor?.length ? ['reserved'] : []));
  else if (!deleted) states.push('pending');
  return states.join(',');
}

const resourceClaims = printer<ResourceClaim>(nameColumn, text('State', claimState), ageColumn);

const resourceSlices = printer<ResourceSlice>(
  nameColumn,
  text('Node', ({ spec }) => spec.nodeName ?? ''),
  text('Driver', ({ spec }) => spec.driver),
  text('Pool', ({ spec }) => spec.pool.name),
  ageColumn,
);

export const storagePrinters: Readonly<Record<string, Printer>> = {
  configmaps: configMaps,
  secrets,
  persistentvolumes: persistentVolumes,
  persistentvolumeclaims: persistentVolumeClaims,
  'storageclasses.storage.k8s.io': storageClasses,
  'volumeattributesclasses.storage.k8s.io': volumeAttributesClasses,
  'volumeattachments.storage.k8s.io': volumeAttachments,
  'csinodes.storage.k8s.io': csiNodes,
  'csidrivers.storage.k8s.io': csiDrivers,
  'csistoragecapacities.storage.k8s.io': csiStorageCapacities,
  'resourceclaims.resource.k8s.io': resourceClaims,
  'resourceslices.resource.k8s.io': resourceSlices,
};
