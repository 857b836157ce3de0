/**
 * HAProxy of one home: brought to a plan, kept alive, never given a configuration that it would refuse.
 *
 * ```
 *   apply(plan) ──▶ render ──▶ difference to what runs ──┬─ none
 *                                                        ├─ commands ──▶ files, then the socket ──(one refused)──┐
 *                                                        └─ reload ◀────────────────────────────────────────────┘
 *   reload: folder N ──▶ haproxy -c ──▶ current → N ──▶ USR2 to the master ──▶ a worker that says N
 * ```
 * Kept true: who has a connection keeps it through a reload (the old worker stays until they are over, and hands new requests over: `handover.ts`); a new worker takes the listening sockets over, so
 * that no connection is refused in between; an agent that ends leaves HAProxy running, and the next one takes it over as it is. The caller makes one call of
 * `apply` at a time.
 */
import { rm, stat, truncate } from 'node:fs/promises';
import { Backoff } from '../../../lib/backoff.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/log.ts';
import { isRunning } from '../../../lib/process-identity.ts';
import type { GatewayMetrics } from '../metrics.ts';
import type { Entry, Plan, Source } from '../plan.ts';
import { ask, generationOf, run } from './commands.ts';
import { findCulprits, planOf, sourcesOf } from './culprits.ts';
import { type Change, difference } from './difference.ts';
import { endHaproxy } from './ending.ts';
import { HaproxyFiles, turnLog } from './files.ts';
import {
  anyAddress,
  checkConfig,
  findProgram,
  findRunning,
  listenProblem,
  type RunningHaproxy,
  startHaproxy,
  tellMaster,
  unprivilegedUser,
} from './program.ts';
import { type RenderSettings, render } from './render.ts';
import { allFiles, listenerText, type Refusal, type Rendering } from './rendering.ts';

export interface HaproxyOptions {
  /** A folder of its own. */
  readonly folder: string;
  /** Of this home: eight hex digits. */
  readonly id: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: GatewayMetrics;
}

export interface Applied {
  /** What is not served, and through whose fault. */
  readonly refusals: readonly Refusal[];
  /** Not all of it is in force yet: reloads are a second apart. To be asked again then. */
  readonly againMs?: number;
}

export type HaproxySettings = Pick<RenderSettings, 'threads' | 'connectionsMax' | 'accessLog'>;

const readyMsMax = 15_000;
/** Each reload may leave an old worker: no more than one in this time. Servers change meanwhile all the same. */
const reloadMsMin = 1000;
const watchMs = 1000;
/** Servers that got nothing for so long are tried to be deleted. */
const leavingMs = 5000;
const logBytesMax = 4 * 1024 * 1024;
/** At it the access log is kept as `.1`, and the one before goes. */
const accessLogBytesMax = 100 * 1024 * 1024;

export class Haproxy {
  readonly #files: HaproxyFiles;
  readonly #options: HaproxyOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #backoff = new Backoff({ baseMs: 200, maxMs: 30_000 });
  readonly #stopping = new AbortController();
  #program = '';
  #generation = 0;
  #handoverKey: string | undefined;
  #current: Rendering | undefined;
  #running: RunningHaproxy | undefined;
  /** Servers (`section/name`) that get nothing any more. */
  readonly #leaving = new Set<string>();
  #watching: Promise<void> | undefined;
  #reloadedAtMs = Number.NEGATIVE_INFINITY;
  /** What runs is of an earlier agent, and carries the number of the current folder. */
  #isAdopted = false;
  /** Starts and reloads, one at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: HaproxyOptions) {
    this.#options = options;
    this.#files = new HaproxyFiles(options.folder);
    this.#clock = options.clock;
    this.#log = options.log.with({ part: 'haproxy' });
  }

  get pid(): number | undefined {
    return this.#running?.process.pid;
  }

  get isRunning(): boolean {
    return this.#running !== undefined && isRunning(this.#running.process);
  }

  /** The number of the last reload. */
  get generation(): number {
    return this.#generation;
  }

  get socket(): string {
    return this.#files.socket;
  }

  /**
   * Resolves when requests go as the plan says, but for what is refused.
   * @throws Error where HAProxy is missing, or does not start: what ran before runs on
   */
  apply(plan: Plan, settings: HaproxySettings): Promise<Applied> {
    return this.#inTurn(() => this.#apply(plan, settings));
  }

  /** Ends HAProxy: open connections get some seconds. */
  stop(): Promise<void> {
    return this.#inTurn(async () => {
      this.#running ??= await findRunning(this.#files);
      const running = this.#running;
      this.#running = undefined;
      this.#current = undefined;
      if (running !== undefined) await endHaproxy(running.process, this.#clock);
      await rm(this.#files.pidFile, { force: true });
    });
  }

  /** Lets go; HAProxy runs on. */
  async close(): Promise<void> {
    this.#stopping.abort(new Error('closed'));
    await this.#watching;
    await this.#turn.catch(() => undefined);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #apply(plan: Plan, settings: HaproxySettings): Promise<Applied> {
    if (this.#program === '') this.#program = findProgram();
    if (this.#running === undefined) await this.#adopt();
    const { plan: open, refusals } = await this.#openable(plan);
    const full: RenderSettings = { ...settings, ...(await this.#machineSettings()) };
    const rendering = render(open, full);
    const told = [...refusals, ...rendering.refusals];
    if (!this.isRunning) return { refusals: [...told, ...(await this.#start(open, rendering, full))] };
    if (this.#isAdopted && (await this.#files.holds(rendering, this.#generation))) {
      this.#current = rendering;
      this.#log.info('took running HAProxy over', { pid: this.pid });
    }
    this.#isAdopted = false;
    const change: Change =
      this.#current === undefined
        ? { kind: 'reload', why: 'what runs is not as wanted' }
        : difference(this.#current, rendering, this.#leaving);
    if (change.kind === 'none') return { refusals: told };
    if (change.kind === 'commands' && (await this.#tell(change, rendering))) return { refusals: told };
    const againMs = this.#reloadedAtMs + reloadMsMin - this.#clock.monotonic();
    if (change.kind === 'reload' && againMs > 0 && this.#current !== undefined) {
      await this.#tellServers(this.#current, rendering);
      return { refusals: told, againMs };
    }
    const why = change.kind === 'reload' ? change.why : 'commands';
    return { refusals: [...told, ...(await this.#reload(open, rendering, full, why))] };
  }

  async #machineSettings(): Promise<Omit<RenderSettings, keyof HaproxySettings>> {
    const user = unprivilegedUser();
    const handoverKey = (this.#handoverKey ??= await this.#files.handoverKey());
    const { id } = this.#options;
    return { id, handoverKey, folder: this.#files.folder, anyAddress: anyAddress(), ...(user && { user }) };
  }

  async #adopt(): Promise<void> {
    this.#generation = (await this.#files.currentGeneration()) ?? 0;
    this.#running = await findRunning(this.#files);
    if (this.#running === undefined) return;
    const generation = await generationOf(this.#files.socket);
    this.#isAdopted = generation === this.#generation;
    if (generation !== undefined) {
      this.#watch();
      return;
    }
    this.#log.warn('a running HAProxy does not answer: it is ended', { pid: this.pid });
    await endHaproxy(this.#running.process, this.#clock);
    this.#running = undefined;
  }

  /** Without entries on ports that are not ours to have. Those that HAProxy has already are. */
  async #openable(plan: Plan): Promise<{ plan: Plan; refusals: Refusal[] }> {
    const had = new Set(this.isRunning ? await this.#listening() : []);
    const entries: Entry[] = [];
    const refusals: Refusal[] = [];
    for (const entry of plan.entries) {
      const place = { address: entry.address, port: entry.port, sources: [] };
      const problem = had.has(listenerText(entry)) ? undefined : await listenProblem(place);
      if (problem === undefined) entries.push(entry);
      else refusals.push(...portRefusals(entry, problem));
    }
    return { plan: { ...plan, entries }, refusals };
  }

  /** `address port` of the sockets that HAProxy listens on. */
  async #listening(): Promise<readonly string[]> {
    if (this.#current !== undefined) return this.#current.listeners.map(listenerText);
    return this.#files.listening(this.#generation);
  }

  async #start(plan: Plan, rendering: Rendering, settings: RenderSettings): Promise<Refusal[]> {
    const { rendering: taken, refusals } = await this.#prepare(plan, rendering, settings);
    this.#leaving.clear();
    await this.#launch();
    this.#current = taken;
    this.#watch();
    return refusals;
  }

  async #launch(): Promise<void> {
    const logOffset = await size(this.#files.logFile);
    const running = await startHaproxy(this.#program, this.#files);
    this.#running = running;
    try {
      await this.#ready(running, logOffset);
    } catch (error) {
      await endHaproxy(running.process, this.#clock);
      this.#running = undefined;
      throw error;
    }
    this.#options.metrics?.started();
    this.#log.info('started HAProxy', { pid: running.process.pid });
  }

  async #reload(plan: Plan, rendering: Rendering, settings: RenderSettings, why: string): Promise<Refusal[]> {
    const running = this.#running as RunningHaproxy;
    const { rendering: taken, refusals } = await this.#prepare(plan, rendering, settings);
    this.#current = undefined;
    this.#reloadedAtMs = this.#clock.monotonic();
    const logOffset = await size(this.#files.logFile);
    tellMaster(running.process, 'SIGUSR2');
    await this.#ready(running, logOffset);
    this.#leaving.clear();
    this.#current = taken;
    this.#options.metrics?.reloaded();
    this.#log.info('reloaded HAProxy', { why, generation: this.#generation });
    return refusals;
  }

  /** Writes the next folder, with what HAProxy takes of the plan, and makes it the current one. */
  async #prepare(
    plan: Plan,
    rendering: Rendering,
    settings: RenderSettings,
  ): Promise<{ rendering: Rendering; refusals: Refusal[] }> {
    const generation = this.#generation + 1;
    const check = async (candidate: Rendering): Promise<string | undefined> =>
      checkConfig(this.#program, await this.#files.write(String(generation), allFiles(candidate, generation)));
    let taken = rendering;
    let refusals: Refusal[] = [];
    const problem = await check(rendering);
    if (problem !== undefined) {
      this.#log.error('HAProxy refuses a configuration: looking for the object at fault', { problem });
      ({ rendering: taken, refusals } = await findTakeable(plan, settings, check));
      const rest = await check(taken);
      if (rest !== undefined)
        throw new Error(`HAProxy refuses its configuration, whatever object is left out: ${rest}`);
    }
    this.#generation = generation;
    await this.#files.makeCurrent(generation);
    await this.#files.removeOlder(generation);
    await this.#files.remove('changing');
    return { rendering: taken, refusals };
  }

  /** @param logOffset where its words about this begin. @throws Error with HAProxy's last words */
  async #ready({ process, exited }: RunningHaproxy, logOffset: number): Promise<void> {
    const endMs = this.#clock.monotonic() + readyMsMax;
    let hasExited = false;
    void exited.then(() => {
      hasExited = true;
    });
    for (let waitMs = 5; this.#clock.monotonic() < endMs; waitMs = Math.min(100, waitMs * 1.3)) {
      if ((await generationOf(this.#files.socket)) === this.#generation) return;
      if (hasExited || !isRunning(process) || (await this.#files.hasFailed(logOffset))) break;
      await this.#clock.sleep(waitMs);
    }
    const words = await this.#files.lastWords(logOffset);
    throw new Error(`HAProxy does not take its configuration over: ${words || `see ${this.#files.logFile}`}`);
  }

  /** Says whether it went through. */
  async #tell(change: Extract<Change, { kind: 'commands' }>, rendering: Rendering): Promise<boolean> {
    try {
      const before = this.#current as Rendering;
      await this.#files.update(this.#generation, before, rendering, () => run(this.#files.socket, change.commands));
      this.#current = rendering;
      this.#options.metrics?.told(change.commands.length);
      for (const [section, servers] of rendering.servers) {
        for (const name of servers.keys()) this.#leaving.delete(`${section}/${name}`);
      }
      for (const server of change.left) this.#leaving.add(server);
      return true;
    } catch (error) {
      this.#log.warn('HAProxy is reloaded instead of told', { error });
      return false;
    }
  }

  /** Of what is to be reloaded soon, the servers now: none that is gone gets a request until then. */
  async #tellServers(current: Rendering, next: Rendering): Promise<void> {
    const servers = new Map([...current.servers].map(([section, old]) => [section, next.servers.get(section) ?? old]));
    const between = { ...current, servers };
    const change = difference(current, between, this.#leaving);
    if (change.kind === 'commands') await this.#tell(change, between);
  }

  #watch(): void {
    this.#watching ??= this.#keepAlive();
  }

  async #keepAlive(): Promise<void> {
    const { signal } = this.#stopping;
    let sinceMs = 0;
    while (!signal.aborted) {
      const running = this.#running;
      const pause = this.#clock.sleep(watchMs, signal).catch(() => undefined);
      await (running === undefined ? pause : Promise.race([pause, running.exited]));
      if (signal.aborted) return;
      if (running !== undefined && running === this.#running && !isRunning(running.process))
        await this.#revive(running);
      else if ((sinceMs += watchMs) >= leavingMs) {
        sinceMs = 0;
        await this.#tidy().catch((error: unknown) => this.#log.warn('tidying up after HAProxy failed', { error }));
      }
    }
  }

  async #revive(dead: RunningHaproxy): Promise<void> {
    const waitMs = this.#backoff.next('');
    this.#log.error('HAProxy is not running; starting it again', { waitMs, log: this.#files.logFile });
    await this.#clock.sleep(waitMs, this.#stopping.signal).catch(() => undefined);
    await this.#inTurn(async () => {
      if (this.#stopping.signal.aborted || this.#running !== dead) return;
      this.#leaving.clear();
      await this.#launch();
      this.#backoff.forget('');
    }).catch((error: unknown) => {
      this.#log.error('HAProxy could not be started again', { error });
      if (this.#running === undefined) this.#running = dead;
    });
  }

  /** Deletes servers whose connections are over, and keeps the logs from growing without end. */
  async #tidy(): Promise<void> {
    await this.#inTurn(async () => {
      for (const server of this.#leaving) {
        const answer = await ask(this.#files.socket, `del server ${server}`);
        if (/deleted|no such server/i.test(answer)) this.#leaving.delete(server);
      }
    });
    if ((await size(this.#files.logFile)) > logBytesMax) await truncate(this.#files.logFile, 0);
    if ((await size(this.#files.accessLogFile)) > accessLogBytesMax) await turnLog(this.#files.accessLogFile);
  }
}

async function size(file: string): Promise<number> {
  return stat(file).then(
    (found) => found.size,
    () => 0,
  );
}

/** The plan without the objects that make HAProxy refuse it. */
async function findTakeable(
  plan: Plan,
  settings: RenderSettings,
  check: (rendering: Rendering) => Promise<string | undefined>,
): Promise<{ rendering: Rendering; refusals: Refusal[] }> {
  const sources = sourcesOf(plan);
  const keys = [...sources.keys()];
  const culprits = await findCulprits(keys, (some) => check(render(planOf(plan, some), settings)));
  const innocent = new Set(keys.filter((key) => !culprits.has(key)));
  const refusals = [...culprits].map(([key, message]) => ({
    source: sources.get(key) as Source,
    message: `HAProxy refuses it: ${message}`,
  }));
  return { rendering: render(planOf(plan, innocent), settings), refusals };
}

function portRefusals(entry: Entry, problem: string): Refusal[] {
  const message = `port ${entry.port} of ${entry.address === '*' ? 'this node' : entry.address} cannot be opened: ${problem}`;
  const sources = sourcesOf({ entries: [{ ...entry, certificates: [] }], backends: new Map() });
  return [...sources.values()].map((source) => ({ source, message }));
}

/** Ends HAProxy of a folder, whoever started it: for what removes the whole home. Says whether there was one. */
export async function tearDownHaproxy(folder: string, clock: Clock): Promise<boolean> {
  const running = await findRunning(new HaproxyFiles(folder));
  if (running !== undefined) await endHaproxy(running.process, clock);
  return running !== undefined;
}
