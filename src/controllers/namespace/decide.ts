/** What the conditions of a namespace that is being deleted say, with upstream's types and reasons. Pure. */
import { groupResource, type ResourceInfo } from '../../api/resources.ts';
import type { Namespace, NamespaceCondition } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';

/** What is left of one resource after its deletion was asked for. */
export interface Remaining {
  readonly info: ResourceInfo;
  readonly count: number;
  /** How many of them each finalizer holds back. */
  readonly finalizers: ReadonlyMap<string, number>;
}

export interface Cleaning {
  readonly remaining: readonly Remaining[];
  /** What could not be deleted or counted. */
  readonly errors: readonly Error[];
}

export const isCleaned = ({ remaining, errors }: Cleaning): boolean => remaining.length === 0 && errors.length === 0;

/** The namespace's conditions; those that did not change keep their time. */
export function namespaceConditions(
  namespace: Namespace,
  cleaning: Cleaning,
  nowMs: number,
): readonly NamespaceCondition[] {
  const wanted = [
    fact('NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources were discovered'),
    contentFailure(cleaning.errors),
    contentRemaining(cleaning.remaining),
    finalizersRemaining(cleaning.remaining),
  ];
  return wanted.map((condition) => {
    const standing = namespace.status?.conditions?.find(({ type }) => type === condition.type);
    const lastTransitionTime =
      (standing?.status === condition.status ? standing.lastTransitionTime : undefined) ?? formatTime(nowMs);
    return { ...condition, lastTransitionTime };
  });
}

type Bare = Omit<NamespaceCondition, 'lastTransitionTime'>;

const fact = (type: string, reason: string, message: string): Bare => ({ type, status: 'False', reason, message });
const problem = (type: string, reason: string, message: string): Bare => ({ type, status: 'True', reason, message });

function contentFailure(errors: readonly Error[]): Bare {
  const type = 'NamespaceDeletionContentFailure';
  if (errors.length === 0) return fact(type, 'ContentDeleted', 'All content was deleted; some may wait for finalizers');
  const texts = errors.map((error) => error.message).join(', ');
  return problem(
    type,
    'ContentDeletionFailed',
    `Failed to delete all resource types, ${errors.length} remaining: ${texts}`,
  );
}

function contentRemaining(remaining: readonly Remaining[]): Bare {
  const type = 'NamespaceContentRemaining';
  if (remaining.length === 0) return fact(type, 'ContentRemoved', 'All content is gone');
  const counts = remaining.map(({ info, count }) => `${nameOf(info)} has ${count} resource instances`).sort();
  return problem(type, 'SomeResourcesRemain', `Some resources are remaining: ${counts.join(', ')}`);
}

function finalizersRemaining(remaining: readonly Remaining[]): Bare {
  const type = 'NamespaceFinalizersRemaining';
  const totals = new Map<string, number>();
  for (const { finalizers } of remaining) {
    for (const [name, count] of finalizers) totals.set(name, (totals.get(name) ?? 0) + count);
  }
  if (totals.size === 0) return fact(type, 'ContentHasNoFinalizers', 'No finalizer holds content back');
  const texts = [...totals].map(([name, count]) => `${name} in ${count} resource instances`).sort();
  return problem(
    type,
    'SomeFinalizersRemain',
    `Some content in the namespace has finalizers remaining: ${texts.join(', ')}`,
  );
}

/** `pods.`, `deployments.apps`: upstream prints the group after a dot, also where it is empty. */
const nameOf = (info: ResourceInfo): string => (info.group === '' ? `${info.resource}.` : groupResource(info));
