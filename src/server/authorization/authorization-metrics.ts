/** What is counted about decisions, webhooks and the configuration of both, under upstream's names. */
import type { HistogramMetric, MetricRegistry, NumberMetric } from '../../lib/metrics.ts';
import type { AuthorizationAttributes, Decision, UserInfo } from '../../registry/request.ts';
import type { Decider, UserRules } from './authorization.ts';

const prefix = 'apiserver_authorization';
const webhook = 'Webhook';
const webhookBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const conditionBuckets = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25];

export class AuthorizationMetrics {
  readonly #decisions: NumberMetric;
  readonly #evaluations: NumberMetric;
  readonly #failedOpen: NumberMetric;
  readonly #conditionErrors: NumberMetric;
  readonly #exclusions: NumberMetric;
  readonly #reloads: NumberMetric;
  readonly #lastReload: NumberMetric;
  readonly #webhookSeconds: HistogramMetric;
  readonly #conditionSeconds: HistogramMetric;

  constructor(registry: MetricRegistry) {
    const counter = (name: string, help: string, ...labels: readonly string[]): NumberMetric =>
      registry.counter({ name: `${prefix}_${name}`, help, labels });
    const seconds = (name: string, help: string, buckets: readonly number[], ...labels: readonly string[]) =>
      registry.histogram({ name: `${prefix}_${name}`, help, labels, buckets });
    this.#decisions = counter('decisions_total', 'Decisions that ended the question.', 'type', 'name', 'decision');
    this.#evaluations = counter('webhook_evaluations_total', 'Questions to webhooks.', 'name', 'result');
    const failedOpen = 'Questions to webhooks that failed and left the decision to others.';
    this.#failedOpen = counter('webhook_evaluations_fail_open_total', failedOpen, 'name', 'result');
    const took = 'How long a question to a webhook took.';
    this.#webhookSeconds = seconds('webhook_duration_seconds', took, webhookBuckets, 'name', 'result');
    const errors = 'Match conditions that could not tell.';
    this.#conditionErrors = counter('match_condition_evaluation_errors_total', errors, 'type', 'name');
    const exclusions = 'Requests that a match condition kept from a webhook.';
    this.#exclusions = counter('match_condition_exclusions_total', exclusions, 'type', 'name');
    const evaluated = 'How long the match conditions of a webhook took.';
    this.#conditionSeconds = seconds('match_condition_evaluation_seconds', evaluated, conditionBuckets, 'type', 'name');
    const reloads = 'How often the configuration was read again.';
    this.#reloads = counter('config_controller_automatic_reloads_total', reloads, 'status');
    this.#lastReload = registry.gauge({
      name: `${prefix}_config_controller_automatic_reload_last_timestamp_seconds`,
      help: 'When the configuration was read again.',
      labels: ['status'],
    });
  }

  evaluated(name: string, result: 'success' | 'timeout' | 'error', ms: number): void {
    this.#evaluations.with(name, result).add();
    this.#webhookSeconds.with(name, result).observe(ms / 1000);
  }

  failedOpen(name: string, result: string): void {
    this.#failedOpen.with(name, result).add();
  }

  conditionFailed(name: string): void {
    this.#conditionErrors.with(webhook, name).add();
  }

  excluded(name: string): void {
    this.#exclusions.with(webhook, name).add();
  }

  conditionsEvaluated(name: string, ms: number): void {
    this.#conditionSeconds.with(webhook, name).observe(ms / 1000);
  }

  reloaded(status: 'success' | 'failure', nowMs: number): void {
    this.#reloads.with(status).add();
    this.#lastReload.with(status).set(nowMs / 1000);
  }

  /** The same authorizer, whose final decisions are counted. */
  counted(type: string, name: string, decider: Decider): Decider {
    return new CountedDecider(decider, this.#decisions, type, name);
  }
}

/** A counter is looked up once: to look it up each time would cost as much as the decision. */
class CountedDecider implements Decider {
  readonly #decider: Decider;
  readonly #allowed: () => void;
  readonly #denied: () => void;

  constructor(decider: Decider, decisions: NumberMetric, type: string, name: string) {
    this.#decider = decider;
    this.#allowed = counting(decisions, type, name, 'allowed');
    this.#denied = counting(decisions, type, name, 'denied');
  }

  decide(attributes: AuthorizationAttributes): Decision | Promise<Decision> {
    const decision = this.#decider.decide(attributes);
    if (decision instanceof Promise) return decision.then((late) => this.#note(late));
    return this.#note(decision);
  }

  rulesFor(user: UserInfo, namespace: string): UserRules {
    return this.#decider.rulesFor(user, namespace);
  }

  #note(decision: Decision): Decision {
    if (decision.allowed) this.#allowed();
    else if (decision.denied === true) this.#denied();
    return decision;
  }
}

/** Shown from its first count on. */
function counting(decisions: NumberMetric, ...labels: readonly string[]): () => void {
  let series: ReturnType<NumberMetric['with']> | undefined;
  return () => {
    series ??= decisions.with(...labels);
    series.add();
  };
}
