/**
 * A command in a container, by containerd's own task service and named pipes of ours, rather than by the CRI's streaming server. It costs
 * the same and carries half as much again; and only so a command that ends without reading all its input does not hang, a terminal
 * has its size before its first prompt, a program whose client has gone can be told, and a restart of containerd loses nothing.
 *
 * ```
 *  FIFOs, our ends open ─▶ Exec ─▶ Wait (stays) ─▶ Start ─▶ … ─▶ Wait answers, outputs end ─▶ DeleteProcess
 * ```
 * Kept true: what the command may is what its container may (its process's own specification, with another command); every path
 * closes all ends of all pipes.
 */
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import { RuntimeError } from '../runtime.ts';
import type { ExecOptions, Session, SessionEnd, TerminalSize } from '../streaming/session.ts';
import type { CriConnection } from './connection.ts';
import type { Fifo, FifoFolder } from './fifos.ts';
import type { ContainerdMethods } from './messages.ts';

export interface TaskSurroundings {
  readonly connection: CriConnection;
  readonly clock: Clock;
  readonly fifos: FifoFolder;
  /** Unlike all others on this containerd, also those of earlier processes. */
  readonly execId: string;
}

const signals = { hangUp: 1, kill: 9, pipe: 13 } as const;
const specType = 'types.containerd.io/opencontainers/runtime-spec/1/Process';

const callMsMax = 120_000;
/** A program that was told to end has so long before it is killed. */
const hangUpMsMax = 10_000;
/** containerd may be restarted meanwhile: command and pipes live on in the shim. */
const awayMsMax = 60_000;
const retryMs = 500;
/** The outputs have ended and the process is gone, but its exit is not told: containerd 1.6 loses one now and then. */
const lostExitMsMax = 5_000;
const killMsMax = 2_000;

interface Pipes {
  readonly stdin: Fifo | undefined;
  readonly stdout: Fifo;
  readonly stderr: Fifo | undefined;
}

/** @throws RuntimeError */
export async function startTaskSession(
  surroundings: TaskSurroundings,
  containerId: string,
  command: readonly string[],
  options: ExecOptions,
): Promise<Session> {
  const { connection, execId, fifos } = surroundings;
  const spec = await processSpec(connection, containerId, command, options);
  const pipes = await openPipes(fifos, options);
  const ids = { container_id: containerId, exec_id: execId };
  const deleteProcess = (): void => void connection.containerd('DeleteProcess', ids, callMsMax).catch(ignore);
  try {
    const files = {
      stdin: pipes.stdin?.file ?? '',
      stdout: pipes.stdout.file,
      stderr: pipes.stderr?.file ?? '',
    };
    const value = Buffer.from(JSON.stringify(spec));
    const request = { ...ids, ...files, terminal: options.tty, spec: { type_url: specType, value } };
    await connection.containerd('Exec', request, callMsMax);
  } catch (error) {
    discard(pipes);
    throw error;
  }
  // Before the start: a command that ends at once must not end unseen.
  const exit = waitForExit(surroundings, ids);
  exit.catch(ignore);
  try {
    const { pid } = await connection.containerd('Start', ids, callMsMax);
    return new TaskSession(surroundings, ids, { options, pipes, pid, exit });
  } catch (error) {
    discard(pipes);
    deleteProcess();
    throw error;
  }
}

/** The container's own process, with another command. */
async function processSpec(
  connection: CriConnection,
  id: string,
  command: readonly string[],
  { tty, size }: ExecOptions,
): Promise<object> {
  const { container } = await connection.containerd('Get', { id }, callMsMax);
  if (!container?.spec) throw new RuntimeError('not-found', `container ${id} has no specification`);
  const { process } = JSON.parse(container.spec.value.toString()) as { process: { readonly env?: readonly string[] } };
  const env = tty ? [...(process.env ?? []).filter((each) => !each.startsWith('TERM=')), 'TERM=xterm'] : process.env;
  const consoleSize = tty && size !== undefined ? { consoleSize: size } : {};
  return { ...process, ...consoleSize, terminal: tty, args: command, env };
}

/** @throws RuntimeError, with nothing left open: out of descriptors, say */
export async function openPipes(fifos: Pick<FifoFolder, 'take'>, { stdin, tty }: ExecOptions): Promise<Pipes> {
  const [input, output, errors] = await Promise.all([
    stdin ? fifos.take() : undefined,
    fifos.take(),
    tty ? undefined : fifos.take(),
  ]);
  try {
    return {
      stdin: input?.openForWriting(),
      stdout: output.openForReading(),
      stderr: errors?.openForReading(),
    };
  } catch (error) {
    discard({ stdin: input, stdout: output, stderr: errors });
    throw new RuntimeError('failed', "the command's pipes could not be opened", { cause: error });
  }
}

function discard(pipes: Pipes): void {
  for (const pipe of [pipes.stdin, pipes.stdout, pipes.stderr]) pipe?.discard();
}

type ProcessIds = ContainerdMethods['Wait']['request'];

async function waitForExit({ connection, clock }: TaskSurroundings, ids: ProcessIds): Promise<number> {
  let awaySinceMs: number | undefined;
  for (;;) {
    try {
      return (await connection.containerd('Wait', ids, Number.MAX_SAFE_INTEGER)).exit_status;
    } catch (error) {
      const isAway = error instanceof RuntimeError && error.kind === 'unavailable';
      awaySinceMs ??= clock.monotonic();
      if (!isAway || clock.monotonic() - awaySinceMs > awayMsMax) throw error;
      await clock.sleep(retryMs);
    }
  }
}

interface Started {
  readonly options: ExecOptions;
  readonly pipes: Pipes;
  /** On the host. */
  readonly pid: number;
  readonly exit: Promise<number>;
}

class TaskSession implements Session {
  readonly stdin: Socket | undefined;
  readonly stdout: Socket;
  readonly stderr: Socket | undefined;
  readonly ended: Promise<SessionEnd>;
  readonly #surroundings: TaskSurroundings;
  readonly #ids: ProcessIds;
  readonly #tty: boolean;
  #hasEnded = false;

  constructor(surroundings: TaskSurroundings, ids: ProcessIds, { options, pipes, pid, exit }: Started) {
    this.#surroundings = surroundings;
    this.#ids = ids;
    this.#tty = options.tty;
    this.stdout = pipes.stdout.started('reading');
    this.stderr = pipes.stderr?.started('reading');
    this.stdin = pipes.stdin?.started('writing');
    for (const socket of [this.stdin, this.stdout, this.stderr]) socket?.on('error', ignore);
    // The shim holds a writing end, too: it lets go of it when told.
    this.stdin?.once('close', () => {
      if (!this.#hasEnded) this.#tell('CloseIO', { ...ids, stdin: true });
    });
    this.ended = this.#end(exit, pid);
  }

  resize({ width, height }: TerminalSize): void {
    this.#tell('ResizePty', { ...this.#ids, width, height });
  }

  hangUp(): void {
    if (this.#hasEnded) return;
    if (this.#tty) return this.#signalThenKill(signals.hangUp);
    // As long as it is silent it may not even know.
    const broken = (): void => this.#signalThenKill(signals.pipe);
    for (const output of [this.stdout, this.stderr]) output?.once('data', broken);
  }

  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    this.#tell('Kill', { ...this.#ids, signal: signals.kill });
    const { clock } = this.#surroundings;
    await Promise.race([this.ended, clock.sleep(killMsMax)]);
    this.#close();
  }

  #signalThenKill(signal: number): void {
    if (this.#hasEnded) return;
    this.#tell('Kill', { ...this.#ids, signal });
    const late = this.#surroundings.clock.after(hangUpMsMax, () => {
      if (!this.#hasEnded) this.#tell('Kill', { ...this.#ids, signal: signals.kill });
    });
    void this.ended.then(() => late.cancel());
  }

  async #end(exit: Promise<number>, pid: number): Promise<SessionEnd> {
    const outputs = Promise.all([this.stdout, this.stderr].map(closed));
    try {
      const exitCode = await Promise.race([exit, outputs.then(() => this.#untilLost(pid))]);
      await outputs;
      if (exitCode !== undefined) return { kind: 'exited', exitCode };
      return { kind: 'failed', message: 'the exit code of the command was lost by the container runtime' };
    } catch (error) {
      return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
    } finally {
      this.#hasEnded = true;
      this.stdin?.destroy();
      this.#tell('DeleteProcess', this.#ids);
    }
  }

  /** Resolves when the process has been gone for so long that its exit will not be told any more. */
  async #untilLost(pid: number): Promise<undefined> {
    const { clock } = this.#surroundings;
    let goneSinceMs = Infinity;
    while (clock.monotonic() - goneSinceMs < lostExitMsMax || goneSinceMs === Infinity) {
      await clock.sleep(1000);
      if (this.#hasEnded) return;
      if (existsSync(`/proc/${pid}`)) goneSinceMs = Infinity;
      else goneSinceMs = Math.min(goneSinceMs, clock.monotonic());
    }
  }

  #close(): void {
    for (const socket of [this.stdin, this.stdout, this.stderr]) socket?.destroy();
  }

  /** What fails here fails because the process has ended. */
  #tell<M extends keyof ContainerdMethods>(method: M, request: ContainerdMethods[M]['request']): void {
    this.#surroundings.connection.containerd(method, request, callMsMax).catch(ignore);
  }
}

function closed(socket: Socket | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (socket === undefined || socket.destroyed) resolve();
    else socket.once('close', () => resolve());
  });
}

function ignore(): void {}
