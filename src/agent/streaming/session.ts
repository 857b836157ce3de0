/**
 * One use of a container's terminal or pipes: a command that runs in it (`exec`), or its own first process (`attach`). The runtime
 * makes a `Session`; a client's protocol is put in front of it by `bridge.ts`. Neither knows of the other.
 */
import type { Readable, Writable } from 'node:stream';

export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/** Which streams the client asked for. With `tty`, errors come with the output. */
export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface ExecOptions extends StreamOptions {
  /** Of the terminal at the start; later sizes come by `resize`. */
  readonly size?: TerminalSize;
}

/** What became of it. `failed`: nobody knows an exit code, and `message` says why. */
export type SessionEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'failed'; readonly message: string };

export interface Session {
  /** Ending it is the end of file for the program. Whatever the program leaves unread is dropped when it ends. */
  readonly stdin: Writable | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Never rejects. The outputs may still hold what was written before the end. */
  readonly ended: Promise<SessionEnd>;
  resize(size: TerminalSize): void;
  /**
   * Nobody is there any more. A terminal hangs up; without one a program sees the end of its input, and a broken pipe when it
   * writes; one that does neither runs on, as upstream. The outputs must be read on (and dropped).
   */
  hangUp(): void;
  /** Ends the program, where that can be done, and lets go of everything. */
  kill(): Promise<void>;
}
