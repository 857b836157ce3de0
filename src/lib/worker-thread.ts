/**
 * A thread that is asked one thing at a time, each answered or, should the thread die, rejected with `WorkerDied`. An idle one
 * does not keep the process alive. Its first message says that it is ready; then comes one for each request.
 */
import { type ResourceLimits, Worker } from 'node:worker_threads';
import { assert } from './assert.ts';

/** What the thread was doing may or may not have been done. `cause`: what it died of, or what `end` was given. */
export class WorkerDied extends Error {
  override name = 'WorkerDied';
}

interface WorkerThreadOptions {
  /** Its source file: `new URL('./….ts', import.meta.url)`, which the bundle keeps. */
  readonly source: URL;
  readonly name: string;
  readonly workerData?: unknown;
  readonly resourceLimits?: ResourceLimits;
}

interface Waiting<Reply> {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class WorkerThread<Request, Reply> {
  /** Resolves when the thread can be asked; rejects with `WorkerDied` if that never happens. */
  readonly ready: Promise<unknown>;
  readonly #name: string;
  readonly #worker: Worker;
  /** Before it is ready, that; then the request under way. */
  #waiting: Waiting<Reply> | undefined;
  #isReady = false;
  #death: WorkerDied | undefined;
  #endedFor: unknown;

  constructor({ source, ...options }: WorkerThreadOptions) {
    this.#name = options.name;
    this.#worker = new Worker(source, options);
    this.#worker.on('message', (reply: Reply) => this.#settle(reply));
    this.#worker.on('error', (error) => this.#die(error));
    this.#worker.on('exit', () => this.#die(undefined));
    this.ready = this.#wait();
    this.#worker.unref();
  }

  /** Can be asked no more. */
  get dead(): boolean {
    return this.#death !== undefined;
  }

  /** At once where the thread is ready, else as soon as it is. Rejects with `WorkerDied`. */
  async ask(request: Request, transfer: readonly ArrayBuffer[] = []): Promise<Reply> {
    assert(!this.dead, 'only a living worker is asked');
    this.#worker.ref();
    if (!this.#isReady) await this.ready;
    // It may have died with its first word: nobody would settle what waits from here on.
    if (this.#death !== undefined) throw this.#death;
    const answered = this.#wait();
    this.#worker.ref();
    this.#worker.postMessage(request, transfer);
    return answered;
  }

  /** At once, whatever it is doing; resolves when it is gone. */
  async end(cause?: unknown): Promise<void> {
    this.#endedFor ??= cause;
    await this.#worker.terminate();
  }

  #wait(): Promise<Reply> {
    assert(this.#waiting === undefined, 'the worker has one request at a time');
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
    });
  }

  #settle(reply: Reply): void {
    this.#isReady = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#worker.unref();
    waiting?.resolve(reply);
  }

  #die(cause: unknown): void {
    this.#death ??= new WorkerDied(`the thread ${this.#name} ended`, { cause: this.#endedFor ?? cause });
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(this.#death);
  }
}
