/**
 * The logs of all pods behind a workload, for as long as somebody looks: an informer tells which runs of containers there are, and each is read
 * from a stream of its own. One that breaks is taken up at the time when it broke; one that ends, ended with its container.
 *
 * It ends only for a Job: when that is over and its logs are read.
 */
import process from 'node:process';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { StatusError } from '../../api/status-error.ts';
import { Informer } from '../../client/informer.ts';
import { jobs, pods } from '../../client/resources.ts';
import { formatTime } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { unseededPrng } from '../../lib/prng.ts';
import type { Connection } from '../cluster/connection.ts';
import { type ContainerWish, type LogSource, newSources } from './log-sources.ts';
import type { LogReader, ReadOptions } from './logs.ts';
import { findPods, type PodChoice, type PodOwner } from './pods-of.ts';

type Selected = Extract<PodChoice, { readonly kind: 'selector' }>;

const retryMs = 1000;
/** Streams at once. At it: those that come later are left out, and that is said. */
const streamsMax = 500;

/** @throws StatusError where the pods may not be listed */
export async function followAll(
  connection: Connection,
  choice: Selected,
  reader: LogReader,
  wish: ContainerWish,
): Promise<void> {
  // An informer tries on in silence: whoever may not look is told here.
  const found = await findPods(connection, choice);
  if (found.length === 0) process.stderr.write('no pods yet: waiting for the first\n');
  await new Follower(connection, choice, reader, wish).run();
}

class Follower {
  readonly #connection: Connection;
  readonly #choice: Selected;
  readonly #reader: LogReader;
  readonly #wish: ContainerWish;
  readonly #known = new Set<string>();
  readonly #over = Promise.withResolvers<void>();
  #streams = 0;

  constructor(connection: Connection, choice: Selected, reader: LogReader, wish: ContainerWish) {
    this.#connection = connection;
    this.#choice = choice;
    this.#reader = reader;
    this.#wish = wish;
  }

  async run(): Promise<void> {
    const { client, clock, namespace } = this.#connection;
    const query = { namespace, labelSelector: this.#choice.selector };
    const informer = new Informer({ client, clock, prng: unseededPrng(), log: silentLogger, resource: pods, query });
    await informer.start();
    await informer.synced;
    this.#look(informer.cache.list(), 'asked');
    const look = (): void => this.#look(informer.cache.list(), 'first');
    informer.addHandler({ added: look, updated: look, deleted: look });
    try {
      await this.#over.promise;
    } finally {
      await informer.close();
    }
  }

  #look(found: readonly Pod[], begin: ReadOptions['begin']): void {
    for (const source of newSources(found, this.#wish, this.#known)) {
      if (this.#streams >= streamsMax) return this.#tooMany(source);
      this.#known.add(source.run);
      this.#streams++;
      void this.#follow(source, begin).finally(() => {
        this.#streams--;
        void this.#endWithJob();
      });
    }
    void this.#endWithJob();
  }

  #tooMany({ pod, container, run }: LogSource): void {
    this.#known.add(run);
    process.stderr.write(`${streamsMax} logs are followed already: not that of ${pod}/${container}\n`);
  }

  /** Never rejects. */
  async #follow(source: LogSource, begin: ReadOptions['begin']): Promise<void> {
    const { clock } = this.#connection;
    for (let from = begin; ; ) {
      try {
        return await this.#reader.read(source, { follow: true, begin: from });
      } catch (error) {
        // The pod is gone, or the runtime has removed the log.
        if (error instanceof StatusError && error.code < 500) return;
        from = { time: formatTime(clock.now()) };
        await clock.sleep(retryMs);
      }
    }
  }

  async #endWithJob(): Promise<void> {
    const { owner } = this.#choice;
    if (owner?.object.kind !== 'Job' || this.#streams > 0) return;
    if ((await this.#isOver(owner)) && this.#streams === 0) this.#over.resolve();
  }

  async #isOver({ target }: PodOwner): Promise<boolean> {
    try {
      const { status } = await this.#connection.client.get(jobs, target);
      return (status?.conditions ?? []).some(
        ({ type, status: is }) => (type === 'Complete' || type === 'Failed') && is === 'True',
      );
    } catch (error) {
      // Deleted with its pods.
      return error instanceof StatusError && error.code === 404;
    }
  }
}
