/**
 * Which kernel parameters a pod may set: those that the kernel keeps apart for each pod and that harm no other (the safe ones), and those that
 * the node's configuration allows. Others are refused, and so are those of a namespace that the pod shares with the host.
 */
import type { Pod, Sysctl } from '../../../api/schema/types/core-v1.ts';
import type { PodHook, Refusal } from '../pod-hook.ts';

type Namespace = 'ipc' | 'net';

/** What the kernel keeps apart, by the beginning of the name. */
const namespaced: readonly (readonly [prefix: string, namespace: Namespace])[] = [
  ['kernel.sem', 'ipc'],
  ['kernel.shm', 'ipc'],
  ['kernel.msg', 'ipc'],
  ['fs.mqueue.', 'ipc'],
  ['net.', 'net'],
];

/** With the kernel (major, minor) that knows them first. */
const safe: readonly (readonly [name: string, kernel: readonly [number, number]])[] = [
  ['kernel.shm_rmid_forced', [0, 0]],
  ['net.ipv4.ip_local_port_range', [0, 0]],
  ['net.ipv4.tcp_syncookies', [0, 0]],
  ['net.ipv4.ping_group_range', [0, 0]],
  ['net.ipv4.ip_unprivileged_port_start', [0, 0]],
  ['net.ipv4.ip_local_reserved_ports', [3, 16]],
  ['net.ipv4.tcp_keepalive_time', [4, 5]],
  ['net.ipv4.tcp_keepalive_intvl', [4, 5]],
  ['net.ipv4.tcp_keepalive_probes', [4, 5]],
  ['net.ipv4.tcp_fin_timeout', [4, 6]],
  ['net.ipv4.tcp_rmem', [4, 15]],
  ['net.ipv4.tcp_wmem', [4, 15]],
];

export interface SysctlOptions {
  /** `6.1.0-18-amd64`; what is no version knows all safe ones. */
  readonly kernelVersion: string;
  /** Names, or `kernel.msg*`. */
  readonly allowedUnsafe: readonly string[];
}

/** @throws Error naming what is allowed and cannot be: the kernel has it only once for the whole machine */
export function sysctlRules({ kernelVersion, allowedUnsafe }: SysctlOptions): PodHook {
  const known = safe.filter(([, kernel]) => isAtLeast(kernelVersion, kernel)).map(([name]) => name);
  const patterns = [...known, ...allowedUnsafe.map(checkedPattern)];
  return {
    name: 'sysctls',
    admit(pod) {
      const sysctls = pod.spec?.securityContext?.sysctls;
      return sysctls === undefined ? undefined : refusalOf(pod, sysctls, patterns);
    },
  };
}

/** Slashes separate as dots do: `net/ipv4/conf/eth0.1/forwarding` is the form for names that have dots in them. */
export function dottedName(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  if (separator !== '/') return name;
  return name.replaceAll(/[./]/g, (character) => (character === '/' ? '.' : '/'));
}

function refusalOf({ spec }: Pod, sysctls: readonly Sysctl[], patterns: readonly string[]): Refusal | undefined {
  for (const sysctl of sysctls) {
    const name = dottedName(sysctl.name ?? '');
    const problem = problemOf(name, patterns, { ipc: spec?.hostIPC === true, net: spec?.hostNetwork === true });
    if (problem !== undefined) return { reason: 'SysctlForbidden', message: `forbidden sysctl: "${name}" ${problem}` };
  }
  return undefined;
}

function problemOf(
  name: string,
  patterns: readonly string[],
  isHosts: Readonly<Record<Namespace, boolean>>,
): string | undefined {
  const isAllowed = patterns.some((pattern) =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
  );
  if (!isAllowed) return 'not allowlisted';
  const namespace = namespaceOf(name);
  return namespace !== undefined && isHosts[namespace] ? `not allowed with host ${namespace} enabled` : undefined;
}

function namespaceOf(name: string): Namespace | undefined {
  return namespaced.find(([prefix]) => name.startsWith(prefix))?.[1];
}

function checkedPattern(text: string): string {
  const name = dottedName(text);
  if (namespaceOf(name.replace(/\*$/, '')) !== undefined) return name;
  throw new Error(
    `allowedUnsafeSysctls: the sysctl "${text}" is not known to be namespaced: a pod that set it would set it for the whole machine; leave it out`,
  );
}

function isAtLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const match = /^(\d+)\.(\d+)/.exec(version);
  if (match === null) return true;
  const [ownMajor, ownMinor] = [Number(match[1]), Number(match[2])];
  return ownMajor > major || (ownMajor === major && ownMinor >= minor);
}
