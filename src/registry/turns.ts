/**
 * Who may change an object next, where several want to at once: one after the other, in the order in which they came.
 *
 * The naive form lets everybody try at the same time, and again whoever lost. Of n writers on one object each round then lets one through,
 * which makes n² / 2 changes of n; and since each round's newcomer has read a version as new as everybody's, one that came early may lose for
 * ever, until it is told 409 without having named a version. Here the first to lose a race opens a line, and whoever comes while there is one
 * stands in it: each change is made once or twice. An object on which there was no race costs one look-up.
 */
import type { StoreKey } from '../store/store.ts';

export class Turns {
  /** By key: who waits. A line without anybody waiting means that somebody has the turn. */
  readonly #lines = new Map<string, (() => void)[]>();

  /** Is somebody's turn, so that others had better wait for theirs? */
  isTaken(key: StoreKey): boolean {
    return this.#lines.size > 0 && this.#lines.has(textOf(key));
  }

  /** Resolves when it is the caller's turn, who has to `pass` it on in the end. */
  take(key: StoreKey): Promise<void> {
    const text = textOf(key);
    const line = this.#lines.get(text);
    if (line !== undefined) return new Promise((resolve) => line.push(resolve));
    this.#lines.set(text, []);
    return Promise.resolve();
  }

  pass(key: StoreKey): void {
    const text = textOf(key);
    const next = this.#lines.get(text)?.shift();
    if (next === undefined) this.#lines.delete(text);
    else next();
  }
}

/**
 * One writer's turn, once it took it. It is let go while somebody outside is asked (a webhook), who may be slow, and may want to write the same
 * object: for the rest of that attempt, the writer goes without.
 */
export class Turn {
  readonly #turns: Turns;
  readonly #key: StoreKey;
  #isHeld = false;

  constructor(turns: Turns, key: StoreKey) {
    this.#turns = turns;
    this.#key = key;
  }

  async take(): Promise<void> {
    if (this.#isHeld) return;
    await this.#turns.take(this.#key);
    this.#isHeld = true;
  }

  letGo(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#turns.pass(this.#key);
  }
}

function textOf({ collection, namespace, name }: StoreKey): string {
  return `${collection}\0${namespace}\0${name}`;
}
