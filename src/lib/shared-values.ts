/**
 * Equal values, held once: whoever has made a value asks for the one that is known already, and lets its own go.
 *
 * ```
 *  share(key, value) ─▶ [recent] ── full ──▶ becomes [older], what was there is forgotten
 *                          ▲                     │
 *                          └──── asked for ◀─────┘
 * ```
 * What is asked for again and again stays; what comes once is gone after at most `2 × valuesMax` others. Nobody is wrong for missing one:
 * equal values then exist twice. The naive form, an LRU list, moves an element on every hit; here a hit is one look-up.
 */
export class SharedValues<Value> {
  readonly #valuesMax: number;
  #recent = new Map<string, Value>();
  #older = new Map<string, Value>();

  /** Holds between `valuesMax` and twice as many. */
  constructor(valuesMax: number) {
    this.#valuesMax = valuesMax;
  }

  /** The value with this key, where one is known. */
  known(key: string): Value | undefined {
    const recent = this.#recent.get(key);
    if (recent !== undefined) return recent;
    const older = this.#older.get(key);
    if (older !== undefined) this.#remember(key, older);
    return older;
  }

  /** The known value with this key, or else `value`, which is then known. */
  share(key: string, value: Value): Value {
    const known = this.known(key);
    if (known === undefined) this.#remember(key, value);
    return known ?? value;
  }

  #remember(key: string, value: Value): void {
    if (this.#recent.size >= this.#valuesMax) {
      this.#older = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(key, value);
  }
}
