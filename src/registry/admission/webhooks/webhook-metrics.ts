/** What is counted about webhooks, under upstream's names. Without a registry of metrics, nothing. */
import type { MetricRegistry } from '../../../lib/metrics.ts';
import type { AdmissionAttributes } from '../attributes.ts';
import type { Hook } from './hook.ts';

type Operation = AdmissionAttributes['operation'];

/** How a question ended. `code` 0: with an error of our own. */
export interface HookOutcome {
  readonly code: number;
  readonly rejected: boolean;
  readonly ms: number;
}

export type RejectionCause = 'calling_webhook_error' | 'apiserver_internal_error' | 'no_error';

export interface WebhookMetrics {
  asked(hook: Hook, operation: Operation, outcome: HookOutcome): void;
  rejected(hook: Hook, operation: Operation, cause: RejectionCause, code: number): void;
  failedOpen(hook: Hook): void;
  excluded(hook: Hook, operation: Operation): void;
  conditionsFailed(hook: Hook, operation: Operation): void;
  conditionsTook(hook: Hook, operation: Operation, ms: number): void;
}

const silent: WebhookMetrics = {
  asked: () => {},
  rejected: () => {},
  failedOpen: () => {},
  excluded: () => {},
  conditionsFailed: () => {},
  conditionsTook: () => {},
};

const prefix = 'apiserver_admission';
const hookBuckets = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];
const conditionBuckets = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25];
/** Codes above it are counted as it. */
const codeMax = 600;

export function webhookMetrics(registry: MetricRegistry | undefined): WebhookMetrics {
  if (registry === undefined) return silent;
  const counter = (name: string, help: string, ...labels: readonly string[]) =>
    registry.counter({ name: `${prefix}_${name}`, help, labels });
  const seconds = (name: string, help: string, buckets: readonly number[], ...labels: readonly string[]) =>
    registry.histogram({ name: `${prefix}_${name}`, help, labels, buckets });
  const byRequest = ['name', 'type', 'operation'] as const;
  const byCondition = ['name', 'kind', 'type', 'operation'] as const;
  const took = seconds(
    'webhook_admission_duration_seconds',
    'How long webhooks took.',
    hookBuckets,
    ...byRequest,
    'rejected',
  );
  const requests = counter('webhook_request_total', 'Questions to webhooks.', ...byRequest, 'code', 'rejected');
  const why = ['error_type', 'rejection_code'] as const;
  const rejections = counter('webhook_rejection_count', 'Requests that webhooks refused.', ...byRequest, ...why);
  const open = counter('webhook_fail_open_count', 'Webhooks that failed and let the request pass.', 'name', 'type');
  const errors = counter(
    'match_condition_evaluation_errors_total',
    'Match conditions that could not tell.',
    ...byCondition,
  );
  const exclusions = counter(
    'match_condition_exclusions_total',
    'Requests that match conditions kept away.',
    ...byCondition,
  );
  const evaluation = seconds(
    'match_condition_evaluation_seconds',
    'How long match conditions took.',
    conditionBuckets,
    ...byCondition,
  );
  return {
    asked({ name, kind }, operation, { code, rejected, ms }) {
      requests.with(name, kind, operation, codeText(code), String(rejected)).add();
      took.with(name, kind, operation, String(rejected)).observe(ms / 1000);
    },
    rejected: ({ name, kind }, operation, cause, code) =>
      rejections.with(name, kind, operation, cause, codeText(code)).add(),
    failedOpen: ({ name, kind }) => open.with(name, kind).add(),
    excluded: ({ name, kind }, operation) => exclusions.with(name, 'webhook', kind, operation).add(),
    conditionsFailed: ({ name, kind }, operation) => errors.with(name, 'webhook', kind, operation).add(),
    conditionsTook: ({ name, kind }, operation, ms) =>
      evaluation.with(name, 'webhook', kind, operation).observe(ms / 1000),
  };
}

const codeText = (code: number): string => String(Math.min(code, codeMax));
