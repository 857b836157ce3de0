/**
 * Named pipes between a command's streams and this process. Each is used once: a shim that lives on in the background may still read
 * one that was used before. They are made in batches, as only a program can make them, and are gone from the folder as soon as both ends are open.
 */
import { execFile } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, rmSync } from 'node:fs';
import { Socket } from 'node:net';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const batch = 12;

export class FifoFolder {
  readonly #folder: string;
  #ready: string[] = [];
  #making: Promise<void> | undefined;
  #count = 0;

  /** Made when first needed; belongs to this process alone. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async take(): Promise<Fifo> {
    for (;;) {
      const file = this.#ready.pop();
      if (file !== undefined) return new Fifo(file);
      this.#making ??= this.#make().finally(() => {
        this.#making = undefined;
      });
      await this.#making;
    }
  }

  /** Removes those that nobody took. */
  close(): void {
    for (const file of this.#ready.splice(0)) rmSync(file, { force: true });
  }

  async #make(): Promise<void> {
    if (this.#count === 0) {
      // What an earlier process left.
      rmSync(this.#folder, { recursive: true, force: true });
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    }
    const files = Array.from({ length: batch }, () => path.join(this.#folder, `${process.pid}-${this.#count++}`));
    await execute('mkfifo', ['-m', '600', ...files]);
    this.#ready.push(...files);
  }
}

/** One named pipe: opened at our end before the other end knows of it, and forgotten in the folder by `started`. */
export class Fifo {
  readonly file: string;
  #ours = -1;
  /** A writing end of ours, or a reader would see the end of file before the first writer has come. */
  #ownWriter = -1;

  constructor(file: string) {
    this.file = file;
  }

  openForReading(): this {
    this.#ours = openSync(this.file, constants.O_RDONLY | constants.O_NONBLOCK);
    this.#ownWriter = openSync(this.file, constants.O_WRONLY | constants.O_NONBLOCK);
    return this;
  }

  /** Never waits for a reader, and never breaks where there is none. */
  openForWriting(): this {
    this.#ours = openSync(this.file, constants.O_RDWR | constants.O_NONBLOCK);
    return this;
  }

  /** The other end is open. A socket, for it waits by epoll: file streams would each block a thread. */
  started(direction: 'reading' | 'writing'): Socket {
    const socket = new Socket({ fd: this.#ours, readable: direction === 'reading', writable: direction === 'writing' });
    this.#ours = -1;
    this.#forget();
    return socket;
  }

  /** The other end will never be open. */
  discard(): void {
    if (this.#ours >= 0) closeSync(this.#ours);
    this.#ours = -1;
    this.#forget();
  }

  #forget(): void {
    if (this.#ownWriter >= 0) closeSync(this.#ownWriter);
    this.#ownWriter = -1;
    rmSync(this.file, { force: true });
  }
}
