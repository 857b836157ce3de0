/**
 * The variables of a container, in order: those of services, `envFrom`, `env`. A later one of the same name replaces an earlier one; values may refer
 * to those before them.
 */
import type { Container, EnvFromSource, EnvVarSource, FileKeySelector } from '../../api/schema/types/core-v1.ts';
import type { ObjectSource } from '../object-source.ts';
import { ConfigError } from './config-error.ts';
import { type DownwardFacts, fieldValue, resourceValue } from './downward.ts';
import { envFileBytesMax, envFileValue, envKeyCharsMax, envValueBytesMax } from './env-file.ts';
import { expand } from './expansion.ts';
import type { Variable } from './service-variables.ts';

export interface EnvironmentFacts extends DownwardFacts {
  readonly source: ObjectSource;
  /** Where services are. */
  readonly base: readonly Variable[];
  /** At most `bytesMax` of a file in a volume of the pod. */
  readonly file: (volume: string, path: string, bytesMax: number) => Promise<Buffer>;
}

/** @throws ConfigError where something it refers to is missing */
export async function environmentOf(facts: EnvironmentFacts, container: Container): Promise<Map<string, string>> {
  const variables = new Map(facts.base.map(({ name, value }) => [name, value]));
  for (const source of container.envFrom ?? []) {
    for (const [name, value] of await allOf(facts, source)) variables.set(name, value);
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (valueFrom === undefined) {
      variables.set(name, expand(value ?? '', variables));
      continue;
    }
    const found = await valueOf(facts, valueFrom, container);
    if (found !== undefined) variables.set(name, found);
  }
  return variables;
}

async function allOf(facts: EnvironmentFacts, source: EnvFromSource): Promise<[string, string][]> {
  const { configMapRef, secretRef, prefix = '' } = source;
  const name = configMapRef?.name ?? secretRef?.name ?? '';
  const optional = (configMapRef ?? secretRef)?.optional ?? false;
  const data = await dataOf(facts, configMapRef === undefined ? 'secret' : 'configmap', name, optional);
  // Any key may name a variable, as in today's upstream: the API lets no other keys in.
  return Object.entries(data ?? {}).map(([key, value]) => [prefix + key, value]);
}

/** Undefined: what it refers to is optional, and missing. */
async function valueOf(facts: EnvironmentFacts, from: EnvVarSource, container: Container): Promise<string | undefined> {
  if (from.fieldRef !== undefined) return fieldValue(facts, from.fieldRef);
  if (from.resourceFieldRef !== undefined) return resourceValue(facts, from.resourceFieldRef, container);
  if (from.fileKeyRef !== undefined) return fileValue(facts, from.fileKeyRef);
  const selector = from.configMapKeyRef ?? from.secretKeyRef;
  if (selector === undefined)
    throw new ConfigError(`variables from ${Object.keys(from)[0] ?? 'nowhere'} are not supported`);
  const kind = from.configMapKeyRef === undefined ? 'secret' : 'configmap';
  const { name = '', key, optional = false } = selector;
  const data = await dataOf(facts, kind, name, optional);
  const value = data?.[key];
  if (value === undefined && !optional) {
    const where = `${kind === 'secret' ? 'Secret' : 'ConfigMap'} ${facts.pod.metadata?.namespace}/${name}`;
    throw new ConfigError(`couldn't find key ${key} in ${where}`);
  }
  return value;
}

/** The file is written by a program of the pod, before this container starts. */
async function fileValue(facts: EnvironmentFacts, selector: FileKeySelector): Promise<string | undefined> {
  const { volumeName, path, key, optional = false } = selector;
  const volume = facts.pod.spec?.volumes?.find(({ name }) => name === volumeName);
  if (volume === undefined) throw new ConfigError(`cannot find the volume "${volumeName}" referenced by FileKeyRef`);
  if (volume.emptyDir === undefined) {
    throw new ConfigError(`the volume "${volumeName}" referenced by FileKeyRef must be an emptyDir`);
  }
  if (key.length > envKeyCharsMax) {
    throw new ConfigError(`environment variable key "${key}" exceeds maximum length of ${envKeyCharsMax} characters`);
  }
  const text = await facts.file(volumeName, path, envFileBytesMax + 1).catch((error: NodeJS.ErrnoException) => {
    if (optional && error.code === 'ENOENT') return undefined;
    // Not the path on the node's disk.
    throw new ConfigError(`couldn't read file "${path}" in volume "${volumeName}"`, { cause: error });
  });
  if (text !== undefined && text.length > envFileBytesMax) {
    throw new ConfigError(`file "${path}" in volume "${volumeName}" is larger than ${envFileBytesMax} bytes`);
  }
  const value = text === undefined ? undefined : envFileValue(text.toString(), key);
  if (value === undefined && !optional) {
    throw new ConfigError(`environment variable key "${key}" not found in file "${path}" of volume "${volumeName}"`);
  }
  if (value !== undefined && Buffer.byteLength(value) > envValueBytesMax) {
    throw new ConfigError(`environment variable "${key}" is larger than ${envValueBytesMax} bytes`);
  }
  return value;
}

async function dataOf(
  { source, pod }: EnvironmentFacts,
  kind: 'configmap' | 'secret',
  name: string,
  optional: boolean,
): Promise<Readonly<Record<string, string>> | undefined> {
  const reference = { namespace: pod.metadata?.namespace ?? '', name };
  const object = kind === 'secret' ? await source.secret(reference) : await source.configMap(reference);
  if (object === undefined && !optional) throw new ConfigError(`${kind} "${name}" not found`);
  if (kind === 'configmap') return object?.data;
  const entries = Object.entries(object?.data ?? {});
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}
