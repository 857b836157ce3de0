/**
 * What is told to the author of a pod or template beside the result: deprecated fields, and such as do not mean what they seem to. At most
 * so many as a client can read.
 */
import { goQuote, keyPath } from '../../api/field-error.ts';
import { isDns1123Label } from '../../api/names.ts';
import type {
  ContainerPort,
  EnvVar,
  Pod,
  PodAffinity,
  PodSpec,
  PodTemplateSpec,
} from '../../api/schema/types/core-v1.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import { limits } from '../../lib/limits.ts';
import { ipWarnings } from './ip-rules.ts';
import { nodeLabelWarnings } from './node-label-warnings.ts';
import { appArmorPrefix, seccompAnnotation, seccompPrefix } from './pod-annotations.ts';
import { forEachContainer } from './pod-containers.ts';
import { fractionWarnings, volumeWarnings } from './volume-warnings.ts';

export function podWarnings({ metadata, spec }: Pod): string[] {
  const name = metadata?.name ?? '';
  const messages = isDns1123Label(name);
  const advice =
    "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended";
  const own = messages.length === 0 ? [] : [`${advice}: [${messages.join(' ')}]`];
  return [...own, ...specWarnings('', spec, metadata)].slice(0, limits.podWarningsMax);
}

export function podTemplateWarnings(path: string, template: PodTemplateSpec | undefined): string[] {
  const prefix = `${path}.`;
  const warnings = specWarnings(prefix, template?.spec, template?.metadata);
  return [...warnings, ...appArmorWarnings(prefix, template ?? {})].slice(0, limits.podWarningsMax);
}

/** `prefix`: empty, or the template's path and a dot. */
function specWarnings(prefix: string, spec: PodSpec | undefined, metadata: ObjectMeta | undefined): string[] {
  if (spec === undefined) return [];
  const path = `${prefix}spec`;
  return [
    ...nodeLabelWarnings(path, spec),
    ...annotationWarnings(`${prefix}metadata.annotations`, metadata?.annotations, spec),
    ...volumeWarnings(`${path}.volumes`, spec.volumes ?? []),
    ...duplicates(
      `${path}.hostAliases`,
      'ip',
      (spec.hostAliases ?? []).map(({ ip }) => ip ?? ''),
    ),
    ...pullSecretWarnings(`${path}.imagePullSecrets`, spec),
    ...fractions(`${path}.overhead`, spec.overhead),
    ...containerWarnings(path, spec),
    ...portWarnings(path, spec),
    ...graceWarnings(path, spec),
    ...affinityWarnings(`${path}.affinity.podAffinity`, spec.affinity?.podAffinity),
    ...affinityWarnings(`${path}.affinity.podAntiAffinity`, spec.affinity?.podAntiAffinity),
    ...addressWarnings(path, spec),
  ];
}

const deprecatedAnnotations: Readonly<Record<string, string>> = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
};

function annotationWarnings(path: string, annotations: ObjectMeta['annotations'], spec: PodSpec): string[] {
  if (annotations === undefined) return [];
  const warnings = Object.entries(deprecatedAnnotations)
    .filter(([key]) => annotations[key] !== undefined)
    .map(([key, message]) => `${keyPath(path, key)}: ${message}`);
  const seccomp = (key: string, field: unknown): void => {
    if (field !== undefined || annotations[key] === undefined) return;
    warnings.push(`${keyPath(path, key)}: non-functional in v1.27+; use the "seccompProfile" field instead`);
  };
  seccomp(seccompAnnotation, spec.securityContext?.seccompProfile);
  forEachContainer('', spec, ({ name, securityContext }) => {
    seccomp(seccompPrefix + name, securityContext?.seccompProfile);
  });
  return warnings;
}

function appArmorWarnings(prefix: string, { metadata, spec }: Partial<PodTemplateSpec>): string[] {
  const warnings: string[] = [];
  if (spec === undefined || metadata?.annotations === undefined || spec.securityContext?.appArmorProfile) return [];
  forEachContainer('', spec, ({ name, securityContext }) => {
    const key = appArmorPrefix + name;
    if (securityContext?.appArmorProfile || metadata.annotations?.[key] === undefined) return;
    const at = keyPath(`${prefix}metadata.annotations`, key);
    warnings.push(`${at}: deprecated since v1.30; use the "appArmorProfile" field instead`);
  });
  return warnings;
}

function duplicates(path: string, field: string, values: readonly string[]): string[] {
  const seen = new Set<string>();
  return values.flatMap((value, index) => {
    if (seen.has(value)) return [`${path}[${index}].${field}: duplicate ${field} ${goQuote(value)}`];
    seen.add(value);
    return [];
  });
}

function pullSecretWarnings(path: string, { imagePullSecrets }: PodSpec): string[] {
  const names = (imagePullSecrets ?? []).map(({ name }) => name ?? '');
  const empty = names.flatMap((name, index) => (name === '' ? [`${path}[${index}].name: invalid empty name ""`] : []));
  return [...duplicates(path, 'name', names), ...empty];
}

function fractions(path: string, amounts: Readonly<Record<string, string>> | undefined): string[] {
  return ['memory', 'ephemeral-storage'].flatMap((name) => {
    const value = amounts?.[name];
    return value === undefined ? [] : fractionWarnings(keyPath(path, name), value);
  });
}

function containerWarnings(path: string, spec: PodSpec): string[] {
  const warnings: string[] = [];
  forEachContainer(path, spec, ({ resources, env }, at) => {
    for (const which of ['limits', 'requests'] as const) {
      warnings.push(...fractions(`${at}.resources.${which}`, resources?.[which]));
    }
    if (env && env.length > 1) warnings.push(...hiddenVariables(`${at}.env`, env));
  });
  return warnings;
}

/** A second definition is fine where it builds on the first: `PATH=$(PATH):/opt/bin`. */
function hiddenVariables(path: string, env: readonly EnvVar[]): string[] {
  const seen = new Set<string>();
  return env.flatMap(({ name, value = '', valueFrom }, index) => {
    const isRepeated = seen.has(name);
    seen.add(name);
    const reference = `$(${name})`;
    if (!isRepeated || (valueFrom === undefined && value !== reference && value.includes(reference))) return [];
    return [`${path}[${index}]: hides previous definition of ${goQuote(name)}, which may be dropped when using apply`];
  });
}

interface PlacedPort {
  readonly at: string;
  readonly port: ContainerPort;
}

/** Ports of one number are compared with so many before them. */
const comparedPortsMax = 32;

function portWarnings(path: string, spec: PodSpec): string[] {
  const warnings: string[] = [];
  const byNumber = new Map<string, PlacedPort[]>();
  const names = new Map<string, string>();
  const named: string[] = [];
  forEachContainer(path, spec, ({ ports }, containerAt) => {
    for (const [index, port] of (ports ?? []).entries()) {
      const at = `${containerAt}.ports[${index}]`;
      if (port.hostIP && !port.hostPort) warnings.push(`${at}: hostIP set without hostPort: ${shownPort(port)}`);
      const key = `${port.containerPort}/${port.protocol}`;
      const others = byNumber.get(key) ?? [];
      for (const other of others.slice(0, comparedPortsMax)) warnings.push(...clash(at, port, other));
      byNumber.set(key, [...others.slice(0, comparedPortsMax), { at, port }]);
      const other = port.name ? names.get(port.name) : undefined;
      if (port.name && other === undefined) names.set(port.name, at);
      if (port.name && other !== undefined) {
        const effect = `services and probes that select ports by name will use ${other}`;
        named.push(`${at}: duplicate port name ${goQuote(port.name)} with ${other}, ${effect}`);
      }
    }
  });
  return [...warnings, ...named];
}

function clash(at: string, port: ContainerPort, { at: other, port: before }: PlacedPort): string[] {
  const [hostPort, otherPort] = [port.hostPort ?? 0, before.hostPort ?? 0];
  const [address, otherAddress] = [port.hostIP ?? '', before.hostIP ?? ''];
  if (address === otherAddress && hostPort === otherPort) return [`${at}: duplicate port definition with ${other}`];
  if (hostPort === 0 || otherPort === 0) return [`${at}: overlapping port definition with ${other}`];
  if (hostPort !== otherPort || (address === '') === (otherAddress === '')) return [];
  return [`${at}: dangerously ambiguous port definition with ${other}`];
}

/** As Go prints the struct. */
function shownPort({ name = '', hostPort = 0, containerPort, protocol, hostIP = '' }: ContainerPort): string {
  return `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
}

export function graceWarnings(path: string, { terminationGracePeriodSeconds: seconds = 0 }: PodSpec): string[] {
  if (seconds >= 0) return [];
  const effect = 'must be >= 0; negative values are invalid and will be treated as 1';
  return [`${path}.terminationGracePeriodSeconds: ${effect}`];
}

const nullSelector = 'a null labelSelector results in matching no pod';

function affinityWarnings(path: string, affinity: PodAffinity | undefined): string[] {
  const always = 'requiredDuringSchedulingIgnoredDuringExecution';
  const ifPossible = 'preferredDuringSchedulingIgnoredDuringExecution';
  return [
    ...(affinity?.[always] ?? []).flatMap(({ labelSelector }, index) =>
      labelSelector ? [] : [`${path}.${always}[${index}].labelSelector: ${nullSelector}`],
    ),
    ...(affinity?.[ifPossible] ?? []).flatMap(({ podAffinityTerm }, index) =>
      podAffinityTerm?.labelSelector
        ? []
        : [`${path}.${ifPossible}[${index}].podAffinityTerm.labelSelector: ${nullSelector}`],
    ),
  ];
}

function addressWarnings(path: string, { dnsConfig, hostAliases }: PodSpec): string[] {
  return [
    ...(dnsConfig?.nameservers ?? []).flatMap((server, index) =>
      ipWarnings(`${path}.dnsConfig.nameservers[${index}]`, server),
    ),
    ...(hostAliases ?? []).flatMap(({ ip }, index) => ipWarnings(`${path}.hostAliases[${index}].ip`, ip ?? '')),
  ];
}
