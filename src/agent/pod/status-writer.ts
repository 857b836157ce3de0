/**
 * Brings a pod's status to the API: the newest that was set, one write at a time, tried again until it is there or the pod is gone.
 * What other writers own in the status (readiness gates, the nominated node, resource claims) is kept as the API has it. What is this
 * node's and somebody overwrote, as is done while a node is out of reach, is put right within ten seconds.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Pod, PodCondition, PodStatus } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { pods } from '../../client/resources.ts';
import { delayAfter } from '../../lib/backoff.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { resizeConditionTypes } from './resize-view.ts';
import { allContainersRestarting } from './restart-all.ts';

const retryMsMin = 100;
const retryMsMax = 10_000;
/** After so many in a row it is more than a passing trouble: what the API shows of the pod is old. */
const failuresTold = 7;
/** As upstream's status manager looks; at once would be a race with who overwrites it. */
const repairMs = 10_000;
/** Shared: every pod has a writer, and most of them rest. */
const nothing: Promise<void> = Promise.resolve();

const ownConditions = new Set([
  'PodReadyToStartContainers',
  ...resizeConditionTypes,
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  allContainersRestarting,
]);

/** Who ends a pod says so in a condition that all share; it is the node's where the node does. */
function isOwn({ type, reason }: PodCondition): boolean {
  return ownConditions.has(type) || (type === 'DisruptionTarget' && reason === 'TerminationByKubelet');
}

/** `own`, with what others wrote in `theirs`. */
export function withForeignStatus(own: PodStatus, theirs: PodStatus = {}): PodStatus {
  const { nominatedNodeName, resourceClaimStatuses, extendedResourceClaimStatus, conditions = [] } = theirs;
  const ours = (own.conditions ?? []).filter(isOwn);
  const isTheirs = ({ type }: PodCondition): boolean =>
    !ownConditions.has(type) && !ours.some((condition) => condition.type === type);
  const { nominatedNodeName: _, resourceClaimStatuses: __, extendedResourceClaimStatus: ___, ...rest } = own;
  return {
    ...rest,
    conditions: [...conditions.filter(isTheirs), ...ours],
    ...(nominatedNodeName !== undefined && { nominatedNodeName }),
    ...(resourceClaimStatuses !== undefined && { resourceClaimStatuses }),
    ...(extendedResourceClaimStatus !== undefined && { extendedResourceClaimStatus }),
  };
}

export class StatusWriter {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** Of the pause before the next try. */
  #pausing: AbortController | undefined;
  #closed = false;
  /** The newest version of the pod that we know of. */
  #pod: Pod;
  #wanted: PodStatus | undefined;
  #written: PodStatus | undefined;
  #gone = false;
  #writing = nothing;
  #busy = false;
  #repair: Timer | undefined;

  constructor(options: { readonly pod: Pod; readonly client: Client; readonly clock: Clock; readonly log: Logger }) {
    this.#pod = options.pod;
    this.#client = options.client;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** A newer version of the pod came from the API. */
  update(pod: Pod): void {
    if (versionOf(pod) <= versionOf(this.#pod)) return;
    this.#pod = pod;
    this.#gone = false;
    if (this.#isOverwritten) this.#repair ??= this.#clock.after(repairMs, () => this.#putRight());
    this.#run();
  }

  /** What was written is no longer what the API has. */
  get #isOverwritten(): boolean {
    const written = this.#written;
    if (written === undefined || this.#busy || this.#closed) return false;
    return !isDeepStrictEqual(withForeignStatus(written, this.#pod.status), this.#pod.status);
  }

  #putRight(): void {
    this.#repair = undefined;
    if (this.#isOverwritten) this.#written = undefined;
    this.#run();
  }

  set(status: PodStatus): void {
    if (isDeepStrictEqual(status, this.#wanted)) return;
    this.#wanted = status;
    this.#run();
  }

  /** Resolves when the status that was set last is with the API, or cannot be any more. */
  async flush(): Promise<void> {
    while (this.#busy) await this.#writing;
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#pausing?.abort(new Error('closed'));
    this.#repair?.cancel();
    return this.#writing;
  }

  get #isDone(): boolean {
    return this.#wanted === this.#written || this.#gone || this.#closed;
  }

  #run(): void {
    if (this.#busy || this.#isDone) return;
    this.#busy = true;
    this.#writing = this.#writeAll().finally(() => {
      this.#busy = false;
      this.#writing = nothing;
      // What was set after the last look and before this line.
      this.#run();
    });
  }

  async #writeAll(): Promise<void> {
    for (let failures = 0; !this.#isDone; ) {
      const wanted = this.#wanted;
      try {
        await this.#write(wanted ?? {});
        this.#written = wanted;
        this.#shareCopy();
        failures = 0;
      } catch (error) {
        if (hasReason(error, 'NotFound')) this.#gone = true;
        else await this.#prepareRetry(failures++, error);
      }
    }
  }

  /** Where the API has just what we wanted, its copy is as good as ours, and is there anyway. */
  #shareCopy(): void {
    if (this.#wanted !== this.#written || !isDeepStrictEqual(this.#wanted, this.#pod.status)) return;
    this.#wanted = this.#pod.status;
    this.#written = this.#wanted;
  }

  /** A conflict is tried again at once with the newest version, the first few times. */
  async #prepareRetry(failures: number, error: unknown): Promise<void> {
    const isConflict = hasReason(error, 'Conflict');
    if (!isConflict || failures >= 3) await this.#pause(failures, error);
    if (isConflict) await this.#refresh();
  }

  async #write(wanted: PodStatus): Promise<void> {
    const status = withForeignStatus(wanted, this.#pod.status);
    if (isDeepStrictEqual(status, this.#pod.status)) return;
    const written = await this.#client.update(pods, { ...this.#pod, status }, { subresource: 'status' });
    this.update(written);
  }

  async #refresh(): Promise<void> {
    const { namespace = '', name = '', uid } = this.#pod.metadata ?? {};
    try {
      const pod = await this.#client.get(pods, { namespace, name });
      // The watch may have shown a newer one while this was on its way.
      if (pod.metadata?.uid === uid) this.update(pod);
      else this.#gone = true;
    } catch (error) {
      // A node is not told of a pod that is not on it, not even that there is none.
      if (hasReason(error, 'NotFound', 'Forbidden')) this.#gone = true;
      else await this.#pause(0, error);
    }
  }

  async #pause(failures: number, error: unknown): Promise<void> {
    const { namespace, name } = this.#pod.metadata ?? {};
    const facts = { pod: `${namespace}/${name}`, error };
    if (failures === failuresTold) this.#log.warn('the status of a pod cannot be written; it is tried again', facts);
    else this.#log.debug('the status of a pod could not be written', facts);
    const delayMs = delayAfter(failures, retryMsMin, retryMsMax);
    if (this.#closed) return;
    this.#pausing = new AbortController();
    await this.#clock.sleep(delayMs, this.#pausing.signal).catch(() => {});
    this.#pausing = undefined;
  }
}

function versionOf(pod: Pod): number {
  return Number(pod.metadata?.resourceVersion ?? 0);
}
