/**
 * When watches write what waits for them: all of them in turns, some at a time, so that a commit that a thousand watch does not hold up
 * the next one, and what is committed meanwhile joins what has not gone out yet.
 *
 * ```
 *  event ─▶ a watch that has something to write ─▶ [next round]      [this round: w7 w8 │ w9 w10 … ]
 *                                                       └── becomes this round when that is through     each turn of the event loop: so many
 * ```
 * The naive form writes at the end of the task that brought the event: each commit then costs each watcher a write of its own (9 µs, most
 * of it HTTP/2's and TLS's, whatever its length), and nobody else is served before all are written. Here the cost falls as the load
 * rises: a watcher whose turn comes late writes several commits' events at once. An idle server is no later for it: the first turn
 * comes as soon as the task at hand has ended.
 *
 * Kept true: who is added is flushed once, after those who were added before.
 */

export interface Flushable {
  flush(): void;
}

/** Some 0.5 ms of work. */
const flushesPerTurn = 64;

export class FlushRounds {
  #round: readonly Flushable[] = [];
  #done = 0;
  #nextRound: Flushable[] = [];
  #scheduled = false;

  add(one: Flushable): void {
    this.#nextRound.push(one);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    this.#scheduled = false;
    if (this.#done === this.#round.length) this.#beginRound();
    const end = Math.min(this.#done + flushesPerTurn, this.#round.length);
    while (this.#done < end) this.#round[this.#done++]?.flush();
    if (this.#done < this.#round.length || this.#nextRound.length > 0) this.#schedule();
  };

  #beginRound(): void {
    this.#round = this.#nextRound;
    this.#done = 0;
    this.#nextRound = [];
  }
}
