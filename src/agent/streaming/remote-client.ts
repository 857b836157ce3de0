/**
 * The client's side of an exec or attach, whichever protocol it speaks: `websocket-client.ts`, `spdy-client.ts`. What the channels are
 * called on the wire, and how an end is told, stays behind this interface; `bridge.ts` puts a runtime's `Session` behind it.
 */
import type { Readable, Writable } from 'node:stream';
import type { SessionEnd, TerminalSize } from './session.ts';

export interface RemoteClient {
  /** Resolves when all its channels are there, which are absent before; rejects where they never will be. */
  readonly ready: Promise<void>;
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** Calls back with each size of the terminal; with one that came before, at once. */
  onResize(callback: (size: TerminalSize) => void): void;
  /** Calls back once, when the client has gone. */
  onGone(callback: () => void): void;
  /** Tells how it ended, and says goodbye. All output must have been taken before. */
  finish(end: SessionEnd): void;
  /** Now and then: keeps a client patient while its input waits, and finds out that it has gone. */
  heartbeat(): void;
  /** Without a word. */
  destroy(): void;
}

/** The last size that was told, and who wants to hear of the next. */
export class ResizeChannel {
  #size: TerminalSize | undefined;
  #callback: (size: TerminalSize) => void = () => {};
  #text = '';

  onResize(callback: (size: TerminalSize) => void): void {
    this.#callback = callback;
    if (this.#size !== undefined) callback(this.#size);
  }

  /** Pieces of `{"Width":80,"Height":24}`, one after another. What is no such thing is ignored. */
  take(piece: Buffer): void {
    this.#text = (this.#text + piece.toString('latin1')).slice(-textMax);
    for (let end = this.#text.indexOf('}'); end >= 0; end = this.#text.indexOf('}')) {
      const size = parsedSize(this.#text.slice(0, end + 1));
      this.#text = this.#text.slice(end + 1);
      if (size === undefined) continue;
      this.#size = size;
      this.#callback(size);
    }
  }
}

const textMax = 1024;
const cellsMax = 0xffff;

function parsedSize(text: string): TerminalSize | undefined {
  const width = Number(/"Width"\s*:\s*(\d+)/i.exec(text)?.[1]);
  const height = Number(/"Height"\s*:\s*(\d+)/i.exec(text)?.[1]);
  const isSize = (cells: number): boolean => cells > 0 && cells <= cellsMax;
  return isSize(width) && isSize(height) ? { width, height } : undefined;
}
