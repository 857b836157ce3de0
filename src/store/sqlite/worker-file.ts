/** The state file as seen from the main thread once a worker writes it: `SqliteFile`, one request at a time. */
import { WorkerThread } from '../../lib/worker-thread.ts';
import type { SealingCall } from './sealed-rows.ts';
import type { PackedBatch } from './sqlite-file.ts';
import type { WorkerOptions, WorkerReply, WorkerRequest } from './sqlite-worker.ts';

/** All that the worker makes are messages, soon forgotten: it needs little room for them, and would take 64 MB if it could. */
const youngMegabytesMax = 4;

export class WorkerFile {
  readonly #thread: WorkerThread<WorkerRequest, WorkerReply>;

  constructor(options: WorkerOptions) {
    this.#thread = new WorkerThread({
      source: new URL('./sqlite-worker.ts', import.meta.url),
      name: 'naru-store',
      workerData: options,
      resourceLimits: { maxYoungGenerationSizeMb: youngMegabytesMax },
    });
  }

  /** Resolves when the worker can take requests; rejects with `WorkerDied` if that never happens. */
  get ready(): Promise<unknown> {
    return this.#thread.ready;
  }

  /** Can take no more requests. */
  get dead(): boolean {
    return this.#thread.dead;
  }

  /** Rejects with what `SqliteFile.commit` throws, or `WorkerDied`. */
  async commit(batch: PackedBatch): Promise<void> {
    await this.#request({ kind: 'commit', batch }, [batch.bytes.buffer]);
  }

  /** `SqliteFile.call`. */
  call(call: SealingCall): Promise<unknown> {
    return this.#request({ kind: 'call', call }, []);
  }

  /** `SqliteFile.closeInOrder`, then the worker's end. */
  async close(revision: number): Promise<void> {
    try {
      await this.#request({ kind: 'close', revision }, []);
    } finally {
      await this.destroy();
    }
  }

  destroy(): Promise<void> {
    return this.#thread.end();
  }

  async #request(request: WorkerRequest, transfer: readonly ArrayBuffer[]): Promise<unknown> {
    const reply = await this.#thread.ask(request, transfer);
    if (reply.kind === 'failed') throw Object.assign(new Error(reply.error.message), reply.error);
    return reply.kind === 'done' ? reply.result : undefined;
  }
}
