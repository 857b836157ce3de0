/**
 * How a deployment goes, as lines. For a terminal a block that is written over: what is not healthy yet, and why. For everything else a line
 * when something changes. Pure: who has the terminal writes.
 */
import { harmlessLine } from '../lib/harmless.ts';
import { unseenMessage } from './health/base.ts';
import { shownName } from './target.ts';
import type { State } from './wait.ts';

/** A message may carry a whole answer of a registry: its begin says enough on the way. */
const lineLengthMax = 240;

export class Progress {
  /** By object, all that was said of it: what comes and goes is told once. */
  readonly #said = new Map<string, Set<string>>();

  /** Lines for what changed since the last call: reached states, and what people would want to know on the way. */
  changes(states: readonly State[]): string[] {
    return states.flatMap(({ target, health }) => {
      const name = shownName(target);
      const key = `${target.reference.namespace}/${name}`;
      const line = clip(`${name}: ${health.message}`, lineLengthMax);
      const before = this.#said.get(key);
      if (before === undefined) this.#said.set(key, new Set([line]));
      // What was healthy from the beginning is no news, nor that a controller has still to look.
      if (before === undefined && health.state === 'healthy') return [];
      if (before?.has(line) === true || health.message === unseenMessage) return [];
      before?.add(line);
      return [line];
    });
  }
}

/** What is not healthy yet, at most so many lines of so many columns. */
export function pendingBlock(states: readonly State[], linesMax: number, columns: number): string[] {
  const pending = states.filter(({ health }) => health.state !== 'healthy');
  if (pending.length === 0) return [];
  const shown = pending.slice(0, Math.max(1, linesMax - 1));
  const lines = shown.map((state) => `  ${shownName(state.target)}: ${state.health.message}`);
  if (pending.length > shown.length) lines.push(`  and ${pending.length - shown.length} more`);
  return lines.map((line) => clip(line, columns));
}

export const summary = (states: readonly State[]): string => {
  const healthy = states.filter(({ health }) => health.state === 'healthy').length;
  return `${healthy} of ${states.length} healthy`;
};

/** One line, whatever a message holds: what is written over is counted in lines. */
function clip(text: string, columns: number): string {
  const line = harmlessLine(text);
  return line.length < columns ? line : `${line.slice(0, Math.max(1, columns - 2))}…`;
}
