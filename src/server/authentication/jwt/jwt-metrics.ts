/** What is counted about issuers' tokens and the file that names the issuers, under upstream's names. */
import { createHash } from 'node:crypto';
import type { HistogramMetric, MetricRegistry, NumberMetric } from '../../../lib/metrics.ts';

const prefix = 'apiserver_authentication';
const buckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class JwtMetrics {
  readonly #reloads: NumberMetric;
  readonly #lastReload: NumberMetric;
  readonly #seconds: HistogramMetric;

  constructor(registry: MetricRegistry) {
    this.#reloads = registry.counter({
      name: `${prefix}_config_controller_automatic_reloads_total`,
      help: 'How often the configuration was read again.',
      labels: ['status'],
    });
    this.#lastReload = registry.gauge({
      name: `${prefix}_config_controller_automatic_reload_last_timestamp_seconds`,
      help: 'When the configuration was read again.',
      labels: ['status'],
    });
    this.#seconds = registry.histogram({
      name: `${prefix}_jwt_authenticator_latency_seconds`,
      help: 'How long it took to check a token that was not remembered.',
      labels: ['result', 'jwt_issuer_hash'],
      buckets,
    });
  }

  reloaded(status: 'success' | 'failure', nowMs: number): void {
    this.#reloads.with(status).add();
    this.#lastReload.with(status).set(nowMs / 1000);
  }

  /** Issuers are told by a hash: their addresses may be nobody's business. */
  checked(issuer: string, result: 'success' | 'failure', ms: number): void {
    const hash = createHash('sha256').update(issuer).digest('hex');
    this.#seconds.with(result, `sha256:${hash}`).observe(ms / 1000);
  }
}
