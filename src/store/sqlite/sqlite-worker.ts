/** The thread that waits for the disk: owns one connection to the state file, and commits what it is sent, one by one. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Sealing } from '../encryption/sealing.ts';
import type { SealingCall } from './sealed-rows.ts';
import { type PackedBatch, SqliteFile, sqliteCode } from './sqlite-file.ts';

export interface WorkerOptions {
  readonly path: string;
  readonly bytesMax: number;
  readonly sealing: Sealing;
}

export type WorkerRequest =
  | { readonly kind: 'commit'; readonly batch: PackedBatch }
  /** What is asked of how values are sealed: `SealedRows`. */
  | { readonly kind: 'call'; readonly call: SealingCall }
  /** `revision` is the last that was acknowledged. */
  | { readonly kind: 'close'; readonly revision: number };

/** One for each request, in order; and `ready` before the first. */
export type WorkerReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly result?: unknown }
  | {
      readonly kind: 'failed';
      readonly error: { readonly name: string; readonly message: string; readonly errcode?: number };
    };

const port = parentPort as MessagePort;
const { path, bytesMax, sealing } = workerData as WorkerOptions;
const file = new SqliteFile(path, bytesMax, sealing);

/** A thread that makes so little collects hardly ever: the bytes of large batches, of no use to anybody now, would wait for that, 70 MB of them. */
function commit(batch: PackedBatch): void {
  try {
    file.commit(batch);
  } finally {
    batch.bytes.buffer.transfer(0);
  }
}

function answer(request: WorkerRequest): WorkerReply {
  try {
    if (request.kind === 'call') return { kind: 'done', result: file.call(request.call) };
    if (request.kind === 'commit') commit(request.batch);
    else file.closeInOrder(request.revision);
    return { kind: 'done' };
  } catch (error) {
    const { name, message } = error as Error;
    const errcode = sqliteCode(error);
    return { kind: 'failed', error: { name, message, ...(errcode !== undefined && { errcode }) } };
  }
}

port.on('message', (request: WorkerRequest) => {
  port.postMessage(answer(request));
  if (request.kind === 'close') port.close();
});
port.postMessage({ kind: 'ready' } satisfies WorkerReply);
