/**
 * Whether an object does what it is there for, from the object alone: the one place that knows when a Deployment is rolled out, a Job done, a
 * claim bound. `naru up`, `naru rollout status`, `naru status` and `naru why` all ask here.
 */
import type { KubeObject } from '../api/object.ts';

export interface Health {
  /** `progressing`: it may become healthy by itself. `failing`: it will not without somebody. */
  readonly state: 'healthy' | 'progressing' | 'failing';
  /** In words, for people: `2 of 3 pods are ready`. */
  readonly message: string;
}

/** Kinds that have no state of their own are healthy when they exist. */
export function healthOf(object: KubeObject): Health {
  return { state: 'healthy', message: `${object.kind ?? 'it'} exists` };
}
