/** What an aggregated ClusterRole holds: the rules of all roles that its selectors choose, in the order of names, each rule once. Pure. */
import type { ClusterRole, PolicyRule } from './schema/types/rbac-v1.ts';
import { labelMatcher } from './selector.ts';

/** `all` may hold `role` itself, which never counts. */
export function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const rules = new Map<string, PolicyRule>();
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? []) {
    const matcher = labelMatcher(selector);
    const chosen = all.filter(({ metadata }) => matcher.matches(metadata?.labels) && nameOf(role) !== metadata?.name);
    for (const { rules: own = [] } of chosen.toSorted(byName)) {
      for (const rule of own) if (!rules.has(textOf(rule))) rules.set(textOf(rule), rule);
    }
  }
  return [...rules.values()];
}

/** The same rules in the same order; an absent list is as good as an empty one. */
export function sameRules(left: readonly PolicyRule[], right: readonly PolicyRule[]): boolean {
  return left.length === right.length && left.every((rule, index) => textOf(rule) === textOf(right[index]));
}

function textOf(rule: PolicyRule | undefined): string {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule ?? { verbs: [] };
  return JSON.stringify([verbs, apiGroups, resources, resourceNames, nonResourceURLs]);
}

const nameOf = ({ metadata }: ClusterRole): string => metadata?.name ?? '';

function byName(left: ClusterRole, right: ClusterRole): number {
  return nameOf(left) < nameOf(right) ? -1 : 1;
}
