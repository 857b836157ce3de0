/** What the gateway of a node counts. Its HAProxy is looked at when somebody asks. */
import { readFileSync } from 'node:fs';
import type { MetricRegistry, NumberSeries } from '../../lib/metrics.ts';

export class GatewayMetrics {
  readonly #reloads: NumberSeries;
  readonly #commands: NumberSeries;
  readonly #starts: NumberSeries;

  /** @param now the id of HAProxy's master, where one runs; and how many objects are not served as they ask */
  constructor(registry: MetricRegistry, now: () => { readonly pid: number | undefined; readonly refused: number }) {
    const counter = (name: string, help: string): NumberSeries =>
      registry.counter({ name: `naru_gateway_${name}`, help }).with();
    const gauge = (name: string, help: string): NumberSeries =>
      registry.gauge({ name: `naru_gateway_${name}`, help }).with();
    this.#starts = counter('haproxy_starts_total', 'How often HAProxy was started.');
    this.#reloads = counter('haproxy_reloads_total', 'How often it was given a configuration anew.');
    this.#commands = counter('haproxy_commands_total', 'What it was told to change without that.');
    const workers = gauge(
      'haproxy_workers',
      'Its processes that serve: one, and those that end with their connections.',
    );
    const refused = gauge('refused_objects', 'Objects that are not served as they ask; events on them say why.');
    registry.beforeScrape(() => {
      const { pid, refused: count } = now();
      workers.set(pid === undefined ? 0 : childrenOf(pid));
      refused.set(count);
    });
  }

  started(): void {
    this.#starts.add();
  }

  reloaded(): void {
    this.#reloads.add();
  }

  told(commands: number): void {
    this.#commands.add(commands);
  }
}

/** 0 where it is gone, or the kernel does not say. */
function childrenOf(pid: number): number {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).length;
  } catch {
    return 0;
  }
}
