/** A program that tells what happens as lines of JSON, and ends with the test that started it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export class Lines {
  readonly #child: ChildProcess;
  #rest = '';
  #complaint = '';

  constructor(argv: readonly string[], take: (line: Readonly<Record<string, unknown>>) => void) {
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (this.#rest + chunk).split('\n');
      this.#rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('{')) take(JSON.parse(line) as Record<string, unknown>);
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.#complaint = (this.#complaint + chunk).slice(-2000);
    });
  }

  /** What it wrote as errors, the end of it. */
  get complaint(): string {
    return this.#complaint;
  }

  async close(): Promise<void> {
    const isRunning = this.#child.exitCode === null && this.#child.signalCode === null;
    const ended = isRunning && once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await ended;
  }
}
