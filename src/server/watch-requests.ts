/** Watches over HTTP: from a request's options to a stream of frames that lasts until the client, its time-out or the server ends it. */
import type { ResourceInfo } from '../api/resources.ts';
import type { Clock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import type { Prng } from '../lib/prng.ts';
import type { RequestHandler, RequestTarget, WatchRequestOptions } from '../registry/request.ts';
import type { RequestContext } from './context.ts';
import { FlushRounds } from './flush-rounds.ts';
import type { Form } from './object-answers.ts';
import { watchOptions } from './queries.ts';
import { transformObject } from './transform.ts';
import { SharedFrames, type ShowObject, type StreamEncoding, streamContentTypes } from './watch-frames.ts';
import { WatchResponse } from './watch-response.ts';
import { watchOutput } from './websocket-watch.ts';

export class WatchRequests {
  readonly #handler: RequestHandler;
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #open = new Set<WatchResponse>();
  readonly #frames = new SharedFrames();
  readonly #rounds = new FlushRounds();

  constructor(options: { readonly handler: RequestHandler; readonly clock: Clock; readonly prng: Prng }) {
    this.#handler = options.handler;
    this.#clock = options.clock;
    this.#prng = options.prng;
  }

  /** Resolves when the watch has begun. @throws StatusError BadRequest, Invalid */
  async serve(context: RequestContext, target: RequestTarget, form: Form): Promise<void> {
    const options = this.#withTimeout(watchOptions(context.query));
    const response = this.#response(context, target, form);
    this.#open.add(response);
    try {
      response.started(await this.#handler.watch(target, options, response));
    } catch (error) {
      this.#open.delete(response);
      throw error;
    }
  }

  /** Ends all of them, so that their clients go elsewhere or come back later. */
  end(): void {
    for (const response of this.#open) response.end();
  }

  /** Spread by chance, so that watches that began together do not end together. */
  #withTimeout(options: WatchRequestOptions): WatchRequestOptions {
    if (options.timeoutSeconds) return options;
    return { ...options, timeoutSeconds: limits.watchSecondsMin * (1 + this.#prng.next()) };
  }

  #response({ exchange, headers }: RequestContext, { resource }: RequestTarget, form: Form): WatchResponse {
    const encoding: StreamEncoding = form.encoding === 'protobuf' ? 'protobuf' : 'json';
    const response: WatchResponse = new WatchResponse({
      output: watchOutput(exchange),
      headers: { ...headers, 'content-type': streamContentTypes[encoding] },
      encoding,
      show: showing(resource, { ...form, pretty: false }, this.#clock),
      frames: this.#frames,
      rounds: this.#rounds,
      eventsMax: limits.watchBufferEventsMax,
      bytesMax: limits.watchBufferBytesMax,
      over: () => this.#open.delete(response),
    });
    return response;
  }
}

/** A table's columns go with the first event only; its ages are those at the event. */
function showing(resource: ResourceInfo, form: Form, clock: Clock): ShowObject {
  if (form.as === undefined) return undefined;
  if (form.as !== 'Table') return (event) => transformObject(resource, event.object, form);
  let noHeaders = false;
  return ({ object }) => {
    const shown = transformObject(resource, object, { ...form, table: { ...form.table, now: clock.now(), noHeaders } });
    noHeaders = true;
    return shown;
  };
}
