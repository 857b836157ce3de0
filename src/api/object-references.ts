/**
 * Which other objects a pod, or a persistent volume, names: what a node that runs the pod may therefore read, and what a pod that a node
 * makes up for itself must not name. The reading is upstream's. Pure.
 *
 * Kept true: a name that is empty is no reference. Nothing is followed: what a claim stands for is told by the volume that is bound to it.
 * Nothing is allocated on the way through a pod: a node that starts asks about each of its pods' objects, and each time all its pods are gone through.
 */
import type { Container, PersistentVolume, Pod, PodSpec, Volume, VolumeProjection } from './schema/types/core-v1.ts';

type NameTest = (name: string) => boolean;

/** Is one of the secrets in the pod's namespace that it needs such a one? For its images, its environment and its volumes. */
export function someSecret(spec: PodSpec, test: NameTest): boolean {
  for (const { name } of spec.imagePullSecrets ?? []) if (name && test(name)) return true;
  if (someContainer(spec, (container) => namesSecret(container, test))) return true;
  for (const volume of spec.volumes ?? []) if (volumeNamesSecret(volume, test)) return true;
  return false;
}

/** The same of config maps. */
export function someConfigMap(spec: PodSpec, test: NameTest): boolean {
  if (someContainer(spec, (container) => namesConfigMap(container, test))) return true;
  for (const { configMap, projected } of spec.volumes ?? []) {
    if (configMap?.name && test(configMap.name)) return true;
    for (const source of projected?.sources ?? [])
      if (source.configMap?.name && test(source.configMap.name)) return true;
  }
  return false;
}

/** The same of volume claims; those of ephemeral volumes are named after pod and volume. */
export function someVolumeClaim({ metadata, spec }: Pod, test: NameTest): boolean {
  for (const { name, persistentVolumeClaim, ephemeral } of spec?.volumes ?? []) {
    const claim = persistentVolumeClaim?.claimName || (ephemeral ? `${metadata?.name ?? ''}-${name}` : '');
    if (claim !== '' && test(claim)) return true;
  }
  return false;
}

/** The same of resource claims. What was made from a template, or for extended resources, stands in the status. */
export function someResourceClaim({ spec, status }: Pod, test: NameTest): boolean {
  for (const { name, resourceClaimName } of spec?.resourceClaims ?? []) {
    const made = status?.resourceClaimStatuses?.find((one) => one.name === name);
    const claim = resourceClaimName ?? made?.resourceClaimName;
    if (claim && test(claim)) return true;
  }
  const extended = status?.extendedResourceClaimStatus?.resourceClaimName;
  return extended ? test(extended) : false;
}

type SomeContainer = Pick<Container, 'env' | 'envFrom'>;

function someContainer(spec: PodSpec, test: (container: SomeContainer) => boolean): boolean {
  for (const container of spec.initContainers ?? []) if (test(container)) return true;
  // A draft that nobody has validated yet may lack even these.
  for (const container of (spec.containers as PodSpec['containers'] | undefined) ?? [])
    if (test(container)) return true;
  for (const container of spec.ephemeralContainers ?? []) if (test(container)) return true;
  return false;
}

function namesSecret({ env, envFrom }: SomeContainer, test: NameTest): boolean {
  for (const { secretRef } of envFrom ?? []) if (secretRef?.name && test(secretRef.name)) return true;
  for (const { valueFrom } of env ?? []) {
    const name = valueFrom?.secretKeyRef?.name;
    if (name && test(name)) return true;
  }
  return false;
}

function namesConfigMap({ env, envFrom }: SomeContainer, test: NameTest): boolean {
  for (const { configMapRef } of envFrom ?? []) if (configMapRef?.name && test(configMapRef.name)) return true;
  for (const { valueFrom } of env ?? []) {
    const name = valueFrom?.configMapKeyRef?.name;
    if (name && test(name)) return true;
  }
  return false;
}

/** By the field of the volume that holds the source. */
const volumeSecrets: ReadonlyMap<string, (volume: Volume) => string | undefined> = new Map([
  ['secret', ({ secret }) => secret?.secretName],
  ['azureFile', ({ azureFile }) => azureFile?.secretName],
  ['csi', ({ csi }) => csi?.nodePublishSecretRef?.name],
  ['cephfs', ({ cephfs }) => cephfs?.secretRef?.name],
  ['cinder', ({ cinder }) => cinder?.secretRef?.name],
  ['flexVolume', ({ flexVolume }) => flexVolume?.secretRef?.name],
  ['rbd', ({ rbd }) => rbd?.secretRef?.name],
  ['scaleIO', ({ scaleIO }) => scaleIO?.secretRef?.name],
  ['iscsi', ({ iscsi }) => iscsi?.secretRef?.name],
  ['storageos', ({ storageos }) => storageos?.secretRef?.name],
]);

/** A volume has few fields of the many that it could have: only these are looked at. */
function volumeNamesSecret(volume: Volume, test: NameTest): boolean {
  for (const field in volume) {
    const name = volumeSecrets.get(field)?.(volume);
    if (name && test(name)) return true;
  }
  for (const { secret } of volume.projected?.sources ?? []) if (secret?.name && test(secret.name)) return true;
  return false;
}

export interface SecretKey {
  readonly namespace: string;
  readonly name: string;
}

/** The secrets that a node needs to mount the volume. Where a reference names no namespace, it is that of the claim. */
export function persistentVolumeSecrets({ spec }: PersistentVolume): SecretKey[] {
  if (spec === undefined) return [];
  const home = spec.claimRef?.namespace ?? '';
  const { azureFile, csi, cephfs, cinder, flexVolume, rbd, scaleIO, iscsi, storageos } = spec;
  const atHome = [cephfs, flexVolume, rbd, scaleIO, iscsi].map((source) => source?.secretRef);
  const elsewhere = [
    cinder?.secretRef,
    storageos?.secretRef,
    csi?.nodePublishSecretRef,
    csi?.nodeStageSecretRef,
    csi?.nodeExpandSecretRef,
  ];
  return [
    { namespace: azureFile?.secretNamespace || home, name: azureFile?.secretName ?? '' },
    ...atHome.map((reference) => ({ namespace: reference?.namespace || home, name: reference?.name ?? '' })),
    ...elsewhere.map((reference) => ({ namespace: reference?.namespace ?? '', name: reference?.name ?? '' })),
  ].filter(({ name }) => name !== '');
}

/** What of the API the pod refers to, as upstream names it: `secrets`, `configmaps (via projected volumes)`. Undefined: nothing. */
export function apiReference({ spec }: Pod): string | undefined {
  if (spec === undefined) return undefined;
  if (spec.serviceAccountName) return 'serviceaccounts';
  if (someSecret(spec, () => true)) return 'secrets';
  if (someConfigMap(spec, () => true)) return 'configmaps';
  if (spec.resourceClaims?.length) return 'resourceclaims';
  for (const volume of spec.volumes ?? []) {
    const found = volumeReference(volume);
    if (found !== undefined) return found;
  }
  return undefined;
}

const volumeReferences: readonly (readonly [field: keyof Volume, reference: string])[] = [
  ['configMap', 'configmaps (via configmap volumes)'],
  ['secret', 'secrets (via secret volumes)'],
  ['csi', 'csidrivers (via CSI volumes)'],
  ['glusterfs', 'endpoints (via glusterFS volumes)'],
  ['persistentVolumeClaim', 'persistentvolumeclaims'],
  ['ephemeral', 'persistentvolumeclaims (via ephemeral volumes)'],
  ['azureFile', 'secrets (via azureFile volumes)'],
];

const projectedReferences: readonly (readonly [field: keyof VolumeProjection, reference: string])[] = [
  ['configMap', 'configmaps (via projected volumes)'],
  ['secret', 'secrets (via projected volumes)'],
  ['serviceAccountToken', 'serviceaccounts (via projected volumes)'],
  ['clusterTrustBundle', 'clustertrustbundles'],
  ['podCertificate', 'podcertificates'],
];

function volumeReference(volume: Volume): string | undefined {
  const direct = volumeReferences.find(([field]) => volume[field]);
  if (direct !== undefined) return direct[1];
  for (const source of volume.projected?.sources ?? []) {
    const projected = projectedReferences.find(([field]) => source[field]);
    if (projected !== undefined) return projected[1];
  }
  return undefined;
}
