/**
 * What a pod asks of a node: resources and host ports. Pure; computed once for each pod that the snapshot holds.
 *
 * A pod that waits asks for what its spec says. A placed one counts with what it may still hold: the largest of its spec, of what its node
 * set aside and of what its containers run with, so that a resize under way is never counted too low (KEP-1287); one that the node cannot
 * carry out counts without the spec.
 */
import { type HostPort, hostPortsOf } from './host-ports.ts';
import { integerValue, milliValue } from './quantity.ts';
import type { Container, ContainerStatus, Pod } from './schema/types/core-v1.ts';

/** By name; `cpu` in thousandths, all else in whole units (bytes, pieces). */
export type Amounts = ReadonlyMap<string, number>;

type QuantityList = Readonly<Record<string, string | number>> | undefined;

export interface PodRequests {
  readonly amounts: Amounts;
  /** As `amounts` for cpu and memory, a container that asks for none counted as a small one: for scoring. */
  readonly scored: { readonly cpu: number; readonly memory: number };
  readonly hostPorts: readonly HostPort[];
}

/** Upstream's stand-ins for containers that ask for nothing. */
const unasked: Amounts = new Map([
  ['cpu', 100],
  ['memory', 200 * 1024 * 1024],
]);
const nothing: Amounts = new Map();

export function amountsOf(list: QuantityList): Map<string, number> {
  const amounts = new Map<string, number>();
  for (const name in list) {
    const quantity = list[name] as string | number;
    amounts.set(name, name === 'cpu' ? milliValue(quantity) : integerValue(quantity));
  }
  return amounts;
}

export function podRequests(pod: Pod): PodRequests {
  const ask = askOf(pod);
  const amounts = total(pod, ask);
  const standIns = standInsFor(pod, amounts);
  const counted = standIns.size > 0 ? total(pod, (container) => withStandIns(ask(container), standIns)) : amounts;
  return {
    amounts,
    scored: { cpu: counted.get('cpu') ?? 0, memory: counted.get('memory') ?? 0 },
    hostPorts: hostPortsOf(pod),
  };
}

const knownRequests = new WeakMap<Pod, PodRequests>();

/** As `podRequests`, of one that is asked about with every change: read once for each form of it. */
export function knownPodRequests(pod: Pod): PodRequests {
  let requests = knownRequests.get(pod);
  if (requests === undefined) knownRequests.set(pod, (requests = podRequests(pod)));
  return requests;
}

type Ask = (container: Container) => Amounts;

const ofSpec: Ask = ({ resources }) => amountsOf(resources?.requests);

/** Only a placed pod has a status that says otherwise. */
function askOf({ spec, status }: Pod): Ask {
  if (!spec?.nodeName || status === undefined) return ofSpec;
  const statuses = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
  if (!statuses.some(({ resources, allocatedResources }) => resources ?? allocatedResources)) return ofSpec;
  const byName = new Map(statuses.map((standing) => [standing.name, standing]));
  const infeasible = status.conditions?.some(
    ({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible',
  );
  return (container) => held(container, byName.get(container.name), infeasible === true);
}

function held(container: Container, standing: ContainerStatus | undefined, infeasible: boolean): Amounts {
  if (standing === undefined) return ofSpec(container);
  const amounts = infeasible ? new Map<string, number>() : new Map(ofSpec(container));
  raiseTo(amounts, amountsOf(standing.resources?.requests));
  raiseTo(amounts, amountsOf(standing.allocatedResources));
  return amounts;
}

const isSidecar = (container: Container): boolean => container.restartPolicy === 'Always';

/**
 * As upstream computes it: containers and sidecars run together; each init container runs beside the sidecars that were started before it;
 * the larger of both counts. What the pod as a whole asks for takes its place, and overhead comes on top.
 */
function total(pod: Pod, ask: Ask): Map<string, number> {
  const { containers = [], initContainers = [], overhead } = pod.spec ?? {};
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
  for (const [name, amount] of wholePod(pod)) sum.set(name, amount);
  addTo(sum, amountsOf(overhead));
  return sum;
}

/** Requests of the pod as a whole (KEP-2837); of a placed one, as far as they were granted, too. */
function wholePod({ spec, status }: Pod): Amounts {
  const amounts = amountsOf(spec?.resources?.requests);
  if (amounts.size === 0 || !spec?.nodeName) return amounts;
  for (const list of [status?.resources?.requests, status?.allocatedResources]) {
    for (const [name, amount] of amountsOf(list)) {
      if (amounts.has(name)) amounts.set(name, Math.max(amount, amounts.get(name) ?? 0));
    }
  }
  return amounts;
}

/** For what containers do not ask for; where the pod asks for something as a whole, only for what nobody asks for. */
function standInsFor({ spec }: Pod, amounts: Amounts): Amounts {
  if (Object.keys(spec?.resources?.requests ?? {}).length > 0)
    return new Map([...unasked].filter(([name]) => !amounts.has(name)));
  const asks = ({ resources }: Container): boolean =>
    resources?.requests?.['cpu'] !== undefined && resources.requests['memory'] !== undefined;
  const hasGaps = ![...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].every(asks);
  return hasGaps ? unasked : nothing;
}

function withStandIns(amounts: Amounts, standIns: Amounts): Amounts {
  return new Map([...standIns, ...amounts]);
}

export function addTo(sum: Map<string, number>, added: Amounts, factor = 1): void {
  for (const [name, amount] of added) sum.set(name, (sum.get(name) ?? 0) + factor * amount);
}

function raiseTo(amounts: Map<string, number>, least: Amounts): void {
  for (const [name, amount] of least) if (amount > (amounts.get(name) ?? 0)) amounts.set(name, amount);
}
