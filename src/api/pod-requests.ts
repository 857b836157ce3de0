/**
 * What the containers of a pod ask for, or may use, together: the sum of those that run at the same time, at the moment when that is
 * most. Sidecars run from their turn on; an init container runs alone beside the sidecars before it.
 */
import { addQuantities, compareQuantities, parseQuantity, type Quantity } from './quantity.ts';
import type { Container, PodSpec } from './schema/types/core-v1.ts';

/** By resource. */
export type Amounts = ReadonlyMap<string, Quantity>;

export function containersTogether(spec: PodSpec, which: 'limits' | 'requests'): Amounts {
  return togetherBy(spec, (container) => amountsOf(container.resources?.[which]));
}

/** The same, where `amountsIn` says what a container takes. */
export function togetherBy(spec: PodSpec, amountsIn: (container: Container) => Amounts): Amounts {
  const running = new Map<string, Quantity>();
  const sidecars = new Map<string, Quantity>();
  const peak = new Map<string, Quantity>();
  for (const container of spec.containers ?? []) add(running, amountsIn(container));
  for (const container of spec.initContainers ?? []) {
    const amounts = amountsIn(container);
    const isSidecar = container.restartPolicy === 'Always';
    if (isSidecar) for (const total of [running, sidecars]) add(total, amounts);
    const during = new Map(sidecars);
    if (!isSidecar) add(during, amounts);
    raise(peak, during);
  }
  raise(running, peak);
  return running;
}

export function amountsOf(list: Readonly<Record<string, string>> | undefined): Amounts {
  return new Map(Object.entries(list ?? {}).map(([name, value]) => [name, parseQuantity(value)]));
}

function add(total: Map<string, Quantity>, amounts: Amounts): void {
  for (const [name, amount] of amounts) {
    const before = total.get(name);
    total.set(name, before === undefined ? amount : addQuantities(before, amount));
  }
}

function raise(total: Map<string, Quantity>, amounts: Amounts): void {
  for (const [name, amount] of amounts) {
    const before = total.get(name);
    if (before === undefined || compareQuantities(amount, before) > 0) total.set(name, amount);
  }
}
