/**
 * Who writes roles and bindings hands out permissions: whoever knows what the writer holds tells the registry whether they may. Synchronous,
 * since it is asked for every write and has something to say for very few.
 */
import type { KubeObject } from '../api/object.ts';
import type { RequestTarget } from './request.ts';

export interface GrantRequest {
  readonly target: RequestTarget;
  /** As it would be stored; not validated yet. */
  readonly object: KubeObject;
  /** What it replaces; absent where it is new. */
  readonly old?: KubeObject;
}

export interface GrantGuard {
  /** @throws StatusError Forbidden, NotFound */
  check(request: GrantRequest): void;
}
