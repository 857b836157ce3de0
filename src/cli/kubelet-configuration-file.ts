/**
 * Reads upstream's `KubeletConfiguration` file into the agent's configuration. Kept true: what comes out can be run with; a file with faults
 * is refused as a whole, with all of them.
 */
import { readFileSync, statSync } from 'node:fs';
import { defaultKubeletConfiguration, type KubeletConfiguration } from '../agent/kubelet-configuration.ts';
import { parseDuration } from '../api/protobuf/duration.ts';
import { parseQuantity } from '../api/quantity.ts';
import { parseYaml } from '../api/yaml.ts';
import { limits } from '../lib/limits.ts';
import { type FieldKind, type FieldRow, fieldRows, withoutEffect } from './kubelet-fields.ts';

export interface KubeletFile {
  readonly configuration: Partial<KubeletConfiguration>;
  /** Fields that are upstream's, and have no effect here. */
  readonly unused: readonly string[];
}

const apiVersion = 'kubelet.config.k8s.io/v1beta1';

/** @throws Error, one sentence that names the file and all that is wrong */
export function readKubeletConfiguration(file: string): KubeletFile {
  try {
    if (statSync(file).size > limits.configurationFileBytesMax) throw new Error('the file is too large');
    return parseKubeletConfiguration(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`the kubelet's configuration ${file} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** @throws Error with all that is wrong */
export function parseKubeletConfiguration(text: string): KubeletFile {
  const { value, duplicates } = parseYaml(text);
  if (!isObject(value)) throw new Error('it holds no object');
  const { apiVersion: version, kind, mergeDefaultEvictionSettings: merges, ...fields } = value;
  if (kind !== 'KubeletConfiguration' || version !== apiVersion) {
    throw new Error(
      `it must be a KubeletConfiguration of ${apiVersion}, and is kind ${JSON.stringify(kind)} of ${JSON.stringify(version)}`,
    );
  }
  const faults = [...duplicates];
  const unused: string[] = [];
  const configuration: Record<string, unknown> = {};
  for (const [name, content] of flat(fields)) {
    const row = Object.hasOwn(fieldRows, name) ? fieldRows[name] : undefined;
    if (row === undefined && withoutEffect.has(name)) unused.push(name);
    else if (row === undefined) faults.push(`unknown field "${name}"`);
    else if (content !== null) {
      const read = readField(name, row, content, faults);
      if (read !== undefined) configuration[row.to ?? name] = read;
    }
  }
  if (merges === true && configuration['evictionHard'] !== undefined) {
    configuration['evictionHard'] = { ...defaultKubeletConfiguration.evictionHard, ...configuration['evictionHard'] };
  }
  faults.push(...faultsTogether({ ...defaultKubeletConfiguration, ...configuration }));
  if (faults.length > 0) throw new Error(faults.join('; '));
  return { configuration, unused };
}

/** The one object whose fields are told apart here is `crashLoopBackOff`; all others are values. */
function flat(fields: Readonly<Record<string, unknown>>): (readonly [string, unknown])[] {
  return Object.entries(fields).flatMap(([name, content]) => {
    if (name !== 'crashLoopBackOff' || !isObject(content)) return [[name, content] as const];
    return Object.entries(content).map(([inner, value]) => [`${name}.${inner}`, value] as const);
  });
}

function readField(name: string, row: FieldRow, content: unknown, faults: string[]): unknown {
  const read = readers[row.kind](content);
  if (read === undefined) {
    faults.push(`${name} must be ${words[row.kind]}, and is ${JSON.stringify(content)}`);
    return undefined;
  }
  const { range, choices } = row;
  if (range !== undefined && ((read as number) < range[0] || (read as number) > range[1])) {
    faults.push(`${name} must be from ${range[0]} to ${range[1]}, and is ${JSON.stringify(read)}`);
  }
  if (choices !== undefined && !choices.includes(read as string)) {
    faults.push(`${name} must be one of ${choices.join(', ')}, and is ${JSON.stringify(read)}`);
  }
  return read;
}

const words: Readonly<Record<FieldKind, string>> = {
  boolean: 'true or false',
  number: 'a whole number',
  string: 'a string',
  strings: 'a list of strings',
  quantity: 'a quantity such as 10Mi',
  duration: 'a duration such as 1m30s',
  'strings by name': 'strings by name',
  'durations by name': 'durations such as 1m30s, by name',
};

/** Undefined: it is not of that kind. */
const readers: Readonly<Record<FieldKind, (value: unknown) => unknown>> = {
  boolean: (value) => (typeof value === 'boolean' ? value : undefined),
  number: (value) => (Number.isSafeInteger(value) ? value : undefined),
  string: (value) => (typeof value === 'string' ? value : undefined),
  strings: (value) => (Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : undefined),
  quantity: (value) => (isQuantity(value) ? value : undefined),
  duration: durationMs,
  'strings by name': (value) => mapped(value, (one) => (typeof one === 'string' ? one : undefined)),
  'durations by name': (value) => mapped(value, durationMs),
};

function durationMs(value: unknown): number | undefined {
  try {
    const nanos = typeof value === 'string' ? parseDuration(value) : -1n;
    return nanos < 0n ? undefined : Number(nanos) / 1e6;
  } catch {
    return undefined;
  }
}

function isQuantity(value: unknown): boolean {
  try {
    return typeof value === 'string' && parseQuantity(value) !== undefined;
  } catch {
    return false;
  }
}

function mapped(value: unknown, read: (one: unknown) => unknown): Record<string, unknown> | undefined {
  if (!isObject(value)) return undefined;
  const entries = Object.entries(value).map(([name, one]) => [name, read(one)] as const);
  return entries.every(([, one]) => one !== undefined) ? Object.fromEntries(entries) : undefined;
}

/** What is wrong only together. */
function faultsTogether(all: KubeletConfiguration): string[] {
  const faults: string[] = [];
  const { imageGCLowThresholdPercent: low, imageGCHighThresholdPercent: high } = all;
  if (low >= high)
    faults.push(`imageGCLowThresholdPercent (${low}) must be less than imageGCHighThresholdPercent (${high})`);
  for (const signal of Object.keys(all.evictionSoft)) {
    if (all.evictionSoftGracePeriodMs[signal] === undefined) {
      faults.push(`evictionSoft names ${signal}, and evictionSoftGracePeriod does not say how long it must hold`);
    }
  }
  if (all.shutdownGracePeriodCriticalPodsMs > all.shutdownGracePeriodMs) {
    faults.push('shutdownGracePeriodCriticalPods must not be longer than shutdownGracePeriod, of which it is a part');
  }
  return faults;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
