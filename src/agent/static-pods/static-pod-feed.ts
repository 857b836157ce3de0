/**
 * The pods of a node from both its sources: the API's, and those of manifests. Mirrors of static pods are kept out, and told to who keeps
 * them; a name that both have is the static pod's.
 *
 * ```
 *   API ──▶ informer ──┬── pods ───────────▶ handlers
 *                      └── mirrors ──▶ mirrors
 *   manifests ── setStatic ────────────────▶ handlers
 * ```
 * Kept true: of a name there is one static pod at a time; one that replaces another starts when nothing is left of that. What came from
 * manifests does not wait for the API.
 */
import type { ObjectReference } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { InformerHandler } from '../../client/informer.ts';
import type { PodFeed } from '../pod/pod-workers.ts';
import type { PodIdentity } from '../runtime.ts';
import { fullName, isMirrorPod } from './static-pod.ts';

interface Running {
  readonly pod: Pod;
  isEnding: boolean;
}

export class StaticPodFeed implements PodFeed {
  readonly missesRuns = true;
  readonly cache: PodFeed['cache'];
  /** The API's list is known, and the manifests were read. */
  readonly synced: Promise<void>;
  readonly #api: PodFeed;
  readonly #handlers = new Set<InformerHandler<Pod>>();
  /** By full name: what manifests say. */
  #wanted: ReadonlyMap<string, Pod> = new Map();
  /** By full name: what was handed on and is not gone. */
  readonly #running = new Map<string, Running>();
  readonly #markRead: () => void;
  readonly #mirrors = new Map<string, Pod>();
  readonly #mirrorListeners = new Set<(name: string) => void>();

  /** @param manifests whether static pods will be told of: nothing that runs is unknown before */
  constructor(api: PodFeed, manifests: boolean) {
    this.#api = api;
    const read = Promise.withResolvers<void>();
    if (!manifests) read.resolve();
    this.#markRead = read.resolve;
    this.synced = Promise.all([api.synced, read.promise]).then(() => {});
    this.cache = { get: (reference) => this.#find(reference) };
    const handlers = (): ReadonlySet<InformerHandler<Pod>> => this.#handlers;
    api.addHandler({
      added: (pod) => (isMirrorPod(pod) ? this.#mirrorChanged(pod, pod) : each(handlers(), (h) => h.added?.(pod))),
      updated: (pod, previous) =>
        isMirrorPod(pod) ? this.#mirrorChanged(pod, pod) : each(handlers(), (h) => h.updated?.(pod, previous)),
      deleted: (pod) =>
        isMirrorPod(pod) ? this.#mirrorChanged(pod, undefined) : each(handlers(), (h) => h.deleted?.(pod)),
    });
  }

  addHandler(handler: InformerHandler<Pod>): () => void {
    this.#handlers.add(handler);
    return () => void this.#handlers.delete(handler);
  }

  start(): Promise<void> {
    return this.#api.start();
  }

  close(): Promise<void> {
    return this.#api.close();
  }

  /** The static pods by full name, as manifests have them now. */
  get statics(): ReadonlyMap<string, Pod> {
    return this.#wanted;
  }

  get mirrors(): ReadonlyMap<string, Pod> {
    return this.#mirrors;
  }

  /** Calls `changed` with the full name of a static pod or mirror that came, changed or went. */
  watchMirrors(changed: (name: string) => void): void {
    this.#mirrorListeners.add(changed);
  }

  /**
   * All static pods that there are now.
   * @param left at the start: pods that the runtime has from before
   */
  setStatic(pods: readonly Pod[], left: readonly PodIdentity[] = []): void {
    const before = this.#wanted;
    this.#wanted = new Map(pods.map((pod) => [fullName(pod), pod]));
    for (const identity of left) this.#endLeftover(identity);
    for (const [name, running] of this.#running) {
      if (this.#wanted.get(name)?.metadata?.uid !== running.pod.metadata?.uid) this.#end(running);
    }
    for (const name of this.#wanted.keys()) this.#startNext(name);
    for (const name of new Set([...before.keys(), ...this.#wanted.keys()])) this.#tellMirrors(name);
    this.#markRead();
  }

  #find({ namespace, name }: ObjectReference): Pod | undefined {
    const pod = this.#running.get(`${namespace}/${name}`)?.pod;
    if (pod !== undefined) return pod;
    const found = this.#api.cache.get({ namespace, name });
    return found !== undefined && isMirrorPod(found) ? undefined : found;
  }

  /** A manifest changed while no agent ran: what runs by the old one must end before the new one starts. */
  #endLeftover({ namespace, name, uid }: PodIdentity): void {
    const wanted = this.#wanted.get(`${namespace}/${name}`);
    if (wanted === undefined || wanted.metadata?.uid === uid || this.#running.has(fullName(wanted))) return;
    const pod: Pod = { ...wanted, metadata: { ...wanted.metadata, uid } };
    const running: Running = { pod, isEnding: false };
    this.#running.set(fullName(pod), running);
    // As one that ends it is neither admitted nor started.
    const ending: Pod = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '1970-01-01T00:00:00Z' } };
    each(this.#handlers, (handler) => handler.added?.(ending));
    this.#end(running);
  }

  #startNext(name: string): void {
    const pod = this.#wanted.get(name);
    if (pod === undefined || this.#running.has(name)) return;
    this.#running.set(name, { pod, isEnding: false });
    each(this.#handlers, (handler) => handler.added?.(pod));
  }

  /** With its own grace: nobody else grants it one. */
  #end(running: Running): void {
    if (running.isEnding) return;
    running.isEnding = true;
    const { metadata, spec } = running.pod;
    const deletionGracePeriodSeconds = spec?.terminationGracePeriodSeconds ?? 30;
    const pod = { ...running.pod, metadata: { ...metadata, deletionGracePeriodSeconds } };
    each(this.#handlers, (handler) => handler.deleted?.(pod));
  }

  /** Its successor may start. */
  gone(uid: string): void {
    for (const [name, { pod, isEnding }] of this.#running) {
      if (pod.metadata?.uid !== uid || !isEnding) continue;
      this.#running.delete(name);
      this.#startNext(name);
      this.#tellMirrors(name);
    }
  }

  #mirrorChanged(pod: Pod, now: Pod | undefined): void {
    const name = fullName(pod);
    if (now === undefined) this.#mirrors.delete(name);
    else this.#mirrors.set(name, now);
    this.#tellMirrors(name);
  }

  #tellMirrors(name: string): void {
    for (const listener of this.#mirrorListeners) listener(name);
  }
}

function each(handlers: ReadonlySet<InformerHandler<Pod>>, call: (handler: InformerHandler<Pod>) => void): void {
  for (const handler of handlers) call(handler);
}
