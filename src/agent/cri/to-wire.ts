/** From the agent's words (`runtime.ts`) to the CRI's. Pure. */
import type { ContainerConfig, PodIdentity, ResourceLimits, SandboxConfig, SeccompProfile } from '../runtime.ts';
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
        ...(config.runAsUser !== undefined && { run_as_user: { value: config.runAsUser } }),
        ...(config.runAsGroup !== undefined && { run_as_group: { value: config.runAsGroup } }),
        ...(config.supplementalGroups && { supplemental_groups: config.supplementalGroups }),
        seccomp: profile(config.privileged ? 'unconfined' : (config.seccomp ?? 'runtime-default')),
      },
      ...(config.overhead && { overhead: linuxResources(config.overhead) }),
      ...(config.resources && { resources: linuxResources(config.resources) }),
    },
  };
}

function namespaces(config: SandboxConfig, targetContainerId?: string): wire.NamespaceOption {
  const shared = {
    network: config.hostNetwork ? 'NODE' : 'POD',
    ipc: config.hostIpc ? 'NODE' : 'POD',
    ...(config.userNamespace && { userns_options: userNamespace(config.userNamespace) }),
  } as const;
  if (config.hostPid) return { ...shared, pid: 'NODE' };
  if (config.shareProcessNamespace) return { ...shared, pid: 'POD' };
  if (targetContainerId !== undefined) return { ...shared, pid: 'TARGET', target_id: targetContainerId };
  return { ...shared, pid: 'CONTAINER' };
}

function userNamespace({ hostId, containerId, length }: NonNullable<SandboxConfig['userNamespace']>) {
  const mapping = [{ host_id: hostId, container_id: containerId, length }];
  return { mode: 'POD', uids: mapping, gids: mapping } as const;
}

/** Of seccomp and of AppArmor. */
function profile(which: SeccompProfile): wire.SecurityProfile {
  if (typeof which === 'object') return { profile_type: 'Localhost', localhost_ref: which.localhost };
  return { profile_type: which === 'unconfined' ? 'Unconfined' : 'RuntimeDefault' };
}

export function linuxResources(limits: ResourceLimits): wire.LinuxContainerResources {
  const { memorySwapLimitBytes, cpusetCpus, cpusetMems, hugepageLimits, unified } = limits;
  return {
    cpu_period: limits.cpuPeriodUs,
    cpu_quota: limits.cpuQuotaUs,
    cpu_shares: limits.cpuShares,
    memory_limit_in_bytes: limits.memoryLimitBytes,
    oom_score_adj: limits.oomScoreAdj,
    ...(memorySwapLimitBytes !== undefined && { memory_swap_limit_in_bytes: memorySwapLimitBytes }),
    ...(cpusetCpus !== undefined && { cpuset_cpus: cpusetCpus }),
    ...(cpusetMems !== undefined && { cpuset_mems: cpusetMems }),
    ...(hugepageLimits && {
      hugepage_limits: hugepageLimits.map(({ pageSize, limitBytes }) => ({ page_size: pageSize, limit: limitBytes })),
    }),
    ...(unified && { unified }),
  };
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
      ...(mount.recursiveReadOnly && { recursive_read_only: true }),
    })),
    devices: (config.devices ?? []).map(({ hostPath, containerPath, permissions }) => ({
      host_path: hostPath,
      container_path: containerPath,
      permissions,
    })),
    CDI_devices: (config.cdiDevices ?? []).map((name) => ({ name })),
    labels: { ...config.labels, ...podLabels(sandbox.pod), [labelKeys.containerName]: config.name },
    annotations: config.annotations,
    log_path: config.logPath,
    stdin: config.stdin,
    stdin_once: config.stdinOnce,
    tty: config.tty,
    linux: {
      resources: linuxResources(config.resources),
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
    seccomp: profile(security.privileged ? 'unconfined' : security.seccomp),
    ...(security.appArmor !== undefined && { apparmor: profile(security.appArmor) }),
    ...(security.supplementalGroupsPolicy === 'strict' && { supplemental_groups_policy: 'Strict' as const }),
  };
}
