/**
 * The metrics of the process itself (`process_*`, `nodejs_*`), from prom-client, and `kubernetes_build_info`.
 *
 * prom-client is loaded at the first scrape, because who never scrapes need not wait for it at the start; from then on it
 * watches the event loop and the garbage collector.
 */
import type { Registry } from 'prom-client';
import type { MetricRegistry } from '../../lib/metrics.ts';
import { versionInfo } from '../version.ts';

export class ProcessMetrics {
  #registry: Promise<Registry> | undefined;

  async text(): Promise<string> {
    this.#registry ??= makeRegistry();
    return (await this.#registry).metrics();
  }
}

async function makeRegistry(): Promise<Registry> {
  const { Registry, collectDefaultMetrics } = await import('prom-client');
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return registry;
}

export function addBuildInfo(registry: MetricRegistry): void {
  const { major, minor, gitVersion, gitCommit, gitTreeState, buildDate, goVersion, compiler, platform } = versionInfo;
  const labels = {
    build_date: buildDate,
    compiler,
    git_commit: gitCommit,
    git_tree_state: gitTreeState,
    git_version: gitVersion,
    go_version: goVersion,
    major,
    minor,
    platform,
  };
  const help = 'Which version runs; always 1.';
  const gauge = registry.gauge({ name: 'kubernetes_build_info', help, labels: Object.keys(labels) });
  gauge.with(...Object.values(labels)).set(1);
}
