/**
 * A pod that is deleted leaves load balancing before its containers are signalled, so that a program that closes its doors at the signal turns nobody away.
 *
 * ```
 *   pod deleted ─▶ its endpoints are marked as terminating (control plane) ─▶ every node's rules and HAProxy leave it out ─▶ TERM
 *                  seen here: the slices of this node's informer              not seen: `settleMilliseconds` are given to it
 * ```
 * Nodes do not report what they have programmed: that would be a write of every node for every change of an endpoint. What they take for it is bounded by
 * far less than the time to settle, and the same time lets requests come in that are on their way.
 *
 * Kept true: a pod without endpoints that get traffic is not kept waiting at all, and costs nothing; no wait is longer than the agent allows; what the wait
 * is for comes from the slices alone, so that it begins anew after a restart of the agent.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import type { Informer } from '../../client/informer.ts';
import { endpointSlices } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import type { SectionSource } from '../configuration.ts';
import type { NetworkContext } from '../context.ts';
import { type Presence, presenceIn } from './presence.ts';
import { type DrainingSettings, drainingSection } from './settings.ts';

export function drainingPart(context: NetworkContext): Service {
  return new DrainingPart(context);
}

class DrainingPart implements Service {
  readonly name = 'draining';
  readonly #context: NetworkContext;
  readonly #slices: Informer<EndpointSlice>;
  readonly #settings: SectionSource<DrainingSettings>;
  readonly #stop = new AbortController();
  #takeOut: (() => void) | undefined;

  constructor(context: NetworkContext) {
    this.#context = context;
    this.#slices = context.informers.informer(endpointSlices);
    this.#settings = context.configuration.section('draining', drainingSection);
  }

  start(): Promise<void> {
    this.#takeOut ??= this.#context.machine.addPodFarewell((pod, msMax) => this.#farewell(pod, msMax));
    return Promise.resolve();
  }

  /** Nobody is kept waiting any more: the agent ends, too. */
  close(): Promise<void> {
    this.#takeOut?.();
    this.#stop.abort(new Error('closed'));
    return Promise.resolve();
  }

  #farewell(pod: Pod, msMax: number): Promise<void> | undefined {
    const settleMs = this.#settings.current.settleMilliseconds;
    if (settleMs === 0 || this.#presence(pod) === 'absent') return undefined;
    return this.#leave(pod, settleMs, msMax).catch((error: unknown) => {
      if (!this.#stop.signal.aborted) throw error;
    });
  }

  #presence({ metadata }: Pod): Presence {
    return presenceIn(this.#slices.cache.list(metadata?.namespace), metadata?.uid ?? '');
  }

  async #leave(pod: Pod, settleMs: number, msMax: number): Promise<void> {
    const { clock } = this.#context;
    const endMs = clock.monotonic() + msMax;
    await this.#marked(pod, msMax);
    const leftMs = Math.min(settleMs, endMs - clock.monotonic());
    if (leftMs > 0) await clock.sleep(leftMs, this.#stop.signal);
  }

  /** Resolves when no endpoint of the pod takes anything new, or the time is over. */
  async #marked(pod: Pod, msMax: number): Promise<void> {
    if (this.#presence(pod) !== 'open') return;
    const changed = new AbortController();
    // Changes of other slices cost a look at these alone.
    const look = (before: EndpointSlice): void => {
      const wasOpen = presenceIn([before], pod.metadata?.uid ?? '') === 'open';
      if (wasOpen && this.#presence(pod) !== 'open') changed.abort();
    };
    const removeHandler = this.#slices.addHandler({ updated: (_, before) => look(before), deleted: look });
    try {
      const { clock } = this.#context;
      await clock.sleep(msMax, AbortSignal.any([changed.signal, this.#stop.signal])).catch(() => {});
      this.#stop.signal.throwIfAborted();
    } finally {
      removeHandler();
    }
  }
}
