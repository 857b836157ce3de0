/**
 * Keeps an agent at the program that its Node asks for (annotation `naru.io/agent`): fetches it from the server, tries it, gives way to it, and says
 * on the Node which one runs. A program on trial has a minute to bring its node to Ready; else the one before it comes back.
 *
 * Kept true: what runs pods is never without a program that is known to work; a program that failed is not tried again until another one is asked
 * for. Pods notice nothing: they run on while programs change.
 */
import { execFile } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import {
  programProblemAnnotation,
  runningProgramAnnotation,
  wantedProgramAnnotation,
} from '../../../api/node-labels.ts';
import type { Node } from '../../../api/schema/types/core-v1.ts';
import type { HttpsClient } from '../../../client/https-client.ts';
import { Informer } from '../../../client/informer.ts';
import { leases, nodes } from '../../../client/resources.ts';
import type { Home } from '../../../home.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/log.ts';
import type { Prng } from '../../../lib/prng.ts';
import type { Service } from '../../../lib/service.ts';
import type { AgentCommandOptions } from '../../agent.ts';
import { isDigest, mainFile } from './archive.ts';
import {
  becomeInstalled,
  becomeProgram,
  dropPrograms,
  hasProgram,
  installedVersion,
  keepProgram,
  ownDigest,
  readVersions,
  writeVersions,
} from './versions.ts';

export interface FollowerOptions {
  readonly home: Home;
  readonly node: string;
  readonly client: HttpsClient;
  /** What this process was told: the next program is told the same. */
  readonly command: AgentCommandOptions;
  /** Ends all that this process does, before another program takes its place. */
  readonly end: () => Promise<void>;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

const trialMsMax = 60_000;
const checkMsMax = 60_000;
const retryMs = 10_000;
const lookMs = 500;

export class ProgramFollower implements Service {
  readonly name = 'agent program';
  readonly #options: FollowerOptions;
  readonly #informer: Informer<Node>;
  readonly #stop = new AbortController();
  #work: Promise<void> = Promise.resolve();
  #wake: () => void = () => {};

  constructor(options: FollowerOptions) {
    this.#options = options;
    const { client, node, clock, prng, log } = options;
    const query = { fieldSelector: `metadata.name=${node}` };
    this.#informer = new Informer({ client, resource: nodes, query, clock, prng, log });
    const changed = (): void => this.#wake();
    this.#informer.addHandler({ added: changed, updated: changed });
  }

  /** Begins; resolves at once. */
  async start(): Promise<void> {
    // A signal may have come while all else started.
    if (this.#stop.signal.aborted) return;
    await this.#informer.start();
    this.#work = this.#follow().catch((error: unknown) => {
      if (!this.#stop.signal.aborted) this.#options.log.error('the agent program is followed no more', { error });
    });
  }

  async close(): Promise<void> {
    this.#stop.abort();
    this.#wake();
    await this.#informer.close();
    await this.#work;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    if (signal.aborted) return;
    // A server that is away may be away for longer than this process lasts.
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    await Promise.race([this.#informer.synced, stopped]);
    if (signal.aborted) return;
    if (readVersions(this.#options.home).trial !== undefined) await this.#prove();
    for (;;) {
      const changed = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      if (this.#stop.signal.aborted) return;
      try {
        await this.#look();
        await changed;
      } catch (error) {
        this.#options.log.warn('the agent program cannot be changed now', { error });
        await this.#options.clock.sleep(retryMs, this.#stop.signal);
      }
    }
  }

  get #node(): Node | undefined {
    return this.#informer.cache.get({ namespace: '', name: this.#options.node });
  }

  async #look(): Promise<void> {
    const node = this.#node;
    if (node === undefined) return;
    await this.#tell(node);
    const wanted = node.metadata?.annotations?.[wantedProgramAnnotation] ?? '';
    const { failed, ...state } = readVersions(this.#options.home);
    if (!isDigest(wanted) && failed !== undefined) {
      // Nobody wants it any more: should it be asked for again, it is tried again.
      writeVersions(this.#options.home, state);
      return this.#tell(node);
    }
    if (!isDigest(wanted) || wanted === ownDigest() || wanted === failed?.digest) return;
    try {
      await this.#fetch(wanted);
      await this.#check(wanted);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#fail(wanted, (error as Error).message);
      return;
    }
    this.#giveWay(wanted);
  }

  /** Writes only what is not there yet. */
  async #tell(node: Node): Promise<void> {
    const { failed } = readVersions(this.#options.home);
    const said = {
      [runningProgramAnnotation]: ownDigest() ?? '',
      [programProblemAnnotation]: failed === undefined ? null : `${failed.digest}: ${failed.why.slice(0, 500)}`,
    };
    const { annotations = {} } = node.metadata ?? {};
    if (Object.entries(said).every(([key, value]) => (annotations[key] ?? null) === value)) return;
    const body = { metadata: { annotations: said } };
    await this.#options.client.patch(nodes, { namespace: '', name: this.#options.node }, { type: 'merge', body });
  }

  async #fetch(digest: string): Promise<void> {
    const { home, client, log } = this.#options;
    if (hasProgram(home, digest)) return;
    log.info('fetching the agent program that is asked for', { digest });
    const { body } = await client.request({ path: `/naru/agent/${digest}`, accept: 'application/octet-stream' });
    await keepProgram(home, digest, body);
  }

  /** That it loads at all is seen before this one gives way. */
  async #check(digest: string): Promise<void> {
    const file = path.join(this.#options.home.versions, digest, mainFile);
    try {
      await promisify(execFile)(process.execPath, [file, '--check'], { timeout: checkMsMax });
    } catch (error) {
      const { stderr } = error as { readonly stderr?: string };
      throw new Error(`it does not load: ${saidBy(stderr ?? '') || (error as Error).message}`, { cause: error });
    }
  }

  /** The lease is renewed by this process alone. */
  async #isReadySince(sinceMs: number): Promise<boolean> {
    const { client, node } = this.#options;
    const ready = this.#node?.status?.conditions?.find(({ type }) => type === 'Ready');
    if (ready?.status !== 'True') return false;
    const lease = await client.get(leases, { namespace: 'kube-node-lease', name: node }).catch(() => undefined);
    return Date.parse(lease?.spec?.renewTime ?? '') >= sinceMs;
  }

  #fail(digest: string, why: string): void {
    const { home, log } = this.#options;
    log.error('the agent program that is asked for does not do', { digest, why });
    const { trial: _, ...state } = readVersions(home);
    writeVersions(home, { ...state, failed: { digest, why } });
    const node = this.#node;
    if (node !== undefined) this.#tell(node).catch((error: unknown) => log.warn('that could not be told', { error }));
  }

  /** Not waited for by the loop that it ends. */
  #giveWay(digest: string): void {
    const { home, command, log } = this.#options;
    const { failed: _, ...state } = readVersions(home);
    writeVersions(home, { ...state, trial: digest });
    dropPrograms(home, [digest, state.current, ownDigest()]);
    log.info('giving way to another agent program', { digest });
    this.#leave(() => becomeProgram(home, digest, command));
  }

  /** Whatever goes wrong while this process's work ends, the next program starts: nobody else would start it. */
  #leave(next: () => never): void {
    const { end, log } = this.#options;
    const warn = (error: unknown): void => log.warn('not all ended in order', { error });
    process.on('uncaughtException', warn);
    void end().catch(warn).then(next);
  }

  /** This program is on trial, and has begun: does its node work? */
  async #prove(): Promise<void> {
    const { home, clock, log } = this.#options;
    const digest = ownDigest();
    const deadline = clock.monotonic() + trialMsMax;
    const sinceMs = clock.now();
    while (!(await this.#isReadySince(sinceMs))) {
      if (clock.monotonic() > deadline) {
        this.#fail(digest ?? '', `its node was not Ready within ${trialMsMax / 1000} s`);
        this.#leave(() => comeBack(home, this.#options.command));
        return;
      }
      await clock.sleep(lookMs, this.#stop.signal);
    }
    const { trial: _, failed: __, ...state } = readVersions(home);
    if (digest === undefined) writeVersions(home, state);
    else {
      // What was installed is known by its version: another one that is installed later wins.
      writeVersions(home, { ...state, current: digest, installed: installedVersion() });
      log.info('the agent program has proved itself', { digest });
    }
  }
}

/** The line with the error, of a stack with all that Node says around it. */
function saidBy(stderr: string): string {
  const lines = stderr.split('\n').map((line) => line.trim());
  return lines.find((line) => /^\w*Error\b.*:/.test(line)) ?? lines.filter(Boolean).slice(0, 3).join(' ');
}

/** To the program before the one on trial. */
export function comeBack(home: Home, command: AgentCommandOptions): never {
  const { current } = readVersions(home);
  if (current !== undefined && hasProgram(home, current)) return becomeProgram(home, current, command);
  return becomeInstalled(home, command);
}
