/** From a pod to the configuration of its sandbox. Pure, but for the host's resolver file, which is given. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { PodIdentity, SandboxConfig } from '../runtime.ts';
import { allContainers } from './containers.ts';
import { type DnsFacts, podDns } from './dns.ts';
import { sandboxHostname } from './hostname.ts';
import { podGroups } from './security/security-config.ts';
import { dottedName } from './security/sysctls.ts';

export interface SandboxFacts extends DnsFacts {
  readonly attempt: number;
  /** The node's folder for logs of pods. */
  readonly podLogs: string;
  readonly cgroupParent: string;
}

/** @throws Error where the pod wants a name that Linux does not take */
export function sandboxConfig(pod: Pod, identity: PodIdentity, facts: SandboxFacts): SandboxConfig {
  const { spec } = pod;
  const hostNetwork = spec?.hostNetwork ?? false;
  const { sysctls = [], runAsUser, runAsGroup } = spec?.securityContext ?? {};
  const supplementalGroups = podGroups(pod);
  return {
    pod: identity,
    attempt: facts.attempt,
    // The host's network comes with the host's name.
    hostname: hostNetwork ? '' : sandboxHostname(pod, facts.clusterDns?.domain ?? 'cluster.local'),
    hostNetwork,
    hostPid: spec?.hostPID ?? false,
    hostIpc: spec?.hostIPC ?? false,
    shareProcessNamespace: spec?.shareProcessNamespace ?? false,
    logDirectory: podLogFolder(facts.podLogs, identity),
    cgroupParent: facts.cgroupParent,
    dns: podDns(pod, facts),
    annotations: pod.metadata?.annotations ?? {},
    labels: pod.metadata?.labels ?? {},
    privileged: allContainers(pod).some(({ securityContext }) => securityContext?.privileged === true),
    ...(sysctls.length > 0 && {
      sysctls: Object.fromEntries(sysctls.map(({ name, value }) => [dottedName(name), value])),
    }),
    ...(runAsUser !== undefined && { runAsUser }),
    ...(runAsUser !== undefined && runAsGroup !== undefined && { runAsGroup }),
    ...(supplementalGroups.length > 0 && { supplementalGroups }),
  };
}

/** As upstream lays them out, so that log collectors find namespace, name and uid in the path. */
export function podLogFolder(podLogs: string, { namespace, name, uid }: PodIdentity): string {
  return `${podLogs}/${namespace}_${name}_${uid}`;
}

/** None where the folder was not made for a pod. */
export function podOfLogFolder(folder: string): readonly PodIdentity[] {
  const [namespace, name, uid, ...more] = folder.split('_');
  return namespace && name && uid && more.length === 0 ? [{ namespace, name, uid }] : [];
}
