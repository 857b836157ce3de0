/** Makes a climate's disturbances happen: each kind at random moments, to a part that chance picks, until it is told to stop. */
import type { Clock } from '../../lib/clock.ts';
import { nextInt, type Prng } from '../../lib/prng.ts';
import type { Disturbance, DisturbanceKind } from './faults.ts';
import type { Network } from './network.ts';
import type { Part } from './part.ts';
import type { SimulatedCluster, SimulatedNode } from './simulated-cluster.ts';
import { Tallied } from './tallied.ts';
import type { Verdict } from './verdict.ts';

export interface DisturberOptions {
  readonly cluster: SimulatedCluster;
  readonly network: Network;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly verdict: Verdict;
  readonly disturbances: Readonly<Record<DisturbanceKind, Disturbance>>;
  /** For a log of what happened. */
  readonly told: (what: string) => void;
}

export class Disturber {
  readonly #options: DisturberOptions;
  readonly #stop = new AbortController();
  #running: readonly Promise<void>[] = [];
  /** How often each kind struck. */
  readonly counts = new Tallied();

  constructor(options: DisturberOptions) {
    this.#options = options;
  }

  start(): void {
    const kinds = Object.entries(this.#options.disturbances) as [DisturbanceKind, Disturbance][];
    this.#running = kinds.filter(([, { everyMs }]) => everyMs > 0).map(([kind, rate]) => this.#repeat(kind, rate));
  }

  /** Resolves when the last one is over: all parts run again, all links are whole. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the faults end'));
    await Promise.all(this.#running);
  }

  async #repeat(kind: DisturbanceKind, { everyMs, durationMsMax }: Disturbance): Promise<void> {
    const { prng, told } = this.#options;
    for (;;) {
      await this.#pause(-Math.log(1 - prng.next()) * everyMs);
      if (this.#stop.signal.aborted) return;
      this.counts.add(kind);
      const durationMs = prng.next() * durationMsMax;
      told(`${kind} (${Math.round(durationMs)} ms)`);
      await this.#disturb(kind, durationMs).catch((error: unknown) => this.#failed(kind, error));
    }
  }

  /** What a disturbance starts again must start. */
  #failed(kind: DisturbanceKind, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#options.verdict.broken('parts start and stop', `${kind}: ${text}`);
  }

  /** Ends early when the faults end. */
  #pause(durationMs: number): Promise<void> {
    return this.#options.clock.sleep(durationMs, this.#stop.signal).catch(() => {});
  }

  async #disturb(kind: DisturbanceKind, durationMs: number): Promise<void> {
    const { cluster, network } = this.#options;
    const node = this.#pick(cluster.nodes) as SimulatedNode;
    switch (kind) {
      case 'container exits':
        this.#endContainer(node);
        return;
      case 'agent restarts':
        return this.#restart([node.agent], durationMs, false);
      case 'agent crashes':
        return this.#restart([node.agent], durationMs, true);
      case 'node loses power':
        return this.#powerCut(node, durationMs);
      case 'node is cut off':
        return this.#cutOff(node, durationMs);
      case 'runtime refuses':
        node.runtime.setProblem('runtime is not ready (injected)');
        await this.#pause(durationMs);
        node.runtime.setProblem('');
        return;
      case 'controllers restart':
        return this.#restart([cluster.controllers], durationMs, false);
      case 'controllers crash':
        return this.#restart([cluster.controllers], durationMs, true);
      case 'scheduler restarts':
        return this.#restart([cluster.scheduler], durationMs, false);
      case 'scheduler crashes':
        return this.#restart([cluster.scheduler], durationMs, true);
      case 'API goes away':
        network.cut('the way is cut');
        await this.#pause(durationMs);
        network.restore('the way is cut');
        return;
      case 'API crashes':
        return this.#crashApi(durationMs);
      case 'watches fall silent':
        this.#pick(network.links)?.silence(durationMs, 0.5);
        return;
      case 'clock jumps':
        this.#pick(cluster.clocks)?.jump((this.#options.prng.next() * 2 - 1) * durationMs);
        return;
      case 'everything restarts':
        return this.#restart(cluster.parts, durationMs, true);
    }
  }

  /** Undefined where there is nothing to choose from. */
  #pick<T>(choices: readonly T[]): T | undefined {
    return choices[nextInt(this.#options.prng, choices.length)];
  }

  #endContainer({ runtime }: SimulatedNode): void {
    const container = this.#pick(runtime.running());
    if (container !== undefined) runtime.killContainer(container.id, this.#pick([0, 1, 137]) ?? 0);
  }

  async #restart(parts: readonly Part[], durationMs: number, crash: boolean): Promise<void> {
    await Promise.all(parts.map((part) => (crash ? part.crash() : part.stop())));
    await this.#pause(durationMs);
    for (const part of parts) await part.start();
  }

  async #crashApi(durationMs: number): Promise<void> {
    const { cluster, network } = this.#options;
    network.cut('the API is dead');
    await cluster.api.crash();
    await this.#pause(durationMs);
    await cluster.api.start();
    network.restore('the API is dead');
  }

  async #powerCut({ agent, runtime }: SimulatedNode, durationMs: number): Promise<void> {
    const down = agent.crash();
    runtime.powerCut();
    await down;
    await this.#pause(durationMs);
    // Another disturbance may have started the agent meanwhile.
    await agent.start();
  }

  async #cutOff(node: SimulatedNode, durationMs: number): Promise<void> {
    const link = node.link();
    link?.cut();
    await this.#pause(durationMs);
    link?.restore();
  }
}
