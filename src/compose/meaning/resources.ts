/**
 * Limits and reservations. A reservation is a request. A limit alone reserves nothing in Compose, while Kubernetes would take it as the
 * request, too: so a request of zero stands beside it, and what ran on one machine still fits there.
 */
import type { ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import type { Device, Service } from '../model.ts';
import { cpu, memory, number } from './quantities.ts';
import type { Translation } from './translation.ts';

export function resourcesOf(
  service: Service,
  place: string,
  translation: Translation,
): ResourceRequirements | undefined {
  const at = (key: string): string => translation.where(`${place}.${key}`);
  const { limits = {}, reservations = {} } = service.deploy?.resources ?? {};
  const upper = present({
    cpu: cpu(limits.cpus ?? service.cpus ?? quota(service, at) ?? service.cpu_count, at('cpus')),
    memory: memory(limits.memory ?? service.mem_limit, at('mem_limit')),
  });
  const reserved = present({
    cpu: cpu(reservations.cpus ?? shares(service, at), at('cpu_shares')),
    memory: memory(reservations.memory ?? service.mem_reservation, at('mem_reservation')),
  });
  const unreserved = Object.fromEntries(Object.keys(upper).map((name) => [name, '0']));
  const requests = { ...unreserved, ...reserved };
  const devices = devicesOf([...(reservations.devices ?? []), ...(service.gpus ?? [])], place, translation);
  const all = { ...upper, ...devices };
  if (Object.keys(all).length === 0 && Object.keys(requests).length === 0) return undefined;
  return {
    ...(Object.keys(all).length > 0 && { limits: all }),
    ...(Object.keys(requests).length > 0 && { requests }),
  };
}

const present = (map: Record<string, string | undefined>): Record<string, string> =>
  Object.fromEntries(Object.entries(map).filter((entry): entry is [string, string] => entry[1] !== undefined));

function quota(
  { cpu_quota: microseconds, cpu_period: period = 100_000 }: Service,
  at: (key: string) => string,
): number | undefined {
  if (microseconds === undefined) return undefined;
  return number(microseconds, at('cpu_quota')) / Math.max(1, number(period, at('cpu_period')));
}

/** The kernel's weight of a request of one CPU. */
const sharesOfCpu = 1024;

function shares({ cpu_shares: weight }: Service, at: (key: string) => string): number | undefined {
  return weight === undefined ? undefined : number(weight, at('cpu_shares')) / sharesOfCpu;
}

const vendors: Readonly<Record<string, string>> = {
  nvidia: 'nvidia.com/gpu',
  amd: 'amd.com/gpu',
  intel: 'gpu.intel.com/i915',
};

function devicesOf(devices: readonly Device[], place: string, translation: Translation): Record<string, string> {
  const wanted: Record<string, number> = {};
  for (const { capabilities = ['gpu'], count = 1, driver = 'nvidia' } of devices) {
    const resource = vendors[driver];
    if (resource === undefined || !capabilities.some((each) => each === 'gpu' || each in vendors)) {
      translation.note(
        place,
        `a device of the driver ${driver} (${capabilities.join(', ')}) is not carried over: name its device plugin's resource in the manifest`,
      );
      continue;
    }
    if (count === 'all' || count === -1) translation.note(place, 'all GPUs are not known beforehand: one is asked for');
    const each = count === 'all' || count === -1 ? 1 : number(count, translation.where(place));
    wanted[resource] = (wanted[resource] ?? 0) + each;
  }
  return Object.fromEntries(Object.entries(wanted).map(([name, each]) => [name, String(each)]));
}
