/**
 * The server under attack, in a process of its own: `startCluster()` with SQLite and no nodes, told by messages. Started by
 * `server.ts`; argument: the folder for its state. What it logs as an error is told to the parent at once.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import process from 'node:process';
import { collectGarbage } from '../../bench/memory.ts';
import { startCluster } from '../../src/cluster.ts';
import { homeOf } from '../../src/home.ts';
import { limits } from '../../src/lib/limits.ts';
import { type LogFields, type Logger, silentLogger } from '../../src/lib/log.ts';
import type { FromServer, ServerFigures, ToServer } from './server.ts';

// The watch history is most of what a cluster holds: small, so that it is full soon, and growth after that is a leak.
Object.assign(limits, { watchHistoryEventsMax: 1_000, watchHistoryBytesMax: 4 * 1024 * 1024 });

const tell = (message: FromServer): void => void process.send?.(message);

/** Tells errors, each with where it was thrown. */
function errorLogger(common: LogFields): Logger {
  const error = (message: string, fields: LogFields = {}): void => {
    const texts = Object.entries({ ...common, ...fields }).map(([name, value]) => `${name}=${textOf(value)}`);
    tell({ kind: 'error', line: [message, ...texts].join(' ') });
  };
  return { ...silentLogger, error, with: (fields) => errorLogger({ ...common, ...fields }) };
}

function textOf(value: unknown): string {
  return (value instanceof Error ? value.stack : JSON.stringify(value)) ?? '';
}

const log = errorLogger({});
const home = homeOf(process.argv[2] ?? '');
const cluster = await startCluster({ home, nodes: { kind: 'none', name: 'node-a' }, log });
const delay = monitorEventLoopDelay({ resolution: 10 });
delay.enable();

function figures(): ServerFigures {
  collectGarbage();
  const { heapUsed, external, rss } = process.memoryUsage();
  const handles: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) handles[name] = (handles[name] ?? 0) + 1;
  const longestStallMs = delay.max / 1e6;
  delay.reset();
  return { heldBytes: heapUsed + external, residentBytes: rss, handles, longestStallMs };
}

process.on('message', (message: ToServer) => {
  if (message === 'figures') return tell({ kind: 'figures', figures: figures() });
  void cluster.close().then(() => process.disconnect?.());
});
// The parent is gone: nobody will ask again.
process.on('disconnect', () => process.exit());
tell({ kind: 'started', kubeconfig: home.kubeconfig, nodeKubeconfig: home.agentKubeconfig });
