/** PodDisruptionBudgets, as preemption counts them: whose loss would break one. Pure, but for the cache that is read. */
import type { PodDisruptionBudget } from '../api/schema/types/policy-v1.ts';
import type { LabelMatcher } from '../api/selector.ts';
import type { PodFacts } from './pod-facts.ts';
import { matcherOf } from './snapshot/terms.ts';

interface Budget {
  readonly matcher: LabelMatcher;
  readonly allowed: number;
  /** Evictions under way, which the budget has counted already. */
  readonly disrupted: Readonly<Record<string, unknown>>;
}

export class DisruptionBudgets {
  readonly #byNamespace = new Map<string, Map<string, Budget>>();
  /** Changes with every change of a budget. */
  version = 0;

  set({ metadata, spec, status }: PodDisruptionBudget): void {
    const { namespace = '', name = '' } = metadata ?? {};
    const budgets = this.#byNamespace.get(namespace) ?? new Map<string, Budget>();
    const matcher = matcherOf(spec?.selector);
    budgets.set(name, { matcher, allowed: status?.disruptionsAllowed ?? 0, disrupted: status?.disruptedPods ?? {} });
    this.#byNamespace.set(namespace, budgets);
    this.version++;
  }

  remove({ metadata }: PodDisruptionBudget): void {
    this.#byNamespace.get(metadata?.namespace ?? '')?.delete(metadata?.name ?? '');
    this.version++;
  }

  /** Those of `pods` whose loss, one after another in this order, would go beyond what a budget allows. */
  brokenBy(pods: readonly PodFacts[]): ReadonlySet<PodFacts> {
    const left = new Map<Budget, number>();
    const breaking = new Set<PodFacts>();
    for (const pod of pods) {
      for (const budget of this.#over(pod)) {
        const allowed = (left.get(budget) ?? budget.allowed) - 1;
        left.set(budget, allowed);
        if (allowed < 0) breaking.add(pod);
      }
    }
    return breaking;
  }

  /** None is over a pod without labels, whatever its selector says. */
  #over({ namespace, labels, pod }: PodFacts): Budget[] {
    if (Object.keys(labels).length === 0) return [];
    const budgets = [...(this.#byNamespace.get(namespace)?.values() ?? [])];
    return budgets.filter(
      ({ matcher, disrupted }) =>
        matcher.kind === 'requirements' &&
        matcher.matches(labels) &&
        !Object.hasOwn(disrupted, pod.metadata?.name ?? ''),
    );
  }
}
