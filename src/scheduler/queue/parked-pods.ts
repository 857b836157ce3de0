/**
 * Pods that wait for a change in the cluster, by who refused them: a change that none of these cares for passes the whole group by, whatever
 * the number of its pods.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Profile } from '../framework/profile.ts';
import type { ClusterChange } from './changes.ts';

export interface Parked {
  readonly key: string;
  readonly pod: Pod;
  readonly profile: Profile;
  /** Who refused it: empty where nobody in particular did. It changes only while the pod is not parked. */
  readonly refusedBy: ReadonlySet<string>;
  /** Room is being made for it: until that is done, no change wakes it. */
  readonly isHeld: boolean;
}

interface Group<P> {
  readonly profile: Profile;
  readonly refusedBy: ReadonlySet<string>;
  readonly pods: Set<P>;
}

export class ParkedPods<P extends Parked> {
  readonly #groups = new Map<string, Group<P>>();

  get isEmpty(): boolean {
    return this.#groups.size === 0;
  }

  /** All, as of now: they may be removed while they are gone through. */
  all(): readonly P[] {
    return [...this.#groups.values()].flatMap(({ pods }) => [...pods]);
  }

  add(parked: P): void {
    const { profile, refusedBy } = parked;
    this.#groups.getOrInsertComputed(keyOf(parked), () => ({ profile, refusedBy, pods: new Set() })).pods.add(parked);
  }

  remove(parked: P): void {
    const key = keyOf(parked);
    const group = this.#groups.get(key);
    group?.pods.delete(parked);
    if (group?.pods.size === 0) this.#groups.delete(key);
  }

  /** Those that may fit after `change`, as of now; `only`: that pod, if it is one of them. */
  wokenBy(change: ClusterChange, only?: string): readonly P[] {
    const woken: P[] = [];
    for (const { profile, refusedBy, pods } of this.#groups.values()) {
      const hints = profile.hintsOf(refusedBy, change.kinds);
      if (hints.length === 0) continue;
      for (const parked of pods) {
        if (parked.isHeld || (only !== undefined && parked.key !== only)) continue;
        if (hints.some((hint) => hint(parked.pod, change))) woken.push(parked);
      }
    }
    return woken;
  }
}

const keyOf = ({ profile, refusedBy }: Parked): string =>
  `${profile.plan.schedulerName}\0${[...refusedBy].sort().join('\0')}`;
