/**
 * Who writes roles and bindings hands out permissions: whoever knows what the writer holds tells the registry whether they may. Asked
 * for every write, it has something to say for very few.
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
  /** Undefined: nothing to say, as nearly always. @throws StatusError Forbidden, NotFound */
  check(request: GrantRequest): Promise<void> | undefined;
}
