/**
 * Devices as decisions see them: what the informers tell, and over it what was decided and is on its way.
 *
 * ```
 *  decided ─▶ pending: counts in the ledger, other pods with the claim wait ─ written ─▶ assumed ─ the informer is as new ─▶ told
 *                    └──────────────── taken back ◀── failed ────────────────────┘
 * ```
 * Kept true: a device is given to one claim, however late the informers are, since the ledger counts a claim in its newest known form. A
 * claim's own version says which form is newer. What waits for a change is woken by the change, and by the end of its time.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import { isReservedFor } from '../../api/pod-resource-claims.ts';
import { classOfResource } from '../../api/resource-names.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import type {
  AllocationResult,
  DeviceClass,
  ResourceClaim,
  ResourceSlice,
} from '../../api/schema/types/resource-v1.ts';
import type { DeviceTaintRule } from '../../api/schema/types/resource-v1beta2.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import type { Clock } from '../../lib/clock.ts';
import { type Prng, uuid } from '../../lib/prng.ts';
import type { Reservation } from '../framework/plugin.ts';
import { hasBindingConditions, isOverdue, readinessOf } from './binding-conditions.ts';
import { ClaimWriter } from './claim-writer.ts';
import type { DevicePlan, DeviceReader, ReservedClaim } from './device-reader.ts';
import { DeviceSelectors } from './device-selectors.ts';
import { isExtendedClaim, isNotCreated } from './extended-resources.ts';
import { Ledger } from './ledger.ts';
import { type Pool, Pools } from './pools.ts';

interface DeviceBookOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly claims: Informer<ResourceClaim>;
  readonly classes: Informer<DeviceClass>;
  readonly rules: Informer<DeviceTaintRule>;
  /** The pod waits for devices to become ready. */
  readonly waits: (pod: Pod, node: string) => void;
  /** A claim does not get the devices after all that were set aside for it. */
  readonly freed: (claim: ResourceClaim, allocation: AllocationResult) => void;
}

const ownerIndex = 'extended resources of';
const resourceIndex = 'stands for';

export class DeviceBook implements DeviceReader {
  readonly ledger = new Ledger();
  readonly selectors = new DeviceSelectors();
  readonly #options: DeviceBookOptions;
  readonly #writer: ClaimWriter;
  readonly #pools: Pools;
  /** Decided and not yet written, by the claim's uid. */
  readonly #pending = new Set<string>();
  /** Written and not yet told, by key. */
  readonly #assumed = new Map<string, ResourceClaim>();
  readonly #waiting = new Set<() => void>();
  #closed = false;

  constructor(options: DeviceBookOptions) {
    this.#options = options;
    this.#writer = new ClaimWriter(options);
    this.#pools = new Pools(() => options.rules.cache.list());
    options.claims.addIndex(ownerIndex, (claim) => (isExtendedClaim(claim) ? ownersOf(claim) : []));
    options.classes.addIndex(resourceIndex, ({ spec }) =>
      spec.extendedResourceName ? [spec.extendedResourceName] : [],
    );
  }

  close(): void {
    this.#closed = true;
    this.#writer.close();
    this.#changed();
  }

  claimTold(claim: ResourceClaim): void {
    const { uid } = claim.metadata ?? {};
    const assumed = this.#assumed.get(objectKey(claim));
    const isOlder = assumed !== undefined && assumed.metadata?.uid === uid && isNewer(assumed, claim);
    if (!isOlder) {
      this.#assumed.delete(objectKey(claim));
      this.#count(claim);
    }
    this.#changed();
  }

  claimGone(claim: ResourceClaim): void {
    const { uid = '' } = claim.metadata ?? {};
    if (this.#assumed.get(objectKey(claim))?.metadata?.uid === uid) this.#assumed.delete(objectKey(claim));
    if (!this.#pending.has(uid)) this.ledger.set(uid, undefined);
    this.#changed();
  }

  sliceTold(slice: ResourceSlice): void {
    this.#pools.set(slice);
  }

  sliceGone({ metadata }: ResourceSlice): void {
    this.#pools.remove(metadata?.name ?? '');
  }

  rulesChanged(): void {
    this.#pools.rulesChanged();
  }

  nodeGone(name: string): void {
    this.#pools.nodeGone(name);
  }

  claim(namespace: string, name: string): ResourceClaim | undefined {
    const told = this.#options.claims.cache.get({ namespace, name });
    return this.#assumed.get(`${namespace}/${name}`) ?? told;
  }

  isBeingAllocated({ metadata }: ResourceClaim): boolean {
    return this.#pending.has(metadata?.uid ?? '');
  }

  extendedClaimOf({ metadata }: Pod): ResourceClaim | undefined {
    const [claim] = this.#options.claims.cache.byIndex(ownerIndex, metadata?.uid ?? '');
    return claim;
  }

  classOf(name: string): DeviceClass | undefined {
    return this.#options.classes.cache.byKey(name);
  }

  /** Of several the one that was made last; of these the first by name. */
  classFor(resource: string): DeviceClass | undefined {
    const { cache } = this.#options.classes;
    const named = classOfResource(resource);
    if (named !== undefined) return cache.byKey(named);
    return cache.byIndex(resourceIndex, resource).toSorted(newestFirst)[0];
  }

  get hasClasses(): boolean {
    return this.#options.classes.cache.size > 0;
  }

  poolsOf(node: Node): readonly Pool[] {
    return this.#pools.of(node);
  }

  nowMs(): number {
    return this.#options.clock.now();
  }

  newShareId(): string {
    return uuid(this.#options.prng);
  }

  reserve(plan: DevicePlan, pod: Pod): Reservation {
    for (const { claim, allocation } of plan.claims) {
      if (allocation === undefined) continue;
      this.#pending.add(uidOf(claim));
      this.ledger.set(uidOf(claim), allocation);
    }
    const written: ResourceClaim[] = [];
    // What is only tried out is taken back in the same breath: nobody else has seen it, and nobody is to be woken.
    let isTrial = true;
    void Promise.resolve().then(() => {
      isTrial = false;
    });
    return {
      preBind: async (aside) => {
        for (const reserved of plan.claims) await this.#write(reserved, plan, pod, written);
        if (written.some(hasBindingConditions)) await aside(this.#awaitReady(written, plan, pod));
      },
      undo: () => {
        this.#unset(plan, !isTrial);
        return this.#releaseAll(written, pod);
      },
    };
  }

  async free(claim: ResourceClaim): Promise<void> {
    if (isExtendedClaim(claim)) await this.#writer.delete(claim);
    else await this.#writer.deallocate(claim);
  }

  /** `written` gets what stands on the server by now, step by step: whatever fails after that takes it back. */
  async #write(
    { claim, allocation }: ReservedClaim,
    { extended }: DevicePlan,
    pod: Pod,
    written: ResourceClaim[],
  ): Promise<void> {
    const at = written.length;
    written[at] = claim;
    if (allocation === undefined && isReservedFor(claim, pod)) return;
    if (isNotCreated(claim)) written[at] = await this.#writer.create(claim);
    const reserved = await this.#writer.reserve(written[at], pod, allocation);
    written[at] = reserved;
    this.#settle(claim, reserved);
    if (extended?.claim === claim) await this.#writer.tellPod(pod, reserved, extended.mappings);
  }

  /** Written: it counts as the server has it, until that, or something newer, is told. Unless it was told gone before the answer came. */
  #settle(decided: ResourceClaim, written: ResourceClaim): void {
    this.#pending.delete(uidOf(decided));
    if (uidOf(decided) !== uidOf(written)) this.ledger.set(uidOf(decided), undefined);
    const told = this.#options.claims.cache.byKey(objectKey(written));
    const isGone = !isNotCreated(decided) && uidOf(told) !== uidOf(written);
    if (isGone) {
      this.ledger.set(uidOf(written), undefined);
      return;
    }
    // Two pods of one claim may be answered in either order.
    const others = [this.#assumed.get(objectKey(written)), told].filter((one) => uidOf(one) === uidOf(written));
    const newest = others.reduce<ResourceClaim>(
      (last, one) => (one === undefined || isNewer(last, one) ? last : one),
      written,
    );
    if (newest !== told) this.#assumed.set(objectKey(written), newest);
    this.#count(newest);
  }

  #unset({ claims }: DevicePlan, isSeen: boolean): void {
    for (const { claim, allocation } of claims) {
      if (allocation === undefined || !this.#pending.delete(uidOf(claim))) continue;
      const current = this.claim(claim.metadata?.namespace ?? '', claim.metadata?.name ?? '');
      this.ledger.set(uidOf(claim), uidOf(current) === uidOf(claim) ? current?.status?.allocation : undefined);
      if (isSeen) this.#options.freed(claim, allocation);
    }
  }

  async #releaseAll(written: readonly ResourceClaim[], pod: Pod): Promise<void> {
    for (const claim of written) await this.#release(claim, pod);
  }

  /** What it wrote stands until somebody else clears it up, where this fails. */
  async #release(claim: ResourceClaim, pod: Pod): Promise<void> {
    if (isNotCreated(claim)) return;
    if (isExtendedClaim(claim)) {
      await this.#writer.delete(claim);
      this.#assumed.delete(objectKey(claim));
      this.ledger.set(uidOf(claim), this.#options.claims.cache.byKey(objectKey(claim))?.status?.allocation);
      return;
    }
    if (isReservedFor(claim, pod)) this.#settle(claim, await this.#writer.release(claim, pod));
  }

  /** @throws Error where a device failed, or is not ready in time */
  async #awaitReady(claims: readonly ResourceClaim[], { node, bindingTimeoutMs }: DevicePlan, pod: Pod): Promise<void> {
    const { clock, waits } = this.#options;
    waits(pod, node);
    const endMs = clock.monotonic() + bindingTimeoutMs;
    while (!claims.every((claim) => this.#isReady(claim, pod, bindingTimeoutMs))) {
      const leftMs = endMs - clock.monotonic();
      if (leftMs <= 0) throw new Error('device binding timeout: context deadline exceeded');
      await this.#nextChange(leftMs);
    }
  }

  #isReady({ metadata }: ResourceClaim, pod: Pod, timeoutMs: number): boolean {
    if (this.#closed) throw new Error('device binding failed: the scheduler stops');
    const { namespace = '', name = '', uid } = metadata ?? {};
    const now = this.claim(namespace, name);
    if (now === undefined || now.metadata?.uid !== uid) {
      throw new Error(`resourceclaim.resource.k8s.io "${name}" not found`);
    }
    // The pod went away, for one.
    if (!isReservedFor(now, pod)) throw new Error(`claim ${objectKey(now)} is not reserved for the pod any more`);
    const readiness = readinessOf(now);
    if (typeof readiness === 'object') throw new Error(readiness.failed);
    if (readiness === 'waiting' && isOverdue(now, timeoutMs, this.nowMs())) {
      throw new Error(`device binding timeout: claim=${name}`);
    }
    return readiness === 'ready';
  }

  #nextChange(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        timer.cancel();
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = this.#options.clock.after(timeoutMs, wake);
      this.#waiting.add(wake);
    });
  }

  #changed(): void {
    for (const wake of this.#waiting) wake();
  }

  #count(claim: ResourceClaim): void {
    if (!this.#pending.has(uidOf(claim))) this.ledger.set(uidOf(claim), claim.status?.allocation);
  }
}

const uidOf = (object: KubeObject | undefined): string => object?.metadata?.uid ?? '';

const ownersOf = ({ metadata }: ResourceClaim): string[] =>
  (metadata?.ownerReferences ?? []).flatMap(({ controller, uid }) => (controller === true ? [uid] : []));

/** Versions of one object are numbers that grow (KEP-5504). */
const isNewer = (a: KubeObject, b: KubeObject): boolean =>
  BigInt(a.metadata?.resourceVersion ?? 0) > BigInt(b.metadata?.resourceVersion ?? 0);

function newestFirst(a: DeviceClass, b: DeviceClass): number {
  const [first, second] = [a.metadata?.creationTimestamp ?? '', b.metadata?.creationTimestamp ?? ''];
  if (first !== second) return first > second ? -1 : 1;
  return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1;
}
