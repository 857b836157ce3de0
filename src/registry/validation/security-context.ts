/** As whom a container runs and what it may do: the parts of security contexts that pods and containers share, and a container's own. */
import { invalidValue, notSupported, required, tooLong } from '../../api/field-error.ts';
import { isUserOrGroupId } from '../../api/names.ts';
import type { AppArmorProfile, SeccompProfile, SecurityContext } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach } from './checks.ts';
import { internalForm } from './internal-form.ts';
import { localPath } from './paths.ts';
import { validateWindowsOptions } from './windows-options.ts';

export function validateSecurityContext(path: string, security: SecurityContext, hostUsers: boolean): FieldError[] {
  const { runAsUser, runAsGroup, procMount, seccompProfile, windowsOptions, appArmorProfile } = security;
  const errors = [...validateId(`${path}.runAsUser`, runAsUser), ...validateId(`${path}.runAsGroup`, runAsGroup)];
  if (procMount !== undefined) errors.push(...validateProcMount(`${path}.procMount`, procMount, hostUsers));
  if (seccompProfile) errors.push(...validateSeccomp(`${path}.seccompProfile`, seccompProfile));
  if (security.allowPrivilegeEscalation === false) errors.push(...validateNoEscalation(path, security));
  if (windowsOptions) errors.push(...validateWindowsOptions(`${path}.windowsOptions`, windowsOptions));
  if (appArmorProfile) errors.push(...validateAppArmor(`${path}.appArmorProfile`, appArmorProfile));
  return errors;
}

export function validateId(path: string, id: number | undefined): FieldError[] {
  return id === undefined ? [] : invalidEach(path, id, isUserOrGroupId(id));
}

const procMounts = ['Default', 'Unmasked'];

function validateProcMount(path: string, mount: string, hostUsers: boolean): FieldError[] {
  if (!procMounts.includes(mount)) return [notSupported(path, mount, procMounts)];
  if (mount !== 'Unmasked' || !hostUsers) return [];
  return [invalidValue(path, mount, '`hostUsers` must be false to use `Unmasked`')];
}

function validateNoEscalation(path: string, security: SecurityContext): FieldError[] {
  const errors: FieldError[] = [];
  const refuse = (what: string): void => {
    errors.push(invalidValue(path, shown(security), `cannot set \`allowPrivilegeEscalation\` to false and ${what}`));
  };
  if (security.privileged) refuse('`privileged` to true');
  if (security.capabilities?.add?.includes('CAP_SYS_ADMIN')) refuse('`capabilities.Add` CAP_SYS_ADMIN');
  return errors;
}

/** In upstream's order; all of them are pointers. */
const securityFields = [
  'capabilities',
  'privileged',
  'seLinuxOptions',
  'windowsOptions',
  'runAsUser',
  'runAsGroup',
  'runAsNonRoot',
  'readOnlyRootFilesystem',
  'allowPrivilegeEscalation',
  'procMount',
  'seccompProfile',
  'appArmorProfile',
] as const;

function shown(security: SecurityContext): object {
  const capabilities = security.capabilities && { add: null, drop: null, ...security.capabilities };
  return internalForm(
    { ...security, capabilities },
    securityFields.map((name) => [name, null]),
  );
}

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];

export function validateSeccomp(path: string, profile: SeccompProfile): FieldError[] {
  const { type, localhostProfile } = profile;
  const errors: FieldError[] = [];
  if (!type) errors.push(required(`${path}.type`, 'type is required when seccompProfile is set'));
  else if (!profileTypes.includes(type)) errors.push(notSupported(`${path}.type`, type, profileTypes));
  const at = `${path}.localhostProfile`;
  if (type === 'Localhost') {
    if (localhostProfile === undefined) errors.push(required(at, 'must be set when seccomp type is Localhost'));
    else errors.push(...localPath(at, localhostProfile));
  } else if (localhostProfile !== undefined) {
    const value = internalForm(profile, [
      ['type', ''],
      ['localhostProfile', null],
    ]);
    errors.push(invalidValue(at, value, 'can only be set when seccomp type is Localhost'));
  }
  return errors;
}

/** The longest path of Linux, without the zero at its end. */
const profileBytesMax = 4095;

export function validateAppArmor(path: string, { type, localhostProfile }: AppArmorProfile): FieldError[] {
  const at = `${path}.localhostProfile`;
  if (!type) return [required(`${path}.type`, 'type is required when appArmorProfile is set')];
  if (!profileTypes.includes(type)) return [notSupported(`${path}.type`, type, profileTypes)];
  if (type === 'Localhost') return validateAppArmorFile(at, localhostProfile);
  if (localhostProfile === undefined) return [];
  return [invalidValue(at, localhostProfile, 'can only be set when AppArmor type is Localhost')];
}

function validateAppArmorFile(path: string, profile: string | undefined): FieldError[] {
  const missing = required(path, 'must be set when AppArmor type is Localhost');
  if (profile === undefined) return [missing];
  const errors: FieldError[] = [];
  if (profile.trim() !== profile) errors.push(invalidValue(path, profile, 'must not be padded with whitespace'));
  else if (profile === '') errors.push(missing);
  if (Buffer.byteLength(profile) > profileBytesMax) errors.push(tooLong(path, profileBytesMax));
  return errors;
}
