/**
 * The rules of a pod's containers, list by list: regular ones, init containers (sidecars among them), ephemeral ones. Environment,
 * mounts, probes, resources and restarts have files of their own. What holds for the whole pod stands in `pod.ts`.
 */
import { duplicate, forbiddenField, invalidValue, notFoundValue, required } from '../../api/field-error.ts';
import { isDns1123Label, isPortName, isPortNumber } from '../../api/names.ts';
import type { Container, ContainerPort, EphemeralContainer, PodSpec } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, requiredName, requiredOneOf } from './checks.ts';
import { validateEnvironment } from './container-env.ts';
import { type VolumesByName, validateMounts } from './container-mounts.ts';
import {
  refuseRestartForResize,
  validateInitRestart,
  validateResizePolicies,
  validateRestart,
} from './container-restart.ts';
import type { AnyContainer } from './pod-containers.ts';
import type { PodOptions } from './pod-options.ts';
import { refuseHooks, validateHooks } from './probes.ts';
import { validateRequirements } from './resources.ts';
import { validateSecurityContext } from './security-context.ts';

/** What the rules of a container need to know of its pod. */
export interface ContainerContext {
  readonly spec: PodSpec;
  readonly volumes: VolumesByName;
  /** Names of the pod's resource claims. */
  readonly claims: ReadonlySet<string>;
  /** The pod has the node's user ids. */
  readonly hostUsers: boolean;
  readonly options: PodOptions;
}

const protocols = ['SCTP', 'TCP', 'UDP'];
export const pullPolicies = ['Always', 'IfNotPresent', 'Never'];
const messagePolicies = ['File', 'FallbackToLogsOnError'];

export function validateContainers(path: string, context: ContainerContext): FieldError[] {
  const containers = context.spec.containers ?? [];
  if (containers.length === 0) return [required(path)];
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, container] of containers.entries()) {
    const at = `${path}[${index}]`;
    errors.push(...validateCommon(at, container, context), ...takeName(at, container.name, names));
    errors.push(...validateHooks(at, container, context.spec.terminationGracePeriodSeconds));
    errors.push(...validateRestart(at, container));
  }
  return [...errors, ...validateHostPorts(path, containers)];
}

/** Empty names are told apart once, as a name that is missing. */
function takeName(path: string, name: string | undefined, taken: Set<string>): FieldError[] {
  if (taken.has(name ?? '')) return [duplicate(`${path}.name`, name ?? '')];
  taken.add(name ?? '');
  return [];
}

const namesOf = (containers: readonly AnyContainer[] | undefined): string[] =>
  (containers ?? []).map(({ name }) => name ?? '');

export function validateInitContainers(path: string, context: ContainerContext): FieldError[] {
  const { spec } = context;
  const names = new Set(namesOf(spec.containers));
  const errors: FieldError[] = [];
  for (const [index, container] of (spec.initContainers ?? []).entries()) {
    const at = `${path}[${index}]`;
    errors.push(...validateCommon(at, container, context), ...validateInitRestart(at, container));
    if (container.name || names.has('')) errors.push(...takeName(at, container.name, names));
    // They run one by one, so only a container's own ports can clash.
    errors.push(...validateHostPorts(path, [container]));
    const isSidecar = container.restartPolicy === 'Always';
    errors.push(
      ...(isSidecar ? validateHooks(at, container, spec.terminationGracePeriodSeconds) : refuseHooks(at, container)),
    );
    if (!context.options.tolerated.has('restarts for a resize')) errors.push(...refuseRestartForResize(at, container));
  }
  return errors;
}

export function validateEphemeralContainers(path: string, context: ContainerContext): FieldError[] {
  const { spec } = context;
  if (!spec.ephemeralContainers?.length) return [];
  const others = new Set([...namesOf(spec.containers), ...namesOf(spec.initContainers)]);
  const names = new Set(others);
  const errors: FieldError[] = [];
  for (const [index, container] of spec.ephemeralContainers.entries()) {
    const at = `${path}[${index}]`;
    errors.push(...validateCommon(at, container, context), ...validateImageSpaces(at, container));
    errors.push(...takeName(at, container.name, names));
    const target = container.targetContainerName;
    if (target && !others.has(target)) errors.push(notFoundValue(`${at}.targetContainerName`, target));
    errors.push(...refuseServices(at, container));
  }
  return errors;
}

/** Nothing may rest on a container that is there to look at others. */
const refusedOfEphemeral = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const;

function refuseServices(path: string, container: EphemeralContainer): FieldError[] {
  const detail = 'cannot be set for an Ephemeral Container';
  const isGiven = (value: unknown): boolean =>
    typeof value === 'object' ? Object.keys(value ?? {}).length > 0 : value !== undefined;
  const given = refusedOfEphemeral.filter((field) =>
    field.endsWith('Probe') || field === 'lifecycle' ? container[field] !== undefined : isGiven(container[field]),
  );
  const errors = given.map((field) => forbiddenField(`${path}.${field}`, detail));
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    for (const field of ['subPath', 'subPathExpr'] as const) {
      if (mount[field]) errors.push(forbiddenField(`${path}.volumeMounts[${index}].${field}`, detail));
    }
  }
  return errors;
}

function validateCommon(path: string, container: AnyContainer, context: ContainerContext): FieldError[] {
  const { spec, options } = context;
  const { resources, resizePolicy, securityContext, ports } = container;
  const errors = requiredName(`${path}.name`, container.name, isDns1123Label);
  if (!container.image) errors.push(required(`${path}.image`));
  errors.push(
    ...requiredOneOf(`${path}.terminationMessagePolicy`, container.terminationMessagePolicy, messagePolicies),
  );
  if (ports) errors.push(...validatePorts(`${path}.ports`, ports));
  errors.push(...validateEnvironment(path, container), ...validateMounts(path, container, context.volumes));
  errors.push(...requiredOneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, pullPolicies));
  if (resources) errors.push(...validateRequirements(`${path}.resources`, resources, context.claims, options));
  if (resizePolicy) {
    errors.push(...validateResizePolicies(`${path}.resizePolicy`, resizePolicy, spec.restartPolicy));
  }
  if (securityContext) {
    errors.push(...validateSecurityContext(`${path}.securityContext`, securityContext, context.hostUsers));
  }
  return errors;
}

/** Only of pods: a template may be one that somebody else fills in. */
export function validateImageSpaces(path: string, { image = '' }: { readonly image?: string }): FieldError[] {
  if (image.trim() === image) return [];
  return [invalidValue(`${path}.image`, image, 'must not have leading or trailing whitespace')];
}

function validatePorts(path: string, ports: readonly ContainerPort[]): FieldError[] {
  const names = new Set<string>();
  const errors: FieldError[] = [];
  for (const [index, { name, containerPort, hostPort, protocol }] of ports.entries()) {
    const at = `${path}[${index}]`;
    if (name) errors.push(...validatePortName(`${at}.name`, name, names));
    if (containerPort) errors.push(...invalidEach(`${at}.containerPort`, containerPort, isPortNumber(containerPort)));
    else errors.push(required(`${at}.containerPort`));
    if (hostPort) errors.push(...invalidEach(`${at}.hostPort`, hostPort, isPortNumber(hostPort)));
    errors.push(...requiredOneOf(`${at}.protocol`, protocol, protocols));
  }
  return errors;
}

function validatePortName(path: string, name: string, names: Set<string>): FieldError[] {
  const errors = invalidEach(path, name, isPortName(name));
  if (errors.length > 0) return errors;
  if (names.has(name)) return [duplicate(path, name)];
  names.add(name);
  return [];
}

function validateHostPorts(path: string, containers: readonly Container[]): FieldError[] {
  const seen = new Set<string>();
  const errors: FieldError[] = [];
  for (const [index, { ports }] of containers.entries()) {
    for (const [portIndex, { protocol, hostIP, hostPort }] of (ports ?? []).entries()) {
      if (!hostPort) continue;
      const key = `${protocol ?? ''}/${hostIP ?? ''}/${hostPort}`;
      if (seen.has(key)) errors.push(duplicate(`${path}[${index}].ports[${portIndex}].hostPort`, key));
      seen.add(key);
    }
  }
  return errors;
}
