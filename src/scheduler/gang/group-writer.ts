/**
 * What the scheduler writes about PodGroups: whether the group has its nodes, and that it has to go for another.
 *
 * Kept true: of one group one write is under way at a time, in the order in which they were asked for; what stands already is not written.
 * What stands is what was written last, where the informer has not shown that yet.
 */
import { objectKey } from '../../api/object.ts';
import type { Condition } from '../../api/schema/types/meta-v1.ts';
import type { PodGroup } from '../../api/schema/types/scheduling-v1alpha2.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { podGroups } from '../../client/resources.ts';
import { type Clock, formatTime } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { PodGroupState } from './pod-groups.ts';

export type GroupCondition = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

export class GroupWriter {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #underWay = new Map<string, Promise<void>>();
  /** As the server answered; gone with the group. */
  readonly #written = new WeakMap<PodGroupState, PodGroup>();

  constructor({ client, clock, log }: { readonly client: Client; readonly clock: Clock; readonly log: Logger }) {
    this.#client = client;
    this.#clock = clock;
    this.#log = log;
  }

  /** Never rejects: the group is decided on again anyway. */
  async tell(group: PodGroupState, condition: GroupCondition): Promise<void> {
    const before = this.#underWay.get(group.key);
    const work = (async () => {
      await before;
      if (group.podGroup !== undefined) await this.#write(group, this.#newest(group, group.podGroup), condition);
    })();
    this.#underWay.set(group.key, work);
    await work;
    if (this.#underWay.get(group.key) === work) this.#underWay.delete(group.key);
  }

  #newest(state: PodGroupState, told: PodGroup): PodGroup {
    const written = this.#written.get(state);
    const isSame = written !== undefined && written.metadata?.uid === told.metadata?.uid;
    return isSame && versionOf(written) > versionOf(told) ? written : told;
  }

  async #write(state: PodGroupState, group: PodGroup, told: GroupCondition): Promise<void> {
    const { namespace = '', name = '', uid, generation } = group.metadata ?? {};
    const standing = group.status?.conditions?.find(({ type }) => type === told.type);
    const { status, reason, message } = told;
    if (standing?.status === status && standing.reason === reason && standing.message === message) return;
    const now = formatTime(this.#clock.now());
    const lastTransitionTime = standing?.status === status ? standing.lastTransitionTime : now;
    const observed = generation !== undefined && { observedGeneration: generation };
    const body = { metadata: { uid }, status: { conditions: [{ ...told, lastTransitionTime, ...observed }] } };
    try {
      const patch = { type: 'strategic', body } as const;
      const written = await this.#client.patch(podGroups, { namespace, name }, patch, { subresource: 'status' });
      this.#written.set(state, written);
    } catch (error) {
      if (hasReason(error, 'NotFound', 'Conflict')) return;
      this.#log.warn('the status of a pod group could not be written', { podGroup: objectKey(group), error });
    }
  }
}

/** Versions of one object are numbers that grow (KEP-5504). */
const versionOf = ({ metadata }: PodGroup): bigint => BigInt(metadata?.resourceVersion ?? 0);
