/**
 * Removes what the node still keeps for pods that are gone: folders with their volumes and mounts, cgroups, logs, and what hooks have noted of
 * them. Also of pods that went while the agent was away. Containers and sandboxes are not looked for here: pods that the runtime knows and the API does not end as all
 * pods do (`pod-workers.ts`).
 *
 * Kept true: what cannot be removed holds up nothing else, and is tried again at the next look.
 */
import type { PodHook } from '../pod/pod-hook.ts';
import type { PodHost } from '../pod/pod-host.ts';
import { removeTraces } from '../pod/steps/volumes.ts';
import { orphansOf } from './decide-garbage.ts';

const periodMs = 60_000;

export class OrphanSweeper {
  readonly #host: PodHost;
  readonly #isKnown: (uid: string) => boolean;
  #nextMs = 0;

  /** @param isKnown asked again right before something goes */
  constructor(host: PodHost, isKnown: (uid: string) => boolean) {
    this.#host = host;
    this.#isKnown = isKnown;
  }

  /** At most once a minute; never again where the node keeps nothing for its pods. Call it only when the node's pods are known. */
  async sweep(): Promise<void> {
    const { clock, platform, cgroupRoot, hooks } = this.#host;
    if (clock.monotonic() < this.#nextMs) return;
    this.#nextMs = platform.storage.isEmpty ? Number.POSITIVE_INFINITY : clock.monotonic() + periodMs;
    const [folders, cgroups, logs] = await Promise.all([
      platform.storage.uids(),
      platform.cgroups.uids(cgroupRoot),
      platform.logs.pods(),
    ]);
    const noted = hooks.flatMap((hook) => this.#notedBy(hook));
    const orphans = orphansOf({ uids: [...folders, ...cgroups, ...noted], logs }, this.#isKnown);
    for (const uid of orphans.uids) await this.#remove(uid, () => removeTraces(this.#host, uid));
    for (const pod of orphans.logs) await this.#remove(pod.uid, () => platform.logs.remove(pod));
  }

  #notedBy(hook: PodHook): readonly string[] {
    try {
      return [...(hook.uids?.() ?? [])];
    } catch (error) {
      this.#host.log.warn('what was noted of pods cannot be read', { hook: hook.name, error });
      return [];
    }
  }

  async #remove(uid: string, remove: () => Promise<void>): Promise<void> {
    if (this.#isKnown(uid)) return;
    try {
      await remove();
    } catch (error) {
      this.#host.log.warn('what was kept for a pod that is gone could not be removed', { uid, error });
    }
  }
}
