/** Volumes of network storage and of clouds: what each driver has to be told. Most drivers are gone; their fields are still checked. */
import { invalidValue, keyPath, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain, rangeMessage } from '../../api/names.ts';
import type {
  AzureDiskVolumeSource,
  CSIVolumeSource,
  FCVolumeSource,
  ISCSIVolumeSource,
  NFSVolumeSource,
  QuobyteVolumeSource,
  StorageOSVolumeSource,
  VolumeSource,
} from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, requiredName, requiredText, validateDriverName } from './checks.ts';
import { localPath } from './paths.ts';

type Source<K extends keyof VolumeSource> = NonNullable<VolumeSource[K]>;
type DriverRules = { readonly [K in keyof VolumeSource]?: (path: string, source: Source<K>) => FieldError[] };

const unitMax = 255;

/** Texts that must be there, by their names. */
function texts(path: string, fields: Readonly<Record<string, string | undefined>>): FieldError[] {
  return Object.entries(fields).flatMap(([name, value]) => requiredText(`${path}.${name}`, value));
}

function partition(path: string, number = 0): FieldError[] {
  return number < 0 || number > unitMax ? [invalidValue(`${path}.partition`, number, rangeMessage(1, unitMax))] : [];
}

function monitors(path: string, list: readonly string[] | undefined): FieldError[] {
  return list?.length ? [] : [required(`${path}.monitors`)];
}

/** Pods' volumes; PersistentVolumes share most. */
export const driverRules = {
  gitRepo: (path, { repository, directory }) => [
    ...texts(path, { repository }),
    ...localPath(`${path}.directory`, directory ?? ''),
  ],
  gcePersistentDisk: (path, disk) => [...texts(path, { pdName: disk.pdName }), ...partition(path, disk.partition)],
  awsElasticBlockStore: (path, disk) => [
    ...texts(path, { volumeID: disk.volumeID }),
    ...partition(path, disk.partition),
  ],
  nfs: (path, { server, path: folder = '' }: Partial<NFSVolumeSource>) => [
    ...texts(path, { server, path: folder }),
    ...(folder.startsWith('/') ? [] : [invalidValue(`${path}.path`, folder, 'must be an absolute path')]),
  ],
  iscsi: (path, source) => validateIscsi(path, source),
  glusterfs: (path, { endpoints, path: folder }) => texts(path, { endpoints, path: folder }),
  flocker: (path, { datasetName, datasetUUID }) => validateFlocker(path, datasetName, datasetUUID),
  persistentVolumeClaim: (path, { claimName }) => texts(path, { claimName }),
  rbd: (path, { monitors: list, image }) => [...monitors(path, list), ...texts(path, { image })],
  cinder: (path, { volumeID, secretRef }) => [...texts(path, { volumeID }), ...secretName(path, secretRef)],
  cephfs: (path, { monitors: list }) => monitors(path, list),
  quobyte: (path, source) => validateQuobyte(path, source),
  fc: (path, source) => validateFibreChannel(path, source),
  flexVolume: (path, { driver, options }) => [...texts(path, { driver }), ...validateFlexOptions(path, options)],
  azureFile: (path, { secretName: secret, shareName }) => texts(path, { secretName: secret, shareName }),
  vsphereVolume: (path, { volumePath }) => texts(path, { volumePath }),
  photonPersistentDisk: (path, { pdID }) => texts(path, { pdID }),
  portworxVolume: (path, { volumeID }) => texts(path, { volumeID }),
  azureDisk: (path, source) => validateAzureDisk(path, source),
  storageos: (path, source) => validateStorageOs(path, source),
  scaleIO: (path, { gateway, system, volumeName }) => texts(path, { gateway, system, volumeName }),
  csi: (path, source) => validateCsi(path, source),
} satisfies DriverRules;

function secretName(path: string, secret: { readonly name?: string } | undefined): FieldError[] {
  return secret ? requiredText(`${path}.secretRef.name`, secret.name) : [];
}

const startMessage = 'must be valid format starting with iqn, eui, or naa';

function validateIscsi(path: string, source: Partial<ISCSIVolumeSource>): FieldError[] {
  const { targetPortal, iqn, lun = 0, initiatorName: initiator } = source;
  const errors = texts(path, { targetPortal, iqn });
  if (iqn) errors.push(...invalidEach(`${path}.iqn`, iqn, initiatorErrors(iqn)));
  if (lun < 0 || lun > unitMax) errors.push(invalidValue(`${path}.lun`, lun, rangeMessage(0, unitMax)));
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) {
    errors.push(required(`${path}.secretRef`));
  }
  if (initiator === undefined) return errors;
  return [...errors, ...invalidEach(`${path}.initiatorname`, initiator, initiatorErrors(initiator))];
}

const initiatorForms: Readonly<Record<string, RegExp | undefined>> = {
  iqn: /^iqn\.\d{4}-\d{2}\.[A-Za-z0-9.-]+:[^,;*&$|\s]+$/,
  eui: /^eui.[A-Za-z0-9]{16}$/,
  naa: /^naa.[A-Za-z0-9]{32}$/,
};

function initiatorErrors(name: string): string[] {
  const form = initiatorForms[name.slice(0, 3)];
  if (form === undefined) return [startMessage];
  return form.test(name) ? [] : ['must be valid format'];
}

function validateFlocker(path: string, name = '', uuid = ''): FieldError[] {
  const errors: FieldError[] = [];
  if (!name && !uuid) errors.push(required(path, 'one of datasetName and datasetUUID is required'));
  if (name && uuid) {
    errors.push(invalidValue(path, 'resource', 'datasetName and datasetUUID can not be specified simultaneously'));
  }
  if (name.includes('/')) errors.push(invalidValue(`${path}.datasetName`, name, "must not contain '/'"));
  return errors;
}

const registryRule = 'must be a host:port pair or multiple pairs separated by commas';
const tenantBytesMax = 64;

function validateQuobyte(path: string, { registry, tenant = '', volume }: QuobyteVolumeSource): FieldError[] {
  const errors: FieldError[] = [];
  const at = `${path}.registry`;
  if (!registry) errors.push(required(at, registryRule));
  else if (Buffer.byteLength(tenant) > tenantBytesMax) {
    errors.push(required(`${path}.tenant`, 'must be a UUID and may not exceed a length of 64 characters'));
  } else {
    const isPair = (pair: string): boolean => /^([^:[\]]*|\[[^[\]]*\]):[^:[\]]*$/.test(pair);
    // Once, however many are bad: each would show them all.
    if (!registry.split(',').every(isPair)) errors.push(invalidValue(at, registry, registryRule));
  }
  return [...errors, ...texts(path, { volume })];
}

function validateFibreChannel(path: string, { targetWWNs = [], wwids = [], lun }: FCVolumeSource): FieldError[] {
  const errors: FieldError[] = [];
  const at = `${path}.targetWWNs`;
  if (targetWWNs.length === 0 && wwids.length === 0) {
    errors.push(required(at, 'must specify either targetWWNs or wwids, but not both'));
  }
  if (targetWWNs.length === 0) return errors;
  if (wwids.length > 0) {
    errors.push(invalidValue(at, targetWWNs, 'targetWWNs and wwids can not be specified simultaneously'));
  }
  if (lun === undefined) errors.push(required(`${path}.lun`, 'lun is required if targetWWNs is specified'));
  else if (lun < 0 || lun > unitMax) errors.push(invalidValue(`${path}.lun`, lun, rangeMessage(0, unitMax)));
  return errors;
}

function validateFlexOptions(path: string, options: Readonly<Record<string, string>> | undefined): FieldError[] {
  return Object.keys(options ?? {}).flatMap((key) => {
    const domain = `.${(key.split('/', 1)[0] ?? '').toLowerCase()}`;
    if (!domain.endsWith('.kubernetes.io') && !domain.endsWith('.k8s.io')) return [];
    return [invalidValue(keyPath(`${path}.options`, key), key, 'kubernetes.io and k8s.io namespaces are reserved')];
  });
}

const cachingModes = ['None', 'ReadOnly', 'ReadWrite'];
const diskKinds = ['Dedicated', 'Managed', 'Shared'];
const managedUri = '/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}';
const blobUri = 'https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd';

function validateAzureDisk(path: string, source: Partial<AzureDiskVolumeSource>): FieldError[] {
  const { diskName, diskURI = '', cachingMode, kind } = source;
  const errors = texts(path, { diskName, diskURI });
  if (cachingMode !== undefined && !cachingModes.includes(cachingMode)) {
    errors.push(notSupported(`${path}.cachingMode`, cachingMode, cachingModes));
  }
  if (kind === undefined) return errors;
  if (!diskKinds.includes(kind)) errors.push(notSupported(`${path}.kind`, kind, diskKinds));
  const [start, form] = kind === 'Managed' ? ['/subscriptions/', managedUri] : ['https://', blobUri];
  if (!diskURI.startsWith(start)) errors.push(notSupported(`${path}.diskURI`, diskURI, [form]));
  return errors;
}

function validateStorageOs(path: string, source: StorageOSVolumeSource): FieldError[] {
  const { volumeName, volumeNamespace: namespace, secretRef } = source;
  return [
    ...requiredName(`${path}.volumeName`, volumeName, isDns1123Label),
    ...(namespace ? invalidEach(`${path}.volumeNamespace`, namespace, isDns1123Label(namespace)) : []),
    ...secretName(path, secretRef),
  ];
}

function validateCsi(path: string, { driver, nodePublishSecretRef: secret }: CSIVolumeSource): FieldError[] {
  const errors = driver ? validateDriverName(`${path}.driver`, driver) : [required(`${path}.driver`)];
  if (secret === undefined) return errors;
  if (!secret.name) return [...errors, required(`${path}.nodePublishSecretRef.name`)];
  return [...errors, ...invalidEach(`${path}.name`, secret.name, isDns1123Subdomain(secret.name))];
}
