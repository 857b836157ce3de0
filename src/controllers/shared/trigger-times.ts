/**
 * When what endpoints show began to change: the annotation by which the delay until the last proxy knows of it is measured
 * (upstream's `TriggerTimeTracker`).
 *
 * It remembers, per Service, the times that it has seen; of those that are new since, the earliest counts. Where one object changes
 * twice between two looks, only the later change is seen, as upstream's.
 */
import type { Pod, Service } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { createdMs, nameOf, timeMs } from './context.ts';
import { conditionOf } from './pods.ts';

interface Seen {
  readonly serviceMs: number;
  readonly podMs: ReadonlyMap<string, number>;
}

export class TriggerTimes {
  readonly #seen = new Map<string, Seen>();

  /** To be called at every look, also where nothing is written then. Undefined: nothing new has a time. */
  next(key: string, service: Service, pods: readonly Pod[]): string | undefined {
    const seen = this.#seen.get(key);
    const serviceMs = createdMs(service);
    const podMs = new Map(pods.map((pod) => [nameOf(pod), timeMs(conditionOf(pod, 'Ready')?.lastTransitionTime)]));
    this.#seen.set(key, { serviceMs, podMs });
    if (seen === undefined) return formatTime(serviceMs);
    const changed = [...podMs].filter(([name, ms]) => ms > (seen.podMs.get(name) ?? 0)).map(([, ms]) => ms);
    if (serviceMs > seen.serviceMs) changed.push(serviceMs);
    return changed.length === 0 ? undefined : formatTime(Math.min(...changed));
  }

  /** For a Service that is gone. */
  forget(key: string): void {
    this.#seen.delete(key);
  }
}
