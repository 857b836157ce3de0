/**
 * `naru logs`: of one pod as its bytes are; of a workload, a Service or a selector from all of its pods at once, each line with whose it is.
 *
 * Followed, one pod's log ends with its container, as kubectl's does. That of a workload goes on: new pods and restarted containers are joined
 * as they come, from their first line; a Job's ends with the Job.
 */
import process from 'node:process';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { pathOf, queryText } from '../../client/resource-path.ts';
import { pods } from '../../client/resources.ts';
import type { Home } from '../../home.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { UsageError } from '../exit-code.ts';
import { isTerminal } from '../terminal/terminal.ts';
import { UserError } from '../user-error.ts';
import { LogPrinter, writeAll } from './log-printer.ts';
import { type LogSource, wantedContainers } from './log-sources.ts';
import { chooseContainer, choosePods, findPods, type PodChoice } from './pods-of.ts';
import { endWithReader } from './reader.ts';

export interface LogOptions extends ConnectionOptions {
  readonly selector?: string;
  readonly container?: string;
  readonly allContainers?: boolean;
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly timestamps?: boolean;
  readonly prefix?: boolean;
  /** Milliseconds. */
  readonly since?: number;
  readonly sinceTime?: string;
  /** -1: all. */
  readonly tail?: number;
  readonly limitBytes?: number;
}

/** As kubectl: who asks for many pods by labels gets the last lines of each. */
const selectorTailLines = 10;

export async function logs(home: Home, word: string | undefined, options: LogOptions): Promise<void> {
  check(word, options);
  endWithReader();
  await withApi(home, options, async (connection) => {
    const choice: PodChoice =
      word === undefined ? { kind: 'selector', selector: options.selector ?? '' } : await choosePods(connection, word);
    if (options.follow === true && choice.kind === 'selector') {
      const { followAll } = await import('./log-follower.ts');
      return followAll(connection, choice, new LogReader(connection, options), options);
    }
    await readOnce(connection, choice, options, word ?? `-l ${options.selector}`);
  });
}

function check(word: string | undefined, options: LogOptions): void {
  if (word === undefined && options.selector === undefined) {
    throw new UsageError('say whose logs: a pod, TYPE/NAME such as deploy/web, or -l SELECTOR');
  }
  if (word !== undefined && options.selector !== undefined)
    throw new UsageError('a name and -l cannot be given together');
  if (options.since !== undefined && options.sinceTime !== undefined) {
    throw new UsageError('--since and --since-time cannot be given together');
  }
  if (options.sinceTime !== undefined && Number.isNaN(Date.parse(options.sinceTime))) {
    throw new UsageError(`--since-time takes a time such as 2026-01-02T03:04:05Z, and got ${options.sinceTime}`);
  }
  if (options.container !== undefined && options.allContainers === true) {
    throw new UsageError('-c and --all-containers cannot be given together');
  }
  if (options.previous === true && options.follow === true) {
    throw new UsageError('--previous shows a run that has ended: there is nothing to follow');
  }
}

async function readOnce(connection: Connection, choice: PodChoice, options: LogOptions, what: string): Promise<void> {
  const found = await findPods(connection, choice);
  if (found.length === 0) throw new UserError(`${what} has no pods in namespace ${connection.namespace}`);
  const sources = found.flatMap((pod) => {
    sayDefault(pod, options, choice);
    return wantedContainers(pod, options).map((container) => sourceOf(pod, container));
  });
  const reader = new LogReader(connection, options);
  const isPlain = sources.length === 1 && options.prefix !== true;
  // One that follows does not end: several of one pod are followed side by side.
  if (options.follow === true)
    await Promise.all(sources.map((source) => reader.read(source, { isPlain, follow: true, begin: 'asked' })));
  else for (const source of sources) await reader.read(source, { isPlain, begin: 'asked' });
}

function sayDefault(pod: Pod, { container, allContainers }: LogOptions, { kind }: PodChoice): void {
  if (allContainers === true || kind !== 'pod') return;
  const { name, others } = chooseContainer(pod, container);
  if (others.length > 0)
    process.stderr.write(`Defaulted container "${name}" out of: ${[name, ...others].join(', ')}\n`);
}

const sourceOf = (pod: Pod, container: string): LogSource => ({ pod: pod.metadata?.name ?? '', container, run: '' });

export interface ReadOptions {
  /** Its bytes as they are, without whose they are. */
  readonly isPlain?: boolean;
  readonly follow?: boolean;
  /** `asked`: where the options say. `first`: it began while we looked on. Else a time (RFC 3339): there it broke off. */
  readonly begin: 'asked' | 'first' | { readonly time: string };
}

/** Brings logs from the API to standard output. */
export class LogReader {
  readonly #connection: Connection;
  readonly #options: LogOptions;
  readonly #printer = new LogPrinter(process.stdout, isTerminal());

  constructor(connection: Connection, options: LogOptions) {
    this.#connection = connection;
    this.#options = options;
  }

  /** Resolves when the log has ended. @throws StatusError */
  async read(source: LogSource, options: ReadOptions): Promise<void> {
    const { client } = this.#connection;
    const stream = await client.stream({ path: this.#path(source, options), accept: '*/*' });
    const lines = options.isPlain === true ? undefined : this.#printer.lines(source);
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      await (lines === undefined ? writeAll(process.stdout, chunk) : lines.push(chunk));
    }
    await lines?.end();
  }

  #path({ pod, container }: LogSource, { follow, begin }: ReadOptions): string {
    const { previous, timestamps, limitBytes } = this.#options;
    const query = queryText({
      container,
      follow: follow === true ? 'true' : undefined,
      previous: previous === true ? 'true' : undefined,
      timestamps: timestamps === true ? 'true' : undefined,
      limitBytes,
      ...(begin === 'asked' && this.#asked()),
      ...(typeof begin === 'object' && { sinceTime: begin.time }),
    });
    return pathOf(pods, { namespace: this.#connection.namespace, name: pod }, 'log') + query;
  }

  #asked(): { tailLines?: number | undefined; sinceSeconds?: number | undefined; sinceTime?: string | undefined } {
    const { tail, since, sinceTime, selector } = this.#options;
    const lines = tail ?? (selector === undefined ? -1 : selectorTailLines);
    return {
      tailLines: lines < 0 ? undefined : lines,
      sinceSeconds: since === undefined ? undefined : Math.max(1, Math.ceil(since / 1000)),
      sinceTime,
    };
  }
}
