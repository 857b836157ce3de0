/**
 * The file that audit events go to: one JSON object a line, readable by its owner alone, rotated.
 *
 * ```
 *  write(line) ─▶ queue (bounded) ─▶ one append at a time, of all that waits ─▶ FILE ── full ──▶ FILE-2026-01-31T12-00-00.000.log
 * ```
 * Requests do not wait for the disk (upstream's `batch` mode): where the disk is full or slow, events are dropped and counted,
 * and the API goes on. `close` writes what waits.
 */
import { existsSync } from 'node:fs';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';

export interface AuditLogOptions {
  /** `-`: standard output, never rotated. */
  readonly file: string;
  /** The file is rotated before it grows beyond this (bytes). */
  readonly bytesMax: number;
  /** How many rotated files are kept, and how long (ms); 0: for ever. */
  readonly backupsMax: number;
  readonly ageMsMax: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told how many events were lost. */
  readonly dropped: (events: number) => void;
}

export class AuditLog {
  readonly #options: AuditLogOptions;
  #queue: string[] = [];
  #queuedBytes = 0;
  #handle: FileHandle | undefined;
  #bytes = 0;
  #writing: Promise<void> | undefined;
  #failing = false;

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  /** @throws Error where the file cannot be opened: better now than at the first event */
  async open(): Promise<void> {
    if (this.#options.file !== '-') await this.#openFile();
  }

  write(line: string): void {
    const isFull = this.#queue.length >= limits.auditQueueEventsMax || this.#queuedBytes > limits.auditQueueBytesMax;
    if (isFull) return this.#options.dropped(1);
    this.#queue.push(line);
    this.#queuedBytes += line.length;
    this.#writing ??= this.#drain();
  }

  /** Resolves when all that was written is in the file, or lost. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async #drain(): Promise<void> {
    // The events of one turn of the event loop go out together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const lines = this.#queue;
      this.#queue = [];
      this.#queuedBytes = 0;
      await this.#append(lines);
    }
    this.#writing = undefined;
  }

  async #append(lines: readonly string[]): Promise<void> {
    const bytes = Buffer.from(lines.join(''));
    try {
      if (this.#options.file === '-') process.stdout.write(bytes);
      else await this.#appendToFile(bytes);
      if (this.#failing) this.#options.log.info('the audit log is written again', { file: this.#options.file });
      this.#failing = false;
    } catch (error) {
      this.#options.dropped(lines.length);
      // Once, not for each event: the disk that is full may be the log's own.
      if (!this.#failing)
        this.#options.log.error('the audit log cannot be written', { file: this.#options.file, error });
      this.#failing = true;
    }
  }

  async #appendToFile(bytes: Buffer): Promise<void> {
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#options.bytesMax) await this.#rotate();
    const handle = this.#handle ?? (await this.#openFile());
    await handle.appendFile(bytes);
    this.#bytes += bytes.length;
  }

  async #openFile(): Promise<FileHandle> {
    const handle = await open(this.#options.file, 'a', 0o600);
    await handle.chmod(0o600);
    this.#bytes = (await handle.stat()).size;
    this.#handle = handle;
    return handle;
  }

  async #rotate(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
    const { dir, name, ext } = path.parse(this.#options.file);
    await rename(this.#options.file, freeBackup(this.#options.clock.now(), { dir, name, ext }));
    // The new file is to be opened all the same: old ones that stay cost space, and no events.
    await this.#forgetOld(dir, name, ext).catch((error: unknown) =>
      this.#options.log.warn('old audit logs cannot be removed', { file: this.#options.file, error }),
    );
  }

  async #forgetOld(folder: string, name: string, extension: string): Promise<void> {
    const { backupsMax, ageMsMax, clock } = this.#options;
    const files = await readdir(folder === '' ? '.' : folder);
    const backups = files
      .filter((file) => stampOf(file, name, extension) !== undefined)
      .sort()
      .reverse();
    const oldestMs = ageMsMax > 0 ? clock.now() - ageMsMax : Number.NEGATIVE_INFINITY;
    for (const [index, file] of backups.entries()) {
      const isTooMany = backupsMax > 0 && index >= backupsMax;
      const isTooOld = (stampOf(file, name, extension) ?? 0) < oldestMs;
      if (isTooMany || isTooOld) await rm(path.join(folder, file), { force: true });
    }
  }
}

/** Named by the time, or by the first millisecond after it that names no other backup. */
function freeBackup(nowMs: number, { dir, name, ext }: Pick<path.ParsedPath, 'dir' | 'name' | 'ext'>): string {
  for (let ms = nowMs; ; ms++) {
    const stamp = new Date(ms).toISOString().slice(0, 23).replace(/:/g, '-');
    const file = path.join(dir, `${name}-${stamp}${ext}`);
    if (!existsSync(file)) return file;
  }
}

/** When a rotated file was rotated; undefined for every other file. */
function stampOf(file: string, name: string, extension: string): number | undefined {
  if (!file.startsWith(`${name}-`) || !file.endsWith(extension)) return undefined;
  const stamp = file.slice(name.length + 1, extension === '' ? undefined : -extension.length);
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d\.\d{3})$/.exec(stamp);
  return match === null ? undefined : Date.parse(`${match[1]}T${match[2]}:${match[3]}:${match[4]}Z`);
}
