/**
 * The Pod Security Standards as a table: each check, its level, and from which version of Kubernetes it says what. Pure.
 *
 * A version's policy is, of each check, the row with the highest `since` up to that version; `restricted` takes all of `baseline` but what
 * its own checks stand in for. A newer version than any that changed something is as that one. Checks are reported by level, then by
 * name: the table is in that order.
 */
import {
  appArmorProfile,
  capabilitiesBaseline,
  hostNamespaces,
  hostPathVolumes,
  hostPorts,
  hostProbesAndHostLifecycle,
  privileged,
  procMount,
  seccompAnnotations,
  seccompProfileBaseline,
  seLinuxOptions,
  sysctls,
  windowsHostProcess,
} from './baseline-checks.ts';
import type { LevelVersion } from './policy.ts';
import {
  allowPrivilegeEscalation,
  capabilitiesRestricted,
  restrictedVolumes,
  runAsNonRoot,
  runAsUser,
  seccompProfileRestricted,
  unlessUserNamespace,
  unlessWindows,
} from './restricted-checks.ts';
import type { CheckPod, Subject, Violation } from './subject.ts';

/** From which minor version of Kubernetes 1 on. */
type Since = readonly [since: number, check: CheckPod];

export interface Check {
  readonly id: string;
  /** Ascending. */
  readonly versions: readonly Since[];
  /** The check of `baseline` that is left out where this one is there. */
  readonly instead?: string;
}

const seLinuxTypes0 = ['container_t', 'container_init_t', 'container_kvm_t'];
const seLinuxTypes31 = [...seLinuxTypes0, 'container_engine_t'];

const sysctls0 = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
];
const sysctls27 = [...sysctls0, 'net.ipv4.ip_local_reserved_ports'];
const sysctls29 = [
  ...sysctls27,
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
];
const sysctls32 = [...sysctls29, 'net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem'];

export const baselineChecks: readonly Check[] = [
  { id: 'appArmorProfile', versions: [[0, appArmorProfile]] },
  { id: 'capabilities_baseline', versions: [[0, capabilitiesBaseline]] },
  { id: 'hostNamespaces', versions: [[0, hostNamespaces]] },
  { id: 'hostPathVolumes', versions: [[0, hostPathVolumes]] },
  { id: 'hostPorts', versions: [[0, hostPorts]] },
  { id: 'hostProbesAndHostLifecycle', versions: [[34, hostProbesAndHostLifecycle]] },
  { id: 'privileged', versions: [[0, privileged]] },
  {
    id: 'procMount',
    versions: [
      [0, procMount],
      [35, unlessUserNamespace(procMount)],
    ],
  },
  {
    id: 'seLinuxOptions',
    versions: [
      [0, seLinuxOptions(seLinuxTypes0)],
      [31, seLinuxOptions(seLinuxTypes31)],
    ],
  },
  {
    id: 'seccompProfile_baseline',
    versions: [
      [0, seccompAnnotations],
      [19, seccompProfileBaseline],
    ],
  },
  {
    id: 'sysctls',
    versions: [
      [0, sysctls(sysctls0)],
      [27, sysctls(sysctls27)],
      [29, sysctls(sysctls29)],
      [32, sysctls(sysctls32)],
    ],
  },
  { id: 'windowsHostProcess', versions: [[0, windowsHostProcess]] },
];

export const restrictedChecks: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    versions: [
      [8, allowPrivilegeEscalation],
      [25, unlessWindows(allowPrivilegeEscalation)],
    ],
  },
  {
    id: 'capabilities_restricted',
    instead: 'capabilities_baseline',
    versions: [
      [22, capabilitiesRestricted],
      [25, unlessWindows(capabilitiesRestricted)],
    ],
  },
  { id: 'procMount_restricted', instead: 'procMount', versions: [[35, procMount]] },
  { id: 'restrictedVolumes', instead: 'hostPathVolumes', versions: [[0, restrictedVolumes]] },
  {
    id: 'runAsNonRoot',
    versions: [
      [0, runAsNonRoot],
      [35, unlessUserNamespace(runAsNonRoot)],
    ],
  },
  {
    id: 'runAsUser',
    versions: [
      [23, runAsUser],
      [35, unlessUserNamespace(runAsUser)],
    ],
  },
  {
    id: 'seccompProfile_restricted',
    instead: 'seccompProfile_baseline',
    versions: [
      [19, seccompProfileRestricted],
      [25, unlessWindows(seccompProfileRestricted)],
    ],
  },
];

/** The last version that changed something. */
const newest = Math.max(
  ...[...baselineChecks, ...restrictedChecks].flatMap(({ versions }) => versions.map(([since]) => since)),
);

/** By level and version, made when first asked for; never more than two levels times `newest`. */
const policies = new Map<string, readonly CheckPod[]>();

export function checksOf({ level, version }: LevelVersion): readonly CheckPod[] {
  if (level === 'privileged') return [];
  const minor = Math.min(version, newest);
  const key = `${level}:${minor}`;
  const checks = policies.get(key) ?? gather(level, minor);
  policies.set(key, checks);
  return checks;
}

function gather(level: 'baseline' | 'restricted', minor: number): readonly CheckPod[] {
  const own = level === 'restricted' ? restrictedChecks.filter((check) => at(check, minor) !== undefined) : [];
  const replaced = new Set(own.map(({ instead }) => instead));
  const checks = [...baselineChecks.filter(({ id }) => !replaced.has(id)), ...own];
  return checks.flatMap((check) => at(check, minor) ?? []);
}

const at = ({ versions }: Check, minor: number): CheckPod | undefined =>
  versions.findLast(([since]) => since <= minor)?.[1];

/** What breaks the policy, in the order in which it is told. */
export function evaluate(policy: LevelVersion, subject: Subject): readonly Violation[] {
  return checksOf(policy).flatMap((check) => check(subject) ?? []);
}

/** `hostPort (container "a" uses hostPort 80), privileged (…)`. */
export const detailsOf = (violations: readonly Violation[]): string =>
  violations.map(({ reason, detail }) => `${reason} (${detail})`).join(', ');

/** `hostPort, privileged`. */
export const reasonsOf = (violations: readonly Violation[]): string =>
  violations.map(({ reason }) => reason).join(', ');
