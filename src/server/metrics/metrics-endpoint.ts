/** `/metrics`: everything that is counted in this process; `/metrics/slis`: the results of the health checks alone. */
import { MetricRegistry, type NumberMetric } from '../../lib/metrics.ts';
import type { Answer } from '../answer.ts';
import type { HealthObserver } from '../health.ts';
import { addBuildInfo, ProcessMetrics } from './process-metrics.ts';

const contentType = 'text/plain; version=0.0.4; charset=utf-8';

export class MetricsEndpoint {
  readonly #registry: MetricRegistry;
  readonly #process = new ProcessMetrics();
  readonly #healthRegistry = new MetricRegistry();
  readonly #health: NumberMetric;
  readonly #healthTotal: NumberMetric;

  constructor(registry: MetricRegistry) {
    this.#registry = registry;
    addBuildInfo(registry);
    const help = 'Whether a health check held when it was last made.';
    this.#health = this.#healthRegistry.gauge({ name: 'kubernetes_healthcheck', help, labels: ['name', 'type'] });
    this.#healthTotal = this.#healthRegistry.counter({
      name: 'kubernetes_healthchecks_total',
      help: 'Health checks made, by their result.',
      labels: ['name', 'type', 'status'],
    });
  }

  readonly observeHealth: HealthObserver = (name, endpoint, isHealthy) => {
    this.#health.with(name, endpoint).set(isHealthy ? 1 : 0);
    this.#healthTotal.with(name, endpoint, isHealthy ? 'success' : 'error').add();
  };

  /** `segments` follow `metrics`. Undefined where there is no such path. */
  async answer(segments: readonly string[]): Promise<Answer | undefined> {
    const [first, ...rest] = segments;
    if (first === undefined) return textOf(this.#registry.text() + (await this.#process.text()));
    return first === 'slis' && rest.length === 0 ? textOf(this.#healthRegistry.text()) : undefined;
  }
}

const textOf = (text: string): Answer => ({
  status: 200,
  headers: { 'content-type': contentType },
  body: [Buffer.from(text)],
});
