/**
 * A client of exec or attach over SPDY/3.1. It opens one stream for each channel, named by the header `streamtype`, and what it opens
 * must be what its request said; when all are there, it begins.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { endMessage } from './end-status.ts';
import { type RemoteClient, ResizeChannel } from './remote-client.ts';
import type { SessionEnd, StreamOptions, TerminalSize } from './session.ts';
import { SpdyConnection } from './spdy/connection.ts';
import type { SpdyStream } from './spdy/stream.ts';

/** All that are served, the best first. */
export const spdyProtocols: readonly string[] = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
];

export class SpdyClient implements RemoteClient {
  readonly ready: Promise<void>;
  readonly #connection: SpdyConnection;
  readonly #protocol: string;
  readonly #streams = new Map<string, SpdyStream>();
  readonly #missing: Set<string>;
  readonly #resizes = new ResizeChannel();
  readonly #complete = Promise.withResolvers<void>();
  #gone: () => void = () => {};

  constructor(socket: Duplex, protocol: string, options: StreamOptions, clock: Clock) {
    this.#protocol = protocol;
    this.#missing = new Set(wanted(protocol, options));
    this.ready = this.#complete.promise;
    this.ready.catch(() => {});
    const late = clock.after(limits.streamCreationMsMax, () => {
      this.#complete.reject(new Error('timed out waiting for client to create streams'));
      this.destroy();
    });
    this.ready.finally(() => late.cancel()).catch(() => {});
    this.#connection = new SpdyConnection(socket, {
      role: 'server',
      opened: (stream) => this.#opened(stream),
      closed: () => {
        this.#complete.reject(new Error('the client has gone'));
        this.#gone();
      },
    });
  }

  get stdin(): Readable | undefined {
    return this.#streams.get('stdin');
  }

  get stdout(): Writable | undefined {
    return this.#streams.get('stdout');
  }

  get stderr(): Writable | undefined {
    return this.#streams.get('stderr');
  }

  onResize(callback: (size: TerminalSize) => void): void {
    this.#resizes.onResize(callback);
  }

  onGone(callback: () => void): void {
    if (this.#connection.hasEnded) callback();
    else this.#gone = callback;
  }

  finish(end: SessionEnd): void {
    for (const [name, stream] of this.#streams) {
      if (name === 'error') continue;
      stream.resume();
      stream.end();
    }
    const error = this.#streams.get('error');
    const close = (): void => this.#connection.close();
    if (error === undefined) return close();
    error.once('finish', close).once('close', close);
    error.end(endMessage(this.#protocol, end));
  }

  heartbeat(): void {
    this.#connection.ping();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  #opened(stream: SpdyStream): void {
    const name = stream.headers['streamtype'] ?? '';
    if (!this.#missing.delete(name)) {
      stream.destroy();
      return;
    }
    this.#streams.set(name, stream);
    stream.reply();
    if (name === 'resize') stream.on('data', (piece: Buffer) => this.#resizes.take(piece));
    // Nothing is expected on these; what comes must not stop the others.
    else if (name !== 'stdin') stream.resume();
    if (this.#missing.size === 0) this.#complete.resolve();
  }
}

function wanted(protocol: string, { stdin, stdout, stderr, tty }: StreamOptions): string[] {
  const hasResize = tty && /^v[345]\./.test(protocol);
  const all = { error: true, stdin, stdout, stderr, resize: hasResize };
  return Object.entries(all).flatMap(([name, isWanted]) => (isWanted ? [name] : []));
}
