/**
 * The variables of a container, in order: the node's own, `envFrom`, `env`. A later one of the same name replaces an earlier one; values may refer
 * to those before them.
 */
import { isEnvVarName } from '../../api/names.ts';
import type { Container, EnvFromSource, EnvVarSource } from '../../api/schema/types/core-v1.ts';
import type { ObjectSource } from '../object-source.ts';
import { ConfigError } from './config-error.ts';
import { type DownwardFacts, fieldValue, resourceValue } from './downward.ts';
import { expand } from './expansion.ts';

export interface EnvironmentFacts extends DownwardFacts {
  readonly source: ObjectSource;
  /** What every container on the node gets: how to reach the API. */
  readonly base: readonly { readonly name: string; readonly value: string }[];
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
  return Object.entries(data ?? {})
    .map(([key, value]): [string, string] => [prefix + key, value])
    .filter(([key]) => isEnvVarName(key).length === 0);
}

/** Undefined: what it refers to is optional, and missing. */
async function valueOf(facts: EnvironmentFacts, from: EnvVarSource, container: Container): Promise<string | undefined> {
  if (from.fieldRef !== undefined) return fieldValue(facts, from.fieldRef);
  if (from.resourceFieldRef !== undefined) return resourceValue(facts, from.resourceFieldRef, container);
  const selector = from.configMapKeyRef ?? from.secretKeyRef;
  if (selector === undefined) throw new ConfigError('this source of a variable is not supported');
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
