/**
 * A client of exec or attach over WebSocket: `v5.channel.k8s.io` and its forerunners. The first byte of a message is its channel; in the
 * `base64` forms a digit, and the rest base64.
 *
 * ```
 *  client ─▶ 0 stdin   4 resize   255 0: end of stdin (v5 alone)        client ◀─ 1 stdout   2 stderr   3 how it ended, then close 1000
 * ```
 * Kept true: the order of what is sent; input that the program does not read is bounded, and a client whose input waits is kept
 * patient: kubectl gives up after a minute without a pong, or a minute in which a write made no way.
 */
import { Readable, Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import { limits } from '../../lib/limits.ts';
import { endMessage } from './end-status.ts';
import { type RemoteClient, ResizeChannel } from './remote-client.ts';
import type { SessionEnd, StreamOptions, TerminalSize } from './session.ts';
import { bytesOf } from './websocket.ts';

/** All that are served, the best first. The empty one: the client named none. */
export const remoteCommandProtocols: readonly string[] = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
  '',
];

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
const digitZero = 48;

/** How much a stalled client gets rid of with each heartbeat (bytes): enough for its kernel to take the next write. */
const patienceBytes = 512 * 1024;

export class WebSocketClient implements RemoteClient {
  readonly ready: Promise<void> = Promise.resolve();
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly #webSocket: WebSocket;
  readonly #protocol: string;
  readonly #isBase64: boolean;
  readonly #resizes = new ResizeChannel();
  #isStalled = false;
  #patience = 0;
  #hasInputEnded = false;

  constructor(webSocket: WebSocket, protocol: string, options: StreamOptions) {
    this.#webSocket = webSocket;
    this.#protocol = protocol;
    this.#isBase64 = protocol.includes('base64');
    this.stdin = options.stdin ? new Readable({ read: () => this.#wanted() }) : undefined;
    this.stdout = options.stdout ? this.#output(channel.stdout) : undefined;
    this.stderr = options.stderr ? this.#output(channel.stderr) : undefined;
    webSocket.on('message', (data) => this.#message(bytesOf(data)));
    // Some clients wait for a first message, empty, before they begin.
    this.#send(options.stdout ? channel.stdout : options.stderr ? channel.stderr : channel.error, Buffer.alloc(0));
  }

  onResize(callback: (size: TerminalSize) => void): void {
    this.#resizes.onResize(callback);
  }

  onGone(callback: () => void): void {
    this.#webSocket.once('close', () => {
      this.stdin?.destroy();
      callback();
    });
  }

  finish(end: SessionEnd): void {
    const message = endMessage(this.#protocol, end);
    if (message !== '') this.#send(channel.error, Buffer.from(message));
    this.#webSocket.close(1000);
    // What still comes is not wanted, and must be read for the goodbye behind it.
    this.stdin?.resume();
    this.#wanted();
  }

  heartbeat(): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#webSocket.pong(undefined, undefined, ignore);
    if (!this.#isStalled || (this.stdin?.readableLength ?? 0) > limits.stdinBufferBytesMax) return;
    this.#patience = patienceBytes;
    this.#webSocket.resume();
  }

  destroy(): void {
    this.#webSocket.terminate();
  }

  #message(message: Buffer): void {
    const [first] = message;
    if (first === undefined) return;
    const which = this.#isBase64 ? first - digitZero : first;
    const rest = message.subarray(1);
    const data = this.#isBase64 ? Buffer.from(rest.toString('latin1'), 'base64') : rest;
    if (which === channel.stdin) this.#input(data);
    else if (which === channel.resize) this.#resizes.take(data);
    else if (which === channel.close && this.#protocol.startsWith('v5') && data[0] === channel.stdin) this.#endInput();
  }

  #input(data: Buffer): void {
    const { stdin } = this;
    if (stdin === undefined || stdin.destroyed || this.#hasInputEnded || data.length === 0) return;
    this.#patience -= data.length;
    if (stdin.push(data) || this.#patience > 0) return;
    this.#isStalled = true;
    this.#webSocket.pause();
  }

  /** Twice is once, and after it nothing counts. */
  #endInput(): void {
    const { stdin } = this;
    if (stdin === undefined || this.#hasInputEnded) return;
    this.#hasInputEnded = true;
    stdin.push(null);
  }

  #wanted(): void {
    this.#isStalled = false;
    this.#patience = 0;
    if (this.#webSocket.isPaused) this.#webSocket.resume();
  }

  #output(which: number): Writable {
    return new Writable({
      highWaterMark: 64 * 1024,
      write: (chunk: Buffer, _encoding, done) => this.#send(which, chunk, done),
    });
  }

  #send(which: number, data: Buffer, done: (error?: Error) => void = ignore): void {
    if (this.#isBase64) this.#webSocket.send(`${which}${data.toString('base64')}`, done);
    else this.#webSocket.send(Buffer.concat([Buffer.of(which), data]), done);
  }
}

function ignore(): void {}
