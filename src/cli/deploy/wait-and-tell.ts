/**
 * Waits until what was applied is healthy and shows how it goes: at a terminal a block that is written over, else a line a change. What does not
 * become healthy is explained, and the command ends with 1; what runs is left running.
 */
import process from 'node:process';
import type { Applied } from '../../deploy/apply-object.ts';
import { Progress, pendingBlock, summary } from '../../deploy/progress.ts';
import { shownName } from '../../deploy/target.ts';
import { type State, type Waited, waitUntilHealthy } from '../../deploy/wait.ts';
import { harmless } from '../../lib/harmless.ts';
import type { Connection } from '../cluster/connection.ts';
import { ExitError, exitCodes } from '../exit-code.ts';
import { bad, dim, good, isTerminal, terminalWidth } from '../terminal/terminal.ts';

export interface TellOptions {
  /** How long addresses are waited for at the end. */
  readonly waysInMs?: number;
}

/** @throws ExitError where something is not healthy in time; what and why has been said */
export async function waitAndTell(
  connection: Connection,
  applied: readonly Applied[],
  timeoutMs: number,
  options: TellOptions = {},
): Promise<Waited> {
  const { client, clock } = connection;
  const startMs = clock.monotonic();
  const view = isTerminal() ? new Block() : new Lines();
  const stop = onInterrupt(() => view.clear());
  try {
    const waited = await waitUntilHealthy(client, applied, {
      clock,
      timeoutMs: timeoutMs === 0 ? Number.MAX_SAFE_INTEGER : timeoutMs,
      look: (states) => view.show(states),
      ...options,
    });
    view.clear();
    const seconds = ((clock.monotonic() - startMs) / 1000).toFixed(1);
    if (waited.unhealthy.length === 0) {
      if (waited.states.length > 0) console.log(`${good('healthy')}: all of it, after ${seconds} s`);
      return waited;
    }
    console.error(`${bad('not healthy')}: ${summary(waited.states)} after ${seconds} s; what runs is left running`);
    await explainAll(connection, waited.unhealthy);
    throw new ExitError(exitCodes.failed);
  } finally {
    stop();
  }
}

/** Ctrl-C stops the waiting alone. */
function onInterrupt(clear: () => void): () => void {
  const interrupted = (): void => {
    clear();
    console.error('\nStopped waiting. The cluster goes on with it in the background: naru status, naru why');
    process.exit(exitCodes.interrupted);
  };
  process.once('SIGINT', interrupted);
  return () => process.off('SIGINT', interrupted);
}

const explainedMax = 5;

async function explainAll(connection: Connection, unhealthy: readonly State[]): Promise<void> {
  const [{ explain, newInquiry }, { explanationLines }, { viewOf }] = await Promise.all([
    import('../../explain/explain.ts'),
    import('../explain/why-lines.ts'),
    import('../explain/cluster.ts'),
  ]);
  const inquiry = newInquiry(viewOf(connection).look);
  for (const { target, object, health } of unhealthy.slice(0, explainedMax)) {
    const lines = await explain(object, inquiry).then(explanationLines, () => []);
    const words = lines.length > 0 ? lines : [harmless(`${shownName(target)}: ${health.message}`)];
    console.error(['', ...words].join('\n'));
  }
  if (unhealthy.length > explainedMax) {
    const others = unhealthy.slice(explainedMax).map(({ target }) => shownName(target));
    console.error(`\nand ${others.join(', ')}; naru why tells of each`);
  }
}

interface View {
  show(states: readonly State[]): void;
  clear(): void;
}

class Lines implements View {
  readonly #progress = new Progress();

  show(states: readonly State[]): void {
    for (const line of this.#progress.changes(states)) console.log(line);
  }

  clear(): void {}
}

const blockLinesMax = 12;

class Block implements View {
  #lines = 0;

  show(states: readonly State[]): void {
    this.clear();
    const block = pendingBlock(states, blockLinesMax, terminalWidth());
    if (block.length === 0) return;
    const lines = [`waiting: ${summary(states)}`, ...block.map((line) => dim(line))];
    process.stdout.write(`${lines.join('\n')}\n`);
    this.#lines = lines.length;
  }

  clear(): void {
    if (this.#lines > 0) process.stdout.write(`\u001b[${this.#lines}A\u001b[0J`);
    this.#lines = 0;
  }
}
