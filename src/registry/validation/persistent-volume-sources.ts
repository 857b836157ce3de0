/**
 * Where a PersistentVolume's bytes are: exactly one source, and what each source needs. A table, since most sources only ask for
 * texts that are there.
 */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain, rangeMessage } from '../../api/names.ts';
import type { PersistentVolumeSpec, SecretReference } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, oneOf, requiredName, requiredText, validateDriverName } from './checks.ts';

type Source<K extends keyof PersistentVolumeSpec> = NonNullable<PersistentVolumeSpec[K]>;
type SourceRules = { readonly [K in keyof PersistentVolumeSpec]?: (path: string, source: Source<K>) => FieldError[] };

const hostPathTypes = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];

function noBacksteps(path: string, text: string): FieldError[] {
  return text.split('/').includes('..') ? [invalidValue(path, text, "must not contain '..'")] : [];
}

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

function partition(path: string, number: number | undefined): FieldError[] {
  return (number ?? 0) < 0 || (number ?? 0) > 255 ? [invalidValue(path, number, rangeMessage(0, 255))] : [];
}

function monitors(path: string, list: readonly string[] | undefined): FieldError[] {
  return list?.length ? [] : [required(`${path}.monitors`)];
}

/** In upstream's order, which decides the one that is taken where there are several. */
const rules: SourceRules = {
  hostPath: (path, { path: folder, type }) => [
    ...(folder ? noBacksteps(`${path}.path`, folder) : [required(`${path}.path`)]),
    ...oneOf(`${path}.type`, type, hostPathTypes),
  ],
  gcePersistentDisk: (path, disk) => [
    ...requiredText(`${path}.pdName`, disk.pdName),
    ...partition(`${path}.partition`, disk.partition),
  ],
  awsElasticBlockStore: (path, disk) => [
    ...requiredText(`${path}.volumeID`, disk.volumeID),
    ...partition(`${path}.partition`, disk.partition),
  ],
  glusterfs: (path, { endpoints, path: folder, endpointsNamespace }) => [
    ...requiredText(`${path}.endpoints`, endpoints),
    ...requiredText(`${path}.path`, folder),
    ...(endpointsNamespace === '' ? [invalidValue(`${path}.endpointsNamespace`, '', emptyNamespace)] : []),
  ],
  flocker: (path, { datasetName, datasetUUID }) => validateFlocker(path, datasetName, datasetUUID),
  nfs: (path, { server, path: folder }) => [
    ...requiredText(`${path}.server`, server),
    ...requiredText(`${path}.path`, folder),
    ...(folder?.startsWith('/') ? [] : [invalidValue(`${path}.path`, folder ?? '', 'must be an absolute path')]),
  ],
  rbd: (path, { monitors: list, image }) => [...monitors(path, list), ...requiredText(`${path}.image`, image)],
  quobyte: (path, { registry, volume }) => [
    ...requiredText(`${path}.registry`, registry, quobyteRegistry),
    ...requiredText(`${path}.volume`, volume, 'must be a valid volume name'),
  ],
  cephfs: (path, { monitors: list }) => monitors(path, list),
  iscsi: (path, source) => validateIscsi(path, source),
  cinder: (path, { volumeID, secretRef }) => [
    ...requiredText(`${path}.volumeID`, volumeID),
    ...secretParts(`${path}.secretRef`, secretRef),
  ],
  fc: (path, source) => validateFibreChannel(path, source),
  flexVolume: (path, { driver, options }) => [
    ...requiredText(`${path}.driver`, driver),
    ...Object.keys(options ?? {})
      .filter(isReserved)
      .map((key) => invalidValue(`${path}.options[${key}]`, key, reserved)),
  ],
  azureFile: (path, { secretName, shareName, secretNamespace }) => [
    ...requiredText(`${path}.secretName`, secretName),
    ...requiredText(`${path}.shareName`, shareName),
    ...(secretNamespace === '' ? [required(`${path}.secretNamespace`)] : []),
  ],
  vsphereVolume: (path, { volumePath }) => requiredText(`${path}.volumePath`, volumePath),
  photonPersistentDisk: (path, { pdID }) => requiredText(`${path}.pdID`, pdID),
  portworxVolume: (path, { volumeID }) => requiredText(`${path}.volumeID`, volumeID),
  azureDisk: (path, source) => validateAzureDisk(path, source),
  scaleIO: (path, { gateway, system, volumeName }) => [
    ...requiredText(`${path}.gateway`, gateway),
    ...requiredText(`${path}.system`, system),
    ...requiredText(`${path}.volumeName`, volumeName),
  ],
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
const reserved = 'kubernetes.io and k8s.io namespaces are reserved';

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

function validateFlocker(path: string, name: string | undefined, uuid: string | undefined): FieldError[] {
  if (!name && !uuid) return [required(path, 'one of datasetName and datasetUUID is required')];
  const errors =
    name && uuid
      ? [invalidValue(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously')]
      : [];
  const slash = name?.includes('/') ? [invalidValue(`${path}.datasetName`, name, "must not contain '/'")] : [];
  return [...errors, ...slash];
}

const initiatorName =
  /^(iqn\.\d{4}-\d{2}\.(?:[a-z0-9-]+\.)*[a-z0-9-]+(?::[^:].*)?|eui\.[0-9A-Fa-f]{16}|naa\.(?:[0-9A-Fa-f]{16}|[0-9A-Fa-f]{32}))$/;

function validateIscsi(path: string, source: Source<'iscsi'>): FieldError[] {
  const { targetPortal, iqn, lun, secretRef, initiatorName: initiator } = source;
  const errors = requiredText(`${path}.targetPortal`, targetPortal);
  if (!iqn) errors.push(required(`${path}.iqn`));
  else if (!/^(iqn|eui|naa)/.test(iqn)) errors.push(invalidValue(`${path}.iqn`, iqn, 'must be valid format'));
  else if (!initiatorName.test(iqn)) errors.push(invalidValue(`${path}.iqn`, iqn, 'must be valid format'));
  if ((lun ?? 0) < 0 || (lun ?? 0) > 255) errors.push(invalidValue(`${path}.lun`, lun, rangeMessage(0, 255)));
  const signs = source.chapAuthDiscovery === true || source.chapAuthSession === true;
  if (signs && secretRef === undefined) errors.push(required(`${path}.secretRef`));
  if (secretRef && !secretRef.name) errors.push(required(`${path}.secretRef.name`));
  if (initiator && !initiatorName.test(initiator)) {
    errors.push(invalidValue(`${path}.initiatorname`, initiator, 'must be valid format'));
  }
  return errors;
}

function validateFibreChannel(path: string, { targetWWNs, wwids, lun }: Source<'fc'>): FieldError[] {
  const [names, ids] = [targetWWNs?.length ?? 0, wwids?.length ?? 0];
  const errors: FieldError[] = [];
  if (names === 0 && ids === 0) {
    errors.push(required(`${path}.targetWWNs`, 'must specify either targetWWNs or wwids, but not both'));
  }
  if (names > 0 && ids > 0) {
    errors.push(
      invalidValue(`${path}.targetWWNs`, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously'),
    );
  }
  if (names === 0) return errors;
  if (lun === undefined) errors.push(required(`${path}.lun`, 'lun is required if targetWWNs is specified'));
  else if (lun < 0 || lun > 255) errors.push(invalidValue(`${path}.lun`, lun, rangeMessage(0, 255)));
  return errors;
}

const cachingModes = ['None', 'ReadOnly', 'ReadWrite'];
const diskKinds = ['Dedicated', 'Managed', 'Shared'];
const managedUri = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const blobUri = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

function validateAzureDisk(path: string, source: Source<'azureDisk'>): FieldError[] {
  const { diskName, cachingMode, kind } = source;
  const diskURI = source.diskURI ?? '';
  const errors = [
    ...requiredText(`${path}.diskName`, diskName),
    ...requiredText(`${path}.diskURI`, diskURI),
    ...oneOf(`${path}.cachingMode`, cachingMode, cachingModes),
    ...oneOf(`${path}.kind`, kind, diskKinds),
  ];
  if (kind === undefined) return errors;
  const [start, form] = kind === 'Managed' ? ['/subscriptions/', managedUri] : ['https://', blobUri];
  if (!diskURI.startsWith(start)) errors.push(notSupported(`${path}.diskURI`, diskURI, [form]));
  return errors;
}

function isReserved(key: string): boolean {
  const slash = key.indexOf('/');
  const domain = `.${(slash < 0 ? key : key.slice(0, slash)).toLowerCase()}`;
  return domain.endsWith('.kubernetes.io') || domain.endsWith('.k8s.io');
}
