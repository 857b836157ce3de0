/**
 * A watch's answer: one frame an event (`watch-frames.ts`), for as long as both sides like.
 *
 * ```
 *  registry ── event() ──▶ queue of frames ── flush, up to 256 KiB a write ──▶ connection
 *                          (bounded)           (stops until the client has drained it)
 * ```
 * The naive form writes each event to the stream: then a slow client's bytes pile up in Node's buffers, copied, without a
 * bound. Here a waiting event costs three references, one of them to the stored object's bytes, which are encoded once for all
 * watchers, the others to constants (in protobuf, one to some 60 bytes of its own). A client that falls `eventsMax` or `bytesMax`
 * behind is dropped: it resumes from the last version it saw, or lists again. Past events are exempt, as they come all at once, before
 * anything can drain; they stay so until they are written, however many live ones come after them.
 */
import type { Writable } from 'node:stream';
import type { WatchEvent, WatchSink, WatchStream } from '../registry/request.ts';
import type { AnswerHeaders, Exchange } from './http/exchange.ts';
import { frameOf, type ShowObject, type StreamEncoding } from './watch-frames.ts';

const flushBytes = 256 * 1024;
/** Parts that were written go from the queue's front when they are so many, and half of it. */
const writtenPartsMin = 3 * 4_096;

/** Where the frames go: an HTTP answer, or a WebSocket (`websocket-watch.ts`). */
export interface WatchOutput extends Pick<Exchange, 'onClose' | 'stream' | 'abort'> {
  /** Each event is a message, and so a write, of its own. */
  readonly messages: boolean;
}

export interface WatchResponseOptions {
  readonly output: WatchOutput;
  readonly headers: AnswerHeaders;
  readonly encoding: StreamEncoding;
  readonly show: ShowObject;
  readonly eventsMax: number;
  readonly bytesMax: number;
  /** Called once, when the answer is complete or broken off. */
  readonly over: () => void;
}

export class WatchResponse implements WatchSink {
  readonly #options: WatchResponseOptions;
  /** Three parts an event; those before `#next` were written. */
  #queue: Uint8Array[] = [];
  #next = 0;
  /** Of the events that wait, the first so many are past ones. */
  #pastEvents = 0;
  /** Of the others. */
  #liveBytes = 0;
  #out: Writable | undefined;
  #watch: WatchStream | undefined;
  #live = false;
  #flushing = false;
  #draining = false;
  #ending = false;
  #closed = false;

  constructor(options: WatchResponseOptions) {
    this.#options = options;
    options.output.onClose(() => this.#close());
  }

  /** Past events were delivered: from here on the bounds hold. The head goes out even where there was none. */
  started(watch: WatchStream): void {
    this.#live = true;
    this.#watch = watch;
    if (this.#closed) watch.cancel();
    else this.#open();
  }

  event(event: WatchEvent): void {
    if (this.#closed || this.#ending) return;
    if (this.#live && this.#isFull()) return this.drop();
    const { encoding, show } = this.#options;
    const [before, object, after] = frameOf(event, encoding, show);
    this.#queue.push(before, object, after);
    if (this.#live) this.#liveBytes += before.length + object.length + after.length;
    else this.#pastEvents++;
    this.#flushSoon();
  }

  end(): void {
    this.#ending = true;
    if (!this.#closed) this.#flushSoon();
  }

  /** Breaks the answer off. */
  drop(): void {
    if (this.#closed) return;
    this.#close();
    this.#options.output.abort();
  }

  /** Events of one commit come in one go: one write for all of them. */
  #flushSoon(): void {
    if (this.#flushing || this.#draining) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (!this.#closed && !this.#draining && this.#waiting > 0) this.#draining = !this.#open().write(this.#take());
    if (!this.#closed && this.#ending && !this.#draining && this.#waiting === 0) this.#finish();
  }

  /** Events that wait. */
  get #waiting(): number {
    return (this.#queue.length - this.#next) / 3;
  }

  #isFull(): boolean {
    const { eventsMax, bytesMax } = this.#options;
    return this.#waiting - this.#pastEvents >= eventsMax || this.#liveBytes >= bytesMax;
  }

  /** The next frames, up to `flushBytes`, whole. */
  #take(): Uint8Array {
    const start = this.#next;
    const bytesWanted = this.#options.output.messages ? 1 : flushBytes;
    let bytes = 0;
    while (this.#next < this.#queue.length && bytes < bytesWanted) bytes += this.#takeOne();
    const taken = Buffer.concat(this.#queue.slice(start, this.#next), bytes);
    this.#forgetWritten();
    return taken;
  }

  /** Moves past one event; gives its length. */
  #takeOne(): number {
    let bytes = 0;
    for (const end = this.#next + 3; this.#next < end; this.#next++) {
      bytes += (this.#queue[this.#next] as Uint8Array).length;
    }
    if (this.#pastEvents > 0) this.#pastEvents--;
    else this.#liveBytes -= bytes;
    return bytes;
  }

  #forgetWritten(): void {
    if (this.#next === this.#queue.length) this.#queue = [];
    else if (this.#next >= writtenPartsMin && this.#next * 2 >= this.#queue.length) this.#queue.splice(0, this.#next);
    else return;
    this.#next = 0;
  }

  #open(): Writable {
    if (this.#out !== undefined) return this.#out;
    const out = this.#options.output.stream(200, this.#options.headers);
    this.#out = out;
    out.on('drain', () => {
      this.#draining = false;
      this.#flush();
    });
    return out;
  }

  #finish(): void {
    this.#open().end();
    this.#close();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue = [];
    this.#next = 0;
    this.#watch?.cancel();
    this.#options.over();
  }
}
