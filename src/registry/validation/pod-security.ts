/** As whom a pod's containers run where they do not say themselves, and what of the node's they share. */
import { duplicate, forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import type { PodSecurityContext, PodSpec, Sysctl } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { forEachContainer } from './pod-containers.ts';
import type { PodOptions } from './pod-options.ts';
import { validateAppArmor, validateId, validateSeccomp } from './security-context.ts';
import { validateWindowsOptions } from './windows-options.ts';

const groupChangePolicies = ['Always', 'OnRootMismatch'];
const supplementalPolicies = ['Merge', 'Strict'];
/** Others come with SELinuxMount, which 1.36 has switched off. */
const labelChangePolicies = ['Recursive'];
const toleratedLabelPolicies = ['MountOption', 'Recursive'];

export function validatePodSecurity(path: string, spec: PodSpec, options: PodOptions): FieldError[] {
  const security = spec.securityContext ?? {};
  const at = `${path}.securityContext`;
  const { seccompProfile, windowsOptions, appArmorProfile, sysctls } = security;
  const errors = validateIds(at, security);
  if (spec.hostPID && spec.shareProcessNamespace) {
    const detail = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalidValue(`${at}.shareProcessNamespace`, true, detail));
  }
  if (sysctls) errors.push(...validateSysctls(`${at}.sysctls`, sysctls, spec, options));
  errors.push(...known(`${at}.fsGroupChangePolicy`, security.fsGroupChangePolicy, groupChangePolicies));
  if (seccompProfile) errors.push(...validateSeccomp(`${at}.seccompProfile`, seccompProfile));
  if (windowsOptions) errors.push(...validateWindowsOptions(`${at}.windowsOptions`, windowsOptions));
  if (appArmorProfile) errors.push(...validateAppArmor(`${at}.appArmorProfile`, appArmorProfile));
  errors.push(...known(`${at}.supplementalGroupsPolicy`, security.supplementalGroupsPolicy, supplementalPolicies));
  const policies = options.tolerated.has('SELinux policies') ? toleratedLabelPolicies : labelChangePolicies;
  return [...errors, ...known(`${at}.seLinuxChangePolicy`, security.seLinuxChangePolicy, policies)];
}

function known(path: string, value: string | undefined, values: readonly string[]): FieldError[] {
  return value === undefined || values.includes(value) ? [] : [notSupported(path, value, values)];
}

function validateIds(path: string, security: PodSecurityContext): FieldError[] {
  const errors = [
    ...validateId(`${path}.fsGroup`, security.fsGroup),
    ...validateId(`${path}.runAsUser`, security.runAsUser),
    ...validateId(`${path}.runAsGroup`, security.runAsGroup),
  ];
  for (const [index, group] of (security.supplementalGroups ?? []).entries()) {
    errors.push(...validateId(`${path}.supplementalGroups[${index}]`, group));
  }
  return errors;
}

const sysctlCharactersMax = 253;
/** In upstream's form, which its error shows. */
const sysctlPattern = String.raw`^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$`;

function validateSysctls(path: string, sysctls: readonly Sysctl[], spec: PodSpec, options: PodOptions): FieldError[] {
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [index, { name = '' }] of sysctls.entries()) {
    const at = `${path}[${index}].name`;
    if (!name) errors.push(required(at));
    else if (!isSysctl(name)) {
      const detail = `must have at most ${sysctlCharactersMax} characters and match regex ${sysctlPattern}`;
      errors.push(invalidValue(at, name, detail));
    } else if (seen.has(name)) errors.push(duplicate(at, name));
    if (!options.tolerated.has('host sysctls')) errors.push(...validateNamespaceOf(at, name, spec));
    seen.add(name);
  }
  return errors;
}

/** Segment by segment: the pattern as a whole would take exponentially long for some names. */
function isSysctl(name: string): boolean {
  if (name.length > sysctlCharactersMax) return false;
  return name.split(/[./]/).every((segment) => /^[a-z0-9][-_a-z0-9]*$/.test(segment) && /[a-z0-9]$/.test(segment));
}

/** What belongs to the node's own network or IPC is not a pod's to set. */
function validateNamespaceOf(path: string, name: string, spec: PodSpec): FieldError[] {
  if (name === '') return [];
  const plain = dotted(name);
  if (spec.hostNetwork && plain.startsWith('net.')) {
    return [invalidValue(path, name, "may not be specified when 'hostNetwork' is true")];
  }
  const isIpc = plain === 'kernel.sem' || /^(kernel\.shm|kernel\.msg|fs\.mqueue\.)/.test(plain);
  if (!spec.hostIPC || !isIpc) return [];
  return [invalidValue(path, name, "may not be specified when 'hostIPC' is true")];
}

/** Whichever separator comes first separates; then the other stands for a dot within a name. */
function dotted(name: string): string {
  const first = name.search(/[./]/);
  if (first < 0 || name[first] === '.') return name;
  return name.replace(/[./]/g, (separator) => (separator === '/' ? '.' : '/'));
}

/** A pod with user ids of its own cannot share the node's other namespaces. */
export function validateHostUsers(path: string, spec: PodSpec, { tolerated }: PodOptions): FieldError[] {
  if (spec.hostUsers !== false) return [];
  const detail = 'when `hostUsers` is false';
  const errors: FieldError[] = [];
  if (spec.hostNetwork) errors.push(forbiddenField(`${path}.hostNetwork`, detail));
  if (spec.hostPID) errors.push(forbiddenField(`${path}.HostPID`, detail));
  if (spec.hostIPC) errors.push(forbiddenField(`${path}.HostIPC`, detail));
  if (tolerated.has('block devices')) return errors;
  forEachContainer(path, spec, ({ volumeDevices }, at) => {
    if (volumeDevices?.length) errors.push(forbiddenField(`${at}.volumeDevices`, detail));
  });
  return errors;
}
