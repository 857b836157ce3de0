/**
 * Which devices of a node fulfil what claims ask for: the first way that is found, in upstream's order. Pure.
 *
 * ```
 *  claim ─▶ request ─▶ alternative ─▶ device, device, … ─▶ next request ─▶ … ─▶ next claim ─▶ done
 *                          ▲              ▲     │ does not lead to an end: given back
 *                          └──────────────┴─────┘ the next device; the next alternative
 * ```
 * The naive search tries the devices of a request in every order, and each of many equal ones: nine requested of eight equal devices take
 * 8! attempts. Here a request takes its devices in ascending order, since their order means nothing, and a device that is like one that led
 * nowhere is passed over. Neither changes what is found first. What is left of hard cases ends with the meter, which counts looks at devices.
 *
 * Kept true: whatever was taken on a way that led nowhere is given back, last first.
 */

import { toleratesDeviceTaint } from '../../api/device-taints.ts';
import type { Device } from '../../api/schema/types/resource-v1.ts';
import { AllocationError } from './allocation-error.ts';
import { consumptionOf, nano } from './capacity.ts';
import type { Constraint } from './constraints.ts';
import type { LedgerReader } from './ledger.ts';
import { type Meter, stepsPer } from './meter.ts';
import { drawnBy, type Pool, type PoolDevice } from './pools.ts';
import { devicesMax, type Wish, type Wishes } from './wishes.ts';

/** A device that a claim gets. */
export interface Pick {
  readonly wish: Wish;
  readonly device: PoolDevice;
  /** What the claim uses up of a device that allows many; absent where it has the device alone. */
  readonly consumed?: ReadonlyMap<string, string>;
}

/** A device of a usable pool. */
export interface Offer {
  readonly device: PoolDevice;
  readonly pool: Pool;
}

interface ClaimTask {
  /** `namespace/name`, for messages. */
  readonly key: string;
  readonly wishes: Wishes;
  readonly constraints: readonly Constraint[];
}

interface SearchInputs {
  readonly tasks: readonly ClaimTask[];
  readonly offers: readonly Offer[];
  readonly ledger: LedgerReader;
  /** Whether class and request mean the device. @throws AllocationError */
  readonly means: (wish: Wish, device: PoolDevice, claim: string) => boolean;
  /** Of wishes for all devices: which these are. */
  readonly allOf: ReadonlyMap<Wish, readonly Offer[]>;
  readonly meter: Meter;
}

/** Too many: no other choice of devices before this point could help, only fewer of them. */
type Outcome = 'done' | 'failed' | 'too many';

interface Taken {
  readonly drawn: ReadonlyMap<string, bigint> | undefined;
}

interface Sharing {
  count: number;
  readonly amounts: Map<string, bigint>;
}

export class Search {
  readonly #inputs: SearchInputs;
  readonly #picks: Pick[][];
  /** Devices that this search gives to one claim alone, with the claims: for administration there may be several. */
  readonly #taken = new Map<string, Set<number>>();
  readonly #shared = new Map<string, Sharing>();
  /** Left of the counters, by pool. */
  readonly #left = new Map<string, Map<string, bigint>>();

  constructor(inputs: SearchInputs) {
    this.#inputs = inputs;
    this.#picks = inputs.tasks.map(() => []);
  }

  /** By claim, in the order in which they were taken; undefined where there is no way. @throws AllocationError, SearchLimitError */
  run(): readonly (readonly Pick[])[] | undefined {
    return this.#claim(0) === 'done' ? this.#picks : undefined;
  }

  #claim(at: number): Outcome {
    if (at >= this.#inputs.tasks.length) return 'done';
    // An earlier claim may leave this one other alternatives.
    const outcome = this.#request(at, 0);
    return outcome === 'too many' ? 'failed' : outcome;
  }

  #request(claim: number, at: number): Outcome {
    const alternatives = this.#task(claim).wishes[at];
    if (alternatives === undefined) return this.#claim(claim + 1);
    let areAllTooMany = true;
    for (const wish of alternatives) {
      const outcome = wish.wantsAll ? this.#all(claim, at, wish, 0) : this.#some(claim, at, wish, wish.count, 0);
      if (outcome === 'done') return 'done';
      if (outcome !== 'too many') areAllTooMany = false;
    }
    return areAllTooMany ? 'too many' : 'failed';
  }

  /** Which devices they are is known: each must be had. */
  #all(claim: number, request: number, wish: Wish, at: number): Outcome {
    const offers = this.#inputs.allOf.get(wish) ?? [];
    if (offers.length === 0) return 'failed';
    const offer = offers[at];
    if (offer === undefined) return this.#request(claim, request + 1);
    if (this.#exceeds(claim, offers.length - at)) return 'too many';
    this.#inputs.meter.spend(1);
    const taken = this.#take(claim, wish, offer, true);
    if (taken === undefined) return 'failed';
    const outcome = this.#all(claim, request, wish, at + 1);
    if (outcome !== 'done') this.#giveBack(claim, wish, offer, taken);
    return outcome;
  }

  /** `missing` more, from the offer at `from` on. */
  #some(claim: number, request: number, wish: Wish, missing: number, from: number): Outcome {
    if (missing === 0) return this.#request(claim, request + 1);
    if (this.#exceeds(claim, missing)) return 'too many';
    const { offers, means, meter } = this.#inputs;
    let useless: Set<string> | undefined;
    for (let at = from; at < offers.length; at++) {
      const offer = offers[at] as Offer;
      const { device } = offer;
      const isFree = this.#isFree(claim, wish, device);
      meter.spend(isFree ? 1 : stepsPer.takenDevice);
      if (!isFree || !means(wish, device, this.#task(claim).key)) continue;
      const isShared = device.device.allowMultipleAllocations === true;
      const likeness = useless !== undefined && !isShared && !wish.adminAccess ? likenessOf(offer) : undefined;
      if (likeness !== undefined && useless?.has(likeness)) continue;
      const taken = this.#take(claim, wish, offer, false);
      if (taken !== undefined) {
        const outcome = this.#some(claim, request, wish, missing - 1, isShared ? at : at + 1);
        if (outcome === 'done') return 'done';
        this.#giveBack(claim, wish, offer, taken);
        if (outcome === 'too many') return outcome;
      }
      useless ??= new Set();
      if (!isShared && !wish.adminAccess) useless.add(likeness ?? likenessOf(offer));
    }
    return 'failed';
  }

  #task(claim: number): ClaimTask {
    return this.#inputs.tasks[claim] as ClaimTask;
  }

  #exceeds(claim: number, more: number): boolean {
    return (this.#picks[claim] as Pick[]).length + more > devicesMax;
  }

  /** For administration, others may have it, but the claim has it once. */
  #isFree(claim: number, wish: Wish, { id }: PoolDevice): boolean {
    const holders = this.#taken.get(id);
    if (wish.adminAccess) return !holders?.has(claim);
    return !this.#inputs.ledger.isTaken(id) && (holders?.size ?? 0) === 0;
  }

  /** Undefined where it cannot be had. @throws AllocationError where it must be, and a constraint forbids it */
  #take(claim: number, wish: Wish, offer: Offer, must: boolean): Taken | undefined {
    const { device } = offer;
    if (!this.#isFree(claim, wish, device) || !isTolerated(wish, device)) return undefined;
    const isShared = device.device.allowMultipleAllocations === true;
    const consumed = consumptionOf(wish.capacity, device.device.capacity);
    if (consumed === undefined || (isShared && !this.#hasLeft(device, consumed))) return undefined;
    // Whoever came first to a device that allows many drew for all.
    const draws = !(isShared && (this.#inputs.ledger.isUsed(device.id) || this.#shared.has(device.id)));
    const drawn = draws ? drawnBy(device.device) : undefined;
    if (drawn !== undefined && !this.#draw(offer.pool, drawn)) return undefined;
    if (!this.#constrain(claim, wish, device, must)) {
      if (drawn !== undefined) this.#undraw(offer.pool, drawn);
      return undefined;
    }
    if (isShared) this.#share(device.id, consumed, 1);
    else this.#taken.set(device.id, (this.#taken.get(device.id) ?? new Set()).add(claim));
    (this.#picks[claim] as Pick[]).push({ wish, device, ...(isShared && { consumed }) });
    return { drawn };
  }

  #giveBack(claim: number, wish: Wish, { device, pool }: Offer, { drawn }: Taken): void {
    const pick = (this.#picks[claim] as Pick[]).pop();
    if (pick?.consumed === undefined) this.#taken.get(device.id)?.delete(claim);
    else this.#share(device.id, pick.consumed, -1);
    for (const constraint of this.#task(claim).constraints.toReversed()) {
      constraint.remove(wish, device.driver, device.device);
    }
    if (drawn !== undefined) this.#undraw(pool, drawn);
  }

  #constrain(claim: number, wish: Wish, { id, driver, device }: PoolDevice, must: boolean): boolean {
    const { constraints, key } = this.#task(claim);
    const refusing = constraints.findIndex((constraint) => !constraint.add(wish, driver, device));
    if (refusing < 0) return true;
    for (const constraint of constraints.slice(0, refusing).toReversed()) constraint.remove(wish, driver, device);
    if (!must) return false;
    const why = `cannot add device ${id} because a claim constraint would not be satisfied`;
    throw new AllocationError(`claim ${key}, request ${wish.name}: ${why}`);
  }

  #hasLeft({ id, device }: PoolDevice, consumed: ReadonlyMap<string, string>): boolean {
    const used = this.#inputs.ledger.usedOf(id);
    const sharing = this.#shared.get(id)?.amounts;
    return [...consumed].every(([name, amount]) => {
      const sum = nano(amount) + (used.get(name) ?? 0n) + (sharing?.get(name) ?? 0n);
      return sum <= nano(device.capacity?.[name]?.value ?? '0');
    });
  }

  #share(id: string, consumed: ReadonlyMap<string, string>, sign: 1 | -1): void {
    const sharing = this.#shared.get(id) ?? { count: 0, amounts: new Map<string, bigint>() };
    sharing.count += sign;
    for (const [name, amount] of consumed) {
      sharing.amounts.set(name, (sharing.amounts.get(name) ?? 0n) + BigInt(sign) * nano(amount));
    }
    if (sharing.count === 0) this.#shared.delete(id);
    else this.#shared.set(id, sharing);
  }

  #draw(pool: Pool, drawn: ReadonlyMap<string, bigint>): boolean {
    if (drawn.size === 0) return true;
    const left = this.#leftOf(pool);
    for (const [key, amount] of drawn) if (amount > (left.get(key) ?? 0n)) return false;
    for (const [key, amount] of drawn) left.set(key, (left.get(key) ?? 0n) - amount);
    return true;
  }

  #undraw(pool: Pool, drawn: ReadonlyMap<string, bigint>): void {
    if (drawn.size === 0) return;
    const left = this.#leftOf(pool);
    for (const [key, amount] of drawn) left.set(key, (left.get(key) ?? 0n) + amount);
  }

  #leftOf({ id, counters }: Pool): Map<string, bigint> {
    const known = this.#left.get(id);
    if (known !== undefined) return known;
    const left = new Map(counters.available);
    for (const consumer of counters.consumers) {
      if (!this.#inputs.ledger.isUsed(consumer.id)) continue;
      for (const [key, amount] of drawnBy(consumer.device)) left.set(key, (left.get(key) ?? 0n) - amount);
    }
    this.#left.set(id, left);
    return left;
  }
}

/** Taints that only tell something keep nobody off. */
const isTolerated = ({ tolerations }: Wish, { taints }: PoolDevice): boolean =>
  taints.every(
    (taint) =>
      (taint.effect !== 'NoSchedule' && taint.effect !== 'NoExecute') ||
      tolerations.some((toleration) => toleratesDeviceTaint(toleration, taint)),
  );

const likenesses = new WeakMap<PoolDevice, string>();

/** All that a search reads of a device that somebody has alone: two with the same lead to the same end. */
function likenessOf({ device, pool }: Offer): string {
  const known = likenesses.get(device);
  if (known !== undefined) return known;
  const { attributes, capacity, consumesCounters }: Device = device.device;
  const likeness = JSON.stringify([pool.id, attributes, capacity, consumesCounters, device.taints]);
  likenesses.set(device, likeness);
  return likeness;
}
