/**
 * Seccomp and AppArmor profiles of containers. Seccomp profiles of type Localhost are files in the node's folder, or where kubelets keep
 * theirs, so that tools that install profiles there work here, too.
 *
 * Where the machine has no AppArmor, a pod that asks for a profile is refused, and nothing is said of AppArmor to the runtime: runtimes refuse
 * even `Unconfined` there.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { AppArmorProfile as ApiAppArmor, Container, Pod } from '../../../api/schema/types/core-v1.ts';
import type { AppArmorProfile, SeccompProfile } from '../../runtime.ts';
import { ConfigError } from '../config-error.ts';
import { allContainers } from '../containers.ts';
import type { PodHook } from '../pod-hook.ts';

export interface ProfileOptions {
  /** The first that has the file is taken; the first of all where none has it: the runtime says then what is missing. */
  readonly seccompFolders: readonly string[];
  /** Containers that name no profile get the runtime's. */
  readonly seccompDefault: boolean;
  /** The machine enforces AppArmor. */
  readonly appArmor: boolean;
}

/** Where upstream's kubelet has its own. */
export const kubeletSeccompFolder = '/var/lib/kubelet/seccomp';
const annotationPrefix = 'container.apparmor.security.beta.kubernetes.io/';

export function securityProfiles(options: ProfileOptions): PodHook {
  return {
    name: 'security profiles',
    admit(pod) {
      // What runs already was admitted by this node once.
      if (options.appArmor || pod.status?.startTime !== undefined || !wantsAppArmor(pod)) return undefined;
      return { reason: 'AppArmor', message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host' };
    },
    container(config, { pod, container }) {
      const seccomp = seccompOf(pod, container, options);
      const appArmor = options.appArmor ? appArmorOf(pod, container) : undefined;
      if (seccomp === config.security.seccomp && appArmor === undefined) return config;
      return { ...config, security: { ...config.security, seccomp, ...(appArmor !== undefined && { appArmor }) } };
    },
  };
}

export function seccompOf(pod: Pod, container: Container, options: ProfileOptions): SeccompProfile {
  const profile = container.securityContext?.seccompProfile ?? pod.spec?.securityContext?.seccompProfile;
  if (profile === undefined) return options.seccompDefault ? 'runtime-default' : 'unconfined';
  if (profile.type === 'Localhost') {
    return { localhost: seccompFile(profile.localhostProfile ?? '', options.seccompFolders) };
  }
  return profile.type === 'RuntimeDefault' ? 'runtime-default' : 'unconfined';
}

/** The API refuses paths that lead out of the folder; a manifest on this machine may not have passed it. */
function seccompFile(name: string, folders: readonly string[]): string {
  if (name === '') throw new ConfigError('localhostProfile must be set if seccompProfile type is Localhost.');
  if (path.isAbsolute(name) || name.split('/').includes('..')) {
    throw new ConfigError(`localhostProfile "${name}" must be a path below the node's folder of profiles`);
  }
  const files = folders.map((folder) => path.join(folder, name));
  return files.find((file) => existsSync(file)) ?? files[0] ?? name;
}

export function wantsAppArmor(pod: Pod): boolean {
  return allContainers(pod).some((container) => {
    const profile = profileOf(pod, container);
    return profile !== undefined && profile.type !== 'Unconfined';
  });
}

function appArmorOf(pod: Pod, container: Container): AppArmorProfile | undefined {
  const profile = profileOf(pod, container);
  if (profile === undefined) return undefined;
  if (profile.type === 'Localhost') return { localhost: (profile.localhostProfile ?? '').trim() };
  return profile.type === 'RuntimeDefault' ? 'runtime-default' : 'unconfined';
}

/** The container's, the annotation from before there were fields, the pod's. */
function profileOf(pod: Pod, { name, securityContext }: Container): ApiAppArmor | undefined {
  const annotated = pod.metadata?.annotations?.[`${annotationPrefix}${name}`];
  return securityContext?.appArmorProfile ?? fromAnnotation(annotated) ?? pod.spec?.securityContext?.appArmorProfile;
}

function fromAnnotation(value: string | undefined): ApiAppArmor | undefined {
  if (value === 'runtime/default') return { type: 'RuntimeDefault' };
  if (value === 'unconfined') return { type: 'Unconfined' };
  const name = value?.startsWith('localhost/') ? value.slice('localhost/'.length) : '';
  return name === '' ? undefined : { type: 'Localhost', localhostProfile: name };
}
