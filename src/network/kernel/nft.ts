/**
 * nft as a lasting process: one for a node, shared by all tables of its network.
 *
 * ```
 *   run(commands) ─▶ a file, a command a line ─┬─ small: `include "file"` to a lasting `nft -i` (0.4 ms) ─▶ errors on stderr, then the marker's own
 *                    (one transaction)         ├─ large: `nft -f file` (20 ms), whose memory goes with it
 *                                              └─ no file can be written (the disk is full): the same, by its standard input
 * ```
 * Kept true: one transaction at a time, in the order asked; all of it holds in the kernel or nothing. Errors name the line of the command at fault, so
 * that the keeper of a table knows whose it was. The marker is a question after a table that nobody has: its error says that all before it is done.
 * Nothing runs before the first transaction. A process that died under a transaction rejects it (nobody knows whether it took effect), and the next
 * one starts another.
 */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Service } from '../../lib/service.ts';

export interface NftError {
  /** Index of the command at fault, where nft knows it. */
  readonly command?: number;
  /** nft's words. */
  readonly message: string;
}

export interface NftRunner {
  /**
   * Carries the commands out as one transaction: an empty answer says that all of it holds, errors that none of it does. A command has no newlines.
   * Rejects where nft could not be asked.
   */
  run(commands: readonly string[]): Promise<readonly NftError[]>;
  /** The table's sets with their elements, as nft's JSON. Absent: nobody asks. Rejects where there is no such table. */
  listSets?(table: string): Promise<string>;
}

export interface NftOptions {
  /** Of this home, for the file with the transaction; made where it is missing. */
  readonly folder: string;
  readonly clock: Clock;
  /** How nft is called, where not by its name. */
  readonly program?: readonly string[];
}

/** Larger transactions (bytes) get a process of their own: nft keeps in memory what it has read. */
const lastingBytesMax = 64 * 1024;
/** A transaction that takes longer is given up, with the process that hangs. */
const deadlineMs = 60_000;
const errorBytesMax = 1024 * 1024;
const listBytesMax = 64 * 1024 * 1024;
const standardInput = '/dev/stdin';
const environment = { PATH: `/usr/sbin:/sbin:/usr/bin:/bin:${process.env['PATH'] ?? ''}`, LC_ALL: 'C' };

export class NftProcess implements NftRunner, Service {
  readonly name = 'nft';
  readonly #options: NftOptions;
  readonly #program: readonly string[];
  readonly #file: string;
  #lasting: LastingNft | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #folder: Promise<unknown> | undefined;

  constructor(options: NftOptions) {
    this.#options = options;
    this.#program = options.program ?? ['nft'];
    this.#file = join(options.folder, 'transaction.nft');
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  run(commands: readonly string[]): Promise<readonly NftError[]> {
    const result = this.#last.then(() => this.#run(commands));
    this.#last = result.catch(() => {});
    return result;
  }

  listSets(table: string): Promise<string> {
    const [program, ...args] = this.#program as [string];
    const options = { env: environment, timeout: deadlineMs, maxBuffer: listBytesMax };
    const list = (): Promise<string> =>
      new Promise((resolve, reject) => {
        execFile(program, [...args, '-j', 'list', 'sets', 'table', ...table.split(' ')], options, (error, stdout) =>
          error === null ? resolve(stdout) : reject(new Error(`nft does not list ${table}`, { cause: error })),
        );
      });
    const result = this.#last.then(list);
    this.#last = result.catch(() => {});
    return result;
  }

  async close(): Promise<void> {
    await this.#last;
    this.#lasting?.end();
    this.#lasting = undefined;
  }

  destroy(): void {
    this.#lasting?.end();
    this.#lasting = undefined;
  }

  async #run(commands: readonly string[]): Promise<readonly NftError[]> {
    if (commands.length === 0) return [];
    const text = `${commands.join('\n')}\n`;
    if (!(await this.#write(text))) return parseErrors(await this.#once(standardInput, text), standardInput);
    const words = text.length > lastingBytesMax ? await this.#once(this.#file) : await this.#ask();
    return parseErrors(words, this.#file);
  }

  /** False where it cannot be: the kernel has room, though the disk has none. */
  async #write(text: string): Promise<boolean> {
    try {
      this.#folder ??= mkdir(this.#options.folder, { recursive: true, mode: 0o700 });
      await this.#folder;
      writeFileSync(this.#file, text, { mode: 0o600 });
      return true;
    } catch {
      this.#folder = undefined;
      return false;
    }
  }

  #ask(): Promise<string> {
    if (this.#lasting?.isOver !== false) this.#lasting = new LastingNft(this.#program, this.#options.clock);
    return this.#lasting.ask(`include "${this.#file}"`);
  }

  #once(file: string, input = ''): Promise<string> {
    const options = { env: environment, timeout: deadlineMs, maxBuffer: errorBytesMax };
    return new Promise((resolve, reject) => {
      const [program, ...args] = this.#program as [string];
      const child = execFile(program, [...args, '-f', file], options, (error, _, stderr) => {
        if (error === null) resolve('');
        else if (typeof error.code === 'number' && stderr !== '') resolve(stderr);
        else
          reject(new Error(`${this.#program.join(' ')} failed: ${stderr.trim() || error.message}`, { cause: error }));
      });
      // Who ends early does not read the rest; its words say why.
      child.stdin?.on('error', () => {});
      child.stdin?.end(input);
    });
  }
}

/** One `nft -i`, asked one thing at a time. */
class LastingNft {
  readonly #program: readonly string[];
  readonly #clock: Clock;
  readonly #child: ChildProcessWithoutNullStreams;
  #isOver = false;
  #questions = 0;
  #words = '';
  #waiting: { readonly marker: string; resolve(words: string): void; reject(error: Error): void } | undefined;

  constructor(program: readonly string[], clock: Clock) {
    this.#program = program;
    this.#clock = clock;
    this.#child = spawn(program[0] ?? '', [...program.slice(1), '-i'], { stdio: 'pipe', env: environment });
    this.#child.stderr.setEncoding('utf8').on('data', (words: string) => this.#hear(words));
    // The prompt, which nobody reads.
    this.#child.stdout.resume();
    this.#child.stdin.on('error', (error) => this.#fail(error.message));
    this.#child.once('error', (error) => this.#fail(error.message));
    this.#child.once('exit', (code, signal) => this.#fail(`it ended with ${signal ?? `code ${code}`}`));
    this.#keepAlive(false);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  ask(command: string): Promise<string> {
    const marker = `naru-marker-${++this.#questions}`;
    this.#words = '';
    this.#keepAlive(true);
    const timer: Timer = this.#clock.after(deadlineMs, () => this.#fail(`no answer within ${deadlineMs / 1000} s`));
    const answer = new Promise<string>((resolve, reject) => {
      this.#waiting = { marker, resolve, reject };
      this.#child.stdin.write(`${command}\nlist table inet ${marker}\n`);
    });
    return answer.finally(() => {
      timer.cancel();
      this.#keepAlive(false);
    });
  }

  end(): void {
    this.#fail('closed');
  }

  /** The words before the marker's own error are the answer. */
  #hear(words: string): void {
    this.#words += words;
    const waiting = this.#waiting;
    if (waiting === undefined) {
      this.#words = '';
      return;
    }
    const end = this.#words.indexOf(`list table inet ${waiting.marker}\n`);
    if (end < 0) {
      if (this.#words.length > errorBytesMax) this.#fail('it says too much');
      return;
    }
    this.#waiting = undefined;
    waiting.resolve(this.#words.slice(0, this.#words.lastIndexOf('Error:', end)));
  }

  #fail(why: string): void {
    this.#isOver = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#child.kill('SIGKILL');
    waiting?.reject(
      new Error(`${this.#program.join(' ')} -i failed: ${why}${this.#words === '' ? '' : ` (${this.#words.trim()})`}`),
    );
  }

  /** An idle nft does not hold the process that started it. */
  #keepAlive(isBusy: boolean): void {
    const streams = [
      this.#child.stdin,
      this.#child.stderr,
      this.#child.stdout,
    ] as unknown as Partial<NodeJS.RefCounted>[];
    for (const held of [this.#child, ...streams]) {
      if (isBusy) held.ref?.();
      else held.unref?.();
    }
  }
}

const located = /^(.*):(\d+):\d+-\d+: Error: (.*)$/;
const unlocated = /^(?:.*: )?Error: (.*)$/;

/** What nft said, by command. What it quotes of the command, and its carets below, are left out. */
export function parseErrors(words: string, file: string): NftError[] {
  const errors: NftError[] = [];
  for (const line of words.split('\n')) {
    const [, path, number, message] = located.exec(line) ?? [];
    if (path === file) errors.push({ command: Number(number) - 1, message: message ?? '' });
    else if (unlocated.test(line)) errors.push({ message: unlocated.exec(line)?.[1] ?? '' });
  }
  return errors;
}
