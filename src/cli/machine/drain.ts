/**
 * Empties a node: no new pods, then every pod asked to leave by the Eviction API, which asks the pods' disruption budgets, until all are gone. Used by
 * `naru node drain`, `naru node remove` and `naru upgrade`.
 *
 * Kept true: nothing is evicted where one pod may not go by the rules; a pod that a budget holds back is asked for again every few seconds, and
 * who waits is told once for what, and again when that changes. Broken off, it leaves the node cordoned; a second run goes on.
 */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { Eviction, PodDisruptionBudget } from '../../api/schema/types/policy-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { nodes, podDisruptionBudgets, pods } from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import { goDuration } from '../../lib/go-duration.ts';
import { UserError } from '../user-error.ts';
import { type DrainRules, planDrain, podName } from './drain-plan.ts';

export interface DrainOptions extends DrainRules {
  /** How long pods have to end; their own time where absent. */
  readonly gracePeriodSeconds?: number;
  /** 0: no end. */
  readonly timeoutMs: number;
  /** Delete instead of evict. */
  readonly ignoreBudgets?: boolean;
}

export interface Drain {
  readonly client: Client;
  readonly clock: Clock;
  readonly say: (line: string) => void;
}

/** As kubectl's. */
const retryMs = 5_000;
const lookMs = 500;

/** @throws UserError where a pod may not go, or time is over: who is still there, and why */
export async function drainNode(drain: Drain, name: string, options: DrainOptions): Promise<void> {
  const { client, clock, say } = drain;
  const { items } = await client.list(pods, { fieldSelector: `spec.nodeName=${name}` });
  const { leaving, staying, refused } = planDrain(items, options);
  if (refused.length > 0) throw mayNotGo(name, refused);
  await setUnschedulable(client, name, true);
  for (const { pod, why } of staying) say(`  ${podName(pod)} stays (${why})`);
  const deadline = options.timeoutMs === 0 ? Number.POSITIVE_INFINITY : clock.monotonic() + options.timeoutMs;
  const blocked = new Map<string, string>();
  const outcomes = await Promise.allSettled(
    leaving.map((pod) => new PodLeaving(drain, pod, options, deadline, blocked).run()),
  );
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason as Error;
  if (blocked.size > 0) throw outOfTime(name, options.timeoutMs, blocked);
}

/** False where it was so already. @throws StatusError */
export async function setUnschedulable(client: Client, name: string, wanted: boolean): Promise<boolean> {
  const node = await client.get(nodes, { namespace: '', name }).catch((error: unknown) => {
    throw hasReason(error, 'NotFound') ? new UserError(`there is no node ${name}; see naru node list`) : error;
  });
  if ((node.spec?.unschedulable ?? false) === wanted) return false;
  const body = { spec: { unschedulable: wanted ? true : null } };
  await client.patch(nodes, { namespace: '', name }, { type: 'merge', body });
  return true;
}

/** One pod on its way out. */
class PodLeaving {
  readonly #drain: Drain;
  readonly #pod: Pod;
  readonly #options: DrainOptions;
  readonly #deadline: number;
  /** What holds back whom: what is left in it at the end is why time was not enough. */
  readonly #blocked: Map<string, string>;

  constructor(drain: Drain, pod: Pod, options: DrainOptions, deadline: number, blocked: Map<string, string>) {
    this.#drain = drain;
    this.#pod = pod;
    this.#options = options;
    this.#deadline = deadline;
    this.#blocked = blocked;
  }

  async run(): Promise<void> {
    const { clock, say } = this.#drain;
    const name = podName(this.#pod);
    while (!(await this.#asked())) {
      if (clock.monotonic() >= this.#deadline) return;
      await clock.sleep(Math.min(retryMs, Math.max(0, this.#deadline - clock.monotonic())));
    }
    this.#blocked.set(name, 'it has been told to end, and takes its time');
    while (!(await this.#isGone())) {
      if (clock.monotonic() >= this.#deadline) return;
      await clock.sleep(lookMs);
    }
    this.#blocked.delete(name);
    say(`  ${name} has left`);
  }

  /** True where it is on its way, or gone. */
  async #asked(): Promise<boolean> {
    if (this.#pod.metadata?.deletionTimestamp !== undefined) return true;
    try {
      await (this.#options.ignoreBudgets ? this.#delete() : this.#evict());
      return true;
    } catch (error) {
      if (hasReason(error, 'NotFound', 'Conflict')) return true;
      if (!hasReason(error, 'TooManyRequests', 'InternalError')) throw error;
      await this.#heldBack(error);
      return false;
    }
  }

  async #evict(): Promise<void> {
    const { metadata } = this.#pod;
    const { gracePeriodSeconds } = this.#options;
    const reference = { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
    const deleteOptions = {
      preconditions: { uid: metadata?.uid ?? '' },
      ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    };
    const eviction: Eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: reference, deleteOptions };
    await this.#drain.client.createSubresource(pods, reference, 'eviction', eviction);
  }

  #delete(): Promise<void> {
    const { namespace = '', name = '', uid = '' } = this.#pod.metadata ?? {};
    const { gracePeriodSeconds } = this.#options;
    const grace = gracePeriodSeconds !== undefined && { gracePeriodSeconds };
    return this.#drain.client.delete(pods, { namespace, name }, { uid, ...grace });
  }

  async #heldBack(error: Error): Promise<void> {
    const name = podName(this.#pod);
    const why = await this.#reason(error);
    if (this.#blocked.get(name) !== why) this.#drain.say(`  ${name} waits: ${why}`);
    this.#blocked.set(name, why);
  }

  /** In terms of the budgets themselves: what the API says names neither pods nor a way out. */
  async #reason(error: Error): Promise<string> {
    const { namespace = '', labels = {} } = this.#pod.metadata ?? {};
    const { items } = await this.#drain.client.list(podDisruptionBudgets, { namespace });
    const budgets = items.filter(
      ({ spec }) => spec?.selector !== undefined && labelMatcher(spec.selector).matches(labels),
    );
    if (budgets.length === 0) return error.message;
    return budgetReason(budgets);
  }

  async #isGone(): Promise<boolean> {
    const { namespace = '', name = '', uid } = this.#pod.metadata ?? {};
    try {
      return (await this.#drain.client.get(pods, { namespace, name })).metadata?.uid !== uid;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return true;
      // A server that starts anew while somebody waits has said nothing.
      if (hasReason(error, 'ServiceUnavailable', 'Timeout')) return false;
      throw error;
    }
  }
}

/** Why these budgets let a pod of theirs not go now. */
export function budgetReason(budgets: readonly PodDisruptionBudget[]): string {
  const names = budgets.map(({ metadata }) => metadata?.name ?? '');
  if (names.length > 1)
    return `several disruption budgets select it (${names.join(', ')}), and only one may: mend their selectors`;
  const [{ spec, status } = {}] = budgets;
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0 } = status ?? {};
  const budget = `disruption budget ${names[0]}`;
  const never = desiredHealthy >= expectedPods && currentHealthy >= expectedPods;
  const rule =
    spec?.minAvailable === undefined ? `maxUnavailable: ${spec?.maxUnavailable}` : `minAvailable: ${spec.minAvailable}`;
  if (never)
    return `${budget} (${rule}) wants all ${expectedPods} of its pods healthy, so that none may ever leave: add a replica, or loosen it`;
  return `${budget} needs ${desiredHealthy} healthy pods and has ${currentHealthy} of ${expectedPods}: it lets the next one go when one more is Ready`;
}

function mayNotGo(name: string, refused: readonly { readonly pod: Pod; readonly why: string }[]): UserError {
  const lines = refused.slice(0, 20).map(({ pod, why }) => `  ${podName(pod)}: ${why}`);
  const more = refused.length > lines.length ? [`  and ${refused.length - lines.length} more`] : [];
  return new UserError(
    `node ${name} was not drained, since these pods may not be moved:\n${[...lines, ...more].join('\n')}`,
  );
}

function outOfTime(name: string, timeoutMs: number, blocked: ReadonlyMap<string, string>): UserError {
  const lines = [...blocked].slice(0, 20).map(([pod, why]) => `  ${pod}: ${why}`);
  return new UserError(
    `node ${name} is not empty after ${goDuration(timeoutMs)}; it stays cordoned (naru node uncordon ${name} undoes that), and these are still there:\n${lines.join('\n')}`,
  );
}
