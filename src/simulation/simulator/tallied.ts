/** Counts by name, of what happened in a run: so that a set of runs can show that everything it is for was there. */
export class Tallied {
  readonly #counts = new Map<string, number>();

  add(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  addAll(counts: Readonly<Record<string, number>>): void {
    for (const [name, count] of Object.entries(counts)) this.add(name, count);
  }

  /** In the order in which they first happened. */
  get byName(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}
