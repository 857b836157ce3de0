/**
 * The state file as seen from the main thread once a worker writes it: one request at a time, each answered or, should the
 * worker die, rejected with `WorkerDied`. An idle worker does not keep the process alive.
 */
import { Worker } from 'node:worker_threads';
import { assert } from '../../lib/assert.ts';
import type { PackedBatch } from './sqlite-file.ts';
import type { WorkerOptions, WorkerReply, WorkerRequest } from './sqlite-worker.ts';

/** All that the worker makes are messages, soon forgotten: it needs little room for them, and would take 64 MB if it could. */
const youngMegabytesMax = 4;

/** What the worker was doing may or may not have been done. */
export class WorkerDied extends Error {
  override name = 'WorkerDied';
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class WorkerFile {
  /** Resolves when the worker can take requests; rejects with `WorkerDied` if that never happens. */
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  /** Before it is ready, that; then the request under way. */
  #waiting: Waiting | undefined;
  #death: WorkerDied | undefined;

  constructor(options: WorkerOptions) {
    this.#worker = new Worker(new URL('./sqlite-worker.ts', import.meta.url), {
      workerData: options,
      name: 'naru-store',
      resourceLimits: { maxYoungGenerationSizeMb: youngMegabytesMax },
    });
    this.#worker.on('message', (reply: WorkerReply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#die(error));
    this.#worker.on('exit', () => this.#die(undefined));
    this.ready = this.#wait();
    this.#worker.unref();
  }

  /** Can take no more requests. */
  get dead(): boolean {
    return this.#death !== undefined;
  }

  /** Rejects with what `SqliteFile.commit` throws, or `WorkerDied`. */
  commit(batch: PackedBatch): Promise<void> {
    return this.#request({ kind: 'commit', batch }, [batch.bytes.buffer]);
  }

  /** `SqliteFile.closeInOrder`, then the worker's end. */
  async close(revision: number): Promise<void> {
    try {
      await this.#request({ kind: 'close', revision }, []);
    } finally {
      await this.destroy();
    }
  }

  async destroy(): Promise<void> {
    await this.#worker.terminate();
  }

  async #request(request: WorkerRequest, transfer: ArrayBuffer[]): Promise<void> {
    assert(!this.dead, 'only a living worker is asked');
    const answered = this.#wait();
    this.#worker.ref();
    this.#worker.postMessage(request, transfer);
    return answered;
  }

  #wait(): Promise<void> {
    assert(this.#waiting === undefined, 'the worker has one request at a time');
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #settle(reply: WorkerReply): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#worker.unref();
    if (reply.kind === 'failed') waiting?.reject(Object.assign(new Error(reply.error.message), reply.error));
    else waiting?.resolve();
  }

  #die(cause: unknown): void {
    this.#death ??= new WorkerDied('the thread that writes the state file ended', { cause });
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#death);
  }
}
