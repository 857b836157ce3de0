/** What a pod asks of a node: resources and host ports. Pure; computed once for each pod that the snapshot holds. */
import { integerValue, milliValue } from '../api/quantity.ts';
import type { Container, Pod, ResourceRequirements } from '../api/schema/types/core-v1.ts';

/** By name; `cpu` in thousandths, all else in whole units (bytes, pieces). */
export type Amounts = ReadonlyMap<string, number>;

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

export interface PodRequests {
  readonly amounts: Amounts;
  /** As `amounts` for cpu and memory, a container that asks for none counted as a small one: for scoring. */
  readonly scored: { readonly cpu: number; readonly memory: number };
  readonly hostPorts: readonly HostPort[];
}

/** Upstream's stand-ins for containers that ask for nothing. */
const unaskedCpu = 100;
const unaskedMemory = 200 * 1024 * 1024;

export function amountsOf(list: Readonly<Record<string, string | number>> | undefined): Map<string, number> {
  const amounts = new Map<string, number>();
  for (const [name, quantity] of Object.entries(list ?? {})) {
    amounts.set(name, name === 'cpu' ? milliValue(quantity) : integerValue(quantity));
  }
  return amounts;
}

export function podRequests(pod: Pod): PodRequests {
  const asked = total(pod, ({ resources }) => amountsOf(resources?.requests));
  const counted = total(pod, ({ resources }) => withStandIns(resources));
  return {
    amounts: asked,
    scored: { cpu: counted.get('cpu') ?? 0, memory: counted.get('memory') ?? 0 },
    hostPorts: hostPortsOf(pod),
  };
}

const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';

/**
 * As upstream computes it: containers and sidecars run together; each init container runs beside the sidecars that were started before it;
 * the larger of both counts. What the pod as a whole asks for takes its place, and overhead comes on top.
 */
function total(pod: Pod, ask: (container: Container) => Amounts): Map<string, number> {
  const { containers = [], initContainers = [], overhead, resources } = pod.spec ?? {};
  const sidecars = new Map<string, number>();
  const peak = new Map<string, number>();
  for (const container of initContainers) {
    if (isSidecar(container)) addTo(sidecars, ask(container));
    const now = new Map(sidecars);
    if (!isSidecar(container)) addTo(now, ask(container));
    raiseTo(peak, now);
  }
  const sum = new Map(sidecars);
  for (const container of containers) addTo(sum, ask(container));
  raiseTo(sum, peak);
  for (const [name, amount] of amountsOf(resources?.requests)) sum.set(name, amount);
  addTo(sum, amountsOf(overhead));
  return sum;
}

function withStandIns(resources: ResourceRequirements | undefined): Amounts {
  const amounts = amountsOf(resources?.requests);
  return new Map([
    ['cpu', amounts.get('cpu') ?? unaskedCpu],
    ['memory', amounts.get('memory') ?? unaskedMemory],
  ]);
}

export function addTo(sum: Map<string, number>, added: Amounts, factor = 1): void {
  for (const [name, amount] of added) sum.set(name, (sum.get(name) ?? 0) + factor * amount);
}

function raiseTo(amounts: Map<string, number>, least: Amounts): void {
  for (const [name, amount] of least) if (amount > (amounts.get(name) ?? 0)) amounts.set(name, amount);
}

function hostPortsOf(pod: Pod): readonly HostPort[] {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  return [...initContainers.filter(isSidecar), ...containers].flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, hostIP, protocol }) =>
      hostPort === undefined || hostPort === 0
        ? []
        : [{ ip: hostIP || '0.0.0.0', protocol: protocol || 'TCP', port: hostPort }],
    ),
  );
}

/** Two ports cannot be had together: same protocol and number, on the same address or one of them on all. */
export function portsConflict(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
}
