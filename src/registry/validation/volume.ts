/** The rules of a pod's volumes: a unique name, exactly one source, and what the common sources need. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isConfigMapKey, isDns1123Label } from '../../api/names.ts';
import type { DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, noDuplicates, oneOf, requiredName, requiredText } from './checks.ts';
import { isSubscript, localPath } from './container.ts';

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
const fileModeMax = 0o777;

export function validateVolumes(path: string, volumes: readonly Volume[]): FieldError[] {
  return [
    ...noDuplicates(
      volumes.map((volume) => volume.name),
      (index) => `${path}[${index}].name`,
    ),
    ...volumes.flatMap((volume, index) => validateVolume(`${path}[${index}]`, volume)),
  ];
}

function validateVolume(path: string, volume: Volume): FieldError[] {
  const { name, ...sources } = volume;
  return [...requiredName(`${path}.name`, name, isDns1123Label), ...validateSource(path, sources)];
}

function validateSource(path: string, sources: Omit<Volume, 'name'>): FieldError[] {
  const given = Object.entries(sources).filter(([, source]) => source !== undefined);
  if (given.length === 0) return [required(path, 'must specify a volume type')];
  const errors = given
    .slice(1)
    .map(([kind]) => forbiddenField(`${path}.${kind}`, 'may not specify more than 1 volume type'));
  return [...errors, ...validateFiles(path, sources), ...validateOther(path, sources)];
}

function validateFiles(
  path: string,
  { secret, configMap, downwardAPI, projected }: Omit<Volume, 'name'>,
): FieldError[] {
  const errors: FieldError[] = [];
  if (secret) {
    errors.push(...requiredText(`${path}.secret.secretName`, secret.secretName));
    errors.push(...validateItems(`${path}.secret`, secret.items, secret.defaultMode));
  }
  if (configMap) {
    errors.push(...requiredText(`${path}.configMap.name`, configMap.name));
    errors.push(...validateItems(`${path}.configMap`, configMap.items, configMap.defaultMode));
  }
  if (downwardAPI) {
    errors.push(...validateMode(`${path}.downwardAPI.defaultMode`, downwardAPI.defaultMode));
    errors.push(...validateDownward(`${path}.downwardAPI`, downwardAPI.items ?? []));
  }
  if (projected) {
    errors.push(...validateMode(`${path}.projected.defaultMode`, projected.defaultMode));
    for (const [index, source] of (projected.sources ?? []).entries()) {
      errors.push(...validateProjection(`${path}.projected.sources[${index}]`, source));
    }
  }
  return errors;
}

function validateProjection(path: string, source: VolumeProjection): FieldError[] {
  const given = Object.entries(source).filter(([, value]) => value !== undefined);
  const errors = given
    .slice(1)
    .map(([kind]) => forbiddenField(`${path}.${kind}`, 'may not specify more than 1 volume type per source'));
  if (given.length === 0) errors.push(required(path, 'must specify a source'));
  if (source.secret) {
    errors.push(...requiredText(`${path}.secret.name`, source.secret.name));
    errors.push(...validateItems(`${path}.secret`, source.secret.items, undefined));
  }
  if (source.configMap) {
    errors.push(...requiredText(`${path}.configMap.name`, source.configMap.name));
    errors.push(...validateItems(`${path}.configMap`, source.configMap.items, undefined));
  }
  if (source.downwardAPI) errors.push(...validateDownward(`${path}.downwardAPI`, source.downwardAPI.items ?? []));
  if (source.serviceAccountToken)
    errors.push(...validateToken(`${path}.serviceAccountToken`, source.serviceAccountToken));
  return errors;
}

function validateToken(path: string, token: NonNullable<VolumeProjection['serviceAccountToken']>): FieldError[] {
  const errors = token.path ? localPath(`${path}.path`, token.path) : [required(`${path}.path`)];
  const seconds = token.expirationSeconds ?? 3600;
  if (seconds < 600) {
    errors.push(invalidValue(`${path}.expirationSeconds`, seconds, 'may not specify a duration less than 10 minutes'));
  }
  return errors;
}

function validateItems(
  path: string,
  items: readonly KeyToPath[] | undefined,
  defaultMode: number | undefined,
): FieldError[] {
  const errors = validateMode(`${path}.defaultMode`, defaultMode);
  for (const [index, item] of (items ?? []).entries()) {
    const at = `${path}.items[${index}]`;
    errors.push(...requiredName(`${at}.key`, item.key, isConfigMapKey));
    errors.push(...(item.path ? localPath(`${at}.path`, item.path) : [required(`${at}.path`)]));
    errors.push(...validateMode(`${at}.mode`, item.mode));
  }
  return errors;
}

const volumeFieldPaths = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

function validateDownward(path: string, items: readonly DownwardAPIVolumeFile[]): FieldError[] {
  return items.flatMap((item, index) => {
    const at = `${path}.items[${index}]`;
    const errors = item.path ? localPath(`${at}.path`, item.path) : [required(`${at}.path`)];
    errors.push(...validateMode(`${at}.mode`, item.mode));
    const fieldPath = item.fieldRef?.fieldPath;
    if (item.fieldRef && item.resourceFieldRef) {
      errors.push(invalidValue(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    } else if (item.fieldRef && !fieldPath) errors.push(required(`${at}.fieldRef.fieldPath`));
    else if (fieldPath && !volumeFieldPaths.includes(fieldPath) && !isSubscript(fieldPath)) {
      errors.push(notSupported(`${at}.fieldRef.fieldPath`, fieldPath, volumeFieldPaths));
    } else if (!item.fieldRef && !item.resourceFieldRef) {
      errors.push(required(at, 'one of fieldRef and resourceFieldRef is required'));
    }
    return errors;
  });
}

function validateMode(path: string, mode: number | undefined): FieldError[] {
  if (mode === undefined || (mode >= 0 && mode <= fileModeMax)) return [];
  return [invalidValue(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive')];
}

function validateOther(path: string, sources: Omit<Volume, 'name'>): FieldError[] {
  const { hostPath, persistentVolumeClaim, nfs, csi, ephemeral } = sources;
  const errors: FieldError[] = [];
  if (hostPath) {
    errors.push(...requiredText(`${path}.hostPath.path`, hostPath.path));
    if (hostPath.path?.split('/').includes('..')) {
      errors.push(invalidValue(`${path}.hostPath.path`, hostPath.path, "must not contain '..'"));
    }
    errors.push(...oneOf(`${path}.hostPath.type`, hostPath.type, hostPathTypes));
  }
  if (persistentVolumeClaim) {
    const at = `${path}.persistentVolumeClaim.claimName`;
    const claim = persistentVolumeClaim.claimName;
    errors.push(...requiredText(at, claim));
    if (claim?.includes('/')) errors.push(...invalidEach(at, claim, ["may not contain '/'"]));
  }
  if (nfs) {
    errors.push(...requiredText(`${path}.nfs.server`, nfs.server), ...requiredText(`${path}.nfs.path`, nfs.path));
    if (nfs.path && !nfs.path.startsWith('/')) {
      errors.push(invalidValue(`${path}.nfs.path`, nfs.path, 'must be an absolute path'));
    }
  }
  if (csi) errors.push(...requiredText(`${path}.csi.driver`, csi.driver));
  if (ephemeral && !ephemeral.volumeClaimTemplate) errors.push(required(`${path}.ephemeral.volumeClaimTemplate`));
  return errors;
}
