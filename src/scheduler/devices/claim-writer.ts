/**
 * What the scheduler writes about claims: whose they are and which devices they have; and that they have none any more.
 *
 * A claim may be written by others at the same time. What it says then is read again, and what was decided is written over it, unless it
 * contradicts: then the decision is void. Where nobody answers, the server is asked what it has done, until it says.
 */
import { objectKey } from '../../api/object.ts';
import { claimFinalizer, isReservedFor } from '../../api/pod-resource-claims.ts';
import type { ContainerExtendedResourceRequest, Pod } from '../../api/schema/types/core-v1.ts';
import type { AllocationResult, ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { isRefusal } from '../../client/errors.ts';
import { pods as podsResource, resourceClaims } from '../../client/resources.ts';
import { type Clock, formatTime } from '../../lib/clock.ts';
import { LastWord } from '../last-word.ts';

/** As upstream's default retry. */
const attemptsMax = 5;

export class ClaimWriter {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #lastWord: LastWord;

  constructor(options: { readonly client: Client; readonly clock: Clock }) {
    this.#client = options.client;
    this.#clock = options.clock;
    this.#lastWord = new LastWord(options);
  }

  close(): void {
    this.#lastWord.close();
  }

  /** Reserves the claim for the pod, and gives it its devices where it gets any. @throws Error, StatusError */
  reserve(claim: ResourceClaim, pod: Pod, allocation: AllocationResult | undefined): Promise<ResourceClaim> {
    const what = allocation === undefined ? 'reservation' : 'allocation and reservation';
    return this.#retried(claim, async (current) => {
      const key = objectKey(current);
      const isGone = current.metadata?.uid !== claim.metadata?.uid || current.metadata?.deletionTimestamp !== undefined;
      if (isGone) throw new Error(`claim ${key} got deleted in the meantime`);
      if (allocation === undefined && current.status?.allocation === undefined) {
        throw new Error(`claim ${key} got deallocated elsewhere in the meantime`);
      }
      if (allocation !== undefined && current.status?.allocation !== undefined) {
        throw new Error(`claim ${key} got allocated elsewhere in the meantime`);
      }
      const kept = allocation === undefined ? current : await this.#keep(current);
      const status = this.#reservedStatus(kept, pod, allocation);
      return this.#told(`add ${what} to claim ${key}`, this.#updateFor(pod, { ...kept, status }));
    });
  }

  /** The pod will not use it after all. */
  async release({ metadata }: ResourceClaim, pod: Pod): Promise<ResourceClaim> {
    const { namespace = '', name = '', uid } = metadata ?? {};
    const reservedFor = [{ $patch: 'delete', uid: pod.metadata?.uid }];
    const patch = { type: 'strategic', body: { metadata: { uid }, status: { reservedFor } } } as const;
    return this.#client.patch(resourceClaims, { namespace, name }, patch, { subresource: 'status' });
  }

  /** Nobody uses its devices, and where they are the pod cannot be. */
  async deallocate(claim: ResourceClaim): Promise<void> {
    await this.#updateStatus({ ...claim, status: {} });
  }

  create({ metadata, spec }: ResourceClaim): Promise<ResourceClaim> {
    const { name: _stand, uid: _in, ...rest } = metadata ?? {};
    const created = this.#client.create(resourceClaims, { metadata: rest, spec });
    return this.#told('create claim for extended resources', created);
  }

  /** With what keeps it. */
  async delete(claim: ResourceClaim): Promise<void> {
    const { namespace = '', name = '', uid } = claim.metadata ?? {};
    try {
      await this.#retried(claim, (current) => {
        const finalizers = (current.metadata?.finalizers ?? []).filter((each) => each !== claimFinalizer);
        return this.#client.update(resourceClaims, { ...current, metadata: { ...current.metadata, finalizers } });
      });
      await this.#client.delete(resourceClaims, { namespace, name }, { ...(uid !== undefined && { uid }) });
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
  }

  /** Which claim the pod's extended resources come from. */
  async tellPod(
    { metadata }: Pod,
    claim: ResourceClaim,
    requestMappings: readonly ContainerExtendedResourceRequest[],
  ): Promise<void> {
    const { namespace = '', name = '', uid } = metadata ?? {};
    const extendedResourceClaimStatus = { resourceClaimName: claim.metadata?.name, requestMappings };
    const body = { metadata: { uid }, status: { extendedResourceClaimStatus } };
    const patch = { type: 'strategic', body } as const;
    const patched = this.#client.patch(podsResource, { namespace, name }, patch, { subresource: 'status' });
    await this.#told(`update pod ${namespace}/${name} ExtendedResourceClaimStatus`, patched);
  }

  /** So that it does not go while it has devices. */
  async #keep(claim: ResourceClaim): Promise<ResourceClaim> {
    const finalizers = claim.metadata?.finalizers ?? [];
    if (finalizers.includes(claimFinalizer)) return claim;
    const metadata = { ...claim.metadata, finalizers: [...finalizers, claimFinalizer] };
    const updated = this.#client.update(resourceClaims, { ...claim, metadata });
    return this.#told(`add finalizer to claim ${objectKey(claim)}`, updated);
  }

  #reservedStatus({ status = {} }: ResourceClaim, { metadata }: Pod, given: AllocationResult | undefined): object {
    const { name = '', uid = '' } = metadata ?? {};
    const allocation = given ?? status.allocation;
    const allocationTimestamp = allocation?.allocationTimestamp ?? formatTime(this.#clock.now());
    const reservedFor = [...(status.reservedFor ?? []), { resource: 'pods', name, uid }];
    return { ...status, allocation: { ...allocation, allocationTimestamp }, reservedFor };
  }

  /** Rejects where the claim is certainly not the pod's. */
  async #updateFor(pod: Pod, claim: ResourceClaim): Promise<ResourceClaim> {
    try {
      return await this.#updateStatus(claim);
    } catch (error) {
      const { namespace = '', name = '', uid } = claim.metadata ?? {};
      const now = isRefusal(error) ? undefined : await this.#lastWord.about(resourceClaims, { namespace, name });
      const isDone = now !== undefined && now.metadata?.uid === uid && isReservedFor(now, pod);
      if (!isDone || now.status?.allocation === undefined) throw error;
      return now;
    }
  }

  #updateStatus(claim: ResourceClaim): Promise<ResourceClaim> {
    return this.#client.update(resourceClaims, claim, { subresource: 'status' });
  }

  async #retried(
    claim: ResourceClaim,
    write: (current: ResourceClaim) => Promise<ResourceClaim>,
  ): Promise<ResourceClaim> {
    const { namespace = '', name = '' } = claim.metadata ?? {};
    let current = claim;
    for (let attempt = 1; ; attempt++) {
      try {
        return await write(current);
      } catch (error) {
        if (attempt === attemptsMax || !hasReason(causeOf(error), 'Conflict')) throw error;
        current = await this.#client.get(resourceClaims, { namespace, name });
      }
    }
  }

  async #told<T>(what: string, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw new Error(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}

const causeOf = (error: unknown): unknown => (error instanceof Error ? (error.cause ?? error) : error);
