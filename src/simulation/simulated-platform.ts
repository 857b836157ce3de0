/** What a simulated node has for its pods: no disk, no cgroups; probes and logs out of its runtime's memory. */
import { LogFilter } from '../agent/logs/log-filter.ts';
import type { LogSource, LogStreamOptions } from '../agent/logs/log-source.ts';
import { noCgroups } from '../agent/pod/cgroups.ts';
import type { AgentPlatform } from '../agent/pod/pod-host.ts';
import { noStorage } from '../agent/pod/volumes/pod-storage.ts';
import type { ProbeResult, ProbeTransport } from '../agent/probes/probe-transport.ts';
import type { ContainerStatus, PodIdentity } from '../agent/runtime.ts';
import type { SimulatedLogLine, SimulatedRuntime } from './simulated-runtime.ts';
import { SimulatedStats } from './simulated-stats.ts';

export function simulatedPlatform(runtime: SimulatedRuntime): AgentPlatform {
  return {
    storage: noStorage,
    cgroups: noCgroups,
    probes: simulatedProbes(runtime),
    logs: new SimulatedLogs(runtime),
    // What was handed out counts as prepared, whoever's it is.
    devices: { canPrepare: () => true },
    stats: (facts) => new SimulatedStats(facts, runtime),
    hostDns: () => Promise.resolve({ servers: [], searches: [], options: [] }),
  };
}

/** A pod answers when one of its running containers is healthy: which of them owns a port is not simulated. */
function simulatedProbes(runtime: SimulatedRuntime): ProbeTransport {
  const ask = (host: string, refusal: string): Promise<ProbeResult> => {
    const ok = runtime.containersAt(host).some(({ id }) => runtime.healthy(id));
    return Promise.resolve({ ok, message: ok ? '' : refusal });
  };
  return {
    http: ({ host }) => ask(host, 'HTTP probe failed with statuscode: 500'),
    tcp: (host, port) => ask(host, `dial tcp ${host}:${port}: connect: connection refused`),
    grpc: ({ host }) => ask(host, 'service unhealthy (responded with "NOT_SERVING")'),
  };
}

class SimulatedLogs implements LogSource {
  readonly #runtime: SimulatedRuntime;

  constructor(runtime: SimulatedRuntime) {
    this.#runtime = runtime;
  }

  async prepare(): Promise<void> {}

  async *stream(run: ContainerStatus, options: LogStreamOptions): AsyncIterable<Buffer> {
    const filter = new LogFilter(options);
    const { tailLines = Number.POSITIVE_INFINITY, follow, signal } = options;
    for (let next = Math.max(0, this.#runtime.logLines(run.id).length - tailLines); ; ) {
      // Watched before looking: what happens in between is then not missed.
      const change = new LogChange(this.#runtime, run.id, signal);
      const isLast = !follow || !(await options.isRunning());
      const lines = this.#runtime.logLines(run.id);
      for (; next < lines.length && !filter.isFull; next++) {
        const shown = filter.render(rawLine(lines[next] as SimulatedLogLine));
        if (shown.length > 0) yield shown;
      }
      if (isLast || filter.isFull) change.cancel();
      if (isLast || filter.isFull || signal.aborted) return;
      await change.happened;
    }
  }

  async tail(
    run: ContainerStatus,
    { lines, bytes }: { readonly lines: number; readonly bytes: number },
  ): Promise<string> {
    const all = this.#runtime.logLines(run.id).slice(-lines);
    return all
      .map(({ text }) => `${text}\n`)
      .join('')
      .slice(-bytes);
  }

  async pods(): Promise<readonly PodIdentity[]> {
    return [];
  }

  async removeRun(): Promise<void> {}

  async remove(): Promise<void> {}
}

/** The next line or the end of one container, or that nobody waits for it any more. */
class LogChange {
  readonly happened: Promise<void>;
  cancel: () => void = () => {};

  constructor(runtime: SimulatedRuntime, containerId: string, signal: AbortSignal) {
    this.happened = new Promise((resolve) => {
      const watch = runtime.watchLog(containerId, () => this.cancel());
      this.cancel = () => {
        watch.cancel();
        signal.removeEventListener('abort', this.cancel);
        resolve();
      };
      signal.addEventListener('abort', this.cancel, { once: true });
      if (signal.aborted) this.cancel();
    });
  }
}

/** As a runtime would have written it. */
function rawLine({ timeMs, stream, text }: SimulatedLogLine): Buffer {
  return Buffer.from(`${new Date(timeMs).toISOString().replace('Z', '000000Z')} ${stream} F ${text}`);
}
