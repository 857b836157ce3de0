/**
 * Forwarded ports over plain WebSocket channels, for clients in browsers and the like: `?ports=80&ports=443` with `v4.channel.k8s.io`. The
 * port at index i has the channels 2i for bytes and 2i+1 for an error, each opened by a message that holds its number (two bytes, the
 * low one first). There is one connection for each port, and no way to tell the end of input.
 *
 * Kept true: what a client sends before its port is dialled reaches the program; when the client has gone, so has each connection, also
 * one that was still being dialled; a client that is silent for too long is let go.
 */
import { type Duplex, PassThrough } from 'node:stream';
import type { WebSocket } from 'ws';
import { IdleWatch } from './idle-watch.ts';
import { forwardError, type PortForwardOptions } from './port-forward.ts';
import { bytesOf } from './websocket.ts';

/** All that are served, the best first. */
export const portForwardChannelProtocols: readonly string[] = ['v4.channel.k8s.io', 'v4.base64.channel.k8s.io'];

/** Two channels each, numbered by one byte. */
export const forwardedPortsMax = 127;
const digitZero = 48;

export class ChannelPortForward {
  readonly #webSocket: WebSocket;
  readonly #options: PortForwardOptions;
  readonly #ports: readonly number[];
  readonly #isBase64: boolean;
  /** By channel: what the client sent. */
  readonly #inputs = new Map<number, PassThrough>();
  readonly #sockets = new Set<Duplex>();
  readonly #gone = Promise.withResolvers<void>();
  readonly #idle: IdleWatch;
  #isGone = false;

  constructor(webSocket: WebSocket, protocol: string, ports: readonly number[], options: PortForwardOptions) {
    this.#webSocket = webSocket;
    this.#options = options;
    this.#ports = ports;
    this.#idle = new IdleWatch({
      clock: options.clock,
      beat: () => this.#beat(),
      idle: () => this.stop('idle'),
    });
    this.#isBase64 = protocol.includes('base64');
    for (const index of ports.keys()) this.#inputs.set(index * 2, this.#input());
    webSocket.on('message', (data) => this.#message(bytesOf(data)));
    webSocket.on('close', () => {
      this.#isGone = true;
      this.#gone.resolve();
    });
  }

  /** Resolves when the client has gone. Never rejects. */
  async run(): Promise<void> {
    this.#idle.start();
    const done = Promise.all(this.#ports.map((port, index) => this.#forward(port, index * 2)));
    void done.then(() => this.#webSocket.close(1000));
    await this.#gone.promise;
    this.#idle.stop();
    for (const socket of this.#sockets) socket.destroy();
  }

  stop(_reason: string): void {
    this.#webSocket.close(1001);
  }

  destroy(): void {
    this.#webSocket.terminate();
  }

  async #forward(port: number, channel: number): Promise<void> {
    const number = Buffer.alloc(2);
    number.writeUInt16LE(port);
    for (const each of [channel, channel + 1]) await this.#send(each, number);
    const input = this.#inputs.get(channel);
    try {
      const socket = await this.#options.dial(port);
      await this.#join(socket, input, channel);
    } catch (error) {
      await this.#send(channel + 1, Buffer.from(forwardError(port, this.#options.pod, error)));
    }
    // What still comes is not wanted, and must not hold up the other ports.
    input?.unpipe();
    input?.resume();
  }

  /** Resolves when the program has said all, rejects where its connection broke; it is closed then. */
  async #join(socket: Duplex, input: PassThrough | undefined, channel: number): Promise<void> {
    socket.on('error', ignore);
    if (this.#isGone) return void socket.destroy();
    this.#sockets.add(socket);
    input?.pipe(socket);
    try {
      for await (const chunk of socket) await this.#send(channel, chunk as Buffer);
    } finally {
      socket.destroy();
      this.#sockets.delete(socket);
    }
  }

  #input(): PassThrough {
    const input = new PassThrough();
    input.on('drain', () => this.#webSocket.resume());
    return input;
  }

  #message(message: Buffer): void {
    const [first] = message;
    if (first === undefined) return;
    this.#idle.active();
    const rest = message.subarray(1);
    const input = this.#inputs.get(this.#isBase64 ? first - digitZero : first);
    const data = this.#isBase64 ? Buffer.from(rest.toString('latin1'), 'base64') : rest;
    if (input !== undefined && !input.write(data)) this.#webSocket.pause();
  }

  /** Unasked for, and so without an answer. */
  #beat(): void {
    if (this.#webSocket.readyState === this.#webSocket.OPEN) this.#webSocket.pong(undefined, undefined, ignore);
  }

  /** Resolves when the client's side has taken it, or has gone. */
  #send(channel: number, data: Buffer): Promise<void> {
    this.#idle.active();
    return new Promise((resolve) => {
      if (this.#isBase64) this.#webSocket.send(`${channel}${data.toString('base64')}`, () => resolve());
      else this.#webSocket.send(Buffer.concat([Buffer.of(channel), data]), () => resolve());
    });
  }
}

function ignore(): void {}
