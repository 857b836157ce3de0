/**
 * Which devices the containers of a pod get. Init containers come first, and what one of them had, later containers take again; a sidecar
 * keeps its own. Upstream's rules and words. Pure, and always the same for the same devices.
 */
import { integerValue } from '../../api/quantity.ts';
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import { appContainers, initContainers } from '../pod/containers.ts';

/** By container, then by resource: ids of devices. */
export type ChosenDevices = ReadonlyMap<string, ReadonlyMap<string, readonly string[]>>;

/** What there is of one resource. */
export interface DeviceSupply {
  readonly healthy: ReadonlySet<string>;
  /** By whomever. */
  readonly taken: ReadonlySet<string>;
}

/** A kubelet refuses the pod for this. */
export class AllocationError extends Error {
  override name = 'AllocationError';
}

/** Of a container's limits: those that `isDevice` knows, with how many. */
export function wantedDevices(
  { resources }: Container,
  isDevice: (resource: string) => boolean,
): readonly (readonly [resource: string, count: number])[] {
  const { limits } = resources ?? {};
  if (limits === undefined) return [];
  return Object.entries(limits)
    .filter(([resource]) => isDevice(resource))
    .map(([resource, amount]) => [resource, integerValue(amount)] as const)
    .filter(([, count]) => count > 0);
}

export function wantsDevices(pod: Pod, isDevice: (resource: string) => boolean): boolean {
  const wants = (container: Container): boolean => wantedDevices(container, isDevice).length > 0;
  return initContainers(pod).some(wants) || appContainers(pod).some(wants);
}

/**
 * @param supply undefined where no plugin has the resource
 * @throws AllocationError
 */
export function chooseDevices(
  pod: Pod,
  isDevice: (resource: string) => boolean,
  supply: (resource: string) => DeviceSupply | undefined,
): ChosenDevices {
  const chosen = new Map<string, ReadonlyMap<string, readonly string[]>>();
  const book = new Reservations(supply);
  const take = (container: Container, isReusable: boolean): void => {
    const wanted = wantedDevices(container, isDevice);
    if (wanted.length === 0) return;
    chosen.set(
      container.name,
      new Map(wanted.map(([resource, count]) => [resource, book.take(resource, count, isReusable)])),
    );
  };
  for (const container of initContainers(pod)) take(container, container.restartPolicy !== 'Always');
  for (const container of appContainers(pod)) take(container, false);
  return chosen;
}

/** Of one pod. */
class Reservations {
  readonly #supply: (resource: string) => DeviceSupply | undefined;
  readonly #reusable = new Map<string, Set<string>>();
  readonly #taken = new Map<string, Set<string>>();

  constructor(supply: (resource: string) => DeviceSupply | undefined) {
    this.#supply = supply;
  }

  take(resource: string, count: number, isReusable: boolean): readonly string[] {
    const { healthy, taken } = checkedSupply(resource, this.#supply(resource));
    const reusable = setOf(this.#reusable, resource);
    const own = setOf(this.#taken, resource);
    const again = [...reusable].slice(0, count);
    const free = [...healthy].filter((id) => !taken.has(id) && !own.has(id)).toSorted();
    const needed = count - again.length;
    if (free.length < needed) {
      throw new AllocationError(
        `requested number of devices unavailable for ${resource}. Requested: ${needed}, Available: ${free.length}`,
      );
    }
    const ids = [...again, ...free.slice(0, needed)];
    for (const id of ids) {
      own.add(id);
      if (isReusable) reusable.add(id);
      else reusable.delete(id);
    }
    return ids;
  }
}

/** @throws AllocationError where nothing of the resource can be had at all */
export function checkedSupply(resource: string, supply: DeviceSupply | undefined): DeviceSupply {
  if (supply === undefined) throw new AllocationError(`cannot allocate unregistered device ${resource}`);
  if (supply.healthy.size > 0) return supply;
  throw new AllocationError(`no healthy devices present; cannot allocate unhealthy devices ${resource}`);
}

/** @throws AllocationError where some of `ids`, which were given out before, cannot be used now */
export function checkStillHealthy(resource: string, ids: readonly string[], supply: DeviceSupply | undefined): void {
  const { healthy } = checkedSupply(resource, supply);
  if (ids.every((id) => healthy.has(id))) return;
  throw new AllocationError(
    `previously allocated devices are no longer healthy; cannot allocate unhealthy devices ${resource}`,
  );
}

function setOf(sets: Map<string, Set<string>>, key: string): Set<string> {
  const known = sets.get(key) ?? new Set<string>();
  sets.set(key, known);
  return known;
}
