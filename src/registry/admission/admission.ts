/**
 * Admission: what is asked of a write beyond the object itself, in an order that matters. Each step may change the draft or
 * refuse the request; all see the object before its kind's rules do.
 *
 * To add one: a file beside this one that exports a step, and its place in `steps`. Steps read the store; one that waits (for a
 * webhook, for a service account) returns a promise.
 */
import type { KubeObject } from '../../api/object.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Store } from '../../store/store.ts';
import type { ObjectDraft } from '../draft.ts';
import type { RequestTarget } from '../request.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { podPriority } from './pod-priority.ts';
import { podRuntimeClass } from './pod-runtime-class.ts';
import { podServiceAccount } from './pod-service-account.ts';
import { podTolerations } from './pod-tolerations.ts';
import { podTopology } from './pod-topology.ts';

export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
  readonly target: RequestTarget;
  /** Group-resource of what is stored: `pods`, `deployments.apps`. */
  readonly collection: string;
  /** In the stored version, to change. Absent for DELETE. */
  readonly draft?: ObjectDraft;
  /** Absent for CREATE. */
  readonly old?: KubeObject;
  readonly store: Store;
  readonly clock: Clock;
  readonly prng: Prng;
}

/** @throws StatusError where the request is refused */
export type AdmissionStep = (request: AdmissionRequest) => void | Promise<void>;

/** Upstream's order: the namespace first, since nothing else matters in one that is going; quotas, later, last. */
const steps: readonly AdmissionStep[] = [
  namespaceLifecycle,
  podServiceAccount,
  podPriority,
  podTolerations,
  podRuntimeClass,
  podTopology,
];

export async function admit(request: AdmissionRequest): Promise<void> {
  for (const step of steps) {
    const pending = step(request);
    if (pending) await pending;
  }
}

/** Pods themselves, created or changed; not their subresources. */
export function isPodWrite({ collection, target }: AdmissionRequest): boolean {
  return collection === 'pods' && target.subresource === '';
}
