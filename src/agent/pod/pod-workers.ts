/**
 * All pods of a node: one worker each, side by side. Pods come from the API's watch, runs from the runtime's; every few seconds a
 * look at everything finds what both missed.
 *
 * Kept true: nothing is killed before the API's list is known, so that an agent that starts without its server leaves all as it is. After
 * that, what the runtime or the disk holds for pods that the API does not know is stopped and removed.
 */

import type { ObjectReference } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Informer } from '../../client/informer.ts';
import type { Service } from '../../lib/service.ts';
import { OrphanSweeper } from '../garbage/orphan-sweeper.ts';
import type { RelistState } from '../node-conditions.ts';
import type { PodIdentity, RuntimeState } from '../runtime.ts';
import { admitPod, releasePod } from './pod-hook.ts';
import type { PodHost } from './pod-host.ts';
import { isTerminal } from './pod-status.ts';
import { PodWorker } from './pod-worker.ts';

const relistMs = 5000;

/** Where a node's pods come from: an `Informer`, or what stands in for one where many nodes share it. */
export interface PodFeed extends Pick<Informer<Pod>, 'addHandler' | 'synced' | 'start' | 'close'> {
  readonly cache: Pick<Informer<Pod>['cache'], 'get'>;
  /** Its runtime does not tell everything, so that it is looked at again and again. */
  readonly missesRuns?: boolean;
  /** Nothing of the pod is left here. */
  gone?(uid: string): void;
}

export class PodWorkers implements Service {
  readonly name = 'pods';
  readonly #host: PodHost;
  readonly #workers = new Map<string, PodWorker>();
  readonly #feed: PodFeed;
  readonly #relists: boolean;
  readonly #sweeper: OrphanSweeper;
  readonly #stop = new AbortController();
  #watch: { cancel(): void } | undefined;
  #relisting: Promise<void> | undefined;
  #lastRelist: RelistState | undefined;

  constructor(host: PodHost, feed: PodFeed) {
    this.#host = host;
    this.#feed = feed;
    this.#relists = feed.missesRuns === true;
    this.#sweeper = new OrphanSweeper(host, (uid) => this.#workers.has(uid));
    this.#feed.addHandler({
      added: (pod) => this.#update(pod),
      updated: (pod) => this.#update(pod),
      deleted: (pod) => this.#forget(pod),
    });
  }

  async start(): Promise<void> {
    this.#watch = this.#host.runtime.watch((uid) => this.#workers.get(uid)?.wake());
    this.#host.source.onChange((uid) => this.#workers.get(uid)?.refresh());
    await this.#feed.start();
    this.#relisting = this.#relist();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('closed'));
    this.#watch?.cancel();
    await this.#feed.close();
    await this.#relisting;
    const closing = [...this.#workers.values()].map((worker) => worker.close());
    for (const hook of this.#host.hooks) hook.stopWaiting?.();
    await Promise.all(closing);
    await this.#host.source.close();
  }

  /** When all pods were last looked at; undefined where that was not yet, or is not needed again. */
  get relist(): RelistState | undefined {
    return this.#lastRelist;
  }

  get count(): number {
    return this.#workers.size;
  }

  /** The worker of the pod that has this name now. */
  find({ namespace, name }: ObjectReference): PodWorker | undefined {
    const uid = this.#feed.cache.get({ namespace, name })?.metadata?.uid;
    return uid === undefined ? undefined : this.#workers.get(uid);
  }

  all(): readonly PodWorker[] {
    return [...this.#workers.values()];
  }

  #update(pod: Pod): void {
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
    const isNew = !this.#workers.has(uid);
    const worker = this.#workerOf({ namespace, name, uid });
    if (isNew) this.#host.resizes.adopt(pod);
    else this.#host.resizes.changed(worker.lastPod, pod);
    worker.update(pod);
    if (isTerminal(pod.status?.phase)) releasePod(this.#host.hooks, uid);
    else if (isNew && pod.metadata?.deletionTimestamp === undefined) this.#admit(pod, worker);
  }

  /** The worker only looks at first, and decides after this. */
  #admit(pod: Pod, worker: PodWorker): void {
    const refusal = admitPod(this.#host.hooks, pod, this.#active(worker));
    if (refusal === undefined) return;
    this.#host.events.record(pod, 'Warning', refusal.reason, refusal.message);
    worker.refuse(refusal.reason, `Pod was rejected: ${refusal.message}`);
  }

  /** Admitted, not ended, and not deleted by force, each with what was given to it. */
  active(): readonly Pod[] {
    return this.#active(undefined);
  }

  withUid(uid: string): PodWorker | undefined {
    return this.#workers.get(uid);
  }

  /** Its newest version once more, with what was given to it meanwhile. */
  renew(uid: string): void {
    const worker = this.#workers.get(uid);
    const { namespace = '', name = '' } = worker?.identity ?? {};
    const pod = this.#feed.cache.get({ namespace, name });
    if (pod?.metadata?.uid === uid) worker?.update(pod);
  }

  #active(except: PodWorker | undefined): readonly Pod[] {
    const active: Pod[] = [];
    for (const worker of this.#workers.values()) {
      const { lastPod, isKnown, isActive } = worker;
      if (worker !== except && isKnown && isActive && lastPod !== undefined) active.push(lastPod);
    }
    return active;
  }

  #forget(pod: Pod): void {
    const worker = this.#workers.get(pod.metadata?.uid ?? '');
    // Its last version says how much grace it was given.
    worker?.update(pod);
    worker?.update(undefined);
  }

  #workerOf(identity: PodIdentity): PodWorker {
    const existing = this.#workers.get(identity.uid);
    if (existing !== undefined) return existing;
    const worker = new PodWorker(identity, this.#host, () => this.#remove(identity.uid));
    this.#workers.set(identity.uid, worker);
    return worker;
  }

  #remove(uid: string): void {
    const worker = this.#workers.get(uid);
    this.#workers.delete(uid);
    releasePod(this.#host.hooks, uid);
    void worker?.close();
    this.#feed.gone?.(uid);
  }

  async #relist(): Promise<void> {
    const { clock, log } = this.#host;
    const { signal } = this.#stop;
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await this.#awaitList(Promise.race([this.#feed.synced, stopped]));
    let hasSwept = false;
    while (!signal.aborted) {
      try {
        const startedMs = clock.monotonic();
        this.#compare(await this.#host.runtime.state());
        this.#relisted(startedMs);
        await this.#sweeper.sweep();
        hasSwept = true;
      } catch (error) {
        log.warn('the runtime does not tell what it runs', { error });
      }
      if (hasSwept && !this.#relists) return;
      await clock.sleep(relistMs, signal).catch(() => {});
    }
  }

  #relisted(startedMs: number): void {
    const { clock, metrics } = this.#host;
    const before = this.#lastRelist?.lastMs;
    const nowMs = clock.monotonic();
    metrics?.relisted(nowMs - startedMs, before === undefined ? undefined : startedMs - before, clock.now());
    // Where it looks but once, it does not look too seldom afterwards.
    if (this.#relists) this.#lastRelist = { lastMs: nowMs };
  }

  /** Until the API's list is known, only pods that came from elsewhere are looked at: nothing counts as forgotten. */
  async #awaitList(synced: Promise<void>): Promise<void> {
    const { clock, runtime } = this.#host;
    if (!this.#relists) return synced;
    const known = synced.then(() => true);
    const later = (): Promise<boolean> => clock.sleep(relistMs, this.#stop.signal).then(no, no);
    while (!(await Promise.race([known, later()]))) {
      if (this.#workers.size === 0) continue;
      const state = await runtime.state().catch(() => undefined);
      if (state === undefined) continue;
      for (const worker of this.#workers.values()) worker.observe(ofPod(state, worker));
    }
  }

  #compare(state: RuntimeState): void {
    if (this.#stop.signal.aborted) return;
    const byUid = new Map<
      string,
      { sandboxes: RuntimeState['sandboxes'][number][]; containers: RuntimeState['containers'][number][] }
    >();
    const of = (pod: PodIdentity) => {
      const known = byUid.get(pod.uid) ?? { sandboxes: [], containers: [] };
      byUid.set(pod.uid, known);
      if (!this.#workers.has(pod.uid)) this.#workerOf(pod).update(undefined);
      return known;
    };
    for (const sandbox of state.sandboxes) of(sandbox.pod).sandboxes.push(sandbox);
    for (const container of state.containers) of(container.pod).containers.push(container);
    for (const [uid, worker] of this.#workers) worker.observe(byUid.get(uid) ?? { sandboxes: [], containers: [] });
  }
}

function ofPod({ sandboxes, containers }: RuntimeState, { identity }: PodWorker): RuntimeState {
  const isOwn = ({ pod }: { readonly pod: PodIdentity }): boolean => pod.uid === identity.uid;
  return { sandboxes: sandboxes.filter(isOwn), containers: containers.filter(isOwn) };
}

const no = (): boolean => false;
