/** What a Job does to its pods. Each call says how far it came; what failed is tried again at the next look. */
import { objectKey } from '../../api/object.ts';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { isRefusal } from '../../client/errors.ts';
import type { Expectations } from '../../client/expectations.ts';
import { jobs, pods as podsResource } from '../../client/resources.ts';
import { type LoopContext, nameOf, referenceOf, uidOf } from '../shared/context.ts';
import { isReady } from '../shared/pods.ts';
import { slowStart } from '../shared/slow-start.ts';
import { isTracked, trackingFinalizer } from './marks.ts';
import type { Releases } from './releases.ts';
import { podOf } from './template.ts';

/** As upstream's loop waits at least: a pod whose making was carried out and not answered is mostly seen by then. */
const unclearMsMax = 1000;

export interface Removed {
  readonly count: number;
  /** How many of them were ready. */
  readonly ready: number;
  readonly error?: unknown;
}

export interface Created {
  readonly count: number;
  readonly refused: number;
  readonly error?: unknown;
}

export class PodActions {
  readonly #context: LoopContext;
  readonly #expectations: Expectations;
  readonly #releases: Releases;
  /** Until when (monotonic, ms) a pod may turn up whose making was not answered, by Job. */
  readonly #unclear = new Map<string, number>();

  constructor(context: LoopContext, expectations: Expectations, releases: Releases) {
    this.#context = context;
    this.#expectations = expectations;
    this.#releases = releases;
  }

  /** How long (ms) a pod may still turn up of which nobody knows whether it was made: until then, no other is made. */
  unclearMs(key: string): number {
    return Math.max(0, (this.#unclear.get(key) ?? 0) - this.#context.clock.monotonic());
  }

  forget(key: string): void {
    this.#unclear.delete(key);
  }

  /** `replaced`: by index, the failed pod whose count goes on. */
  async create(
    job: Job,
    indexes: readonly (number | undefined)[],
    replaced: ReadonlyMap<number, Pod> | undefined,
  ): Promise<Created> {
    const key = objectKey(job);
    this.#expectations.expect(key, indexes.length);
    const result = await slowStart(indexes.length, (at) => {
      const index = indexes[at];
      return this.#createOne(job, podOf(job, index, index === undefined ? undefined : replaced?.get(index)));
    });
    this.#expectations.creationSeen(key, result.skipped);
    const error = result.errors[0];
    return { count: result.succeeded, refused: result.errors.length, ...(error !== undefined && { error }) };
  }

  async #createOne(job: Job, pod: Pod): Promise<void> {
    const { client, events, clock } = this.#context;
    try {
      const created = await client.create(podsResource, pod);
      events.record(jobs, job, 'Normal', 'SuccessfulCreate', `Created pod: ${nameOf(created)}`);
    } catch (error) {
      this.#expectations.creationSeen(objectKey(job));
      if (!isRefusal(error)) this.#unclear.set(objectKey(job), clock.monotonic() + unclearMsMax);
      if (isNamespaceEnding(error)) return;
      events.record(jobs, job, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
      throw error;
    }
  }

  /** Pods that were too many: they are let go first, so that their ends count for nothing. */
  async removeExcess(job: Job, pods: readonly Pod[]): Promise<Removed> {
    const key = objectKey(job);
    this.#expectations.expect(key, 0, pods.map(uidOf));
    return settle(pods, async (pod) => {
      try {
        await this.#release(key, pod);
        await this.#delete(job, pod);
      } catch (error) {
        this.#expectations.deletionSeen(key, uidOf(pod));
        throw error;
      }
    });
  }

  /** Pods of a job that ends: their finalizers hold them until they are counted. */
  removeAll(job: Job, pods: readonly Pod[]): Promise<Removed> {
    return settle(pods, (pod) => this.#delete(job, pod));
  }

  async #delete(job: Job, pod: Pod): Promise<void> {
    const { client, events } = this.#context;
    try {
      await client.delete(podsResource, referenceOf(pod), { uid: uidOf(pod) });
      events.record(jobs, job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${nameOf(pod)}`);
    } catch (error) {
      if (hasReason(error, 'NotFound', 'Conflict')) {
        this.#expectations.deletionSeen(objectKey(job), uidOf(pod));
        return;
      }
      events.record(jobs, job, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`);
      throw error;
    }
  }

  /** Takes the finalizers away; resolves with the uids of those that have none any more. `key`: of the Job that counts them. */
  async release(key: string, pods: readonly Pod[]): Promise<{ readonly uids: ReadonlySet<string>; error?: unknown }> {
    const results = await Promise.allSettled(pods.map((pod) => this.#release(key, pod)));
    const failed = results.find((result) => result.status === 'rejected');
    const uids = new Set(pods.filter((_, at) => results[at]?.status === 'fulfilled').map(uidOf));
    return { uids, ...(failed !== undefined && { error: failed.reason as unknown }) };
  }

  async #release(key: string, pod: Pod): Promise<void> {
    if (!isTracked(pod)) return;
    this.#releases.expect(key, uidOf(pod));
    const body = { metadata: { uid: uidOf(pod), '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] } };
    try {
      await this.#context.client.patch(podsResource, referenceOf(pod), { type: 'strategic', body });
    } catch (error) {
      this.#releases.seen(key, uidOf(pod));
      // Gone, or another of the same name stands there.
      if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
    }
  }
}

async function settle(pods: readonly Pod[], act: (pod: Pod) => Promise<void>): Promise<Removed> {
  const results = await Promise.allSettled(pods.map(act));
  const done = pods.filter((_, at) => results[at]?.status === 'fulfilled');
  const failed = results.find((result) => result.status === 'rejected');
  return {
    count: done.length,
    ready: done.filter(isReady).length,
    ...(failed !== undefined && { error: failed.reason as unknown }),
  };
}

/** Creating in a namespace that is being deleted is refused with this cause: nothing to complain about. */
export function isNamespaceEnding(error: unknown): boolean {
  return (
    hasReason(error, 'Forbidden') &&
    (error.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating')
  );
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
