/** A map from texts, as a library gives it to an expression. */
import { CelMap, type CelValue } from '../../../lib/cel/values.ts';

export class TextMap extends CelMap {
  readonly #entries: ReadonlyMap<string, CelValue>;

  constructor(entries: ReadonlyMap<string, CelValue>) {
    super();
    this.#entries = entries;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: CelValue): CelValue | undefined {
    return typeof key === 'string' ? this.#entries.get(key) : undefined;
  }

  keys(): Iterable<string> {
    return this.#entries.keys();
  }
}
