/** `/stats/summary` and the metrics of the node, its pods and the agent. */
import { badRequest } from '../../api/status-error.ts';
import type { Logger } from '../../lib/log.ts';
import type { AgentMetrics } from '../metrics/agent-metrics.ts';
import { cadvisorMetrics } from '../metrics/cadvisor-metrics.ts';
import { ownMetrics } from '../metrics/own-metrics.ts';
import { resourceMetrics } from '../metrics/resource-metrics.ts';
import type { NodeFacts } from '../node-facts.ts';
import type { PodWorkers } from '../pod/pod-workers.ts';
import type { StatsSource } from '../stats/summary.ts';
import { jsonAnswer, metricsAnswer, type Route } from './route.ts';

export interface StatsRoutesOptions {
  readonly nodeName: string;
  readonly pods: PodWorkers;
  readonly stats: StatsSource;
  readonly facts: NodeFacts;
  /** Absent on light simulated nodes, which count nothing. */
  readonly metrics?: AgentMetrics;
  readonly log: Logger;
}

/** Scrapes that come closer together share a look. */
const shareMs = 500;
/** Disks of claims change slowly, and are looked at for them alone. */
const volumeAgeMs = 60_000;

export function statsRoutes(options: StatsRoutesOptions): readonly Route[] {
  const { nodeName, pods, stats, facts, metrics, log } = options;
  const orNone = async <T>(asked: Promise<T>): Promise<T | undefined> => {
    try {
      return await asked;
    } catch (error) {
      log.warn('the statistics of the node cannot be read', { error });
      return undefined;
    }
  };
  return [
    {
      path: '/stats/summary',
      async answer({ query }) {
        if (!flag(query.get('only_cpu_and_memory'))) return jsonAnswer(await stats.summary(shareMs));
        return jsonAnswer(await stats.summary(shareMs, 'cpu-and-memory'));
      },
    },
    {
      path: '/metrics/resource',
      answer: async () => metricsAnswer(resourceMetrics(await orNone(stats.summary(shareMs, 'cpu-and-memory')))),
    },
    {
      path: '/metrics/cadvisor',
      answer: async () =>
        metricsAnswer(cadvisorMetrics((await orNone(stats.cgroups?.() ?? Promise.resolve([]))) ?? [], facts)),
    },
    { path: '/metrics/probes', answer: () => Promise.resolve(metricsAnswer(metrics?.probeRegistry.text() ?? '')) },
    {
      path: '/metrics',
      async answer() {
        const summary = await orNone(stats.summary(volumeAgeMs));
        const own = ownMetrics({ nodeName, pods: pods.all(), stats: summary?.pods ?? [] });
        return metricsAnswer(own + (metrics?.registry.text() ?? ''));
      },
    },
  ];
}

/** @throws StatusError for what is no truth value */
function flag(value: string | null): boolean {
  if (value === null || /^(0|f|false|)$/i.test(value)) return false;
  if (/^(1|t|true)$/i.test(value)) return true;
  throw badRequest(`only_cpu_and_memory: ${JSON.stringify(value)} is neither true nor false`);
}
