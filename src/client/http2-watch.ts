/**
 * One watch over HTTP/2: its lines as events. Kept true: nothing is delivered after its end, or after `cancel`; a line is bounded in size;
 * events are frozen.
 */
import type http2 from 'node:http2';
import type { KubeObject } from '../api/object.ts';
import type { Status } from '../api/schema/types/meta-v1.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import type { ClientWatch, ClientWatchEvent, ClientWatchHandler } from './client.ts';
import { errorFromStatus, timedOut, unreachable } from './errors.ts';
import { errorOf, type HttpsClientOptions, readAnswer, requestMsDefault } from './http2-transport.ts';
import { LineSplitter } from './line-splitter.ts';

/** Room for the largest object in its event. At it: the watch ends with an error. */
const lineBytesMax = 8 * 1024 * 1024;

export class Http2Watch<T extends KubeObject> implements ClientWatch {
  readonly #handler: ClientWatchHandler<T>;
  #stream: http2.ClientHttp2Stream | undefined;
  #over = false;

  constructor(handler: ClientWatchHandler<T>) {
    this.#handler = handler;
  }

  cancel(): void {
    this.#over = true;
    this.#stream?.destroy();
  }

  follow(stream: http2.ClientHttp2Stream, { clock, requestMs }: HttpsClientOptions): void {
    this.#stream = stream;
    if (this.#over) {
      stream.destroy();
      return;
    }
    const late = clock.after(requestMs ?? requestMsDefault, () => this.finish(timedOut('the watch was not answered')));
    let refused = false;
    stream.once('response', (headers) => {
      late.cancel();
      const status = headers[':status'] ?? 0;
      refused = status >= 400;
      if (refused) this.#refused(stream, status);
      else this.#lines(stream);
    });
    stream.on('error', (error) => this.finish(unreachable(`watch: ${error.message}`, error)));
    stream.once('close', () => {
      late.cancel();
      if (!refused) this.finish();
    });
  }

  finish(error?: Error): void {
    if (this.#over) return;
    this.cancel();
    this.#handler.end(error);
  }

  #refused(stream: http2.ClientHttp2Stream, code: number): void {
    readAnswer(stream, code).then(
      ({ status, body }) => this.finish(errorOf(status, body)),
      (error: unknown) => this.finish(error as Error),
    );
  }

  #lines(stream: http2.ClientHttp2Stream): void {
    const splitter = new LineSplitter(lineBytesMax, (line) => this.#line(line));
    stream.on('data', (chunk: Buffer) => {
      try {
        if (!this.#over) splitter.push(chunk);
      } catch (error) {
        this.finish(unreachable(`watch: ${(error as Error).message}`, error));
      }
    });
  }

  #line(line: string): void {
    if (this.#over) return;
    const event = JSON.parse(line) as ClientWatchEvent<T> | { readonly type: 'ERROR'; readonly object: Status };
    if (event.type === 'ERROR') this.finish(errorFromStatus(event.object));
    else this.#handler.event(deepFreeze(event));
  }
}
