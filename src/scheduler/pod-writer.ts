/**
 * What the scheduler writes about pods besides bindings: why one has no node, where it is to go, and that one has to go for another.
 *
 * Kept true: nothing of a pod's wait is told of a pod that has its node by now. A call may arrive late, after the binding; so it
 * carries the version that it was decided on, and is made again only where the pod still waits.
 */
import { objectKey } from '../api/object.ts';
import type { Pod, PodCondition } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import { pods as podsResource } from '../client/resources.ts';
import { type Clock, formatTime } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';

export interface Unscheduled {
  /** `SchedulerError` where it was not the pod's or the nodes' doing. */
  readonly reason: 'Unschedulable' | 'SchedulerError';
  readonly message: string;
  /** Where room is being made; empty: nowhere any more; absent: as it is. */
  readonly nominated?: string | undefined;
}

/** How often something is told to a pod that keeps changing; the next decision tells it again anyway. */
const attemptsMax = 5;

export class PodWriter {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor({ client, clock, log }: { readonly client: Client; readonly clock: Clock; readonly log: Logger }) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  /** Never rejects: the pod is decided on again anyway. */
  async tellUnscheduled(pod: Pod, { reason, message, nominated }: Unscheduled): Promise<void> {
    const standing = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
    const isToldAlready = standing?.status === 'False' && standing.message === message && standing.reason === reason;
    if (isToldAlready && (nominated ?? '') === (pod.status?.nominatedNodeName ?? '')) return;
    const condition = this.#condition(pod, standing, { type: 'PodScheduled', status: 'False', reason, message });
    const status = {
      conditions: [condition],
      ...(nominated !== undefined && { nominatedNodeName: nominated || null }),
    };
    await this.#patchWaiting(pod, status).catch((error: unknown) => this.#report(pod, error));
  }

  async clearNomination(pod: Pod): Promise<void> {
    await this.#patch(pod, { nominatedNodeName: null }).catch((error: unknown) => this.#report(pod, error));
  }

  /** Says why it has to go, then deletes it. */
  async evict(victim: Pod, schedulerName: string, preemptor: 'pod' | 'podgroup' = 'pod'): Promise<void> {
    const message = `${schedulerName}: preempting to accommodate a higher priority ${preemptor}`;
    const standing = victim.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
    const reason = 'PreemptionByScheduler';
    const condition = this.#condition(victim, standing, { type: 'DisruptionTarget', status: 'True', reason, message });
    await this.#patch(victim, { conditions: [condition] });
    const { namespace = '', name = '', uid } = victim.metadata ?? {};
    await this.#client.delete(podsResource, { namespace, name }, { ...(uid !== undefined && { uid }) });
  }

  #condition({ metadata }: Pod, standing: PodCondition | undefined, condition: PodCondition): PodCondition {
    const now = formatTime(this.#clock.now());
    const lastTransitionTime = standing?.status === condition.status ? (standing.lastTransitionTime ?? now) : now;
    const { generation } = metadata ?? {};
    return { ...condition, lastTransitionTime, ...(generation !== undefined && { observedGeneration: generation }) };
  }

  async #patchWaiting(pod: Pod, status: object): Promise<void> {
    let current = pod;
    for (let attempt = 1; ; attempt++) {
      const { namespace = '', name = '', uid, resourceVersion = '' } = current.metadata ?? {};
      try {
        return await this.#patch(current, status, { resourceVersion });
      } catch (error) {
        if (!hasReason(error, 'Conflict') || attempt === attemptsMax) throw error;
        current = await this.#client.get(podsResource, { namespace, name });
        if (current.metadata?.uid !== uid || current.spec?.nodeName) return;
      }
    }
  }

  async #patch({ metadata }: Pod, status: object, preconditions: object = {}): Promise<void> {
    const { namespace = '', name = '', uid } = metadata ?? {};
    const patch = { type: 'strategic', body: { metadata: { uid, ...preconditions }, status } } as const;
    await this.#client.patch(podsResource, { namespace, name }, patch, { subresource: 'status' });
  }

  #report(pod: Pod, error: unknown): void {
    if (hasReason(error, 'NotFound', 'Conflict')) return;
    this.#log.warn('the status of a pod could not be written', { pod: objectKey(pod), error });
  }
}
