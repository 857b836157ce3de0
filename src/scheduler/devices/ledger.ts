/**
 * Who has which devices: what all claims were given, added up claim by claim, so that a decision need not go through them.
 *
 * Kept true: a claim counts once, with its newest form; what it had before is taken back first. Devices given for administration are not taken by
 * it. A device that allows many counts what its shares use up.
 */
import type { AllocationResult, DeviceRequestAllocationResult } from '../../api/schema/types/resource-v1.ts';
import { type Amounts, nano } from './capacity.ts';
import { deviceId } from './pools.ts';

export interface LedgerReader {
  /** Somebody has it alone. */
  isTaken(device: string): boolean;
  /** Somebody has it, or a share of it. */
  isUsed(device: string): boolean;
  /** What all its shares use up, by capacity. */
  usedOf(device: string): Amounts;
}

interface Use {
  alone: number;
  shares: number;
  readonly amounts: Map<string, bigint>;
}

const nothing: Amounts = new Map();

export class Ledger implements LedgerReader {
  readonly #uses = new Map<string, Use>();
  readonly #claims = new Map<string, AllocationResult>();

  /** Undefined: it has none. Returns whether something became free. */
  set(claim: string, allocation: AllocationResult | undefined): boolean {
    const before = this.#claims.get(claim);
    if (before === allocation) return false;
    if (before !== undefined) this.#add(before, -1);
    if (allocation === undefined) this.#claims.delete(claim);
    else {
      this.#claims.set(claim, allocation);
      this.#add(allocation, 1);
    }
    return before !== undefined;
  }

  isTaken(device: string): boolean {
    return (this.#uses.get(device)?.alone ?? 0) > 0;
  }

  isUsed(device: string): boolean {
    return this.#uses.has(device);
  }

  usedOf(device: string): Amounts {
    return this.#uses.get(device)?.amounts ?? nothing;
  }

  #add({ devices }: AllocationResult, sign: 1 | -1): void {
    for (const result of devices?.results ?? []) if (result.adminAccess !== true) this.#addOne(result, sign);
  }

  #addOne({ driver, pool, device, shareID, consumedCapacity = {} }: DeviceRequestAllocationResult, sign: 1 | -1): void {
    const id = deviceId(driver, pool, device);
    const use = this.#uses.getOrInsertComputed(id, () => ({ alone: 0, shares: 0, amounts: new Map() }));
    if (shareID === undefined) use.alone += sign;
    else use.shares += sign;
    for (const [name, amount] of shareID === undefined ? [] : Object.entries(consumedCapacity)) {
      use.amounts.set(name, (use.amounts.get(name) ?? 0n) + BigInt(sign) * nano(amount));
    }
    if (use.alone === 0 && use.shares === 0) this.#uses.delete(id);
  }
}
