/** A container's environment: variables, where their values come from, and what the downward API can tell. */
import { invalidValue, notFoundValue, notSupported, required } from '../../api/field-error.ts';
import {
  isConfigMapKey,
  isDns1123Label,
  isDns1123Subdomain,
  isQualifiedName,
  isRelaxedEnvVarName,
} from '../../api/names.ts';
import type {
  ConfigMapKeySelector,
  Container,
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  FileKeySelector,
  ObjectFieldSelector,
  PodSpec,
  ResourceFieldSelector,
} from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, requiredName } from './checks.ts';
import { noBacksteps } from './paths.ts';
import { forEachContainer } from './pod-containers.ts';
import { sign } from './quantities.ts';

export function validateEnvironment(path: string, { env, envFrom }: Container): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, variable] of (env ?? []).entries()) errors.push(...validateEnv(`${path}.env[${index}]`, variable));
  for (const [index, source] of (envFrom ?? []).entries()) {
    errors.push(...validateEnvFrom(`${path}.envFrom`, index, source));
  }
  return errors;
}

function validateEnv(path: string, { name, value, valueFrom }: EnvVar): FieldError[] {
  const errors = requiredName(`${path}.name`, name, isRelaxedEnvVarName);
  if (valueFrom) errors.push(...validateValueFrom(`${path}.valueFrom`, value, valueFrom));
  return errors;
}

const sourceNames = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';

function validateValueFrom(path: string, value: string | undefined, source: EnvVarSource): FieldError[] {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  const given = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length;
  const errors: FieldError[] = [];
  if (fieldRef) errors.push(...validateFieldRef(`${path}.fieldRef`, fieldRef, envFieldPaths));
  if (resourceFieldRef) errors.push(...validateResourceFieldRef(`${path}.resourceFieldRef`, resourceFieldRef, false));
  if (configMapKeyRef) errors.push(...validateKeyRef(`${path}.configMapKeyRef`, configMapKeyRef));
  if (secretKeyRef) errors.push(...validateKeyRef(`${path}.secretKeyRef`, secretKeyRef));
  if (fileKeyRef) errors.push(...validateFileKeyRef(`${path}.fileKeyRef`, fileKeyRef));
  if (given === 0) errors.push(invalidValue(path, '', `must specify one of: ${sourceNames}`));
  else if (value) errors.push(invalidValue(path, '', 'may not be specified when `value` is not empty'));
  else if (given > 1) errors.push(invalidValue(path, '', 'may not have more than one field specified at a time'));
  return errors;
}

/** An empty name is no name: upstream says so in the words of the rule. */
function validateKeyRef(path: string, { name = '', key }: ConfigMapKeySelector): FieldError[] {
  return [
    ...invalidEach(`${path}.name`, name, isDns1123Subdomain(name)),
    ...requiredName(`${path}.key`, key, isConfigMapKey),
  ];
}

function validateFileKeyRef(path: string, reference: FileKeySelector): FieldError[] {
  return [
    ...requiredName(`${path}.key`, reference.key, isRelaxedEnvVarName),
    ...requiredName(`${path}.volumeName`, reference.volumeName, isDns1123Label),
    ...(reference.path ? noBacksteps(`${path}.path`, reference.path) : [required(`${path}.path`)]),
  ];
}

/** Files with variables stand in a volume that the pod itself fills. */
export function validateFileKeyVolumes(path: string, spec: PodSpec): FieldError[] {
  const errors: FieldError[] = [];
  const emptyDirs = new Map((spec.volumes ?? []).map((volume) => [volume.name, volume.emptyDir !== undefined]));
  forEachContainer(path, spec, ({ env }, at) => {
    for (const [index, { valueFrom }] of (env ?? []).entries()) {
      if (!valueFrom?.fileKeyRef) continue;
      const name = valueFrom.fileKeyRef.volumeName ?? '';
      const isEmptyDir = emptyDirs.get(name);
      if (isEmptyDir) continue;
      const where = `${at}.env[${index}].valueFrom.fileKeyRef.volumeName`;
      const detail = 'referenced volume must be of type emptyDir';
      errors.push(isEmptyDir === undefined ? notFoundValue(where, name) : invalidValue(where, name, detail));
    }
  });
  return errors;
}

function validateEnvFrom(path: string, index: number, source: EnvFromSource): FieldError[] {
  const { prefix, configMapRef, secretRef } = source;
  const at = `${path}[${index}]`;
  const errors = prefix ? invalidEach(`${at}.prefix`, prefix, isRelaxedEnvVarName(prefix)) : [];
  if (configMapRef) errors.push(...requiredName(`${at}.configMapRef.name`, configMapRef.name, isDns1123Prefix));
  if (secretRef) errors.push(...requiredName(`${at}.secretRef.name`, secretRef.name, isDns1123Prefix));
  if (!configMapRef && !secretRef) {
    errors.push(invalidValue(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
  } else if (configMapRef && secretRef) {
    errors.push(invalidValue(path, '', 'may not have more than one field specified at a time'));
  }
  return errors;
}

/** Upstream takes these as prefixes of names, which may end in a dash. */
function isDns1123Prefix(name: string): string[] {
  return isDns1123Subdomain(name.endsWith('-') ? `${name.slice(0, -1)}a` : name);
}

/** Upstream's list of what the downward API puts into the environment, in its order. */
const envFieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

/** The same for files. */
export const volumeFieldPaths = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

/** Paths that have a meaning, if not everywhere. */
const knownFieldPaths = new Set([
  ...envFieldPaths,
  ...volumeFieldPaths,
  'spec.restartPolicy',
  'spec.schedulerName',
  'spec.terminationGracePeriodSeconds',
  'status.phase',
]);

const fieldAliases: Readonly<Record<string, string | undefined>> = { 'spec.host': 'spec.nodeName' };

export function validateFieldRef(
  path: string,
  { apiVersion, fieldPath }: ObjectFieldSelector,
  allowed: readonly string[],
): FieldError[] {
  if (!apiVersion) return [required(`${path}.apiVersion`)];
  if (!fieldPath) return [required(`${path}.fieldPath`)];
  const known = fieldAliases[fieldPath] ?? fieldPath;
  const subscript = subscriptOf(known);
  const unknown = unknownField(apiVersion, known, subscript);
  if (unknown) return [invalidValue(`${path}.fieldPath`, fieldPath, `error converting fieldPath: ${unknown}`)];
  if (subscript === undefined) {
    return allowed.includes(known) ? [] : [notSupported(`${path}.fieldPath`, known, allowed)];
  }
  const key = subscript.of === 'metadata.annotations' ? subscript.key.toLowerCase() : subscript.key;
  return invalidEach(path, key, isQualifiedName(key));
}

function unknownField(version: string, fieldPath: string, subscript: Subscript | undefined): string | undefined {
  if (version !== 'v1') return `unsupported pod version: ${version}`;
  if (subscript !== undefined) {
    const isMap = subscript.of === 'metadata.annotations' || subscript.of === 'metadata.labels';
    return isMap ? undefined : `field label does not support subscript: ${fieldPath}`;
  }
  return knownFieldPaths.has(fieldPath) ? undefined : `field label not supported: ${fieldPath}`;
}

interface Subscript {
  readonly of: string;
  readonly key: string;
}

/** `metadata.labels['app']`, `metadata.annotations['x/y']`. */
function subscriptOf(fieldPath: string): Subscript | undefined {
  const open = fieldPath.endsWith("']") ? fieldPath.slice(0, -2).indexOf("['") : -1;
  return open <= 0 ? undefined : { of: fieldPath.slice(0, open), key: fieldPath.slice(open + 2, -2) };
}

const resourceFields = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

const isHugePagesField = (name: string): boolean => /^(limits|requests)\.hugepages-/.test(name);

/** In a volume the container has to be named; a variable is about its own. */
export function validateResourceFieldRef(
  path: string,
  reference: Partial<ResourceFieldSelector>,
  inVolume: boolean,
): FieldError[] {
  const { containerName, resource = '' } = reference;
  const errors: FieldError[] = [];
  if (inVolume && !containerName) errors.push(required(`${path}.containerName`));
  else if (!resource) errors.push(required(`${path}.resource`));
  else if (!resourceFields.includes(resource) && !isHugePagesField(resource)) {
    errors.push(notSupported(`${path}.resource`, resource, resourceFields));
  }
  return [...errors, ...validateDivisor(`${path}.divisor`, resource, reference.divisor)];
}

const byteDivisors = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];
const byteRule = `only divisor's values ${byteDivisors.join(', ')} are supported with the`;

function validateDivisor(path: string, resource: string, divisor: string | undefined): FieldError[] {
  if (divisor === undefined || sign(divisor) === 0) return [];
  const kind = resource.replace(/^(limits|requests)\./, '');
  if (kind === resource) return [];
  if (kind === 'cpu') {
    const rule = "only divisor's values 1m and 1 are supported with the cpu resource";
    return divisor === '1m' || divisor === '1' ? [] : [invalidValue(path, resource, rule)];
  }
  const name = kind.startsWith('hugepages-') ? 'hugepages' : byteResources[kind];
  if (name === undefined || byteDivisors.includes(divisor)) return [];
  return [invalidValue(path, resource, `${byteRule} ${name} resource`)];
}

const byteResources: Readonly<Record<string, string | undefined>> = {
  memory: 'memory',
  'ephemeral-storage': 'local ephemeral storage',
};
