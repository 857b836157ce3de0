/**
 * A gRPC service of the agent's own on a Unix socket, for plugins and monitors on this machine.
 *
 * It costs a listening socket and no more until somebody connects: only then is gRPC loaded. The socket is its owner's alone (0600, in a
 * folder 0700); a stale one of an agent before is replaced.
 */
import { chmod, mkdir, rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import { messageBytesMax, type PluginService, socketPathBytesMax } from './grpc-service.ts';

/** Connections at a time. */
const connectionsMax = 64;

/** By the method's name. What is thrown goes to the caller: a `CallError` with its code, all else as `Unknown`. */
export type Methods = Readonly<Record<string, (request: never) => Promise<object> | object>>;

/** A refusal with a gRPC code: 3 invalid argument, 5 not found. */
export class CallError extends Error {
  override name = 'CallError';
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export interface SocketServerOptions {
  readonly name: string;
  /** The socket's absolute path. */
  readonly socket: string;
  readonly load: () => Promise<PluginService>;
  readonly methods: Methods;
  readonly log: Logger;
}

type Unary = (call: { readonly request: never }, done: (error: object | null, answer?: object) => void) => void;

interface Running {
  readonly inject: (connection: net.Socket) => void;
  readonly stop: () => void;
}

export class SocketServer implements Service {
  readonly name: string;
  readonly #options: SocketServerOptions;
  readonly #connections = new Set<net.Socket>();
  #listener: net.Server | undefined;
  #running: Promise<Running> | undefined;
  #closed = false;

  constructor(options: SocketServerOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** A node without this socket runs pods all the same: what is wrong is only told. */
  async start(): Promise<void> {
    const { socket, log, name } = this.#options;
    try {
      await this.#listen(socket);
    } catch (error) {
      log.error('plugins cannot reach the agent', { service: name, socket, error });
    }
  }

  async #listen(socket: string): Promise<void> {
    if (Buffer.byteLength(socket) > socketPathBytesMax) {
      throw new Error(
        `${socket} is longer than the ${socketPathBytesMax} bytes of a socket's path: use a shorter folder`,
      );
    }
    await mkdir(path.dirname(socket), { recursive: true, mode: 0o700 });
    await rm(socket, { force: true });
    const listener = net.createServer((connection) => this.#accept(connection));
    listener.maxConnections = connectionsMax;
    this.#listener = listener;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    listener.once('error', reject).listen(socket, resolve);
    await promise;
    listener.on('error', (error) => this.#options.log.warn('a plugin could not connect', { socket, error }));
    await chmod(socket, 0o600);
  }

  async close(): Promise<void> {
    this.destroy();
    await this.#running?.catch(() => {});
  }

  destroy(): void {
    this.#closed = true;
    // Removes the socket, too.
    this.#listener?.close();
    for (const connection of this.#connections) connection.destroy();
    void this.#running?.then(({ stop }) => stop()).catch(() => {});
  }

  #accept(connection: net.Socket): void {
    this.#connections.add(connection);
    connection.on('close', () => this.#connections.delete(connection));
    connection.on('error', () => connection.destroy());
    this.#running ??= this.#run();
    this.#running.then(
      ({ inject }) => (this.#closed ? connection.destroy() : inject(connection)),
      (error: unknown) => {
        this.#running = undefined;
        this.#options.log.error('the service of a socket could not be loaded', { service: this.name, error });
        connection.destroy();
      },
    );
  }

  async #run(): Promise<Running> {
    const { load, methods } = this.#options;
    const { grpc, definition } = await load();
    const server = new grpc.Server({ 'grpc.max_receive_message_length': messageBytesMax });
    const unary = Object.entries(methods).map(([name, answer]) => [name, unaryOf(answer)]);
    server.addService(definition, Object.fromEntries(unary) as Record<string, never>);
    const injector = server.createConnectionInjector(grpc.ServerCredentials.createInsecure());
    return {
      inject: (connection) => injector.injectConnection(connection),
      stop: () => {
        injector.destroy();
        server.forceShutdown();
      },
    };
  }
}

function unaryOf(answer: Methods[string]): Unary {
  return ({ request }, done) => {
    // A synchronous refusal, too, is the caller's to know.
    Promise.resolve()
      .then(() => answer(request))
      .then(
        (response) => done(null, response),
        (error: unknown) => done(statusOf(error)),
      );
  };
}

function statusOf(error: unknown): object {
  const details = error instanceof Error ? error.message : String(error);
  return { code: error instanceof CallError ? error.code : 2, details };
}
