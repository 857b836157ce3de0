/** Fields that mean something on one system only, and containers of Windows that run as processes of the node. */
import { forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import type { PodSpec } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { forEachContainer } from './pod-containers.ts';

const systems = ['linux', 'windows'];

export function validateOs(path: string, spec: PodSpec): FieldError[] {
  if (spec.os === undefined) return [];
  const { name } = spec.os;
  if (!name) return [required(`${path}.os.name`)];
  if (name === 'linux') return validateLinux(path, spec);
  return name === 'windows' ? validateWindows(path, spec) : [notSupported(`${path}.os`, name, systems)];
}

function validateLinux(path: string, spec: PodSpec): FieldError[] {
  const refuse = (at: string): FieldError =>
    forbiddenField(`${at}.securityContext.windowsOptions`, 'windows options cannot be set for a linux pod');
  const errors = spec.securityContext?.windowsOptions ? [refuse(path)] : [];
  forEachContainer(path, spec, ({ securityContext }, at) => {
    if (securityContext?.windowsOptions) errors.push(refuse(at));
  });
  return errors;
}

/** In upstream's order. Those of the spec itself among those of its security context. */
const linuxPodFields = [
  'securityContext.appArmorProfile',
  'securityContext.seLinuxOptions',
  'hostUsers',
  'hostPID',
  'hostIPC',
  'securityContext.seccompProfile',
  'securityContext.fsGroup',
  'securityContext.fsGroupChangePolicy',
  'securityContext.sysctls',
  'shareProcessNamespace',
  'securityContext.runAsUser',
  'securityContext.runAsGroup',
  'securityContext.supplementalGroups',
  'securityContext.supplementalGroupsPolicy',
  'securityContext.seLinuxChangePolicy',
];

const linuxContainerFields = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
];

function validateWindows(path: string, spec: PodSpec): FieldError[] {
  const given = (field: string): boolean => {
    const [name = '', inner] = field.split('.');
    const value = (spec as unknown as Record<string, unknown>)[name];
    return (inner === undefined ? value : (value as Record<string, unknown> | undefined)?.[inner]) !== undefined;
  };
  const refuse = (at: string): FieldError => forbiddenField(at, 'cannot be set for a windows pod');
  const errors = linuxPodFields.filter(given).map((field) => refuse(`${path}.${field}`));
  forEachContainer(path, spec, ({ securityContext }, at) => {
    for (const field of linuxContainerFields) {
      const value = (securityContext as Record<string, unknown> | undefined)?.[field];
      if (value !== undefined) errors.push(refuse(`${at}.securityContext.${field}`));
    }
  });
  return errors;
}

/** All of a pod's containers are processes of the node, or none. */
export function validateHostProcesses(path: string, spec: PodSpec): FieldError[] {
  const ofPod = spec.securityContext?.windowsOptions?.hostProcess;
  const errors: FieldError[] = [];
  let containers = 0;
  let onHost = 0;
  forEachContainer(path, spec, ({ securityContext }, at) => {
    const own = securityContext?.windowsOptions?.hostProcess;
    containers++;
    if (own ?? ofPod) onHost++;
    if (ofPod === undefined || own === undefined || ofPod === own) return;
    const detail = `pod hostProcess value must be identical if both are specified, was ${ofPod}`;
    errors.push(invalidValue(`${at}.securityContext.windowsOptions.hostProcess`, own, detail));
  });
  if (onHost === 0) return errors;
  if (onHost !== containers) {
    const detail = 'If pod contains any hostProcess containers then all containers must be HostProcess containers';
    errors.push(invalidValue(path, '', detail));
  }
  if (!spec.hostNetwork) {
    const detail = 'hostNetwork must be true if pod contains any hostProcess containers';
    errors.push(invalidValue(`${path}.hostNetwork`, false, detail));
  }
  return errors;
}
