/**
 * Keeps one mirror in the API for each static pod: made, made anew when somebody deletes it, replaced when the manifest changes, removed
 * when there is none. What the static pod's worker decides of its status is written to the mirror.
 *
 * It starts without a server, and needs none for the pods to run: what fails is tried again with a back-off.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { nodes, pods } from '../../client/resources.ts';
import { delayAfter } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import { decideMirror, mirrorOf } from './static-pod.ts';
import type { StaticPodFeed } from './static-pod-feed.ts';

/** Who writes a static pod's status: its worker. */
export interface MirrorTarget {
  /** Undefined: there is no mirror now. */
  mirror(pod: Pod | undefined): void;
}

export interface MirrorPodsOptions {
  readonly client: Client;
  readonly feed: StaticPodFeed;
  readonly workerOf: (reference: { readonly namespace: string; readonly name: string }) => MirrorTarget | undefined;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
}

const retryMsMin = 500;
const retryMsMax = 10_000;

export class MirrorPods implements Service {
  readonly name = 'mirror pods';
  readonly #options: MirrorPodsOptions;
  readonly #stop = new AbortController();
  /** Full names that changed since they were looked at. */
  readonly #changed = new Set<string>();
  #running: Promise<void> | undefined;

  constructor(options: MirrorPodsOptions) {
    this.#options = options;
    options.feed.watchMirrors((name) => this.#wake(name));
  }

  /** Nothing runs until there is a static pod or a mirror. */
  start(): Promise<void> {
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'));
    await this.#running;
  }

  #wake(name: string): void {
    if (this.#stop.signal.aborted) return;
    this.#changed.add(name);
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      const [left] = this.#changed;
      if (left !== undefined) this.#wake(left);
    });
  }

  async #run(): Promise<void> {
    const { clock, log, feed } = this.#options;
    const { signal } = this.#stop;
    // Before the API's list is known, a mirror that is there would look like none.
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([feed.synced, stopped]);
    for (let failures = 0; !signal.aborted && this.#changed.size > 0; ) {
      const failed = await this.#lookAtChanged();
      if (failed.length === 0) continue;
      for (const { name } of failed) this.#changed.add(name);
      const delayMs = delayAfter(failures++, retryMsMin, retryMsMax);
      log.warn('mirrors of static pods could not be written', {
        pods: failed.map(({ name }) => name),
        delayMs,
        error: failed[0]?.error,
      });
      await clock.sleep(delayMs, signal).catch(() => {});
    }
  }

  async #lookAtChanged(): Promise<readonly { readonly name: string; readonly error: unknown }[]> {
    const failed: { readonly name: string; readonly error: unknown }[] = [];
    for (const name of this.#changed) {
      this.#changed.delete(name);
      if (this.#stop.signal.aborted) return [];
      try {
        await this.#look(name);
      } catch (error) {
        failed.push({ name, error });
      }
    }
    return failed;
  }

  async #look(name: string): Promise<void> {
    const { client, feed, workerOf } = this.#options;
    const pod = feed.statics.get(name);
    const mirror = feed.mirrors.get(name);
    const metadata = (pod ?? mirror)?.metadata;
    const reference = { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
    const decision = decideMirror(pod, mirror);
    // Of a pod that is still ending under this name nothing is to be told: it has no mirror any more.
    const isRunning = pod !== undefined && feed.cache.get(reference)?.metadata?.uid === pod.metadata?.uid;
    if (decision !== 'nothing') workerOf(reference)?.mirror(decision === 'keep' && isRunning ? mirror : undefined);
    if (decision === 'create' && pod !== undefined) await this.#create(pod);
    if (decision === 'delete') {
      const uid = mirror?.metadata?.uid;
      const options = { gracePeriodSeconds: 0, ...(uid !== undefined && { uid }) };
      await client.delete(pods, reference, options).catch((error: unknown) => {
        // Gone, or another has its name by now: the watch tells.
        if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
      });
    }
  }

  async #create(pod: Pod): Promise<void> {
    const { client, nodeName } = this.#options;
    const node = await client.get(nodes, { namespace: '', name: nodeName });
    try {
      await client.create(pods, mirrorOf(pod, { name: nodeName, uid: node.metadata?.uid ?? '' }));
    } catch (error) {
      // The watch has not told yet, or somebody's pod has the name: then it is tried again when that is gone.
      if (!hasReason(error, 'AlreadyExists')) throw error;
    }
  }
}
