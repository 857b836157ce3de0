/**
 * The checks of level `baseline`: what would let a pod out of its box by a known way. Pure.
 *
 * Which of them hold in which version says `standards.ts`. A check that was loosened once takes what it allows as an argument.
 */

import { goQuote } from '../../../api/field-error.ts';
import type { Volume } from '../../../api/schema/types/core-v1.ts';
import {
  type AnyContainer,
  type CheckPod,
  containersNamed,
  contextsOf,
  namesWhere,
  plural,
  quoted,
  type SharedContext,
  type Subject,
  settersWhere,
  sortedSet,
  type Violation,
} from './subject.ts';

const appArmorAnnotation = 'container.apparmor.security.beta.kubernetes.io/';

export function appArmorProfile(subject: Subject): Violation | undefined {
  const wrongType = ({ appArmorProfile: profile }: SharedContext): string[] =>
    profile === undefined || ['RuntimeDefault', 'Localhost'].includes(profile.type) ? [] : [profile.type];
  const annotations = Object.entries(subject.annotations)
    .filter(([key, value]) => key.startsWith(appArmorAnnotation) && !isAllowedAppArmorAnnotation(value))
    .map(([key, value]) => `${key}=${goQuote(value)}`)
    .sort();
  const setters = settersWhere(subject, (context) => wrongType(context).length > 0);
  if (annotations.length > 0) setters.push(plural(annotations.length, 'annotation'));
  if (setters.length === 0) return undefined;
  const values = [...sortedSet(contextsOf(subject).flatMap(wrongType)), ...annotations];
  return {
    reason: plural(values.length, 'forbidden AppArmor profile'),
    detail: `${setters.join(' and ')} must not set AppArmor profile type to ${quoted(values)}`,
  };
}

const isAllowedAppArmorAnnotation = (profile: string): boolean =>
  profile === '' || profile === 'runtime/default' || profile.startsWith('localhost/');

/** What runtimes give a container by themselves, but NET_RAW. */
const defaultCapabilities = new Set([
  'AUDIT_WRITE',
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'FSETID',
  'KILL',
  'MKNOD',
  'NET_BIND_SERVICE',
  'SETFCAP',
  'SETGID',
  'SETPCAP',
  'SETUID',
  'SYS_CHROOT',
]);

export function capabilitiesBaseline(subject: Subject): Violation | undefined {
  const added = addedBeyond(subject, defaultCapabilities);
  return added === undefined ? undefined : { reason: 'non-default capabilities', detail: added };
}

/** Who adds capabilities that are not among `allowed`, and which. */
export function addedBeyond(subject: Subject, allowed: ReadonlySet<string>): string | undefined {
  const beyond = ({ securityContext }: AnyContainer): string[] =>
    (securityContext?.capabilities?.add ?? []).filter((capability) => !allowed.has(capability));
  const names = namesWhere(subject, (container) => beyond(container).length > 0);
  if (names.length === 0) return undefined;
  const capabilities = sortedSet(subject.containers.flatMap(beyond));
  return `${containersNamed(names)} must not include ${quoted(capabilities)} in securityContext.capabilities.add`;
}

export function hostNamespaces({ spec }: Subject): Violation | undefined {
  const shared = (['hostNetwork', 'hostPID', 'hostIPC'] as const).filter((field) => spec[field] === true);
  if (shared.length === 0) return undefined;
  return { reason: 'host namespaces', detail: shared.map((field) => `${field}=true`).join(', ') };
}

export function hostPathVolumes({ spec: { volumes = [] } }: Subject): Violation | undefined {
  const names = volumes.filter(({ hostPath }: Volume) => hostPath !== undefined).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return { reason: 'hostPath volumes', detail: `${plural(names.length, 'volume')} ${quoted(names)}` };
}

export function hostPorts(subject: Subject): Violation | undefined {
  const used = ({ ports = [] }: AnyContainer): string[] => ports.flatMap(({ hostPort }) => hostPort || []).map(String);
  const names = namesWhere(subject, (container) => used(container).length > 0);
  if (names.length === 0) return undefined;
  const ports = sortedSet(subject.containers.flatMap(used));
  const use = plural(names.length, 'uses', 'use');
  const detail = `${containersNamed(names)} ${use} ${plural(ports.length, 'hostPort')} ${ports.join(', ')}`;
  return { reason: 'hostPort', detail };
}

/** Whoever probes another host by way of the node gets around network policies. */
export function hostProbesAndHostLifecycle(subject: Subject): Violation | undefined {
  const names = sortedSet(namesWhere(subject, (container) => hostsOf(container).length > 0));
  if (names.length === 0) return undefined;
  const hosts = sortedSet(subject.containers.flatMap(hostsOf));
  const use = plural(names.length, 'uses', 'use');
  const what = plural(hosts.length, 'probe or lifecycle host');
  return { reason: 'probe or lifecycle host', detail: `${containersNamed(names)} ${use} ${what} ${quoted(hosts)}` };
}

function hostsOf({ livenessProbe, readinessProbe, startupProbe, lifecycle }: AnyContainer): string[] {
  const handlers = [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop];
  return handlers
    .flatMap((handler) => [handler?.httpGet?.host, handler?.tcpSocket?.host])
    .flatMap((host) => host || []);
}

export function privileged(subject: Subject): Violation | undefined {
  const names = namesWhere(subject, ({ securityContext }) => securityContext?.privileged === true);
  if (names.length === 0) return undefined;
  return { reason: 'privileged', detail: `${containersNamed(names)} must not set securityContext.privileged=true` };
}

export function procMount(subject: Subject): Violation | undefined {
  const unusual = ({ securityContext }: AnyContainer): string[] =>
    [securityContext?.procMount ?? 'Default'].filter((type) => type !== 'Default');
  const names = namesWhere(subject, (container) => unusual(container).length > 0);
  if (names.length === 0) return undefined;
  const types = quoted(sortedSet(subject.containers.flatMap(unusual)));
  return {
    reason: 'procMount',
    detail: `${containersNamed(names)} must not set securityContext.procMount to ${types}`,
  };
}

export const seLinuxOptions =
  (allowedTypes: readonly string[]): CheckPod =>
  (subject) => {
    const wrongTypes = ({ seLinuxOptions: { type = '' } = {} }: SharedContext): string[] =>
      type === '' || allowedTypes.includes(type) ? [] : [type];
    const isWrong = (context: SharedContext): boolean =>
      wrongTypes(context).length > 0 || Boolean(context.seLinuxOptions?.user) || Boolean(context.seLinuxOptions?.role);
    const setters = settersWhere(subject, isWrong);
    if (setters.length === 0) return undefined;
    const contexts = contextsOf(subject);
    const types = sortedSet(contexts.flatMap(wrongTypes));
    const what = [
      ...(types.length > 0 ? [`${plural(types.length, 'type')} ${quoted(types)}`] : []),
      ...(contexts.some((context) => context.seLinuxOptions?.user) ? ['user may not be set'] : []),
      ...(contexts.some((context) => context.seLinuxOptions?.role) ? ['role may not be set'] : []),
    ];
    const detail = `${setters.join(' and ')} set forbidden securityContext.seLinuxOptions: ${what.join('; ')}`;
    return { reason: 'seLinuxOptions', detail };
  };

const seccompPodAnnotation = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompContainerAnnotation = 'container.seccomp.security.alpha.kubernetes.io/';

/** Before there was a field. */
export function seccompAnnotations({ annotations, containers }: Subject): Violation | undefined {
  const keys = [seccompPodAnnotation, ...containers.map(({ name }) => seccompContainerAnnotation + name)];
  const forbidden = sortedSet(
    keys.flatMap((key) => {
      const value = annotations[key];
      return value === undefined || isAllowedSeccompAnnotation(value) ? [] : [`${key}=${goQuote(value)}`];
    }),
  );
  if (forbidden.length === 0) return undefined;
  const detail = `forbidden ${plural(forbidden.length, 'annotation')} ${forbidden.join(', ')}`;
  return { reason: 'seccompProfile', detail };
}

const isAllowedSeccompAnnotation = (value: string): boolean =>
  value === 'runtime/default' || value === 'docker/default' || value.startsWith('localhost/');

export function seccompProfileBaseline(subject: Subject): Violation | undefined {
  const wrongType = ({ seccompProfile: profile }: SharedContext): string[] =>
    profile === undefined || ['RuntimeDefault', 'Localhost'].includes(profile.type) ? [] : [profile.type];
  const setters = settersWhere(subject, (context) => wrongType(context).length > 0);
  if (setters.length === 0) return undefined;
  const types = quoted(sortedSet(contextsOf(subject).flatMap(wrongType)));
  const detail = `${setters.join(' and ')} must not set securityContext.seccompProfile.type to ${types}`;
  return { reason: 'seccompProfile', detail };
}

export const sysctls =
  (allowed: readonly string[]): CheckPod =>
  ({ spec }) => {
    const forbidden = (spec.securityContext?.sysctls ?? [])
      .map(({ name }) => name)
      .filter((name) => !allowed.includes(name));
    return forbidden.length === 0 ? undefined : { reason: 'forbidden sysctls', detail: forbidden.join(', ') };
  };

export function windowsHostProcess(subject: Subject): Violation | undefined {
  const setters = settersWhere(subject, ({ windowsOptions }) => windowsOptions?.hostProcess === true);
  if (setters.length === 0) return undefined;
  const detail = `${setters.join(' and ')} must not set securityContext.windowsOptions.hostProcess=true`;
  return { reason: 'hostProcess', detail };
}
