/** Steps that take a while: what goes on, and how long it took. At a terminal the line is written over when the step is done. */
import process from 'node:process';
import type { Clock } from '../../lib/clock.ts';
import { dim, isTerminal } from '../terminal/terminal.ts';

export class Steps {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What `act` says itself stands between: nobody's line is written over. */
  async run<T>(what: string, act: () => Promise<T>): Promise<T> {
    const startMs = this.#clock.monotonic();
    const overwrites = isTerminal();
    process.stdout.write(overwrites ? dim(`${what} …`) : `${what}\n`);
    try {
      const result = await act();
      const seconds = ((this.#clock.monotonic() - startMs) / 1000).toFixed(1);
      if (overwrites) process.stdout.write(`\r\u001b[2K${what}: ${seconds} s\n`);
      return result;
    } catch (error) {
      if (overwrites) process.stdout.write('\n');
      throw error;
    }
  }
}
