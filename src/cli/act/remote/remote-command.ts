/**
 * A program in a container, from this side: `v5.channel.k8s.io` over WebSocket, or v4 where the server is older. The first byte of a message
 * is its channel.
 *
 * ```
 *  we ─▶ 0 stdin   4 resize   255 0: end of stdin (v5)          we ◀─ 1 stdout   2 stderr   3 how it ended, then close 1000
 * ```
 * Kept true: nothing of an output is lost or reordered, and a slow reader slows the program; the end is told only after all output was
 * handed on; a connection that breaks is never taken for a program that ended well.
 */
import type { Readable, Writable } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Status } from '../../../api/schema/types/meta-v1.ts';
import type { ClientConfig } from '../../../client/kubeconfig-reader.ts';
import { pathOf, queryText } from '../../../client/resource-path.ts';
import { pods } from '../../../client/resources.ts';
import type { Clock } from '../../../lib/clock.ts';
import { openWebSocket } from './upgrade.ts';

export interface RemoteCommandOptions {
  readonly config: ClientConfig;
  readonly clock: Clock;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Absent: attach to what runs. */
  readonly command?: readonly string[];
  readonly tty?: boolean;
  readonly stdin?: Readable;
  readonly stdout?: Writable;
  readonly stderr?: Writable;
}

export type CommandEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'failed'; readonly message: string };

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

export interface RemoteCommand {
  /** Never rejects. */
  readonly ended: Promise<CommandEnd>;
  resize(size: TerminalSize): void;
}

const protocols = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;
/** Input that is under way (bytes). Above it the source waits. */
const inputBytesMax = 1024 * 1024;

/** Resolves when the server has accepted. @throws StatusError, UserError */
export async function startRemoteCommand(options: RemoteCommandOptions): Promise<RemoteCommand> {
  const { config, clock } = options;
  const webSocket = await openWebSocket({ config, clock, path: requestPath(options), protocols });
  return new WebSocketCommand(webSocket, options);
}

function requestPath({ namespace, pod, container, command, tty, stdin, stdout, stderr }: RemoteCommandOptions): string {
  const flag = (isSet: boolean): string | undefined => (isSet ? 'true' : undefined);
  const query = queryText({
    container,
    stdin: flag(stdin !== undefined),
    stdout: flag(stdout !== undefined),
    // A terminal has one output.
    stderr: flag(stderr !== undefined && tty !== true),
    tty: flag(tty === true),
  });
  const words = (command ?? []).map((word) => `&command=${encodeURIComponent(word)}`).join('');
  const verb = command === undefined ? 'attach' : 'exec';
  return pathOf(pods, { namespace, name: pod }, verb) + query + words;
}

class WebSocketCommand implements RemoteCommand {
  readonly ended: Promise<CommandEnd>;
  readonly #webSocket: WebSocket;
  readonly #options: RemoteCommandOptions;
  readonly #end = Promise.withResolvers<CommandEnd>();
  readonly #full = new Set<Writable>();
  #status: string | undefined;

  constructor(webSocket: WebSocket, options: RemoteCommandOptions) {
    this.ended = this.#end.promise;
    this.#webSocket = webSocket;
    this.#options = options;
    webSocket.on('message', (data) => this.#message(data as Buffer));
    webSocket.on('close', (code) => this.#end.resolve(endOf(this.#status, code)));
    if (options.stdin !== undefined) this.#feed(options.stdin);
  }

  resize({ width, height }: TerminalSize): void {
    this.#send(channel.resize, Buffer.from(JSON.stringify({ Width: width, Height: height })));
  }

  #feed(stdin: Readable): void {
    const webSocket = this.#webSocket;
    stdin.on('data', (chunk: Buffer) => {
      this.#send(channel.stdin, chunk, () => {
        if (stdin.isPaused() && webSocket.bufferedAmount < inputBytesMax) stdin.resume();
      });
      if (webSocket.bufferedAmount >= inputBytesMax) stdin.pause();
    });
    stdin.once('end', () => {
      // v4 knows no such thing: there the program is not told.
      if (webSocket.protocol.startsWith('v5')) this.#send(channel.close, Buffer.of(channel.stdin));
    });
    stdin.once('error', () => webSocket.terminate());
    webSocket.once('close', () => stdin.pause());
  }

  #message(message: Buffer): void {
    const data = message.subarray(1);
    if (data.length === 0) return;
    const which = message[0];
    if (which === channel.error) this.#status = (this.#status ?? '') + data.toString();
    const output = which === channel.stdout ? this.#options.stdout : this.#options.stderr;
    if ((which !== channel.stdout && which !== channel.stderr) || output === undefined) return;
    if (output.destroyed) return this.#webSocket.terminate();
    if (output.write(data) || this.#full.has(output)) return;
    this.#full.add(output);
    this.#webSocket.pause();
    const goOn = (): void => {
      output.off('drain', goOn);
      output.off('close', goOn);
      this.#full.delete(output);
      if (this.#full.size === 0) this.#webSocket.resume();
    };
    output.once('drain', goOn);
    output.once('close', goOn);
  }

  #send(which: number, data: Buffer, done: () => void = () => {}): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#webSocket.send(Buffer.concat([Buffer.of(which), data]), done);
  }
}

const exited = (exitCode: number): CommandEnd => ({ kind: 'exited', exitCode });

/** From what came on the error channel, and the code of the goodbye. */
export function endOf(text: string | undefined, closeCode: number): CommandEnd {
  if (text === undefined) {
    if (closeCode === 1000) return exited(0);
    return { kind: 'failed', message: 'the connection broke before the program ended; it may still run' };
  }
  let status: Status;
  try {
    status = JSON.parse(text) as Status;
  } catch {
    return { kind: 'failed', message: text.trim() };
  }
  if (status.status === 'Success') return exited(0);
  const code = status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message;
  if (status.reason === 'NonZeroExitCode' && /^\d{1,3}$/.test(code ?? '')) return exited(Number(code));
  return { kind: 'failed', message: status.message ?? 'the program could not be run' };
}
