/** Devices of one node for claims that have none yet: whether they can be had, and which. Pure. */
import { objectKey } from '../../api/object.ts';
import type { DeviceConstraint, ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import { AllocationError } from './allocation-error.ts';
import { consumptionOf } from './capacity.ts';
import { type Constraint, constraintOf } from './constraints.ts';
import type { DeviceSelectors } from './device-selectors.ts';
import type { LedgerReader } from './ledger.ts';
import { Meter, SearchLimitError } from './meter.ts';
import type { Pool, PoolDevice } from './pools.ts';
import { type Offer, type Pick, Search } from './search.ts';
import { type ClassReader, devicesMax, type Wish, type Wishes, wishesOf } from './wishes.ts';

interface AllocationInputs {
  readonly claims: readonly ResourceClaim[];
  /** As the node sees them, in the order in which devices are taken. */
  readonly pools: readonly Pool[];
  readonly ledger: LedgerReader;
  readonly classOf: ClassReader;
  readonly selectors: DeviceSelectors;
  readonly stepsMax: number;
}

export interface ClaimPicks {
  readonly claim: ResourceClaim;
  readonly picks: readonly Pick[];
}

export type Allocation =
  | { readonly kind: 'found'; readonly claims: readonly ClaimPicks[]; readonly steps: number }
  /** `reason` where it is not for a lack of devices. */
  | { readonly kind: 'none'; readonly reason?: string; readonly steps: number };

/** Found exactly where it exists; except that the search may be too long (`stepsMax`). */
export function allocate(inputs: AllocationInputs): Allocation {
  const meter = new Meter(inputs.stepsMax);
  try {
    const picks = searchFor(inputs, meter).run();
    const { steps } = meter;
    if (picks !== undefined) {
      return { kind: 'found', steps, claims: inputs.claims.map((claim, at) => ({ claim, picks: picks[at] ?? [] })) };
    }
    const isSpoilt = inputs.pools.some(({ state }) => state === 'invalid');
    return { kind: 'none', steps, ...(isSpoilt && { reason: 'invalid resource pools were encountered' }) };
  } catch (error) {
    const { steps } = meter;
    if (error instanceof AllocationError) return { kind: 'none', steps, reason: error.message };
    if (error instanceof SearchLimitError)
      return { kind: 'none', steps, reason: 'timed out trying to allocate devices' };
    throw error;
  }
}

function searchFor({ claims, pools, ledger, classOf, selectors }: AllocationInputs, meter: Meter): Search {
  const means = meaning(selectors, meter);
  const offers = pools.flatMap((pool) =>
    pool.state === 'usable' ? pool.devices.map((device) => ({ device, pool })) : [],
  );
  const allOf = new Map<Wish, readonly Offer[]>();
  const tasks = claims.map((claim) => {
    const key = objectKey(claim);
    const wishes = wishesOf(claim, classOf);
    for (const wish of wishes.flat())
      if (wish.wantsAll) allOf.set(wish, everyOne(wish, key, pools, offers, means, meter));
    checkCount(key, wishes, allOf);
    return { key, wishes, constraints: constraintsOf(key, claim.spec.devices?.constraints) };
  });
  return new Search({ tasks, offers, ledger, means, allOf, meter });
}

type Means = (wish: Wish, device: PoolDevice, claim: string) => boolean;

/** First the class's expressions, then the request's. */
function meaning(selectors: DeviceSelectors, meter: Meter): Means {
  const ask = (whose: string, of: Wish['selectors'], { driver, device }: PoolDevice): boolean =>
    of.every(({ cel }, index) => {
      if (cel === undefined) throw new AllocationError(`${whose}: selector #${index}: CEL expression empty`);
      const match = selectors.match(cel.expression, driver, device, meter);
      if ('error' in match) throw new AllocationError(`${whose}: selector #${index}: ${match.error}`);
      return match.matches;
    });
  return ({ deviceClass, selectors: own }, device, claim) =>
    ask(`class ${deviceClass.metadata?.name}`, deviceClass.spec.selectors ?? [], device) &&
    ask(`claim ${claim}`, own, device);
}

/** Only where all of them are known: a pool that is being rewritten may have more. */
function everyOne(
  wish: Wish,
  claim: string,
  pools: readonly Pool[],
  offers: readonly Offer[],
  means: Means,
  meter: Meter,
): readonly Offer[] {
  meter.spend(offers.length);
  for (const { id, state } of pools) {
    if (state === 'usable') continue;
    const why = state === 'incomplete' ? 'being updated' : 'invalid';
    throw new AllocationError(
      `claim ${claim}, request ${wish.name}: asks for all devices, but resource pool ${id} is currently ${why}`,
    );
  }
  return offers.filter(
    ({ device }) => means(wish, device, claim) && consumptionOf(wish.capacity, device.device.capacity) !== undefined,
  );
}

/** By the cheapest alternative of each request. */
function checkCount(claim: string, wishes: Wishes, allOf: ReadonlyMap<Wish, readonly Offer[]>): void {
  const countOf = (wish: Wish): number => (wish.wantsAll ? (allOf.get(wish)?.length ?? 0) : wish.count);
  const least = wishes.reduce((sum, alternatives) => sum + Math.min(...alternatives.map(countOf)), 0);
  if (least <= devicesMax) return;
  throw new AllocationError(
    `claim ${claim}: number of requested devices ${least} exceeds the claim limit of ${devicesMax}`,
  );
}

function constraintsOf(claim: string, constraints: readonly DeviceConstraint[] = []): Constraint[] {
  return constraints.map((constraint, index) => {
    const made = constraintOf(constraint);
    if (made !== undefined) return made;
    throw new AllocationError(`claim ${claim}, constraint #${index}: empty constraint (unsupported constraint type?)`);
  });
}
