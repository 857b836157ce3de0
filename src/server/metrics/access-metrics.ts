/** What is counted about who asked, and whether they may: the metrics of upstream's authentication and authorization filters. */
import {
  exponentialBuckets,
  type HistogramMetric,
  type HistogramSeries,
  type MetricRegistry,
  type NumberMetric,
  type NumberSeries,
} from '../../lib/metrics.ts';

type Result = 'success' | 'failure' | 'error' | 'allowed' | 'denied';

class Outcomes {
  readonly #attempts: NumberMetric;
  readonly #seconds: HistogramMetric;
  readonly #known = new Map<Result, { readonly attempts: NumberSeries; readonly seconds: HistogramSeries }>();

  constructor(registry: MetricRegistry, attempts: string, seconds: string, what: string) {
    const labels = ['result'];
    this.#attempts = registry.counter({ name: attempts, help: `Attempts of ${what}, by result.`, labels });
    const buckets = exponentialBuckets(0.001, 2, 15);
    this.#seconds = registry.histogram({ name: seconds, help: `How long ${what} took.`, labels, buckets });
  }

  note(result: Result, ms: number): void {
    let series = this.#known.get(result);
    if (series === undefined) {
      series = { attempts: this.#attempts.with(result), seconds: this.#seconds.with(result) };
      this.#known.set(result, series);
    }
    series.attempts.add();
    series.seconds.observe(ms / 1000);
  }
}

export class AccessMetrics {
  readonly authentication: Outcomes;
  readonly authorization: Outcomes;
  readonly #users: NumberMetric;
  readonly #knownUsers = new Map<string, NumberSeries>();

  constructor(registry: MetricRegistry) {
    const { authentication, authorization } = names;
    this.authentication = new Outcomes(registry, authentication.attempts, authentication.seconds, 'authentication');
    this.authorization = new Outcomes(registry, authorization.attempts, authorization.seconds, 'authorization');
    this.#users = registry.counter({
      name: 'authenticated_user_requests',
      help: 'Requests of known callers, by sort of user.',
      labels: ['username'],
    });
  }

  /** Names of people would be as many series as there are people: as upstream, only the sort is told. */
  user(name: string): void {
    const sort = sortOf(name);
    let series = this.#knownUsers.get(sort);
    if (series === undefined) {
      series = this.#users.with(sort);
      this.#knownUsers.set(sort, series);
    }
    series.add();
  }
}

const names = {
  authentication: { attempts: 'authentication_attempts', seconds: 'authentication_duration_seconds' },
  authorization: {
    attempts: 'apiserver_authorization_attempts_total',
    seconds: 'apiserver_authorization_duration_seconds',
  },
} as const;

const told: ReadonlySet<string> = new Set([
  'admin',
  'client',
  'kube_proxy',
  'kubelet',
  'system:serviceaccount:kube-system:default',
]);

function sortOf(name: string): string {
  if (told.has(name)) return name;
  return name.includes('@') ? 'email_id' : 'other';
}
