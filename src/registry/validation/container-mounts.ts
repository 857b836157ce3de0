/** How a container sees the volumes of its pod: mounted as folders, or as block devices. */
import { forbiddenField, invalidValue, notFoundValue, notSupported, required } from '../../api/field-error.ts';
import type { Container, Volume, VolumeDevice, VolumeMount } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { localPath, noBacksteps } from './paths.ts';

/** The pod's volumes that break no rule, by name. */
export type VolumesByName = ReadonlyMap<string, Volume>;

export function validateMounts(path: string, container: Container, volumes: VolumesByName): FieldError[] {
  const { volumeMounts = [], volumeDevices = [] } = container;
  if (volumeMounts.length === 0 && volumeDevices.length === 0) return [];
  const devices = { names: namesOf(volumeDevices), paths: new Set(volumeDevices.map((each) => each.devicePath ?? '')) };
  const mounts = { names: namesOf(volumeMounts), paths: new Set(volumeMounts.map((each) => each.mountPath ?? '')) };
  const isPrivileged = container.securityContext?.privileged ?? false;
  return [
    ...validateFolders(`${path}.volumeMounts`, volumeMounts, volumes, devices, isPrivileged),
    ...validateDevices(`${path}.volumeDevices`, volumeDevices, volumes, mounts),
  ];
}

const namesOf = (items: readonly { readonly name: string }[]): ReadonlySet<string> =>
  new Set(items.map(({ name }) => name ?? ''));

/** The names and paths that the container's other list has. */
interface Taken {
  readonly names: ReadonlySet<string>;
  readonly paths: ReadonlySet<string>;
}

function validateFolders(
  path: string,
  mounts: readonly Partial<VolumeMount>[],
  volumes: VolumesByName,
  devices: Taken,
  isPrivileged: boolean,
): FieldError[] {
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [index, mount] of mounts.entries()) {
    const { name = '', mountPath = '' } = mount;
    const at = `${path}[${index}]`;
    if (!name) errors.push(required(`${at}.name`));
    if (!volumes.has(name)) errors.push(notFoundValue(`${at}.name`, name));
    if (!mountPath) errors.push(required(`${at}.mountPath`));
    if (seen.has(mountPath)) errors.push(invalidValue(`${at}.mountPath`, mountPath, 'must be unique'));
    seen.add(mountPath);
    errors.push(...overlaps(at, mount, devices), ...validateSubPaths(path, at, mount));
    errors.push(...validatePropagation(`${path}.mountPropagation`, mount.mountPropagation, isPrivileged));
    errors.push(...validateRecursion(`${path}.recursiveReadOnly`, mount));
  }
  return errors;
}

function overlaps(at: string, { name = '', mountPath = '' }: Partial<VolumeMount>, devices: Taken): FieldError[] {
  const errors: FieldError[] = [];
  if (devices.names.has(name)) errors.push(invalidValue(`${at}.name`, name, 'must not already exist in volumeDevices'));
  if (devices.paths.has(mountPath)) {
    errors.push(invalidValue(`${at}.mountPath`, mountPath, 'must not already exist as a path in volumeDevices'));
  }
  return errors;
}

/** Upstream names most of a mount's fields without its index. */
function validateSubPaths(path: string, at: string, { subPath, subPathExpr }: Partial<VolumeMount>): FieldError[] {
  const errors = subPath ? localPath(`${path}.subPath`, subPath) : [];
  if (!subPathExpr) return errors;
  if (subPath) {
    errors.push(invalidValue(`${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
  }
  return [...errors, ...localPath(`${path}.subPathExpr`, subPathExpr)];
}

const propagations = ['Bidirectional', 'HostToContainer', 'None'];

function validatePropagation(path: string, mode: string | undefined, isPrivileged: boolean): FieldError[] {
  if (mode === undefined) return [];
  if (!propagations.includes(mode)) return [notSupported(path, mode, propagations)];
  if (mode !== 'Bidirectional' || isPrivileged) return [];
  return [forbiddenField(path, 'Bidirectional mount propagation is available only to privileged containers')];
}

const recursions = ['Disabled', 'Enabled', 'IfPossible'];

function validateRecursion(path: string, mount: Partial<VolumeMount>): FieldError[] {
  const mode = mount.recursiveReadOnly;
  if (mode === undefined || mode === 'Disabled') return [];
  if (!recursions.includes(mode)) return [notSupported(path, mode, recursions)];
  const errors: FieldError[] = [];
  if (!mount.readOnly) errors.push(forbiddenField(path, 'may only be specified when readOnly is true'));
  if ((mount.mountPropagation ?? 'None') !== 'None') {
    errors.push(forbiddenField(path, 'may only be specified when mountPropagation is None or not specified'));
  }
  return errors;
}

function validateDevices(
  path: string,
  devices: readonly VolumeDevice[],
  volumes: VolumesByName,
  mounts: Taken,
): FieldError[] {
  const names = new Set<string>();
  const paths = new Set<string>();
  const errors: FieldError[] = [];
  for (const [index, { name = '', devicePath = '' }] of devices.entries()) {
    const at = `${path}[${index}]`;
    errors.push(...validateDeviceName(`${at}.name`, name, volumes, names));
    errors.push(...validateDevicePath(`${at}.devicePath`, devicePath, paths));
    if (mounts.names.has(name)) errors.push(invalidValue(`${at}.name`, name, 'must not already exist in volumeMounts'));
    if (mounts.paths.has(devicePath)) {
      errors.push(invalidValue(`${at}.devicePath`, devicePath, 'must not already exist as a path in volumeMounts'));
    }
  }
  return errors;
}

function validateDeviceName(path: string, name: string, volumes: VolumesByName, seen: Set<string>): FieldError[] {
  const errors = name ? [] : [required(path)];
  if (seen.has(name)) errors.push(invalidValue(path, name, 'must be unique'));
  const volume = volumes.get(name);
  if (volume === undefined) errors.push(notFoundValue(path, name));
  else if (!volume.persistentVolumeClaim && !volume.ephemeral) {
    const detail = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
    errors.push(invalidValue(path, name, detail));
  }
  if (name) seen.add(name);
  return errors;
}

function validateDevicePath(path: string, devicePath: string, seen: Set<string>): FieldError[] {
  const errors = devicePath ? [] : [required(path)];
  if (seen.has(devicePath)) errors.push(invalidValue(path, devicePath, 'must be unique'));
  if (noBacksteps(path, devicePath).length > 0) {
    errors.push(invalidValue(path, devicePath, "can not contain backsteps ('..')"));
  } else seen.add(devicePath);
  return errors;
}
