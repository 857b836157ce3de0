/** Paths within a container's file system or a volume, as pods name them. */
import { invalidValue, notSupported, required } from '../../api/field-error.ts';
import type { HostPathVolumeSource } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';

export function noBacksteps(path: string, value: string): FieldError[] {
  return value.includes('..') && value.split('/').includes('..')
    ? [invalidValue(path, value, "must not contain '..'")]
    : [];
}

/** A path that stays below the folder it starts from. */
export function localPath(path: string, value: string): FieldError[] {
  const absolute = value.startsWith('/') ? [invalidValue(path, value, 'must be a relative path')] : [];
  return [...absolute, ...noBacksteps(path, value)];
}

/** Names that begin with two dots are the node's own, for files that it swaps as a whole. */
export function localFile(path: string, value: string): FieldError[] {
  const errors = localPath(path, value);
  if (value.startsWith('..') && !value.startsWith('../')) {
    errors.push(invalidValue(path, value, "must not start with '..'"));
  }
  return errors;
}

/** Permissions of a file. */
export function fileMode(path: string, mode: number | undefined): FieldError[] {
  if (mode === undefined || (mode >= 0 && mode <= fileModeMax)) return [];
  return [invalidValue(path, mode, 'must be a number between 0 and 0777 (octal), both inclusive')];
}

const fileModeMax = 0o777;

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

/** A folder or file of the node itself, as pods and PersistentVolumes name it. */
export function validateHostPath(path: string, { path: folder, type }: Partial<HostPathVolumeSource>): FieldError[] {
  if (!folder) return [required(`${path}.path`)];
  const errors = noBacksteps(`${path}.path`, folder);
  if (type !== undefined && !hostPathTypes.includes(type)) {
    errors.push(notSupported(`${path}.type`, type, hostPathTypes));
  }
  return errors;
}
