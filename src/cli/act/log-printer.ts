/**
 * Logs of several sources on one output: whole lines, each with whose it is. Kept true: lines of different sources are never mixed within a
 * line; the last line is whole even where its source broke off; bytes are not changed.
 */
import type { Writable } from 'node:stream';
import { styleText } from 'node:util';
import type { LogSource } from './log-sources.ts';

const colours = ['cyan', 'yellow', 'green', 'magenta', 'blue', 'red'] as const;
/** A longer line is cut into pieces of this size (bytes): nobody fills our memory by never ending a line. */
const lineBytesMax = 1024 * 1024;

export class LogPrinter {
  readonly #output: Writable;
  readonly #coloured: boolean;
  readonly #colourOf = new Map<string, (typeof colours)[number]>();

  constructor(output: Writable, coloured: boolean) {
    this.#output = output;
    this.#coloured = coloured;
  }

  /** Where the bytes of one source go; `end` after the last. Both resolve when there is room for more. */
  lines(source: LogSource): LineWriter {
    return new LineWriter(Buffer.from(this.#prefix(source)), (bytes) => writeAll(this.#output, bytes));
  }

  #prefix({ pod, container }: LogSource): string {
    const text = `[pod/${pod}/${container}]`;
    if (!this.#coloured) return `${text} `;
    const colour = this.#colourOf.get(text) ?? colours[this.#colourOf.size % colours.length] ?? 'cyan';
    this.#colourOf.set(text, colour);
    return `${styleText(colour, text, { validateStream: false })} `;
  }
}

const lineFeed = Buffer.from('\n');

export class LineWriter {
  readonly #prefix: Buffer;
  readonly #write: (bytes: Buffer) => Promise<void>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(prefix: Buffer, write: (bytes: Buffer) => Promise<void>) {
    this.#prefix = prefix;
    this.#write = write;
  }

  async push(chunk: Buffer): Promise<void> {
    const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const parts: Buffer[] = [];
    let start = 0;
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10, start)) {
      parts.push(this.#prefix, data.subarray(start, end + 1));
      start = end + 1;
    }
    this.#rest = data.subarray(start);
    if (this.#rest.length > lineBytesMax) {
      parts.push(this.#prefix, this.#rest, lineFeed);
      this.#rest = Buffer.alloc(0);
    }
    if (parts.length > 0) await this.#write(Buffer.concat(parts));
  }

  async end(): Promise<void> {
    if (this.#rest.length > 0) await this.#write(Buffer.concat([this.#prefix, this.#rest, lineFeed]));
    this.#rest = Buffer.alloc(0);
  }
}

/** Resolves when there is room again, or when nobody reads any more. */
export function writeAll(output: Writable, bytes: Buffer): Promise<void> {
  if (output.destroyed || output.write(bytes)) return Promise.resolve();
  return new Promise((resolve) => {
    const goOn = (): void => {
      output.off('drain', goOn);
      output.off('close', goOn);
      resolve();
    };
    output.once('drain', goOn);
    output.once('close', goOn);
  });
}
