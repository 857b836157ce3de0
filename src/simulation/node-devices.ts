/**
 * Devices of simulated nodes, as data: what a template's `devices` say, and the ResourceSlices that their drivers would publish for one node.
 * Pure; `device-publisher.ts` writes them.
 *
 * ```yaml
 * devices:
 *   - driver: gpu.example.com
 *     name: gpu                        # gpu-0, gpu-1, …; device where absent
 *     count: 8                         # 1 where absent
 *     pool: fast                       # the pool NODE/fast; NODE where absent
 *     attributes: {model: a100, cores: 108, mig: true, driverVersion: {version: 1.2.3}}
 *     capacity: {memory: 80Gi}
 *     taints: [{key: example.com/broken, effect: NoExecute}]
 * ```
 * Kept true: what the template says was judged by the API's own rules when it was read, so that publishing it is not refused.
 */
import { parseQuantity } from '../api/quantity.ts';
import type { Device, DeviceAttribute, DeviceTaint, ResourceSlice } from '../api/schema/types/resource-v1.ts';
import { validateResourceSlice } from '../registry/validation/resource-slice.ts';
import { type Entry, readEntries, readEntry, readNumber, readOneOf, readText, wrong } from './strict-reading.ts';

/** Alike devices of one node. */
export interface DevicePlan {
  readonly driver: string;
  /** Empty: the driver's only one on the node. */
  readonly pool: string;
  readonly name: string;
  readonly count: number;
  readonly like: Pick<Device, 'attributes' | 'capacity' | 'taints'>;
}

const fields = ['driver', 'name', 'count', 'pool', 'attributes', 'capacity', 'taints'];
const kindsMax = 100;
const devicesMax = 10_000;
const taintsMax = 16;
const effects = ['NoSchedule', 'NoExecute', 'None'] as const;
/** As the API allows in one slice; fewer where a device has taints. */
const perSliceMax = 128;
const taintedPerSliceMax = 64;

export function readDevices(entry: Entry): readonly DevicePlan[] {
  const path = `${entry.path}.devices`;
  const plans = readEntries(entry.fields.get('devices'), path, kindsMax, readDevice);
  const slices = slicesOf('node', plans);
  const devices = slices.flatMap(({ spec }) => (spec.devices ?? []).map(({ name }) => `${poolOf(spec)} ${name}`));
  const device = firstTwice(devices);
  if (device !== undefined) throw wrong(path, `there are two devices ${device}; give each item another name`);
  const slice = firstTwice(slices.map(({ metadata }) => metadata?.name ?? ''));
  if (slice !== undefined) throw wrong(path, `two pools would both be published as ${slice}; rename one`);
  return plans;
}

const poolOf = ({ driver, pool }: ResourceSlice['spec']): string => `${driver} ${pool.name}`;

function firstTwice(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.size === seen.add(name).size);
}

function readDevice(item: unknown, path: string): DevicePlan {
  const entry = readEntry(item, path, fields);
  const driver = readText(entry, 'driver');
  if (driver === undefined) throw wrong(`${path}.driver`, 'is missing; it is a name such as gpu.example.com');
  const taints = readEntries(entry.fields.get('taints'), `${path}.taints`, taintsMax, readTaint);
  const plan: DevicePlan = {
    driver,
    pool: readText(entry, 'pool') ?? '',
    name: readText(entry, 'name') ?? 'device',
    count: readNumber(entry, 'count', { least: 0, most: devicesMax, whole: true }) ?? 1,
    like: {
      ...(entry.fields.has('attributes') && { attributes: readMap(entry, 'attributes', readAttribute) }),
      ...(entry.fields.has('capacity') && { capacity: readMap(entry, 'capacity', readCapacity) }),
      ...(taints.length > 0 && { taints }),
    },
  };
  const [sample] = slicesOf('node', [{ ...plan, count: 1 }]);
  const [error] = sample === undefined ? [] : validateResourceSlice(sample);
  if (error !== undefined) throw wrong(path, `${error.field.replace('spec.devices[0].', '')}: ${error.message}`);
  return plan;
}

function readMap<T>(
  { path, fields: given }: Entry,
  name: string,
  read: (value: unknown, path: string) => T,
): Readonly<Record<string, T>> {
  const value = given.get(name) ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw wrong(`${path}.${name}`, 'must be a mapping');
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, read(each, `${path}.${name}.${key}`)]));
}

function readAttribute(value: unknown, path: string): DeviceAttribute {
  if (typeof value === 'string') return { string: value };
  if (typeof value === 'boolean') return { bool: value };
  if (typeof value === 'number' && Number.isSafeInteger(value)) return { int: value };
  if (typeof value !== 'object') throw wrong(path, 'must be a text, a whole number, true, false or {version: 1.2.3}');
  const version = readText(readEntry(value, path, ['version']), 'version');
  if (version === undefined) throw wrong(`${path}.version`, 'is missing');
  return { version };
}

function readCapacity(value: unknown, path: string): { readonly value: string } {
  try {
    if (typeof value !== 'string' && typeof value !== 'number') throw new Error('neither text nor number');
    parseQuantity(value);
    return { value: String(value) };
  } catch {
    throw wrong(path, 'must be a quantity such as 4 or 80Gi');
  }
}

function readTaint(item: unknown, path: string): DeviceTaint {
  const entry = readEntry(item, path, ['key', 'value', 'effect']);
  const value = readText(entry, 'value');
  return {
    key: readText(entry, 'key') ?? '',
    ...(value !== undefined && { value }),
    effect: readOneOf(entry, 'effect', effects),
  };
}

/** Those of one node, named after it; of each pool as many as it needs, all of generation 1. */
export function slicesOf(node: string, plans: readonly DevicePlan[]): readonly ResourceSlice[] {
  const pools = Map.groupBy(plans, ({ driver, pool }) => JSON.stringify([driver, pool]));
  return [...pools.values()].flatMap((ofPool) => poolSlices(node, ofPool));
}

function poolSlices(node: string, plans: readonly DevicePlan[]): readonly ResourceSlice[] {
  const { driver = '', pool = '' } = plans[0] ?? {};
  const devices = plans.flatMap(({ name, count, like }) =>
    Array.from({ length: count }, (_, index): Device => ({ name: `${name}-${index}`, ...like })),
  );
  const isTainted = devices.some(({ taints }) => taints !== undefined);
  const size = isTainted ? taintedPerSliceMax : perSliceMax;
  const resourceSliceCount = Math.max(1, Math.ceil(devices.length / size));
  const poolName = pool === '' ? node : `${node}/${pool}`;
  return Array.from({ length: resourceSliceCount }, (_, index) => ({
    metadata: { name: [node, driver, ...(pool === '' ? [] : [pool.replaceAll('/', '-')]), index].join('-') },
    spec: {
      driver,
      nodeName: node,
      pool: { name: poolName, generation: 1, resourceSliceCount },
      devices: devices.slice(index * size, (index + 1) * size),
    },
  }));
}
