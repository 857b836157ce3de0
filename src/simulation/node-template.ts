/**
 * Templates of simulated nodes, as data: how many, how large, with which labels, taints, zones and stages. `readNodeTemplates` reads the
 * file of `--simulated-node-template`; `planNodes` makes each node's own plan of it. Both are pure.
 *
 * ```yaml
 * apiVersion: simulation.naru.dev/v1
 * kind: SimulatedNodes
 * nodes:
 *   - name: gpu                       # gpu-1, gpu-2, …
 *     count: 20                       # one template may leave it out: it gets what is left of --simulated-nodes
 *     cpu: 64
 *     memory: 512Gi
 *     pods: 250
 *     ephemeralStorage: 1Ti
 *     extendedResources: {example.com/gpu: 8}
 *     devices: [{driver: gpu.example.com, name: gpu, count: 8}]   # for ResourceClaims; see node-devices.ts
 *     labels: {pool: gpu}
 *     taints: [{key: example.com/gpu, value: present, effect: NoSchedule}]
 *     zones: [a, b, c]                # or, of several regions: regions: {kr: [kr-a, kr-b], jp: [jp-a]}; both round-robin
 *     stages: [{stage: lost, delay: 1h..10h, chance: 0.1, for: 5m}]
 * stages:                             # of containers (see stages.ts)
 *   - {stage: start, delay: 200ms..2s}
 *   - {stage: crash, image: flaky, delay: 1m, chance: 0.05}
 * events: all                         # or warnings, or none: fewer objects on large clusters
 * ```
 */

import type { NodeFacts } from '../agent/node-facts.ts';
import { simulatedNodeFacts } from '../agent/node-facts.ts';
import { isDns1123Label, isLabelValue, isQualifiedName } from '../api/names.ts';
import { integerValue, milliValue } from '../api/quantity.ts';
import type { Taint } from '../api/schema/types/core-v1.ts';
import { parseYaml } from '../api/yaml.ts';
import { limits } from '../lib/limits.ts';
import { forbiddenLabels } from '../registry/admission/node-restriction/nodes.ts';
import { type DevicePlan, readDevices } from './node-devices.ts';
import { type ContainerStage, type NodeStage, readContainerStages, readNodeStages } from './stages.ts';
import {
  type Entry,
  readEntries,
  readEntry,
  readNumber,
  readOneOf,
  readText,
  readTexts,
  wrong,
} from './strict-reading.ts';

export interface Region {
  /** Empty: zones that belong to none. */
  readonly name: string;
  readonly zones: readonly string[];
}

export interface NodeTemplate {
  /** What its nodes' names begin with. */
  readonly name: string;
  /** Absent: what the others leave. */
  readonly count?: number;
  readonly size: Parameters<typeof simulatedNodeFacts>[2];
  readonly devices: readonly DevicePlan[];
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  /** Taken in turn, and in each its zones. */
  readonly regions: readonly Region[];
  readonly stages: readonly NodeStage[];
}

export type ToldEvents = 'all' | 'warnings' | 'none';

export interface SimulatedNodes {
  readonly templates: readonly NodeTemplate[];
  readonly stages: readonly ContainerStage[];
  readonly events: ToldEvents;
}

/** One node to be. */
export interface NodePlan {
  readonly name: string;
  readonly address: string;
  /** One range of a family, with a comma between. */
  readonly podCidr: string;
  readonly size: NodeTemplate['size'];
  readonly devices: readonly DevicePlan[];
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly stages: readonly NodeStage[];
}

export const nodesMax = 5000;

/** Where nothing was said: plain nodes `simulated-1`, `simulated-2`, … */
export const plainNodes: SimulatedNodes = {
  templates: [{ name: 'simulated', size: {}, devices: [], labels: {}, taints: [], regions: [], stages: [] }],
  stages: [],
  events: 'all',
};

const documentFields = ['apiVersion', 'kind', 'nodes', 'stages', 'events'];
const templateFields =
  'name count cpu memory pods ephemeralStorage extendedResources devices labels taints regions zones stages'.split(' ');
const templatesMax = 100;
const zonesMax = 100;
const taintsMax = 100;

/** @throws Error, one sentence that names the place and says what would be right */
export function readNodeTemplates(text: string): SimulatedNodes {
  if (text.length > limits.requestBodyBytesMax) throw new Error('the file is larger than 3 MiB');
  const { value, duplicates } = parseYaml(text);
  if (duplicates.length > 0) throw new Error(`stands there twice: ${duplicates.join(', ')}; leave one of them out`);
  const document = readEntry(value, 'the document', documentFields);
  readOneOf(document, 'apiVersion', ['simulation.naru.dev/v1']);
  readOneOf(document, 'kind', ['SimulatedNodes']);
  const templates = readEntries(document.fields.get('nodes'), 'nodes', templatesMax, readTemplate);
  if (templates.length === 0) throw wrong('nodes', 'must have at least one item; one with nothing but a name will do');
  const names = templates.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw wrong('nodes', `the name ${twice} stands there twice; give each item another name`);
  const stages = readContainerStages(document.fields.get('stages'), 'stages');
  const hasEvents = document.fields.has('events');
  const events = hasEvents ? readOneOf(document, 'events', ['all', 'warnings', 'none'] as const) : 'all';
  return { templates, stages, events };
}

function readTemplate(item: unknown, path: string): NodeTemplate {
  const entry = readEntry(item, path, templateFields);
  const name = readText(entry, 'name') ?? 'simulated';
  const problem = isDns1123Label(`${name}-${nodesMax}`)[0];
  if (problem !== undefined) throw wrong(`${path}.name`, problem);
  const count = readNumber(entry, 'count', { least: 0, most: nodesMax, whole: true });
  return {
    name,
    ...(count !== undefined && { count }),
    size: readSize(entry),
    devices: readDevices(entry),
    labels: readLabels(entry),
    taints: readTaints(entry),
    regions: readRegions(entry),
    stages: readNodeStages(entry.fields.get('stages'), `${path}.stages`),
  };
}

function readSize(entry: Entry): NodeTemplate['size'] {
  const milliCpu = readQuantity(entry, 'cpu', milliValue);
  const memoryBytes = readQuantity(entry, 'memory', integerValue);
  const ephemeralStorageBytes = readQuantity(entry, 'ephemeralStorage', integerValue);
  const podsMax = readNumber(entry, 'pods', { least: 0, most: 10_000, whole: true });
  const path = `${entry.path}.extendedResources`;
  const extended = entry.fields.get('extendedResources');
  return {
    ...(milliCpu !== undefined && { milliCpu }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(ephemeralStorageBytes !== undefined && { ephemeralStorageBytes }),
    ...(podsMax !== undefined && { podsMax }),
    ...(extended !== undefined && { extendedResources: readExtended(extended, path) }),
  };
}

function readExtended(value: unknown, path: string): Readonly<Record<string, number>> {
  const names = Object.keys(typeof value === 'object' && value !== null ? value : {});
  for (const name of names) {
    const isExtended = name.includes('/') && !/(^|\.)kubernetes\.io\//.test(name) && isQualifiedName(name).length === 0;
    if (!isExtended) throw wrong(`${path}.${name}`, 'must be a name with a domain, such as example.com/gpu');
  }
  const entry = readEntry(value, path, names);
  const most = Number.MAX_SAFE_INTEGER;
  return Object.fromEntries(names.map((name) => [name, readNumber(entry, name, { least: 0, most, whole: true }) ?? 0]));
}

function readQuantity(
  { path, fields }: Entry,
  name: string,
  read: (text: string | number) => number,
): number | undefined {
  const value = fields.get(name);
  if (value === undefined) return undefined;
  try {
    if (typeof value !== 'string' && typeof value !== 'number') throw new Error('neither text nor number');
    const amount = read(value);
    if (!(amount >= 0 && amount <= Number.MAX_SAFE_INTEGER)) throw new Error('out of range');
    return amount;
  } catch {
    throw wrong(`${path}.${name}`, 'must be a quantity such as 500m, 4 or 16Gi');
  }
}

function readLabelValue(value: unknown, path: string): string {
  const problem = typeof value === 'string' && value !== '' ? isLabelValue(value)[0] : 'must be a text, not empty';
  if (problem !== undefined) throw wrong(path, problem);
  return value as string;
}

/** What a node may not say of itself, the API would refuse when it joins. */
function readLabels(entry: Entry): Readonly<Record<string, string>> {
  const labels = readTexts(entry, 'labels');
  for (const [key, value] of Object.entries(labels)) {
    const problem = isQualifiedName(key)[0] ?? isLabelValue(value)[0];
    if (problem !== undefined) throw wrong(`${entry.path}.labels.${key}`, problem);
  }
  const [forbidden] = forbiddenLabels(labels, {});
  if (forbidden === undefined) return labels;
  const wayOut = `add it when the nodes are there: kubectl label nodes --all ${forbidden}=${labels[forbidden]}`;
  throw wrong(`${entry.path}.labels.${forbidden}`, `no node may give itself this label; ${wayOut}`);
}

function readRegions({ path, fields }: Entry): readonly Region[] {
  const zones = readEntries(fields.get('zones'), `${path}.zones`, zonesMax, readLabelValue);
  const given = fields.get('regions');
  if (given === undefined) return zones.length === 0 ? [] : [{ name: '', zones }];
  if (zones.length > 0) throw wrong(`${path}.zones`, 'stand below their regions where there are some');
  const names = Object.keys(typeof given === 'object' && given !== null ? given : {});
  const regions = readEntry(given, `${path}.regions`, names);
  return names.map((name) => ({
    name: readLabelValue(name, regions.path),
    zones: readEntries(regions.fields.get(name), `${regions.path}.${name}`, zonesMax, readLabelValue),
  }));
}

function readTaints({ path, fields }: Entry): readonly Taint[] {
  const taints = readEntries(fields.get('taints'), `${path}.taints`, taintsMax, readTaint);
  const same = taints.findIndex(({ key, effect }, index) =>
    taints.slice(0, index).some((other) => other.key === key && other.effect === effect),
  );
  if (same >= 0) throw wrong(`${path}.taints[${same}]`, 'there is one before it with the same key and effect');
  return taints;
}

function readTaint(item: unknown, path: string): Taint {
  const entry = readEntry(item, path, ['key', 'value', 'effect']);
  const key = readText(entry, 'key');
  const value = readText(entry, 'value');
  const effect = readOneOf(entry, 'effect', ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const);
  if (key === undefined) throw wrong(`${path}.key`, 'is missing');
  const problem = isQualifiedName(key)[0] ?? isLabelValue(value ?? '')[0];
  if (problem !== undefined) throw wrong(path, problem);
  return { key, ...(value !== undefined && { value }), effect };
}

/**
 * How many nodes there are in all. @param wanted by `--simulated-nodes`; undefined where it was not given
 * @throws Error, one sentence, where the two do not fit
 */
export function countNodes({ templates }: SimulatedNodes, wanted: number | undefined): number {
  const counted = templates.reduce((sum, { count = 0 }) => sum + count, 0);
  const open = templates.filter(({ count }) => count === undefined);
  if (open.length > 1) throw wrong('nodes', 'more than one item has no count; only one can get what is left');
  if (open.length === 1 && wanted === undefined) {
    throw wrong('nodes', `${open[0]?.name} has no count; give it one, or say how many in all: --simulated-nodes N`);
  }
  const total = open.length === 1 ? (wanted ?? 0) : counted;
  if (wanted !== undefined && (open.length === 1 ? wanted < counted : wanted !== counted)) {
    throw wrong('nodes', `the counts make ${counted}, and --simulated-nodes says ${wanted}; leave one of the two out`);
  }
  if (total < 1 || total > nodesMax)
    throw wrong('nodes', `there are ${total} nodes in all; from 1 to ${nodesMax} can be simulated`);
  return total;
}

/**
 * Each has an address and a range of pod addresses of its own (10.100.0.0/24, …; fd64:0:0:1::/64, …), of these families. They exist on paper only.
 */
export function planNodes(
  nodes: SimulatedNodes,
  total: number,
  families: readonly ('IPv4' | 'IPv6')[] = ['IPv4'],
): readonly NodePlan[] {
  const counted = nodes.templates.reduce((sum, { count = 0 }) => sum + count, 0);
  const named = nodes.templates.flatMap((template) =>
    Array.from({ length: template.count ?? total - counted }, (_, index) => ({ template, index })),
  );
  return named.map(({ template, index }, place) => ({
    name: `${template.name}-${index + 1}`,
    address: `10.${99 - Math.floor((place + 1) / 65_536)}.${Math.floor((place + 1) / 256) % 256}.${(place + 1) % 256}`,
    podCidr: families.map((family) => podRange(family, place)).join(),
    size: template.size,
    devices: template.devices,
    labels: { ...template.labels, ...topology(template, index) },
    taints: template.taints,
    stages: template.stages,
  }));
}

function podRange(family: 'IPv4' | 'IPv6', place: number): string {
  return family === 'IPv4'
    ? `10.${100 + Math.floor(place / 256)}.${place % 256}.0/24`
    : `fd64:0:0:${(place + 1).toString(16)}::/64`;
}

function topology({ regions }: NodeTemplate, index: number): Readonly<Record<string, string>> {
  const region = regions[index % Math.max(1, regions.length)];
  if (region === undefined) return {};
  const zone = region.zones[Math.floor(index / regions.length) % Math.max(1, region.zones.length)];
  return {
    ...(region.name !== '' && { 'topology.kubernetes.io/region': region.name }),
    ...(zone !== undefined && { 'topology.kubernetes.io/zone': zone }),
  };
}

export function factsOf({ name, address, size }: NodePlan): NodeFacts {
  return simulatedNodeFacts(name, address, size);
}
