/**
 * What the containers of a pod ask for, or may use, together: the sum of those that run at the same time, at the moment when that is
 * most. Sidecars run from their turn on; an init container runs alone beside the sidecars before it.
 */
import { addQuantities, compareQuantities, parseQuantity, type Quantity } from '../api/quantity.ts';
import type { Container, PodSpec } from '../api/schema/types/core-v1.ts';

/** By resource. */
export type Amounts = ReadonlyMap<string, Quantity>;

export function containersTogether(spec: PodSpec, which: 'limits' | 'requests'): Amounts {
  const running = new Map<string, Quantity>();
  const sidecars = new Map<string, Quantity>();
  const peak = new Map<string, Quantity>();
  for (const container of spec.containers ?? []) add(running, amountsOf(container, which));
  for (const container of spec.initContainers ?? []) {
    const amounts = amountsOf(container, which);
    const isSidecar = container.restartPolicy === 'Always';
    if (isSidecar) for (const total of [running, sidecars]) add(total, amounts);
    const during = new Map(sidecars);
    if (!isSidecar) add(during, amounts);
    raise(peak, during);
  }
  raise(running, peak);
  return running;
}

function amountsOf({ resources }: Container, which: 'limits' | 'requests'): Amounts {
  return new Map(Object.entries(resources?.[which] ?? {}).map(([name, value]) => [name, parseQuantity(value)]));
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
