/** From the agent's words (`runtime.ts`) to the CRI's. Pure. */
import type { ContainerConfig, PodIdentity, SandboxConfig } from '../runtime.ts';
import type * as wire from './messages.ts';

/** The labels by which kubelet marks its own; crictl and log collectors read them, too. */
export const labelKeys = {
  podName: 'io.kubernetes.pod.name',
  podNamespace: 'io.kubernetes.pod.namespace',
  podUid: 'io.kubernetes.pod.uid',
  containerName: 'io.kubernetes.container.name',
} as const;

/**
 * What an unprivileged container must not see, and not write. A runtime masks nothing by itself: without these lists root in
 * a container writes the machine's own kernel parameters. Paths that a kernel lacks do no harm.
 */
const maskedPaths: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
const readOnlyPaths: readonly string[] = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

function podLabels(pod: PodIdentity): Record<string, string> {
  return { [labelKeys.podName]: pod.name, [labelKeys.podNamespace]: pod.namespace, [labelKeys.podUid]: pod.uid };
}

export function podSandboxConfig(config: SandboxConfig): wire.PodSandboxConfig {
  return {
    metadata: {
      name: config.pod.name,
      uid: config.pod.uid,
      namespace: config.pod.namespace,
      attempt: config.attempt,
    },
    // A pod on the host's network has the host's name, and runtimes refuse another.
    hostname: config.hostNetwork ? '' : config.hostname,
    log_directory: config.logDirectory,
    dns_config: config.dns,
    labels: { ...config.labels, ...podLabels(config.pod) },
    annotations: config.annotations,
    linux: {
      cgroup_parent: config.cgroupParent,
      sysctls: config.sysctls ?? {},
      security_context: {
        namespace_options: namespaces(config),
        privileged: config.privileged,
        seccomp: { profile_type: config.privileged ? 'Unconfined' : 'RuntimeDefault' },
      },
    },
  };
}

function namespaces(config: SandboxConfig, targetContainerId?: string): wire.NamespaceOption {
  const shared = {
    network: config.hostNetwork ? 'NODE' : 'POD',
    ipc: config.hostIpc ? 'NODE' : 'POD',
  } as const;
  if (config.hostPid) return { ...shared, pid: 'NODE' };
  if (config.shareProcessNamespace) return { ...shared, pid: 'POD' };
  if (targetContainerId !== undefined) return { ...shared, pid: 'TARGET', target_id: targetContainerId };
  return { ...shared, pid: 'CONTAINER' };
}

export function containerConfig(config: ContainerConfig, sandbox: SandboxConfig): wire.ContainerConfig {
  return {
    metadata: { name: config.name, attempt: config.attempt },
    image: { image: config.imageId, user_specified_image: config.image },
    command: config.command,
    args: config.args,
    working_dir: config.workingDirectory,
    envs: config.env.map(({ name, value }) => ({ key: name, value })),
    mounts: config.mounts.map((mount) => ({
      container_path: mount.containerPath,
      host_path: mount.hostPath,
      readonly: mount.readOnly,
      propagation: propagation[mount.propagation ?? 'private'],
    })),
    labels: { ...config.labels, ...podLabels(sandbox.pod), [labelKeys.containerName]: config.name },
    annotations: config.annotations,
    log_path: config.logPath,
    stdin: config.stdin,
    stdin_once: config.stdinOnce,
    tty: config.tty,
    linux: {
      resources: {
        cpu_period: config.resources.cpuPeriodUs,
        cpu_quota: config.resources.cpuQuotaUs,
        cpu_shares: config.resources.cpuShares,
        memory_limit_in_bytes: config.resources.memoryLimitBytes,
        oom_score_adj: config.resources.oomScoreAdj,
      },
      security_context: securityContext(config, sandbox),
    },
  };
}

const propagation = {
  private: 'PROPAGATION_PRIVATE',
  'host-to-container': 'PROPAGATION_HOST_TO_CONTAINER',
  bidirectional: 'PROPAGATION_BIDIRECTIONAL',
} as const;

function securityContext(config: ContainerConfig, sandbox: SandboxConfig): wire.LinuxContainerSecurityContext {
  const security = config.security;
  const open = security.privileged || security.procMount === 'unmasked';
  return {
    capabilities: { add_capabilities: security.addCapabilities, drop_capabilities: security.dropCapabilities },
    privileged: security.privileged,
    namespace_options: namespaces(sandbox, config.targetContainerId),
    ...(security.runAsUser === undefined ? {} : { run_as_user: { value: security.runAsUser } }),
    ...(security.runAsGroup === undefined ? {} : { run_as_group: { value: security.runAsGroup } }),
    readonly_rootfs: security.readOnlyRootFilesystem,
    supplemental_groups: security.supplementalGroups,
    no_new_privs: security.noNewPrivileges,
    masked_paths: open ? [] : maskedPaths,
    readonly_paths: open ? [] : readOnlyPaths,
    seccomp: {
      profile_type: security.privileged || security.seccomp === 'unconfined' ? 'Unconfined' : 'RuntimeDefault',
    },
  };
}
