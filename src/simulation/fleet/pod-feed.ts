/** One node's part of a cache of all pods that many nodes share: to its pod workers it is as their own watch. */

import type { PodFeed } from '../../agent/pod/pod-workers.ts';
import type { ObjectReference } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { InformerHandler } from '../../client/informer.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';

export class NodePodFeed implements PodFeed {
  readonly cache: PodFeed['cache'];
  readonly synced = Promise.resolve();
  readonly #present: readonly Pod[];
  #handler: InformerHandler<Pod> = {};

  /** @param present the node's pods so far: whoever follows is shown them as added */
  constructor(nodeName: string, cache: Pick<ReadonlyCache<Pod>, 'get'>, present: readonly Pod[]) {
    this.#present = present;
    this.cache = {
      get(reference: ObjectReference): Pod | undefined {
        const pod = cache.get(reference);
        return pod?.spec?.nodeName === nodeName ? pod : undefined;
      },
    };
  }

  /** One follower: the pod workers of the node. */
  addHandler(handler: InformerHandler<Pod>): () => void {
    this.#handler = handler;
    for (const pod of this.#present) handler.added?.(pod);
    return () => {
      this.#handler = {};
    };
  }

  put(pod: Pod): void {
    this.#handler.added?.(pod);
  }

  remove(pod: Pod): void {
    this.#handler.deleted?.(pod);
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.#handler = {};
    return Promise.resolve();
  }
}
