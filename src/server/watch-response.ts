/**
 * A watch's answer: one frame an event (`watch-frames.ts`), for as long as both sides like.
 *
 * ```
 *  registry ── event() ──▶ queue of frames ── flush, up to 256 KiB a write ──▶ connection
 *                          (bounded)           (in its turn, `flush-rounds.ts`; stops until the client has drained it)
 * ```
 * The naive form writes each event to the stream: then a slow client's bytes pile up in Node's buffers, copied, without a
 * bound. Here a waiting event costs a reference to its frame, which all watchers of the object share (`SharedFrames`), and with it the
 * stored object's bytes. A client that falls `eventsMax` or `bytesMax`
 * behind is dropped: it resumes from the last version it saw, or lists again. Past events are exempt, as they come all at once, before
 * anything can drain; they stay so until they are written, however many live ones come after them.
 */
import type { Writable } from 'node:stream';
import type { WatchEvent, WatchSink, WatchStream } from '../registry/request.ts';
import type { Flushable, FlushRounds } from './flush-rounds.ts';
import type { AnswerHeaders, Exchange } from './http/exchange.ts';
import {
  type Frame,
  frameLength,
  frameOf,
  type SharedFrames,
  type ShowObject,
  type StreamEncoding,
} from './watch-frames.ts';

const flushBytes = 256 * 1024;
/** Frames that were written go from the queue's front when they are so many, and half of it. */
const writtenFramesMin = 4_096;

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
  /** Shared with the server's other watches. */
  readonly frames: SharedFrames;
  readonly rounds: FlushRounds;
  readonly eventsMax: number;
  readonly bytesMax: number;
  /** Called once, when the answer is complete or broken off. */
  readonly over: () => void;
}

export class WatchResponse implements WatchSink, Flushable {
  readonly #options: WatchResponseOptions;
  /** One an event; those before `#next` were written. */
  #queue: Frame[] = [];
  #next = 0;
  /** Of the events that wait, the first so many are past ones. */
  #pastEvents = 0;
  /** Of the others. */
  #liveBytes = 0;
  #out: Writable | undefined;
  #watch: WatchStream | undefined;
  #live = false;
  /** It has its place in a round. */
  #queued = false;
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
    const { encoding, show, frames } = this.#options;
    const frame = show === undefined ? frames.of(event, encoding) : frameOf(event, encoding, show);
    this.#queue.push(frame);
    if (this.#live) this.#liveBytes += frameLength(frame);
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

  #flushSoon(): void {
    if (this.#queued || this.#draining) return;
    this.#queued = true;
    this.#options.rounds.add(this);
  }

  /** Called by the rounds. */
  flush(): void {
    this.#queued = false;
    this.#flush();
  }

  #flush(): void {
    while (!this.#closed && !this.#draining && this.#waiting > 0) this.#draining = !this.#open().write(this.#take());
    if (!this.#closed && this.#ending && !this.#draining && this.#waiting === 0) this.#finish();
  }

  /** Events that wait. */
  get #waiting(): number {
    return this.#queue.length - this.#next;
  }

  #isFull(): boolean {
    const { eventsMax, bytesMax } = this.#options;
    return this.#waiting - this.#pastEvents >= eventsMax || this.#liveBytes >= bytesMax;
  }

  /** The next frames, up to `flushBytes`, whole. */
  #take(): Buffer {
    const start = this.#next;
    const bytesWanted = this.#options.output.messages ? 1 : flushBytes;
    let bytes = 0;
    while (this.#next < this.#queue.length && bytes < bytesWanted) bytes += this.#takeOne();
    const all = start === 0 && this.#next === this.#queue.length;
    const taken = this.#options.frames.join(all ? this.#queue : this.#queue.slice(start, this.#next));
    this.#forgetWritten();
    return taken;
  }

  /** Moves past one event; gives its length. */
  #takeOne(): number {
    const bytes = frameLength(this.#queue[this.#next++] as Frame);
    if (this.#pastEvents > 0) this.#pastEvents--;
    else this.#liveBytes -= bytes;
    return bytes;
  }

  #forgetWritten(): void {
    if (this.#next === this.#queue.length) this.#queue = [];
    else if (this.#next >= writtenFramesMin && this.#next * 2 >= this.#queue.length) this.#queue.splice(0, this.#next);
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
