/**
 * The probes of one pod's containers: a loop for each probe of each running container, from its start to its end. The startup
 * probe goes first; liveness and readiness begin when it has succeeded. A verdict that changes wakes the pod's worker.
 */
import type { Container, HTTPGetAction, Probe } from '../../api/schema/types/core-v1.ts';
import type { IntOrString } from '../../api/schema/types/meta-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import { SmallMap } from '../../lib/small-map.ts';
import type { ProbeVerdicts } from '../pod/plan.ts';
import { type ContainerStatus, type Runtime, RuntimeError } from '../runtime.ts';
import { afterResult, type ProbeState, unprobed } from './decide-probe.ts';
import type { HttpProbe, ProbeResult, ProbeTransport } from './probe-transport.ts';

type ProbeKind = 'startup' | 'liveness' | 'readiness';

const title: Readonly<Record<ProbeKind, string>> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' };

export interface ProberOptions {
  readonly clock: Clock;
  readonly runtime: Runtime;
  readonly transport: ProbeTransport;
  /** A verdict changed. */
  readonly changed: () => void;
  readonly unhealthy: (container: string, message: string) => void;
}

interface Probed {
  readonly stop: AbortController;
  readonly states: Record<ProbeKind, ProbeState>;
}

export class Prober {
  readonly #options: ProberOptions;
  readonly #probed = new SmallMap<string, Probed>();

  constructor(options: ProberOptions) {
    this.#options = options;
  }

  /** Probes what runs of `containers`, and forgets what does not. */
  follow(containers: readonly Container[], runs: readonly ContainerStatus[], podIp: string): void {
    const running = runs.filter(({ state }) => state === 'running');
    const ids = new Set(running.map(({ id }) => id));
    for (const id of this.#probed.keys()) if (!ids.has(id)) this.#forget(id);
    for (const run of running) {
      const container = containers.find(({ name }) => name === run.name);
      if (container === undefined || !hasProbes(container) || this.#probed.has(run.id)) continue;
      this.#begin(container, run, podIp);
    }
  }

  verdicts(): ReadonlyMap<string, ProbeVerdicts> {
    const entries = [...this.#probed].map(([id, { states }]) => {
      const { startup, liveness, readiness } = states;
      return [id, { startup: startup.verdict, liveness: liveness.verdict, readiness: readiness.verdict }] as const;
    });
    return new Map(entries);
  }

  close(): void {
    for (const id of this.#probed.keys()) this.#forget(id);
  }

  #forget(id: string): void {
    this.#probed.get(id)?.stop.abort(new Error('the container does not run'));
    this.#probed.delete(id);
  }

  #begin(container: Container, run: ContainerStatus, podIp: string): void {
    const probed = {
      stop: new AbortController(),
      states: { startup: unprobed, liveness: unprobed, readiness: unprobed },
    };
    this.#probed.set(run.id, probed);
    void this.#probe(container, run, podIp, probed).catch(() => {});
  }

  /** Rejects when the container has gone: that is how the loops end. */
  async #probe(container: Container, run: ContainerStatus, podIp: string, probed: Probed): Promise<void> {
    const loop = (kind: ProbeKind, probe: Probe | undefined): Promise<void> =>
      probe === undefined ? Promise.resolve() : this.#loop(kind, probe, { container, run, podIp, probed });
    await loop('startup', container.startupProbe);
    if (container.startupProbe !== undefined && probed.states.startup.verdict !== 'success') return;
    await Promise.all([loop('liveness', container.livenessProbe), loop('readiness', container.readinessProbe)]);
  }

  async #loop(
    kind: ProbeKind,
    probe: Probe,
    target: {
      readonly container: Container;
      readonly run: ContainerStatus;
      readonly podIp: string;
      readonly probed: Probed;
    },
  ): Promise<void> {
    const { clock } = this.#options;
    const { container, run, podIp, probed } = target;
    const { signal } = probed.stop;
    const firstAtMs = run.startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000;
    if (firstAtMs > clock.now()) await clock.sleep(firstAtMs - clock.now(), signal);
    for (;;) {
      const result = await this.#ask(probe, container, run, podIp);
      if (signal.aborted) return;
      if (!result.ok) this.#options.unhealthy(container.name, `${title[kind]} probe failed: ${result.message}`);
      const before = probed.states[kind];
      probed.states[kind] = afterResult(before, probe, result.ok);
      const { verdict } = probed.states[kind];
      if (verdict !== before.verdict) this.#options.changed();
      // The container is killed, or has started: this probe has nothing more to say about it.
      if (kind === 'startup' && verdict !== 'unknown') return;
      if (kind === 'liveness' && verdict === 'failure') return;
      await clock.sleep((probe.periodSeconds ?? 10) * 1000, signal);
    }
  }

  async #ask(probe: Probe, container: Container, run: ContainerStatus, podIp: string): Promise<ProbeResult> {
    const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
    const { transport, runtime } = this.#options;
    try {
      if (probe.exec !== undefined) return await execProbe(runtime, run.id, probe.exec.command ?? [], timeoutMs);
      if (probe.httpGet !== undefined)
        return await transport.http(httpTarget(probe.httpGet, container, podIp), timeoutMs);
      if (probe.tcpSocket !== undefined) {
        const { host, port } = probe.tcpSocket;
        return await transport.tcp(host || podIp, portNumber(port, container), timeoutMs);
      }
      if (probe.grpc !== undefined) {
        const { port, service = '' } = probe.grpc;
        return await transport.grpc({ host: podIp, port, service }, timeoutMs);
      }
      return { ok: false, message: 'the probe names nothing to ask' };
    } catch (error) {
      return { ok: false, message: error instanceof Error ? error.message : String(error) };
    }
  }
}

/** Whoever has none is not followed: its verdicts stay unknown. */
export function hasProbes({ startupProbe, livenessProbe, readinessProbe }: Container): boolean {
  return startupProbe !== undefined || livenessProbe !== undefined || readinessProbe !== undefined;
}

export async function execProbe(
  runtime: Runtime,
  containerId: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<ProbeResult> {
  try {
    const { exitCode, stdout, stderr } = await runtime.exec(containerId, command, timeoutMs);
    return {
      ok: exitCode === 0,
      message: exitCode === 0 ? '' : Buffer.concat([stdout, stderr]).toString().slice(0, 10_240),
    };
  } catch (error) {
    if (!(error instanceof RuntimeError) || error.kind !== 'timeout') throw error;
    return { ok: false, message: `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s` };
  }
}

export function httpTarget(action: HTTPGetAction, container: Container, podIp: string): HttpProbe {
  const path = action.path ?? '/';
  return {
    scheme: action.scheme === 'HTTPS' ? 'https' : 'http',
    host: action.host || podIp,
    port: portNumber(action.port, container),
    path: path.startsWith('/') ? path : `/${path}`,
    headers: Object.fromEntries((action.httpHeaders ?? []).map(({ name, value }) => [name, value])),
  };
}

/** @throws Error where the container has no port of that name */
export function portNumber(port: IntOrString, container: Container): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find(({ name }) => name === port)?.containerPort ?? Number(port);
  if (Number.isInteger(named)) return named;
  throw new Error(`invalid port: couldn't find port "${port}" in container ${container.name}`);
}
