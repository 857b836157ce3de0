/**
 * Hears of containers that exit or run out of memory, for as long as somebody listens.
 *
 * The CRI's own stream (containerd 1.7 and later) speaks after the container's status has changed. containerd 1.6 has only
 * its own stream, which speaks before: the CRI plugin hears the same event and first cleans the task up, so an agent that
 * looked at once would still see the container running. `settled` waits for the status to follow. Streams end when
 * containerd restarts; this one opens the next, with back-off. What happened in between nobody tells: the agent lists, too.
 */
import { Backoff } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { type CriConnection, streamEnd } from './connection.ts';
import { grpcCode, isGrpcError } from './errors.ts';

export interface EventWatchOptions {
  readonly connection: CriConnection;
  readonly clock: Clock;
  readonly log: Logger;
  /** A sandbox or container of this id changed, in a way that its status shows now. */
  readonly changed: (id: string, podUid?: string) => void;
  /** Whether the status of this id shows that it has ended. */
  readonly ended: (id: string) => Promise<boolean>;
}

/** Starts are announced by whoever starts: containerd 2 sends that event before the status shows it. */
const endings: ReadonlySet<string> = new Set(['CONTAINER_STOPPED_EVENT', 'CONTAINER_DELETED_EVENT']);

const settleDelaysMs: readonly number[] = [5, 10, 20, 40, 80, 160, 320, 640];

export class EventWatch {
  readonly #options: EventWatchOptions;
  readonly #stopping = new AbortController();
  readonly #backoff = new Backoff({ baseMs: 50, maxMs: 5_000 });
  /** Undefined until the runtime was asked. */
  #hasCriEvents: boolean | undefined;

  constructor(options: EventWatchOptions) {
    this.#options = options;
    void this.#run();
  }

  close(): void {
    this.#stopping.abort(new Error('closed'));
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    while (!this.#stopping.signal.aborted) {
      const error = await this.#listen();
      if (this.#stopping.signal.aborted) return;
      if (isUnimplemented(error) && this.#hasCriEvents === undefined) {
        this.#hasCriEvents = false;
        continue;
      }
      log.debug('event stream ended', { error });
      await clock.sleep(this.#backoff.next(''), this.#stopping.signal).catch(() => undefined);
    }
  }

  async #listen(): Promise<unknown> {
    const stream = this.#hasCriEvents === false ? this.#taskEvents() : this.#criEvents();
    const cancel = (): void => stream.cancel();
    this.#stopping.signal.addEventListener('abort', cancel, { once: true });
    stream.on('data', () => this.#backoff.forget(''));
    try {
      return await streamEnd(stream);
    } finally {
      this.#stopping.signal.removeEventListener('abort', cancel);
    }
  }

  #criEvents(): ReturnType<CriConnection['containerEvents']> {
    const stream = this.#options.connection.containerEvents();
    stream.on('data', (event) => {
      this.#hasCriEvents = true;
      if (!endings.has(event.container_event_type)) return;
      this.#options.changed(event.container_id, event.pod_sandbox_status?.metadata?.uid);
    });
    return stream;
  }

  #taskEvents(): ReturnType<CriConnection['taskEvents']> {
    const stream = this.#options.connection.taskEvents();
    stream.on('data', ({ topic, event }) => {
      const task = event?.value;
      if (!task) return;
      // The end of an exec: its id is another than its container's.
      if (topic === '/tasks/exit' && task.id !== task.container_id) return;
      if (topic === '/tasks/exit') void this.#settled(task.container_id);
      else this.#options.changed(task.container_id);
    });
    return stream;
  }

  /** Announces the change when the status shows it, or when it has not within about a second. */
  async #settled(id: string): Promise<void> {
    for (const delayMs of settleDelaysMs) {
      const ended = await this.#options.ended(id).catch(() => true);
      if (ended || this.#stopping.signal.aborted) break;
      await this.#options.clock.sleep(delayMs, this.#stopping.signal).catch(() => undefined);
    }
    if (!this.#stopping.signal.aborted) this.#options.changed(id);
  }
}

function isUnimplemented(error: unknown): boolean {
  return isGrpcError(error) && error.code === grpcCode.unimplemented;
}
