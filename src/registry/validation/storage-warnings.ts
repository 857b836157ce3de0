/** What is said of volumes, claims and classes that are accepted: what is deprecated, and sizes that are no whole bytes. */
import { goQuote } from '../../api/field-error.ts';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeSpec } from '../../api/schema/types/core-v1.ts';
import type { StorageClass } from '../../api/schema/types/storage-v1.ts';
import { isFractional } from './quantities.ts';

const betaStorageClass = 'volume.beta.kubernetes.io/storage-class';
const betaMountOptions = 'volume.beta.kubernetes.io/mount-options';

/** Label → since when, and what instead. */
const deprecatedLabels: Readonly<Record<string, string | undefined>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};

/** Source → since when, and since when it does nothing. */
const goneSources: readonly (readonly [keyof PersistentVolumeSpec, string])[] = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];
const shownAs: Readonly<Record<string, string | undefined>> = { storageos: 'storageOS' };

function labelWarning(path: string, label: string): string[] {
  const said = Object.hasOwn(deprecatedLabels, label) ? deprecatedLabels[label] : undefined;
  return said === undefined ? [] : [`${path}: ${goQuote(label)} is ${said}`];
}

function annotated({ metadata }: PersistentVolume | PersistentVolumeClaim, name: string): boolean {
  return metadata?.annotations !== undefined && Object.hasOwn(metadata.annotations, name);
}

const useAttribute = (annotation: string, attribute: string, version: string): string =>
  `metadata.annotations[${annotation}]: deprecated since ${version}; use "${attribute}" attribute instead`;

export function volumeWarnings(volume: PersistentVolume): string[] {
  const { spec = {} } = volume;
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const recycled =
    'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is ' +
    'to use dynamic provisioning.';
  return [
    ...(annotated(volume, betaStorageClass) ? [useAttribute(betaStorageClass, 'storageClassName', 'v1.8')] : []),
    ...(annotated(volume, betaMountOptions) ? [useAttribute(betaMountOptions, 'mountOptions', 'v1.31')] : []),
    ...(spec.persistentVolumeReclaimPolicy === 'Recycle' ? [recycled] : []),
    ...terms.flatMap(({ matchExpressions }, index) =>
      (matchExpressions ?? []).flatMap(({ key }, at) =>
        labelWarning(`spec.nodeAffinity.required.nodeSelectorTerms[${index}].matchExpressions[${at}].key`, key),
      ),
    ),
    ...goneSources.flatMap(([name, said]) =>
      spec[name] === undefined ? [] : [`spec.${shownAs[name] ?? name}: ${said}`],
    ),
  ];
}

export function claimWarnings(claim: PersistentVolumeClaim): string[] {
  const { requests, limits } = claim.spec?.resources ?? {};
  const size = (path: string, value: string | number | undefined): string[] =>
    value !== undefined && isFractional(value)
      ? [`${path}: fractional byte value ${goQuote(String(value))} is invalid, must be an integer`]
      : [];
  return [
    ...(annotated(claim, betaStorageClass) ? [useAttribute(betaStorageClass, 'storageClassName', 'v1.8')] : []),
    ...size('spec.resources.requests[storage]', requests?.['storage']),
    ...size('spec.resources.limits[storage]', limits?.['storage']),
  ];
}

export function storageClassWarnings({ allowedTopologies }: StorageClass): string[] {
  return (allowedTopologies ?? []).flatMap(({ matchLabelExpressions }, index) =>
    (matchLabelExpressions ?? []).flatMap(({ key }, at) =>
      labelWarning(`allowedTopologies[${index}].matchLabelExpressions[${at}].key`, key),
    ),
  );
}
