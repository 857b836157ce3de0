/**
 * Listens for questions on one address, by UDP and TCP (RFC 7766: several on one connection, answered as they become known), and gives them to the
 * resolver. Whoever sends too much, or is silent for too long, is let go.
 */
import dgram from 'node:dgram';
import net, { isIPv6 } from 'node:net';
import { addressAsItIs, framed } from './upstream.ts';

/** Undefined: nothing is said. Never throws, never rejects. */
export type Answerer = (bytes: Buffer, transport: 'udp' | 'tcp') => Buffer | undefined | Promise<Buffer | undefined>;

export interface DnsServerOptions {
  readonly address: string;
  readonly port: number;
  readonly answer: Answerer;
  readonly report: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

const connectionsMax = 256;
const connectionsOfOneMax = 64;
const idleMs = 10_000;
/** Questions of one connection that wait for an answer; until then no more are read. */
const pendingMax = 64;
/** No honest question is longer. */
const questionBytesMax = 4096;
const socketBufferBytes = 1 << 20;

export class DnsServer {
  readonly #options: DnsServerOptions;
  #udp: dgram.Socket | undefined;
  #tcp: net.Server | undefined;
  readonly #connections = new Map<net.Socket, string>();

  constructor(options: DnsServerOptions) {
    this.#options = options;
  }

  /** The UDP port: that of the options, or the one that was free where that is 0. */
  get port(): number {
    return this.#udp?.address().port ?? this.#options.port;
  }

  /** Rejects where the address cannot be listened on; nothing listens then. */
  async start(): Promise<void> {
    try {
      await this.#listenUdp();
      await this.#listenTcp();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const udp = this.#udp;
    const tcp = this.#tcp;
    this.#udp = undefined;
    this.#tcp = undefined;
    for (const socket of this.#connections.keys()) socket.destroy();
    if (udp !== undefined) await new Promise<void>((resolve) => udp.close(() => resolve()));
    if (tcp?.listening) await new Promise<void>((resolve) => tcp.close(() => resolve()));
  }

  #listenUdp(): Promise<void> {
    const { address, port, report } = this.#options;
    const socket = dgram.createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', lookup: addressAsItIs });
    this.#udp = socket;
    socket.on('message', (bytes, client) => this.#udpQuestion(socket, bytes, client));
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address, port }, () => {
        socket.off('error', reject);
        socket.on('error', (error) => report('an answer could not be sent', { error }));
        enlargeBuffers(socket);
        resolve();
      });
    });
  }

  #udpQuestion(socket: dgram.Socket, bytes: Buffer, client: dgram.RemoteInfo): void {
    // Nobody asks from there: an answer would go round for ever.
    if (client.port === 0 || bytes.length > questionBytesMax) return;
    const answer = this.#options.answer(bytes, 'udp');
    if (answer === undefined) return;
    if (answer instanceof Promise) void answer.then((later) => this.#sendLater(socket, later, client));
    else socket.send(answer, 0, answer.length, client.port, client.address);
  }

  #sendLater(socket: dgram.Socket, answer: Buffer | undefined, client: dgram.RemoteInfo): void {
    if (answer !== undefined && this.#udp === socket) socket.send(answer, client.port, client.address);
  }

  #listenTcp(): Promise<void> {
    const { address, report } = this.#options;
    const server = net.createServer({ allowHalfOpen: true }, (socket) => this.#connected(socket));
    this.#tcp = server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: address, port: this.port }, () => {
        server.off('error', reject);
        server.on('error', (error) => report('a connection could not be taken', { error }));
        resolve();
      });
    });
  }

  #connected(socket: net.Socket): void {
    const from = socket.remoteAddress ?? '';
    const ofOne = [...this.#connections.values()].filter((address) => address === from).length;
    if (this.#connections.size >= connectionsMax || ofOne >= connectionsOfOneMax) {
      socket.destroy();
      return;
    }
    this.#connections.set(socket, from);
    socket.once('close', () => this.#connections.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(idleMs, () => socket.destroy());
    new Conversation(socket, this.#options.answer).begin();
  }
}

/** Some systems allow less: then it is less. */
function enlargeBuffers(socket: dgram.Socket): void {
  try {
    socket.setRecvBufferSize(socketBufferBytes);
    socket.setSendBufferSize(socketBufferBytes);
  } catch {
    return;
  }
}

/** One connection: questions are taken out of it one by one, each behind its length. */
class Conversation {
  readonly #socket: net.Socket;
  readonly #answer: Answerer;
  #received: Buffer = Buffer.alloc(0);
  #pending = 0;
  #isOver = false;

  constructor(socket: net.Socket, answer: Answerer) {
    this.#socket = socket;
    this.#answer = answer;
  }

  begin(): void {
    this.#socket.on('data', (bytes: Buffer) => {
      this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
      this.#take();
    });
    this.#socket.on('end', () => {
      this.#isOver = true;
      this.#endWhenDone();
    });
  }

  #take(): void {
    while (this.#received.length >= 2 && !this.#socket.destroyed) {
      const size = this.#received.readUInt16BE(0);
      if (size > questionBytesMax || size === 0) {
        this.#socket.destroy();
        return;
      }
      if (this.#received.length < 2 + size) return;
      if (this.#pending >= pendingMax) {
        this.#socket.pause();
        return;
      }
      const question = this.#received.subarray(2, 2 + size);
      this.#received = this.#received.subarray(2 + size);
      this.#pending++;
      void this.#reply(question);
    }
  }

  async #reply(question: Buffer): Promise<void> {
    const answer = await this.#answer(question, 'tcp');
    this.#pending--;
    if (this.#socket.destroyed) return;
    // Nothing to say to it: it does not speak this language.
    if (answer === undefined) this.#socket.destroy();
    else this.#send(answer);
    this.#endWhenDone();
  }

  /** Who does not read gets no more questions answered until it does. */
  #send(answer: Buffer): void {
    if (this.#socket.write(framed(answer))) this.#goOn();
    else this.#socket.pause().once('drain', () => this.#goOn());
  }

  #goOn(): void {
    this.#take();
    if (this.#pending < pendingMax && !this.#socket.writableNeedDrain) this.#socket.resume();
  }

  #endWhenDone(): void {
    if (this.#isOver && this.#pending === 0 && !this.#socket.destroyed) this.#socket.end();
  }
}
