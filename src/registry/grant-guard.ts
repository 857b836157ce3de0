/**
 * Some writes take more than the permission to write: who writes roles and bindings hands out permissions, who writes a claim's status hands out
 * devices. Whoever knows what the writer holds tells the registry whether they may. Asked for every write, it has something to say for very few.
 */
import type { KubeObject } from '../api/object.ts';
import type { RequestTarget } from './request.ts';

export interface GrantRequest {
  readonly target: RequestTarget;
  /** As it would be stored; not validated yet. */
  readonly object: KubeObject;
  /** What it replaces; absent where it is new. */
  readonly old?: KubeObject;
  readonly verb: 'create' | 'update' | 'patch';
}

export interface GrantGuard {
  /** Undefined: nothing to say, as nearly always. @throws StatusError Forbidden, NotFound, Invalid */
  check(request: GrantRequest): Promise<void> | undefined;
}

/** Asks each of them; no promise is made where none has anything to say. */
export function allGuards(guards: readonly GrantGuard[]): GrantGuard {
  return {
    check(request) {
      const asked = guards.flatMap((guard) => guard.check(request) ?? []);
      return asked.length === 0 ? undefined : Promise.all(asked).then(() => {});
    },
  };
}
