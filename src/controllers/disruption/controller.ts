/**
 * PodDisruptionBudgets: how many pods may be evicted now, written into each budget's status, where the eviction subresource
 * (`registry/subresources/eviction.ts`) reads and spends it. Beside that, pods that were to be disrupted and were not lose the
 * condition that says so.
 *
 * Kept true: status is written only from the version that was read, so that what an eviction spent meanwhile is never given back by mistake.
 */
import { objectKey } from '../../api/object.ts';
import type { Pod, PodCondition } from '../../api/schema/types/core-v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../api/schema/types/policy-v1.ts';
import { type LabelMatcher, labelMatcher } from '../../api/selector.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { podDisruptionBudgets, pods as podsResource } from '../../client/resources.ts';
import { formatTime } from '../../lib/clock.ts';
import type { Service } from '../../lib/service.ts';
import { type ControllerContext, contextFor, type LoopContext, nameOf, namespaceOf } from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { type BudgetPlan, decideBudget, failedStatus, needsScale, staleInMs, unmanagedText } from './decide.ts';
import { Scales } from './scales.ts';

/** Two loops: budgets, and pods whose condition may get stale. */
export function disruptionControllers(context: ControllerContext): Service[] {
  const own = contextFor(context, 'disruption-controller');
  return [new DisruptionController(own).loop, staleConditions(own)];
}

class DisruptionController {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #scales: Scales;
  readonly #budgets: ReadonlyCache<PodDisruptionBudget>;
  readonly #pods: ReadonlyCache<Pod>;
  readonly #matchers = new WeakMap<PodDisruptionBudget, LabelMatcher>();

  constructor(context: LoopContext) {
    this.#context = context;
    this.#scales = new Scales(context);
    const budgets = context.informers.informer(podDisruptionBudgets);
    const pods = context.informers.informer(podsResource);
    this.#budgets = budgets.cache;
    this.#pods = pods.cache;
    const informers = [budgets, pods, ...this.#scales.informers];
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    this.loop = new ControlLoop({ ...context, name: 'disruption', reconcile, informers });
    const enqueue = (budget: PodDisruptionBudget): void => this.loop.queue.add(objectKey(budget));
    budgets.addHandler({ added: enqueue, updated: enqueue });
    const wake = (pod: Pod): void => this.#wakeMatching(pod);
    pods.addHandler({
      added: wake,
      updated: (pod, previous) => {
        wake(pod);
        if (!semanticallyEqual(pod.metadata?.labels, previous.metadata?.labels)) wake(previous);
      },
      deleted: wake,
    });
    this.#wakeWithScales();
  }

  /** A controller that is resized changes what a percentage means before its pods do. */
  #wakeWithScales(): void {
    for (const informer of this.#scales.informers) {
      informer.addHandler({
        updated: (owner, previous) => {
          if (owner.metadata?.generation === previous.metadata?.generation) return;
          for (const budget of this.#budgets.list(namespaceOf(owner))) this.loop.queue.add(objectKey(budget));
        },
      });
    }
  }

  #wakeMatching(pod: Pod): void {
    const all = this.#budgets.list(namespaceOf(pod));
    const matching = all.filter((budget) => this.#matcherOf(budget).matches(pod.metadata?.labels ?? {}));
    for (const budget of matching) this.loop.queue.add(objectKey(budget));
    if (matching.length > 1) this.#warnOfMany(pod, matching.map(nameOf));
  }

  /** In upstream's words, which counts the pod for one of them only: nobody may evict such a pod. */
  #warnOfMany(pod: Pod, [first = '']: readonly string[]): void {
    const which = `Pod "${namespaceOf(pod)}"/"${nameOf(pod)}" matches multiple PodDisruptionBudgets.`;
    const message = `${which}  Chose "${first}" arbitrarily.`;
    this.#context.events.record(podsResource, pod, 'Warning', 'MultiplePodDisruptionBudgets', message);
  }

  #matcherOf(budget: PodDisruptionBudget): LabelMatcher {
    const known = this.#matchers.get(budget) ?? labelMatcher(budget.spec?.selector);
    this.#matchers.set(budget, known);
    return known;
  }

  async #reconcile(key: string): Promise<Outcome> {
    const budget = this.#budgets.byKey(key);
    if (budget === undefined) return done;
    const { clock } = this.#context;
    let plan: BudgetPlan;
    try {
      plan = await this.#plan(budget);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#tell(
        budget,
        'Warning',
        'CalculateExpectedPodCountFailed',
        `Failed to calculate the number of expected pods: ${why}`,
      );
      await this.#write(budget, failedStatus(budget, why, clock.now()));
      // Nothing is wrong with the pods: who did not answer is asked again.
      if (hasReason(error, 'ServiceUnavailable', 'Timeout')) throw error;
      return done;
    }
    for (const pod of plan.notDeleted) {
      const message = `Pod was expected by PDB ${key} to be deleted but it wasn't`;
      this.#context.events.record(podsResource, pod, 'Warning', 'NotDeleted', message);
    }
    await this.#write(budget, plan.status);
    // A second more: times in objects have no fractions.
    return plan.recheckAtMs === undefined ? done : after(Math.max(0, plan.recheckAtMs - clock.now()) + 1000);
  }

  async #plan(budget: PodDisruptionBudget): Promise<BudgetPlan> {
    const matcher = this.#matcherOf(budget);
    const pods = this.#pods.list(namespaceOf(budget)).filter((pod) => matcher.matches(pod.metadata?.labels ?? {}));
    if (pods.length === 0) this.#tell(budget, 'Normal', 'NoPods', 'No matching pods found');
    const { scale, unmanaged } = needsScale(budget) ? await this.#scales.sumOf(pods) : { scale: 0, unmanaged: [] };
    if (unmanaged.length > 0) {
      this.#tell(budget, 'Warning', 'UnmanagedPods', unmanagedText(budget));
    }
    return decideBudget(budget, { pods, scale, nowMs: this.#context.clock.now() });
  }

  #tell(budget: PodDisruptionBudget, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#context.events.record(podDisruptionBudgets, budget, type, reason, message);
  }

  async #write(budget: PodDisruptionBudget, status: PodDisruptionBudgetStatus): Promise<void> {
    if (semanticallyEqual(status, budget.status)) return;
    await this.#context.client.update(podDisruptionBudgets, { ...budget, status }, { subresource: 'status' });
  }
}

function staleConditions(context: LoopContext): Service {
  const { client, clock } = context;
  const pods = context.informers.informer(podsResource);
  const loop = new ControlLoop({
    ...context,
    name: 'stale-disruption-conditions',
    informers: [pods],
    workers: 1,
    reconcile: async (key) => {
      const pod = pods.cache.byKey(key);
      const ms = pod === undefined ? undefined : staleInMs(pod, clock.now());
      if (pod === undefined || ms === undefined) return done;
      if (ms > 0) return after(ms);
      await client.update(podsResource, withoutTarget(pod, formatTime(clock.now())), { subresource: 'status' });
      return done;
    },
  });
  const look = (pod: Pod): void => {
    if (staleInMs(pod, clock.now()) !== undefined) loop.queue.add(objectKey(pod));
  };
  pods.addHandler({ added: look, updated: look });
  return loop;
}

function withoutTarget(pod: Pod, now: string): Pod {
  const { generation } = pod.metadata ?? {};
  const cleared: PodCondition = {
    type: 'DisruptionTarget',
    status: 'False',
    lastTransitionTime: now,
    ...(generation && { observedGeneration: generation }),
  };
  const conditions = (pod.status?.conditions ?? []).map((each) => (each.type === 'DisruptionTarget' ? cleared : each));
  return { ...pod, status: { ...pod.status, conditions } };
}
