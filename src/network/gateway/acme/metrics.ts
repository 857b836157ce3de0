/** What is told about certificates: when they end, and how often making one failed. */
import type { ObjectReference } from '../../../api/object.ts';
import type { MetricRegistry, NumberMetric } from '../../../lib/metrics.ts';

export class CertificateMetrics {
  readonly #ends: NumberMetric;
  readonly #renewals: NumberMetric;
  readonly #orders: NumberMetric;

  constructor(registry: MetricRegistry) {
    const labels = ['namespace', 'name'];
    const prefix = 'naru_acme_certificate';
    this.#ends = registry.gauge({
      name: `${prefix}_expiration_timestamp_seconds`,
      help: 'When the certificate in a Secret ends, in seconds since 1970.',
      labels,
    });
    this.#renewals = registry.gauge({
      name: `${prefix}_renewal_timestamp_seconds`,
      help: 'When the certificate in a Secret will be renewed, in seconds since 1970.',
      labels,
    });
    this.#orders = registry.counter({
      name: `${prefix}_orders_total`,
      help: 'Certificates that were ordered, by how that ended.',
      labels: ['result'],
    });
  }

  certificate({ namespace, name }: ObjectReference, endMs: number, renewalMs: number): void {
    this.#ends.with(namespace, name).set(endMs / 1000);
    this.#renewals.with(namespace, name).set(renewalMs / 1000);
  }

  ordered(result: 'issued' | 'failed'): void {
    this.#orders.with(result).add(1);
  }
}
