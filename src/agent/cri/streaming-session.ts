/**
 * A session by the runtime's own streaming server, which the CRI names by a URL: for `attach`, whose pipes only the runtime has, and for
 * commands on runtimes that are not containerd. SPDY/3.1 with `v4.channel.k8s.io`, which every such server speaks, and which, unlike its
 * WebSocket, can tell the end of input.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { RuntimeError } from '../runtime.ts';
import type { Session, SessionEnd, StreamOptions, TerminalSize } from '../streaming/session.ts';
import { SpdyConnection } from '../streaming/spdy/connection.ts';
import type { SpdyStream } from '../streaming/spdy/stream.ts';

const protocol = 'v4.channel.k8s.io';

/** @throws RuntimeError, also where the runtime hangs (`limits.runtimeStreamMsMax`) */
export async function openStreamingSession(url: string, options: StreamOptions, clock: Clock): Promise<Session> {
  const socket = await upgrade(url, clock);
  const connection = new SpdyConnection(socket, { role: 'client' });
  const open = (streamtype: string): SpdyStream => connection.open({ streamtype });
  const error = open('error');
  const streams = {
    error,
    stdin: options.stdin ? open('stdin') : undefined,
    stdout: options.stdout ? open('stdout') : undefined,
    stderr: options.stderr && !options.tty ? open('stderr') : undefined,
    resize: options.tty ? open('resize') : undefined,
  };
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = clock.after(limits.runtimeStreamMsMax, () => reject(tooLate()));
  try {
    await Promise.race([late, Promise.all(Object.values(streams).map((stream) => stream?.ready ?? Promise.resolve()))]);
  } catch (failure) {
    connection.destroy();
    if (failure instanceof RuntimeError) throw failure;
    throw new RuntimeError('failed', 'the container runtime refused the streams', { cause: failure });
  } finally {
    timer.cancel();
  }
  // Else each would be reset when it has been read, and a runtime that has closed by then makes the kernel drop what it sent last.
  for (const output of [streams.error, streams.stdout, streams.stderr]) output?.end();
  return new StreamingSession(connection, streams);
}

interface Streams {
  readonly error: SpdyStream;
  readonly stdin: SpdyStream | undefined;
  readonly stdout: SpdyStream | undefined;
  readonly stderr: SpdyStream | undefined;
  readonly resize: SpdyStream | undefined;
}

class StreamingSession implements Session {
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly ended: Promise<SessionEnd>;
  readonly #connection: SpdyConnection;
  readonly #resize: SpdyStream | undefined;

  constructor(connection: SpdyConnection, { error, stdin, stdout, stderr, resize }: Streams) {
    this.#connection = connection;
    this.#resize = resize;
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    stdin?.resume();
    resize?.resume();
    this.ended = readEnd(error).finally(() => {
      // The program has ended: nobody reads the rest of its input.
      stdin?.destroy();
      resize?.destroy();
    });
    void this.ended.then(() => closeWhenRead(connection, [stdout, stderr]));
  }

  resize({ width, height }: TerminalSize): void {
    this.#resize?.write(`${JSON.stringify({ Width: width, Height: height })}\n`);
  }

  /** The runtime does what it does for a client that has gone. */
  hangUp(): void {
    this.#connection.destroy();
  }

  async kill(): Promise<void> {
    this.#connection.destroy();
  }
}

const statusBytesMax = 64 * 1024;

/** The Status on the error stream; a stream without one, or with what is none, is an error. */
async function readEnd(error: SpdyStream): Promise<SessionEnd> {
  let text = '';
  try {
    for await (const piece of error) text = (text + (piece as Buffer).toString('utf8')).slice(0, statusBytesMax);
  } catch {
    // What came before it broke counts.
  }
  return parsedEnd(text);
}

interface WireStatus {
  readonly status?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

function parsedEnd(text: string): SessionEnd {
  if (text === '') return { kind: 'failed', message: 'the connection to the container runtime was lost' };
  try {
    const { status, message = text, details } = JSON.parse(text) as WireStatus;
    if (status === 'Success') return { kind: 'exited', exitCode: 0 };
    const code = details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
    return code === undefined ? { kind: 'failed', message } : { kind: 'exited', exitCode: Number(code) };
  } catch {
    return { kind: 'failed', message: text };
  }
}

async function closeWhenRead(connection: SpdyConnection, outputs: readonly (SpdyStream | undefined)[]): Promise<void> {
  for (const output of outputs) {
    if (output === undefined || output.readableEnded || output.destroyed) continue;
    await new Promise<void>((resolve) => {
      for (const event of ['end', 'close']) output.once(event, () => resolve());
    });
  }
  connection.close();
}

const tooLate = (): RuntimeError =>
  new RuntimeError('timeout', "the container runtime's streaming server: it did not answer in time");

function upgrade(url: string, clock: Clock): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void =>
      reject(
        cause instanceof RuntimeError
          ? cause
          : new RuntimeError('failed', `the container runtime's streaming server: ${why}`, { cause }),
      );
    const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': protocol };
    const request = httpRequest(url, { method: 'POST', headers, agent: false });
    const timer = clock.after(limits.runtimeStreamMsMax, () => request.destroy(tooLate()));
    request.once('close', () => timer.cancel());
    request.once('error', (error) => fail(error.message, error));
    request.once('response', (response: IncomingMessage) => {
      response.resume();
      fail(`it answered ${response.statusCode}`);
    });
    request.once('upgrade', (_response, socket, head) => {
      timer.cancel();
      socket.setNoDelay(true);
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    request.end();
  });
}
