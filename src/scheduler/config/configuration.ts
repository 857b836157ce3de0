/**
 * `kubescheduler.config.k8s.io/v1 KubeSchedulerConfiguration`: profiles and their plugins, back-off, how many nodes are enough. Read once,
 * before anything starts, with upstream's error texts. What concerns upstream's own process (leader election, client connections,
 * profiling) is accepted and has no effect here; extenders, which are called over HTTP, are refused.
 *
 * Kept true: what comes out of here can be run. A file with one fault is refused as a whole, with all its faults.
 */
import { readFileSync, statSync } from 'node:fs';
import { childPath, duplicate, indexPath, invalidValue, required } from '../../api/field-error.ts';
import { aggregate } from '../../api/selector/requirement.ts';
import type { FieldError } from '../../api/status-error.ts';
import { parseYaml } from '../../api/yaml.ts';
import { limits } from '../../lib/limits.ts';
import type { ProfilePlan } from '../framework/profile.ts';
import type { QueueSettings } from '../queue/scheduling-queue.ts';
import { argChecks, argShapes, completeArgs, defaultArgs, type PluginArgs } from './plugin-args.ts';
import { knownPlugins, type PluginSet, type PluginSets, planProfile, points } from './profiles.ts';
import { readShape, type Shape } from './shape.ts';

export interface SchedulerConfiguration {
  readonly profiles: readonly ProfilePlan[];
  readonly queue: QueueSettings;
}

export const defaultSchedulerName = 'default-scheduler';

interface ProfileText {
  readonly schedulerName?: string;
  readonly percentageOfNodesToScore?: number;
  readonly plugins?: PluginSets;
  readonly pluginConfig?: readonly { readonly name?: string; readonly args?: object }[];
}

interface ConfigurationText {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly parallelism?: number;
  readonly percentageOfNodesToScore?: number;
  readonly podInitialBackoffSeconds?: number;
  readonly podMaxBackoffSeconds?: number;
  readonly profiles?: readonly ProfileText[];
  readonly extenders?: readonly unknown[];
}

const choices = [{ name: 'string', weight: 'number' }] as const;
const set: Shape = { enabled: choices, disabled: choices };

const shape: Shape = {
  apiVersion: 'string',
  kind: 'string',
  parallelism: 'number',
  leaderElection: 'any',
  clientConnection: 'any',
  enableProfiling: 'boolean',
  enableContentionProfiling: 'boolean',
  delayCacheUntilActive: 'boolean',
  percentageOfNodesToScore: 'number',
  podInitialBackoffSeconds: 'number',
  podMaxBackoffSeconds: 'number',
  profiles: [
    {
      schedulerName: 'string',
      percentageOfNodesToScore: 'number',
      plugins: Object.fromEntries(points.map((point) => [point, set])),
      pluginConfig: [{ name: 'string', args: 'any' }],
    },
  ],
  extenders: ['any'],
};

const apiVersion = 'kubescheduler.config.k8s.io/v1';

/** Without a file: as upstream without one. @throws Error, one sentence that names the file */
export function readSchedulerConfiguration(file: string | undefined): SchedulerConfiguration {
  if (file === undefined)
    return parseSchedulerConfiguration(`{ apiVersion: ${apiVersion}, kind: KubeSchedulerConfiguration }`);
  try {
    if (statSync(file).size > limits.configurationFileBytesMax) throw new Error('the file is too large');
    return parseSchedulerConfiguration(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new Error(`the scheduler's configuration ${file} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** @throws Error with all that is wrong */
export function parseSchedulerConfiguration(text: string): SchedulerConfiguration {
  const { value, duplicates } = parseYaml(text);
  const config = readShape<ConfigurationText>(value, shape, '', duplicates);
  if (!config.kind) throw new Error("Object 'Kind' is missing");
  if (config.kind !== 'KubeSchedulerConfiguration' || config.apiVersion !== apiVersion) {
    throw new Error(`no kind "${config.kind}" is registered for version "${config.apiVersion ?? ''}"`);
  }
  const profiles = (config.profiles ?? []).length === 0 ? [{}] : (config.profiles ?? []);
  const errors = [...generalErrors(config), ...profileListErrors(profiles)];
  errors.push(...queueSortErrors(profiles));
  const plans = profiles.map((profile, index) => planOf(profile, indexPath('profiles', index), config, errors));
  if (errors.length > 0) throw new Error(aggregate(errors));
  const { podInitialBackoffSeconds: initial = 1, podMaxBackoffSeconds: max = 10 } = config;
  return { profiles: plans, queue: { initialBackoffMs: initial * 1000, maxBackoffMs: max * 1000 } };
}

function generalErrors(config: ConfigurationText): FieldError[] {
  const { parallelism = 16, podInitialBackoffSeconds: initial = 1, podMaxBackoffSeconds: max = 10 } = config;
  const errors = percentageErrors(config.percentageOfNodesToScore, 'percentageOfNodesToScore');
  if (parallelism <= 0) {
    errors.push(invalidValue('parallelism', parallelism, 'should be an integer value greater than zero'));
  }
  if (initial <= 0) errors.push(invalidValue('podInitialBackoffSeconds', initial, 'must be greater than 0'));
  if (max < initial) {
    const detail = 'must be greater than or equal to PodInitialBackoffSeconds';
    errors.push(invalidValue('podMaxBackoffSeconds', max, detail));
  }
  if ((config.extenders ?? []).length > 0) {
    errors.push(
      invalidValue(
        'extenders',
        config.extenders?.length,
        'naru calls no scheduler extenders: leave them out, or run a scheduler of your own for such pods (spec.schedulerName)',
      ),
    );
  }
  return errors;
}

const percentageErrors = (value: number | undefined, path: string): FieldError[] =>
  value === undefined || (value >= 0 && value <= 100) ? [] : [invalidValue(path, value, 'not in valid range [0-100]')];

function profileListErrors(profiles: readonly ProfileText[]): FieldError[] {
  const errors: FieldError[] = [];
  const nameOf = ({ schedulerName }: ProfileText): string =>
    schedulerName ?? (profiles.length === 1 ? defaultSchedulerName : '');
  for (const [index, profile] of profiles.entries()) {
    const path = childPath(indexPath('profiles', index), 'schedulerName');
    const first = profiles.findIndex((other) => nameOf(other) === nameOf(profile));
    if (nameOf(profile) === '') errors.push(required(path));
    else if (first < index) errors.push(duplicate(path, childPath(indexPath('profiles', first), 'schedulerName')));
  }
  return errors;
}

function planOf(profile: ProfileText, path: string, config: ConfigurationText, errors: FieldError[]): ProfilePlan {
  const { schedulerName = defaultSchedulerName, plugins: sets = {} } = profile;
  errors.push(...percentageErrors(profile.percentageOfNodesToScore, childPath(path, 'percentageOfNodesToScore')));
  for (const point of points) errors.push(...setErrors(sets[point] ?? {}, childPath(path, `plugins.${point}`)));
  const args = argsOf(profile, childPath(path, 'pluginConfig'), errors);
  const percentageOfNodesToScore = profile.percentageOfNodesToScore ?? config.percentageOfNodesToScore ?? 0;
  return planProfile({ schedulerName, percentageOfNodesToScore, sets, args });
}

/** Plugins that upstream once had, and refuses. */
const removed = ['AzureDiskLimits', 'CinderLimits', 'EBSLimits', 'GCEPDLimits'];

const wasRemoved = (path: string, name: string): FieldError =>
  invalidValue(path, name, `was invalid in version "v1" (KubeSchedulerConfiguration is version "${apiVersion}")`);

function setErrors({ enabled = [] }: PluginSet, path: string): FieldError[] {
  return enabled.flatMap(({ name }, index) => {
    const at = indexPath(childPath(path, 'enabled'), index);
    if (removed.includes(name)) return [wasRemoved(at, name)];
    if (!knownPlugins.has(name)) return [invalidValue(at, name, 'is not a plugin that naru has')];
    return enabled.findIndex((other) => other.name === name) < index ? [duplicate(at, name)] : [];
  });
}

/** There is one queue, whose order all profiles share. */
function queueSortErrors([first, ...others]: readonly ProfileText[]): FieldError[] {
  const errors: FieldError[] = [];
  const setOf = (profile: ProfileText | undefined): PluginSet => profile?.plugins?.queueSort ?? {};
  const count = setOf(first).enabled?.length ?? 0;
  if (count > 1) {
    errors.push(
      invalidValue('profiles[0].plugins.queueSort.Enabled', count, 'only one queue sort plugin can be enabled'),
    );
  }
  const canon = JSON.stringify([setOf(first).enabled ?? [], setOf(first).disabled ?? []]);
  for (const [index, other] of others.entries()) {
    const { enabled = [], disabled = [] } = setOf(other);
    if (JSON.stringify([enabled, disabled]) === canon) continue;
    const path = `${indexPath('profiles', index + 1)}.plugins.queueSort`;
    errors.push(invalidValue(path, { Enabled: enabled, Disabled: disabled }, 'must be the same for all profiles'));
  }
  return errors;
}

function argsOf({ pluginConfig = [] }: ProfileText, path: string, errors: FieldError[]): PluginArgs {
  const args: Record<string, unknown> = { ...defaultArgs };
  for (const [index, { name = '', args: given = {} }] of pluginConfig.entries()) {
    const at = indexPath(path, index);
    if (pluginConfig.findIndex((other) => other.name === name) < index) errors.push(duplicate(at, name));
    if (!isConfigurable(name)) {
      if (removed.includes(name)) errors.push(wasRemoved(at, name));
      else errors.push(invalidValue(childPath(at, 'name'), name, 'has no arguments in naru'));
      continue;
    }
    args[name] = readArgs(name, given, childPath(at, 'args'), errors);
  }
  return args as unknown as PluginArgs;
}

const isConfigurable = (name: string): name is keyof PluginArgs => Object.hasOwn(argShapes, name);

function readArgs<N extends keyof PluginArgs>(
  name: N,
  given: object,
  path: string,
  errors: FieldError[],
): PluginArgs[N] {
  const read = readShape<Record<string, unknown>>(given, argShapes[name], path);
  const { kind, apiVersion: _version, ...rest } = read;
  if (kind !== undefined && kind !== `${name}Args`) errors.push(invalidValue(path, kind, 'has to match plugin args'));
  const args = completeArgs(name, rest as Partial<PluginArgs[N]>);
  errors.push(...argChecks[name](args, path));
  return args;
}
