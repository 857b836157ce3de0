/** Who holds an object that is to go: finalizers, a grace period, or nobody. Pure. */
import type { KubeObject } from '../api/object.ts';
import type { Namespace } from '../api/schema/types/core-v1.ts';
import type { DeleteOptions } from './request.ts';
import type { Strategy } from './strategy.ts';
import { foregroundDeletion, orphanDependents } from './validation/metadata.ts';

/** Does this update let the object go? It waited only for finalizers, and `next` has none left. */
export function isReleased(strategy: Strategy, next: KubeObject, current: KubeObject): boolean {
  if (current.metadata?.deletionTimestamp === undefined) return false;
  if (isHeld(strategy, next)) return false;
  return !current.metadata.deletionGracePeriodSeconds;
}

export function isHeld(strategy: Strategy, object: KubeObject): boolean {
  if ((object.metadata?.finalizers ?? []).length > 0) return true;
  return strategy.specFinalizers === true && ((object as Namespace).spec?.finalizers ?? []).length > 0;
}

/** The finalizers that the way of deletion asks for: dependents first, dependents left alone, or neither. */
export function finalizersFor(present: readonly string[], policy: Policy, strategy: Strategy = {}): string[] {
  const others = present.filter((name) => name !== foregroundDeletion && name !== orphanDependents);
  switch (policyFor(present, policy, strategy)) {
    case 'Orphan':
      return [...others, orphanDependents];
    case 'Foreground':
      return [...others, foregroundDeletion];
    case 'Background':
      return others;
    case undefined:
      return [...present];
  }
}

type Policy = DeleteOptions['propagationPolicy'];

/** The delete's word, then that of a finalizer that is there, then the kind's. */
function policyFor(present: readonly string[], policy: Policy, { dependents }: Strategy): Policy {
  if (dependents === 'never looked for') return 'Background';
  if (policy !== undefined || dependents === undefined) return policy;
  return present.includes(foregroundDeletion) || present.includes(orphanDependents) ? undefined : 'Orphan';
}
