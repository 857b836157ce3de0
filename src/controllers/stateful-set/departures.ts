/**
 * Pods that were asked to go and of which the cache does not show that yet. To whoever decides they are leaving already: else a template that changes
 * in that moment finds all pods up, and takes one more than may be missing.
 *
 * Where the answer got lost, the server is asked (`stands`); a pod that never heard of its end is forgotten here.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { isDeleting, uidOf } from '../shared/context.ts';

type Knowledge = 'leaving' | 'unknown';

export class Departures {
  /** By the uid of the set, then of the pod. */
  readonly #known = new Map<string, Map<string, Knowledge>>();

  asked(set: string, pod: string, knowledge: Knowledge): void {
    const pods = this.#known.get(set) ?? new Map<string, Knowledge>();
    this.#known.set(set, pods.set(pod, knowledge));
  }

  forget(set: string): void {
    this.#known.delete(set);
  }

  /** The pods of the cache, with what is known beyond it. `stands`: whether the server still has the pod, and has not told it to go. */
  async applied(
    set: string,
    pods: readonly Pod[],
    { stands, nowMs }: { readonly stands: (pod: Pod) => Promise<boolean>; readonly nowMs: number },
  ): Promise<readonly Pod[]> {
    const known = this.#known.get(set);
    if (known === undefined) return pods;
    const late = pods.filter((pod) => known.has(uidOf(pod)) && !isDeleting(pod));
    const left = new Map<string, Knowledge>();
    for (const pod of late) {
      const isLeaving = known.get(uidOf(pod)) === 'leaving' || !(await stands(pod));
      if (isLeaving) left.set(uidOf(pod), 'leaving');
    }
    if (left.size === 0) this.#known.delete(set);
    else this.#known.set(set, left);
    const deletionTimestamp = formatTime(nowMs);
    return pods.map((pod) =>
      left.has(uidOf(pod)) ? { ...pod, metadata: { ...pod.metadata, deletionTimestamp } } : pod,
    );
  }
}
