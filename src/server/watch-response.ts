/**
 * A watch's answer: one frame an event (`watch-frames.ts`), for as long as both sides like.
 *
 * ```
 *  registry ── event() ──▶ queue of frames ── flush, up to 256 KiB a write ──▶ connection
 *                          (bounded)           (stops until the client has drained it)
 * ```
 * The naive form writes each event to the stream: then a slow client's bytes pile up in Node's buffers, copied, without a
 * bound. Here a waiting event costs three references, one of them to the stored object's bytes, which are encoded once for all
 * watchers, the others to constants (in protobuf, one to some 60 bytes of its own). A client that falls `watchBufferEventsMax` behind is dropped: it resumes from the last
 * version it saw, or lists again. Past events are exempt, as they come all at once, before anything can drain.
 */
import type { Writable } from 'node:stream';
import type { WatchEvent, WatchSink, WatchStream } from '../registry/request.ts';
import type { AnswerHeaders, Exchange } from './http/exchange.ts';
import { frameOf, type ShowObject, type StreamEncoding } from './watch-frames.ts';

const flushBytes = 256 * 1024;

export class WatchResponse implements WatchSink {
  readonly #exchange: Exchange;
  readonly #headers: AnswerHeaders;
  readonly #encoding: StreamEncoding;
  readonly #show: ShowObject;
  readonly #eventsMax: number;
  readonly #over: () => void;
  #queue: Uint8Array[] = [];
  #queuedEvents = 0;
  #out: Writable | undefined;
  #watch: WatchStream | undefined;
  #live = false;
  #flushing = false;
  #draining = false;
  #ending = false;
  #closed = false;

  /** `over` is called once, when the answer is complete or broken off. */
  constructor(options: {
    readonly exchange: Exchange;
    readonly headers: AnswerHeaders;
    readonly encoding: StreamEncoding;
    readonly show: ShowObject;
    readonly eventsMax: number;
    readonly over: () => void;
  }) {
    this.#exchange = options.exchange;
    this.#headers = options.headers;
    this.#encoding = options.encoding;
    this.#show = options.show;
    this.#eventsMax = options.eventsMax;
    this.#over = options.over;
    this.#exchange.onClose(() => this.#close());
  }

  /** Past events were delivered: from here on the bound holds. The head goes out even where there was none. */
  started(watch: WatchStream): void {
    this.#live = true;
    this.#watch = watch;
    if (this.#closed) watch.cancel();
    else this.#open();
  }

  event(event: WatchEvent): void {
    if (this.#closed || this.#ending) return;
    if (this.#live && this.#queuedEvents >= this.#eventsMax) return this.drop();
    this.#queue.push(...frameOf(event, this.#encoding, this.#show));
    this.#queuedEvents++;
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
    this.#exchange.abort();
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
    while (!this.#closed && !this.#draining && this.#queue.length > 0)
      this.#draining = !this.#open().write(this.#take());
    if (!this.#closed && this.#ending && !this.#draining && this.#queue.length === 0) this.#finish();
  }

  /** The next frames, up to `flushBytes`, whole. */
  #take(): Uint8Array {
    let parts = 0;
    let bytes = 0;
    while (parts < this.#queue.length && bytes < flushBytes) bytes += (this.#queue[parts++] as Uint8Array).length;
    while (parts % 3 !== 0) bytes += (this.#queue[parts++] as Uint8Array).length;
    const taken = Buffer.concat(parts < this.#queue.length ? this.#queue.slice(0, parts) : this.#queue, bytes);
    this.#queue = parts < this.#queue.length ? this.#queue.slice(parts) : [];
    this.#queuedEvents -= parts / 3;
    return taken;
  }

  #open(): Writable {
    if (this.#out !== undefined) return this.#out;
    const out = this.#exchange.stream(200, this.#headers);
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
    this.#watch?.cancel();
    this.#over();
  }
}
