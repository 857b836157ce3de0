/**
 * Documents that were made lately, so many bytes of them. They can all be made again: what is beyond the bound goes, that which was used
 * longest ago first, and what is larger than the half of it is never kept.
 */
export class KeptBytes {
  readonly #bytesMax: number;
  /** In the order of their last use. */
  readonly #byKey = new Map<string, Buffer>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** `key` names the content: what is made for it is the same each time. */
  get(key: string): Buffer | undefined {
    const bytes = this.#byKey.get(key);
    if (bytes === undefined) return undefined;
    this.#byKey.delete(key);
    this.#byKey.set(key, bytes);
    return bytes;
  }

  keep(key: string, bytes: Buffer): Buffer {
    if (bytes.length > this.#bytesMax / 2 || this.#byKey.has(key)) return bytes;
    this.#byKey.set(key, bytes);
    this.#bytes += bytes.length;
    this.#shrink();
    return bytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  #shrink(): void {
    for (const [key, { length }] of this.#byKey) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#byKey.delete(key);
      this.#bytes -= length;
    }
  }
}
