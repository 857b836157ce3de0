/** What the conditions of a namespace that is being deleted say, with upstream's types and reasons. Pure. */
import { groupResource, type ResourceInfo } from '../../api/resources.ts';
import type { Namespace, NamespaceCondition } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { timeMs } from '../shared/context.ts';

/** What is left of one resource after its deletion was asked for. */
export interface Remaining {
  readonly info: ResourceInfo;
  readonly count: number;
  /** How many of them each finalizer holds back. */
  readonly finalizers: ReadonlyMap<string, number>;
  /** How long they may take to end by themselves (s): the longest grace period of pods. */
  readonly graceSeconds: number;
}

export interface Cleaning {
  readonly remaining: readonly Remaining[];
  /** What could not be deleted or counted. */
  readonly errors: readonly Error[];
  /** Group-versions of servers that extend the API and cannot be asked what they hold. */
  readonly unknown: readonly string[];
}

export const isCleaned = ({ remaining, errors, unknown }: Cleaning): boolean =>
  remaining.length === 0 && errors.length === 0 && unknown.length === 0;

const againMsMin = 2000;
const againMsMax = 15_000;

/** When to look again at what remains: the longer it has been ending, the less often. */
export function againInMs(namespace: Namespace, nowMs: number): number {
  return Math.min(againMsMax, Math.max(againMsMin, endingMs(namespace, nowMs) / 4));
}

const endingMs = (namespace: Namespace, nowMs: number): number => nowMs - timeMs(namespace.metadata?.deletionTimestamp);

/** The namespace's conditions; those that did not change keep their time, and those of others stay. */
export function namespaceConditions(
  namespace: Namespace,
  cleaning: Cleaning,
  nowMs: number,
): readonly NamespaceCondition[] {
  const errors = [...cleaning.errors.map(({ message }) => message), ...unexpected(namespace, cleaning, nowMs)];
  const conditions = [...(namespace.status?.conditions ?? [])];
  for (const condition of [
    discoveryFailure(cleaning.unknown),
    alwaysFine,
    contentFailure(errors),
    contentRemaining(cleaning.remaining),
    finalizersRemaining(cleaning.remaining),
  ]) {
    const at = conditions.findIndex(({ type }) => type === condition.type);
    const standing = conditions[at];
    const kept = standing?.status === condition.status ? standing.lastTransitionTime : undefined;
    const dated = { ...condition, lastTransitionTime: kept ?? formatTime(nowMs) };
    if (at === -1) conditions.push(dated);
    else conditions[at] = dated;
  }
  return conditions;
}

type Bare = Omit<NamespaceCondition, 'lastTransitionTime'>;

const fact = (type: string, reason: string, message: string): Bare => ({ type, status: 'False', reason, message });
const problem = (type: string, reason: string, message: string): Bare => ({ type, status: 'True', reason, message });

/** Which resources there are is known in this process, but for those of other servers. */
function discoveryFailure(unknown: readonly string[]): Bare {
  const type = 'NamespaceDeletionDiscoveryFailure';
  if (unknown.length === 0) return fact(type, 'ResourcesDiscovered', 'All resources successfully discovered');
  const each = unknown.toSorted().map((one) => `${one}: stale GroupVersion discovery: ${one}`);
  const why = `unable to retrieve the complete list of server APIs: ${each.join(', ')}`;
  return problem(type, 'DiscoveryFailed', `Discovery failed for some groups, 1 failing: ${why}`);
}

/** It cannot fail; clients look for it. */
const alwaysFine = fact(
  'NamespaceDeletionGroupVersionParsingFailure',
  'ParsedGroupVersions',
  'All legacy kube types successfully parsed',
);

/** What neither waits for a finalizer nor has time left should have been gone. */
function unexpected(namespace: Namespace, { remaining }: Cleaning, nowMs: number): readonly string[] {
  const forMs = endingMs(namespace, nowMs);
  return remaining
    .filter(({ finalizers, graceSeconds }) => finalizers.size === 0 && forMs >= graceSeconds * 1000)
    .map(({ info }) => {
      const gvr = `${info.group}/${info.version}, Resource=${info.resource}`;
      return `unexpected items still remain in namespace: ${namespace.metadata?.name} for gvr: ${gvr}`;
    });
}

function contentFailure(errors: readonly string[]): Bare {
  const type = 'NamespaceDeletionContentFailure';
  if (errors.length === 0) {
    return fact(type, 'ContentDeleted', 'All content successfully deleted, may be waiting on finalization');
  }
  const texts = errors.toSorted().join(', ');
  const message = `Failed to delete all resource types, ${errors.length} remaining: ${texts}`;
  return problem(type, 'ContentDeletionFailed', message);
}

function contentRemaining(remaining: readonly Remaining[]): Bare {
  const type = 'NamespaceContentRemaining';
  if (remaining.length === 0) return fact(type, 'ContentRemoved', 'All content successfully removed');
  const counts = remaining.map(({ info, count }) => `${nameOf(info)} has ${count} resource instances`).sort();
  return problem(type, 'SomeResourcesRemain', `Some resources are remaining: ${counts.join(', ')}`);
}

function finalizersRemaining(remaining: readonly Remaining[]): Bare {
  const type = 'NamespaceFinalizersRemaining';
  const totals = new Map<string, number>();
  for (const { finalizers } of remaining) {
    for (const [name, count] of finalizers) totals.set(name, (totals.get(name) ?? 0) + count);
  }
  if (totals.size === 0) return fact(type, 'ContentHasNoFinalizers', 'All content-preserving finalizers finished');
  const texts = [...totals].map(([name, count]) => `${name} in ${count} resource instances`).sort();
  const message = `Some content in the namespace has finalizers remaining: ${texts.join(', ')}`;
  return problem(type, 'SomeFinalizersRemain', message);
}

/** `pods.`, `deployments.apps`: upstream prints the group after a dot, also where it is empty. */
const nameOf = (info: ResourceInfo): string => (info.group === '' ? `${info.resource}.` : groupResource(info));
