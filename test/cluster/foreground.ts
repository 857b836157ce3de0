/** `naru server` and `naru agent` as a supervisor such as systemd runs them: in the foreground, ended by signals. */
import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { claimHome, root } from '../harness.ts';

export class Foreground {
  static readonly #running = new Set<Foreground>();
  readonly #child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  #text = '';

  /** @param within a command that runs the command behind it somewhere else */
  constructor(home: string, args: readonly string[], within: readonly string[] = []) {
    claimHome(home);
    // It becomes the program itself, so that signals reach it, and ends with this process, also where that is killed.
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', ...within, path.join(root, 'naru'), ...args], {
      env: { ...process.env, NARU_HOME: home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const output of [this.#child.stdout, this.#child.stderr]) {
      output?.setEncoding('utf8').on('data', (chunk: string) => (this.#text += chunk));
    }
    Foreground.#running.add(this);
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        Foreground.#running.delete(this);
        resolve({ code, signal });
      });
    });
  }

  /** For `after`: what a failed test left running. */
  static async killAll(): Promise<void> {
    for (const one of Foreground.#running) {
      one.kill('SIGKILL');
      await one.ended;
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** What it has written so far. */
  get text(): string {
    return this.#text;
  }
}
