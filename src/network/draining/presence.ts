/** How a pod stands in load balancing, by the EndpointSlices that name it: pure. */
import type { EndpointConditions, EndpointSlice } from '../../api/schema/types/discovery-v1.ts';

/**
 * `open`: who balances load may send it something new; `leaving`: it is marked as one that ends, which all may not have heard yet; `absent`: nobody
 * sends it anything.
 */
export type Presence = 'open' | 'leaving' | 'absent';

export function presenceIn(slices: Iterable<EndpointSlice>, podUid: string): Presence {
  let presence: Presence = 'absent';
  for (const { endpoints } of slices) {
    for (const { targetRef, conditions } of endpoints ?? []) {
      if (targetRef?.uid !== podUid) continue;
      const here = presenceOf(conditions);
      if (here === 'open') return 'open';
      if (here === 'leaving') presence = 'leaving';
    }
  }
  return presence;
}

/** One that is published whatever its pod says is ready to its end: then the mark that it ends is all that can be waited for. */
function presenceOf(conditions: EndpointConditions = {}): Presence {
  const { ready = true, serving = ready, terminating = false } = conditions;
  if (terminating) return ready || serving ? 'leaving' : 'absent';
  return ready ? 'open' : 'absent';
}
