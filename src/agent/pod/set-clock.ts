/**
 * The time of day may be set at any moment, by hours: what a pod waits for by it (tries after a failure, what is renewed in its volumes) moves
 * with it, so that every wait is as long as it was meant to be. Ends of runs and deadlines that the API gives are times of day, and stay.
 */
import type { PodMemory } from './pod-memory.ts';

/** Clocks that are set right little by little are none of it. */
const slackMs = 1000;

/** Before each decision. */
export function followClock(memory: PodMemory): void {
  const { clock } = memory.host;
  const leadMs = clock.now() - clock.monotonic();
  const byMs = leadMs - (memory.clockLeadMs ?? leadMs);
  memory.clockLeadMs = leadMs;
  if (Math.abs(byMs) <= slackMs) return;
  for (const [name, failure] of memory.failures.entries()) {
    memory.failures.set(name, { ...failure, retryAtMs: failure.retryAtMs + byMs });
  }
  for (const [name, image] of memory.images.entries()) {
    if (image.kind !== 'failed') continue;
    const { failedAtMs, retryAtMs } = image;
    memory.images.set(name, { ...image, failedAtMs: failedAtMs + byMs, retryAtMs: retryAtMs + byMs });
  }
  // Whether something in its volumes is due, its storage decides anew.
  if (memory.refreshAtMs !== Number.POSITIVE_INFINITY) memory.refreshAtMs = 0;
}
