/**
 * Logs as a runtime writes them: `NAMESPACE_NAME_UID/CONTAINER/ATTEMPT.log`. A follower keeps to the file that it opened until that is read
 * to its end, then goes on with the one that took its place: rotation loses and repeats nothing.
 *
 * Blocks of a bounded size are read and handed on one at a time; a reader that stops reading stops the reading here.
 */
import { watch } from 'node:fs';
import fs, { type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import type { Clock } from '../../lib/clock.ts';
import { podLogFolder, podOfLogFolder } from '../pod/sandbox-config.ts';
import type { ContainerStatus, PodIdentity } from '../runtime.ts';
import { LogFilter } from './log-filter.ts';
import type { LogSource, LogStreamOptions } from './log-source.ts';
import { isHalfDone, isRotated } from './rotation.ts';

const blockBytes = 64 * 1024;
const newline = 0x0a;
/** How long a follower waits for a change that nobody told it about. */
const pollMs = 1000;

export class LogFiles implements LogSource {
  readonly #root: string;
  readonly #clock: Clock;

  /** @param options.root the node's folder for logs of pods */
  constructor(options: { readonly root: string; readonly clock: Clock }) {
    this.#root = options.root;
    this.#clock = options.clock;
  }

  async prepare(folder: string): Promise<void> {
    await fs.mkdir(folder, { recursive: true, mode: 0o755 });
  }

  async *stream(run: ContainerStatus, options: LogStreamOptions): AsyncIterable<Buffer> {
    const reader = await LogReader.open(run.logPath, options);
    const wakeUp = options.follow ? new FolderWatch(path.dirname(run.logPath), this.#clock) : undefined;
    try {
      for (;;) {
        const changed = wakeUp?.next(options.signal);
        // Asked before reading: what a container wrote before its end is then always read.
        const isLast = !options.follow || !(await options.isRunning());
        yield* reader.read();
        if (options.signal.aborted || reader.isFull) return;
        if (await reader.rotate()) continue;
        if (isLast) {
          yield* reader.rest();
          return;
        }
        await changed;
      }
    } finally {
      wakeUp?.close();
      await reader.close();
    }
  }

  async tail(
    run: ContainerStatus,
    { lines, bytes }: { readonly lines: number; readonly bytes: number },
  ): Promise<string> {
    const signal = new AbortController().signal;
    const options = { tailLines: lines, follow: false, isRunning: () => Promise.resolve(false), signal };
    let text = Buffer.alloc(0);
    try {
      for await (const block of this.stream(run, options)) {
        text = Buffer.concat([text, block]);
        text = text.subarray(Math.max(0, text.length - bytes));
      }
    } catch {
      return '';
    }
    return text.toString();
  }

  async removeRun({ logPath }: ContainerStatus): Promise<void> {
    if (logPath === '') return;
    const folder = path.dirname(logPath);
    const file = path.basename(logPath);
    const names = await fs.readdir(folder).catch(() => []);
    for (const name of names) {
      const isOurs = name === file || isRotated(name, file) || isHalfDone(name, file);
      if (isOurs) await fs.rm(path.join(folder, name), { force: true });
    }
  }

  async pods(): Promise<readonly PodIdentity[]> {
    const folders = await fs.readdir(this.#root).catch(() => []);
    return folders.flatMap(podOfLogFolder);
  }

  async remove(pod: PodIdentity): Promise<void> {
    await fs.rm(podLogFolder(this.#root, pod), { recursive: true, force: true });
  }
}

/** One log file, from where it was asked for, and its successors. */
class LogReader {
  readonly #path: string;
  readonly #filter: LogFilter;
  #file: FileHandle;
  #inode: number;
  #offset: number;
  /** The beginning of a line whose end is not written yet. */
  #rest: Buffer = Buffer.alloc(0);

  private constructor(path: string, filter: LogFilter, file: FileHandle, inode: number, offset: number) {
    this.#path = path;
    this.#filter = filter;
    this.#file = file;
    this.#inode = inode;
    this.#offset = offset;
  }

  static async open(path: string, options: LogStreamOptions): Promise<LogReader> {
    const file = await fs.open(path);
    const { ino } = await file.stat();
    const offset = options.tailLines === undefined ? 0 : await tailOffset(file, options.tailLines);
    return new LogReader(path, new LogFilter(options), file, ino, offset);
  }

  get isFull(): boolean {
    return this.#filter.isFull;
  }

  async *read(): AsyncIterable<Buffer> {
    const block = Buffer.alloc(blockBytes);
    while (!this.isFull) {
      const { bytesRead } = await this.#file.read(block, 0, blockBytes, this.#offset);
      if (bytesRead === 0) return;
      this.#offset += bytesRead;
      const shown = this.#lines(Buffer.from(block.subarray(0, bytesRead)));
      if (shown.length > 0) yield shown;
    }
  }

  /** What stands after the last newline, at the very end. */
  async *rest(): AsyncIterable<Buffer> {
    const shown = this.#filter.render(this.#rest);
    this.#rest = Buffer.alloc(0);
    if (shown.length > 0) yield shown;
  }

  #lines(data: Buffer): Buffer {
    const all = this.#rest.length > 0 ? Buffer.concat([this.#rest, data]) : data;
    const shown: Buffer[] = [];
    let start = 0;
    for (let end = all.indexOf(newline); end >= 0; end = all.indexOf(newline, start)) {
      shown.push(this.#filter.render(all.subarray(start, end)));
      start = end + 1;
    }
    this.#rest = all.subarray(start);
    return Buffer.concat(shown);
  }

  /** True where another file has taken this one's place, or it begins anew, and reading should go on. */
  async rotate(): Promise<boolean> {
    // Between the rename and the new file there is none: the next look finds it.
    const now = await fs.stat(this.#path).catch(() => undefined);
    if (now === undefined) return false;
    if (now.ino !== this.#inode) return this.#reopen();
    if (now.size >= this.#offset) return false;
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
    return true;
  }

  /** Something may have been written to the old file after it was last read, and before it was closed. */
  async #reopen(): Promise<boolean> {
    const { size } = await this.#file.stat();
    if (size > this.#offset) return true;
    const next = await fs.open(this.#path).catch(() => undefined);
    if (next === undefined) return false;
    await this.#file.close();
    this.#file = next;
    this.#inode = (await next.stat()).ino;
    this.#offset = 0;
    this.#rest = Buffer.alloc(0);
    return true;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/** Where the last `lines` lines begin, found from the end in blocks. */
async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines <= 0) return size;
  const block = Buffer.alloc(blockBytes);
  let left = lines;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - blockBytes);
    const { bytesRead } = await file.read(block, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at--) {
      // A newline at the very end ends the last line, and begins none.
      if (block[at] !== newline || start + at === size - 1) continue;
      if (--left === 0) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** Wakes when something changes in a folder, or after a while. */
class FolderWatch {
  readonly #clock: Clock;
  readonly #watcher: ReturnType<typeof watch>;
  #wake: () => void = () => {};

  constructor(folder: string, clock: Clock) {
    this.#clock = clock;
    this.#watcher = watch(folder, () => this.#notify());
    this.#watcher.on('error', () => this.#notify());
  }

  /** Resolves at the next change after this call. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', done);
        this.#wake = () => {};
        resolve();
      };
      const timer = this.#clock.after(pollMs, done);
      signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
      if (signal.aborted) done();
    });
  }

  #notify(): void {
    this.#wake();
  }

  close(): void {
    this.#wake();
    this.#watcher.close();
  }
}
