/**
 * Cuts a stream of bytes into lines. A line longer than the bound is an error: whoever sends it would fill our memory.
 * Lines are handed on as text without their line feed; empty ones are not.
 */
export class LineSplitter {
  readonly #line: (text: string) => void;
  readonly #lineBytesMax: number;
  #parts: Buffer[] = [];
  #partsBytes = 0;

  constructor(lineBytesMax: number, line: (text: string) => void) {
    this.#lineBytesMax = lineBytesMax;
    this.#line = line;
  }

  /** @throws RangeError where a line exceeds the bound */
  push(chunk: Buffer): void {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      this.#keep(chunk.subarray(start, end));
      this.#finish();
      start = end + 1;
    }
    if (start < chunk.length) this.#keep(chunk.subarray(start));
  }

  #keep(part: Buffer): void {
    this.#partsBytes += part.length;
    if (this.#partsBytes > this.#lineBytesMax) throw new RangeError(`a line exceeds ${this.#lineBytesMax} bytes`);
    this.#parts.push(part);
  }

  #finish(): void {
    const line = this.#parts.length === 1 ? (this.#parts[0] as Buffer) : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partsBytes = 0;
    if (line.length > 0) this.#line(line.toString());
  }
}
