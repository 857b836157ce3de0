/** The thread that waits for the disk: owns one connection to the state file, and commits what it is sent, one by one. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { type PackedBatch, SqliteFile, sqliteCode } from './sqlite-file.ts';

export interface WorkerOptions {
  readonly path: string;
  readonly bytesMax: number;
}

export type WorkerRequest =
  | { readonly kind: 'commit'; readonly batch: PackedBatch }
  /** `revision` is the last that was acknowledged. */
  | { readonly kind: 'close'; readonly revision: number };

/** One for each request, in order; and `ready` before the first. */
export type WorkerReply =
  | { readonly kind: 'ready' | 'done' }
  | {
      readonly kind: 'failed';
      readonly error: { readonly name: string; readonly message: string; readonly errcode?: number };
    };

const port = parentPort as MessagePort;
const { path, bytesMax } = workerData as WorkerOptions;
const file = new SqliteFile(path, bytesMax);

function answer(request: WorkerRequest): WorkerReply {
  try {
    if (request.kind === 'commit') file.commit(request.batch);
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
