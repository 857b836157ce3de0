/**
 * Where a PersistentVolume's bytes are: exactly one source, and what each source needs. Most are asked the same in a pod's volume
 * (`volume-drivers.ts`); what stands here is a PersistentVolume's own, mostly secrets and their namespaces.
 */
import { forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../api/names.ts';
import type { PersistentVolumeSpec, SecretReference } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, requiredName, requiredText, validateDriverName } from './checks.ts';
import { noBacksteps, validateHostPath } from './paths.ts';
import { driverRules } from './volume-drivers.ts';

type Source<K extends keyof PersistentVolumeSpec> = NonNullable<PersistentVolumeSpec[K]>;
type SourceRules = { readonly [K in keyof PersistentVolumeSpec]?: (path: string, source: Source<K>) => FieldError[] };

function secretParts(path: string, secret: SecretReference | undefined): FieldError[] {
  if (secret === undefined) return [];
  return [...requiredText(`${path}.name`, secret.name), ...requiredText(`${path}.namespace`, secret.namespace)];
}

function secretReference(path: string, secret: SecretReference | undefined): FieldError[] {
  if (secret === undefined) return [];
  return [
    ...requiredName(`${path}.name`, secret.name, isDns1123Subdomain),
    ...requiredName(`${path}.namespace`, secret.namespace, isDns1123Label),
  ];
}

/** In upstream's order, which decides the one that is taken where there are several. */
const rules: SourceRules = {
  hostPath: validateHostPath,
  gcePersistentDisk: driverRules.gcePersistentDisk,
  awsElasticBlockStore: driverRules.awsElasticBlockStore,
  glusterfs: (path, { endpoints, path: folder, endpointsNamespace }) => [
    ...requiredText(`${path}.endpoints`, endpoints),
    ...requiredText(`${path}.path`, folder),
    ...(endpointsNamespace === '' ? [invalidValue(`${path}.endpointsNamespace`, '', emptyNamespace)] : []),
  ],
  flocker: driverRules.flocker,
  nfs: driverRules.nfs,
  rbd: driverRules.rbd,
  quobyte: (path, { registry, volume }) => [
    ...requiredText(`${path}.registry`, registry, quobyteRegistry),
    ...requiredText(`${path}.volume`, volume, 'must be a valid volume name'),
  ],
  cephfs: driverRules.cephfs,
  iscsi: (path, source) => [
    ...driverRules.iscsi(path, source),
    ...(source.secretRef ? requiredText(`${path}.secretRef.name`, source.secretRef.name) : []),
  ],
  cinder: (path, { volumeID, secretRef }) => [
    ...requiredText(`${path}.volumeID`, volumeID),
    ...secretParts(`${path}.secretRef`, secretRef),
  ],
  fc: driverRules.fc,
  flexVolume: driverRules.flexVolume,
  azureFile: (path, { secretName, shareName, secretNamespace }) => [
    ...requiredText(`${path}.secretName`, secretName),
    ...requiredText(`${path}.shareName`, shareName),
    ...(secretNamespace === '' ? [required(`${path}.secretNamespace`)] : []),
  ],
  vsphereVolume: driverRules.vsphereVolume,
  photonPersistentDisk: driverRules.photonPersistentDisk,
  portworxVolume: driverRules.portworxVolume,
  azureDisk: driverRules.azureDisk,
  scaleIO: driverRules.scaleIO,
  local: (path, { path: folder }) => (folder ? noBacksteps(`${path}.path`, folder) : [required(`${path}.path`)]),
  storageos: (path, { volumeName, volumeNamespace, secretRef }) => [
    ...requiredName(`${path}.volumeName`, volumeName, isDns1123Label),
    ...(volumeNamespace
      ? invalidEach(`${path}.volumeNamespace`, volumeNamespace, isDns1123Label(volumeNamespace))
      : []),
    ...secretParts(`${path}.secretRef`, secretRef),
  ],
  csi: (path, source) => [
    ...validateDriverName(`${path}.driver`, source.driver),
    ...requiredText(`${path}.volumeHandle`, source.volumeHandle),
    ...secretReference(`${path}.controllerPublishSecretRef`, source.controllerPublishSecretRef),
    ...secretReference(`${path}.controllerExpandSecretRef`, source.controllerExpandSecretRef),
    ...secretReference(`${path}.nodePublishSecretRef`, source.nodePublishSecretRef),
    ...secretReference(`${path}.nodeExpandSecretRef`, source.nodeExpandSecretRef),
  ],
};

const emptyNamespace = 'if the endpointnamespace is set, it must be a valid namespace name';
const quobyteRegistry = 'must be a host:port pair or multiple pairs separated by commas';

/** Sources by their names in the spec, in upstream's order. */
export const sourceNames = Object.keys(rules) as (keyof PersistentVolumeSpec)[];

/** Names that upstream's errors give in another form than the field's. */
const shownAs: Readonly<Record<string, string | undefined>> = { gcePersistentDisk: 'persistentDisk' };
const repeatedAs: Readonly<Record<string, string | undefined>> = { cephfs: 'cephFS' };

/** Upstream counts a FlexVolume as one source more, whatever stands before it. */
export function validateVolumeSource(path: string, spec: PersistentVolumeSpec, hasNodeAffinity: boolean): FieldError[] {
  const given = sourceNames.filter((name) => spec[name] !== undefined);
  if (given.length === 0) return [required(path, 'must specify a volume type')];
  return given.flatMap((name, index) => {
    if (index > 0 && name !== 'flexVolume') {
      return [forbiddenField(`${path}.${repeatedAs[name] ?? name}`, 'may not specify more than 1 volume type')];
    }
    const rule = rules[name] as (path: string, source: unknown) => FieldError[];
    const errors = rule(`${path}.${shownAs[name] ?? name}`, spec[name]);
    if (name !== 'local' || hasNodeAffinity) return errors;
    return [...errors, required(`${path}.nodeAffinity`, 'Local volume requires node affinity')];
  });
}
