/**
 * What of the node is there for pods (`status.allocatable`): its capacity without what is kept back for the system and for the agent, and
 * without what hard eviction thresholds leave free. Upstream's arithmetic. Pure.
 *
 * ```
 *   capacity ──── systemReserved, kubeReserved ──── memory in huge pages ──▶ the limit of the cgroup of all pods (`enforced`)
 *                                                  └─ hard thresholds ─────▶ allocatable
 * ```
 */
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  integerValue,
  milliValue,
  parseQuantity,
  type Quantity,
  QuantityError,
  quantityFromInteger,
  subtractQuantities,
} from '../../api/quantity.ts';
import { isHard, thresholdsOf } from '../eviction/thresholds.ts';
import type { KubeletConfiguration } from '../kubelet-configuration.ts';
import type { NodeFacts } from '../node-facts.ts';
import { type NodeStatusPart, resourcesOf } from '../node-status.ts';
import type { CgroupLimits } from '../pod/cgroup-limits.ts';
import { cpuShares } from '../pod/qos.ts';

type Amounts = Readonly<Record<string, string>>;

const zero = parseQuantity('0');
const reservable: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage', 'pid']);

export class NodeAllocatable {
  readonly #configuration: KubeletConfiguration;
  readonly #evictionHard: ReadonlyMap<string, string | { readonly fraction: number }>;

  /** @throws Error that names the setting which cannot be read */
  constructor(configuration: KubeletConfiguration) {
    this.#configuration = configuration;
    checkReserved('kubeReserved', configuration.kubeReserved);
    checkReserved('systemReserved', configuration.systemReserved);
    const hard = thresholdsOf(configuration).filter(isHard);
    this.#evictionHard = new Map(
      hard.map(({ signal, value }) => [signal, 'quantity' in value ? formatQuantity(value.quantity) : value]),
    );
  }

  /** Lays `allocatable` over the status. */
  get statusPart(): NodeStatusPart {
    return (status) => ({ ...status, allocatable: this.of(status.capacity ?? {}) });
  }

  /** @param capacity as `status.capacity` has it */
  of(capacity: Amounts): Amounts {
    const result: Record<string, string> = {};
    for (const [name, amount] of Object.entries(capacity)) {
      result[name] = formatQuantity(
        atLeastZero(subtractQuantities(parseQuantity(amount), this.#keptBack(name, amount))),
      );
    }
    return withoutHugepages(result);
  }

  /** @throws Error where more is kept back than there is */
  check(facts: NodeFacts): void {
    for (const [name, amount] of Object.entries(resourcesOf(facts))) {
      const kept = this.#keptBack(name, amount);
      if (compareQuantities(kept, parseQuantity(amount)) <= 0) continue;
      const [asked, there] = [formatQuantity(kept), amount];
      throw new Error(
        `invalid Node Allocatable configuration: ${asked} of ${name} is kept back, and the node has ${there}; ` +
          'lower kubeReserved, systemReserved or evictionHard',
      );
    }
  }

  /** What the cgroup of all pods is held to; without enforcement, all that there is. */
  enforced(facts: NodeFacts): CgroupLimits {
    const capacity = resourcesOf(facts);
    const isEnforced = this.#configuration.enforceNodeAllocatable.includes('pods');
    const left = (name: string): Quantity => {
      const amount = parseQuantity(capacity[name] ?? '0');
      return isEnforced ? atLeastZero(subtractQuantities(amount, this.#reserved(name))) : amount;
    };
    const memory = isEnforced ? withoutHugepages({ ...capacity, memory: formatQuantity(left('memory')) }) : capacity;
    const pids = facts.pidsMax === undefined ? 0 : facts.pidsMax - (isEnforced ? whole(this.#reserved('pid')) : 0);
    return {
      cpuShares: cpuShares(milliValue(formatQuantity(left('cpu')))),
      memoryLimitBytes: integerValue(memory['memory'] ?? '0'),
      ...(facts.pidsMax !== undefined && { pidsMax: Math.max(1, pids) }),
      isSwapOff: true,
    };
  }

  #keptBack(name: string, capacity: string): Quantity {
    return addQuantities(this.#reserved(name), this.#evictionReserve(name, capacity));
  }

  #reserved(name: string): Quantity {
    const { kubeReserved, systemReserved } = this.#configuration;
    return addQuantities(parseQuantity(kubeReserved[name] ?? '0'), parseQuantity(systemReserved[name] ?? '0'));
  }

  #evictionReserve(name: string, capacity: string): Quantity {
    const signal = name === 'memory' ? 'memory.available' : name === 'ephemeral-storage' ? 'nodefs.available' : '';
    const value = this.#evictionHard.get(signal);
    if (value === undefined) return zero;
    if (typeof value === 'string') return parseQuantity(value);
    return quantityFromInteger(Math.trunc(integerValue(capacity) * value.fraction), 'BinarySI');
  }
}

function checkReserved(setting: string, amounts: Amounts): void {
  for (const [name, amount] of Object.entries(amounts)) {
    if (!reservable.has(name))
      throw new Error(`${setting}: cannot reserve ${name}; only ${[...reservable].join(', ')}`);
    let isNegative: boolean;
    try {
      isNegative = compareQuantities(parseQuantity(amount), zero) < 0;
    } catch (error) {
      if (error instanceof QuantityError)
        throw new Error(`${setting}[${name}]: "${amount}": ${error.message}`, { cause: error });
      throw error;
    }
    if (isNegative) throw new Error(`${setting}[${name}]: must not be negative, not "${amount}"`);
  }
}

/** Memory in huge pages is nobody else's. */
function withoutHugepages(amounts: Amounts): Amounts {
  if (amounts['memory'] === undefined) return amounts;
  let memory = parseQuantity(amounts['memory']);
  for (const [name, amount] of Object.entries(amounts)) {
    if (name.startsWith('hugepages-')) memory = atLeastZero(subtractQuantities(memory, parseQuantity(amount)));
  }
  return { ...amounts, memory: formatQuantity(memory) };
}

function atLeastZero(amount: Quantity): Quantity {
  return compareQuantities(amount, zero) < 0 ? zero : amount;
}

function whole(amount: Quantity): number {
  return integerValue(formatQuantity(amount));
}
