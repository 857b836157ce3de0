/**
 * The probes of one pod's containers: a loop for each probe of each running container, from its start to its end. The startup
 * probe goes first; liveness and readiness begin when it has succeeded. A verdict that changes wakes the pod's worker.
 *
 * Kept true: a container without probes has no loop; of a pod that ends, only readiness is asked after. Containers that ran before this agent
 * did are first asked after a random part of their period, so that a node's pods do not all answer at one moment for ever after.
 */
import type { Container, Probe } from '../../api/schema/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Prng } from '../../lib/prng.ts';
import { SmallMap } from '../../lib/small-map.ts';
import type { ProbeOutcome } from '../metrics/agent-metrics.ts';
import type { ProbeVerdicts } from '../pod/plan.ts';
import type { ContainerStatus, Runtime } from '../runtime.ts';
import { afterResult, type ProbeState, unprobed } from './decide-probe.ts';
import { askProbe } from './probe-action.ts';
import type { ProbeResult, ProbeTransport } from './probe-transport.ts';

type ProbeKind = 'startup' | 'liveness' | 'readiness';

const title: Readonly<Record<ProbeKind, string>> = { startup: 'Startup', liveness: 'Liveness', readiness: 'Readiness' };

export interface ProberOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  /** When this agent began. */
  readonly agentStartedAtMs: number;
  readonly runtime: Runtime;
  readonly transport: ProbeTransport;
  /** A verdict changed. */
  readonly changed: () => void;
  /** What a probe has to say to the pod's owner, as a warning. */
  readonly event: (reason: 'Unhealthy' | 'ProbeWarning', container: string, message: string) => void;
  /** For whoever counts. */
  readonly probed?: (probeType: string, container: string, outcome: ProbeOutcome, ms: number) => void;
}

interface Probed {
  readonly stop: AbortController;
  /** Of what asks whether it should be killed. */
  readonly stopKilling: AbortController;
  readonly states: Record<ProbeKind, ProbeState>;
}

interface Target {
  readonly container: Container;
  readonly run: ContainerStatus;
  readonly podIp: string;
  readonly probed: Probed;
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

  /** The pod ends: it is not killed for its probes any more. Whether it can still take traffic is asked until it is gone. */
  podEnds(): void {
    for (const { stopKilling } of this.#probed.values()) stopKilling.abort(new Error('the pod ends'));
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
    const probed = this.#probed.get(id);
    const why = new Error('the container does not run');
    probed?.stop.abort(why);
    probed?.stopKilling.abort(why);
    this.#probed.delete(id);
  }

  #begin(container: Container, run: ContainerStatus, podIp: string): void {
    const probed: Probed = {
      stop: new AbortController(),
      stopKilling: new AbortController(),
      states: { startup: unprobed, liveness: unprobed, readiness: unprobed },
    };
    this.#probed.set(run.id, probed);
    void this.#probe({ container, run, podIp, probed }).catch(() => {});
  }

  /** Rejects when the container has gone: that is how the loops end. */
  async #probe(target: Target): Promise<void> {
    const { startupProbe, livenessProbe, readinessProbe } = target.container;
    const loop = (kind: ProbeKind, probe: Probe | undefined): Promise<void> =>
      probe === undefined ? Promise.resolve() : this.#loop(kind, probe, target);
    await loop('startup', startupProbe);
    if (startupProbe !== undefined && target.probed.states.startup.verdict !== 'success') return;
    await Promise.allSettled([loop('liveness', livenessProbe), loop('readiness', readinessProbe)]);
  }

  async #loop(kind: ProbeKind, probe: Probe, target: Target): Promise<void> {
    const { clock } = this.#options;
    const { container, run, podIp, probed } = target;
    const { signal } = kind === 'readiness' ? probed.stop : probed.stopKilling;
    const periodMs = (probe.periodSeconds ?? 10) * 1000;
    const delayMs = this.#firstDelayMs(probe, run, periodMs);
    if (delayMs > 0) await clock.sleep(delayMs, signal);
    for (;;) {
      if (signal.aborted) return;
      const { runtime, transport } = this.#options;
      const askedMs = clock.monotonic();
      const result = await askProbe(probe, { runtime, transport, container, containerId: run.id, podIp });
      if (signal.aborted) return;
      this.#options.probed?.(title[kind], container.name, outcomeOf(result), clock.monotonic() - askedMs);
      this.#tell(kind, container.name, result);
      if (result.isVoid !== true) this.#count(kind, probe, probed, result.ok);
      const { verdict } = probed.states[kind];
      // The container is killed, or has started: this probe has nothing more to say about it.
      if (kind === 'startup' && verdict !== 'unknown') return;
      if (kind === 'liveness' && verdict === 'failure') return;
      await clock.sleep(periodMs, signal);
    }
  }

  #firstDelayMs(probe: Probe, run: ContainerStatus, periodMs: number): number {
    const { clock, prng, agentStartedAtMs } = this.#options;
    const initialMs = (probe.initialDelaySeconds ?? 0) * 1000;
    // Where the wall clock was set back, no more than the delay itself.
    const untilFirstMs = Math.min(initialMs, run.startedAtMs + initialMs - clock.now());
    const spreadMs = run.startedAtMs < agentStartedAtMs ? Math.floor(prng.next() * periodMs) : 0;
    return Math.max(0, untilFirstMs) + spreadMs;
  }

  #tell(kind: ProbeKind, container: string, { ok, isVoid, isWarning, message }: ProbeResult): void {
    const { event } = this.#options;
    if (isVoid) event('Unhealthy', container, `${title[kind]} probe errored and resulted in unknown state: ${message}`);
    else if (!ok) event('Unhealthy', container, `${title[kind]} probe failed: ${message}`);
    else if (isWarning) event('ProbeWarning', container, `${title[kind]} probe warning: ${message}`);
  }

  #count(kind: ProbeKind, probe: Probe, probed: Probed, ok: boolean): void {
    const before = probed.states[kind];
    probed.states[kind] = afterResult(before, probe, ok);
    if (probed.states[kind].verdict !== before.verdict) this.#options.changed();
  }
}

function outcomeOf({ ok, isVoid }: ProbeResult): ProbeOutcome {
  if (isVoid === true) return 'unknown';
  return ok ? 'successful' : 'failed';
}

/** Whoever has none is not followed: its verdicts stay unknown. */
export function hasProbes({ startupProbe, livenessProbe, readinessProbe }: Container): boolean {
  return startupProbe !== undefined || livenessProbe !== undefined || readinessProbe !== undefined;
}
