/**
 * A client and a session, joined until one of them ends.
 *
 * ```
 *  client.stdin ──▶ session.stdin        session.stdout, stderr ──▶ client        session.ended ─▶ all output sent ─▶ client.finish()
 *  client gone  ──▶ session.hangUp()     nobody said anything for hours, or the node stops ──▶ both end, the client with an error
 * ```
 * Kept true: the end is told after all output and exactly once; when `run` has resolved, neither side holds anything.
 */
import type { Readable, Writable } from 'node:stream';
import type { Clock, Timer } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { RemoteClient } from './remote-client.ts';
import type { Session, SessionEnd, TerminalSize } from './session.ts';

export interface BridgeOptions {
  readonly clock: Clock;
  readonly tty: boolean;
  /** Makes the session, once the client is ready. */
  readonly open: (size: TerminalSize | undefined) => Promise<Session>;
}

/** A client with a terminal tells its size at once; without waiting for it, the first prompt would come in another. */
const firstSizeMsMax = 100;
const heartbeatMs = 10_000;

export class Bridge {
  readonly #client: RemoteClient;
  readonly #options: BridgeOptions;
  readonly #gone = Promise.withResolvers<void>();
  #session: Session | undefined;
  #size: TerminalSize | undefined;
  #isGone = false;
  #isFinished = false;
  #stopReason: string | undefined;
  #lastActiveMs: number;
  #heartbeat: Timer | undefined;

  constructor(client: RemoteClient, options: BridgeOptions) {
    this.#client = client;
    this.#options = options;
    this.#lastActiveMs = options.clock.monotonic();
    client.onGone(() => this.#hangUp());
  }

  /** Resolves when both sides have ended. Never rejects. */
  async run(): Promise<void> {
    this.#beat();
    this.#finish(await this.#serve());
    // A client that vanishes only now is still told, and takes as long as it takes.
    await this.#gone.promise;
    this.#heartbeat?.cancel();
    await this.#session?.kill();
  }

  /** Ends it with an error for the client. */
  stop(reason: string): void {
    this.#stopReason ??= reason;
    this.#finish({ kind: 'failed', message: reason });
    void this.#session?.kill();
  }

  /** Without a word to the client. */
  destroy(): void {
    this.#client.destroy();
    void this.#session?.kill();
  }

  async #serve(): Promise<SessionEnd> {
    try {
      const session = await this.#open();
      if (session === undefined) return { kind: 'failed', message: this.#stopReason ?? 'the client has gone' };
      return await this.#copy(session);
    } catch (error) {
      return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Undefined where nobody is there to use it. */
  async #open(): Promise<Session | undefined> {
    await this.#client.ready;
    await this.#firstSize();
    if (this.#isGone || this.#isFinished) return undefined;
    const session = await this.#options.open(this.#size);
    this.#session = session;
    // Once more, whatever came meanwhile: the last one counts.
    if (this.#options.tty) this.#client.onResize((size) => session.resize(size));
    if (this.#isGone) this.#letGo(session);
    if (this.#isFinished) void session.kill();
    return session;
  }

  async #firstSize(): Promise<void> {
    if (!this.#options.tty) return;
    const done = Promise.withResolvers<void>();
    const late = this.#options.clock.after(firstSizeMsMax, done.resolve);
    this.#client.onResize((size) => {
      this.#size = size;
      done.resolve();
    });
    await done.promise;
    late.cancel();
  }

  async #copy(session: Session): Promise<SessionEnd> {
    const { stdin, stdout, stderr } = this.#client;
    if (stdin !== undefined) this.#copyInput(stdin, session.stdin);
    const copied = Promise.all([this.#copyOutput(session.stdout, stdout), this.#copyOutput(session.stderr, stderr)]);
    const end = await session.ended;
    await copied;
    return end;
  }

  #copyInput(from: Readable, to: Writable | undefined): void {
    const drop = (): void => {
      from.unpipe();
      from.resume();
    };
    from.on('data', () => this.#active());
    if (to === undefined || this.#isGone) return drop();
    // The program has ended, or closed its input: what still comes is dropped.
    to.once('error', drop).once('close', drop);
    from.pipe(to);
  }

  /** Resolves when all was taken by the client, or nobody takes it. */
  async #copyOutput(from: Readable | undefined, to: Writable | undefined): Promise<void> {
    if (from === undefined) return void to?.end();
    const read = ended(from);
    from.on('data', () => this.#active());
    if (to === undefined || this.#isGone) {
      from.resume();
      return read;
    }
    const taken = flushed(to);
    to.once('close', () => {
      from.unpipe(to);
      from.resume();
    });
    from.pipe(to);
    await read;
    to.end();
    if (!this.#isGone) await Promise.race([taken, this.#gone.promise]);
  }

  #finish(end: SessionEnd): void {
    if (this.#isFinished || this.#isGone) return;
    this.#isFinished = true;
    this.#client.finish(end);
  }

  #hangUp(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    if (this.#session !== undefined) this.#letGo(this.#session);
    this.#gone.resolve();
  }

  /** The outputs are read on, so that the program is not held up. */
  #letGo(session: Session): void {
    this.#client.stdin?.unpipe();
    session.stdin?.end();
    for (const output of [session.stdout, session.stderr]) {
      output?.unpipe();
      output?.resume();
    }
    session.hangUp();
  }

  #active(): void {
    this.#lastActiveMs = this.#options.clock.monotonic();
  }

  #beat(): void {
    const { clock } = this.#options;
    this.#heartbeat = clock.after(heartbeatMs, () => {
      if (this.#isGone) return;
      this.#client.heartbeat();
      if (clock.monotonic() - this.#lastActiveMs > limits.streamingIdleMsMax)
        this.stop('the session was idle for too long');
      this.#beat();
    });
  }
}

function ended(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.readableEnded || stream.destroyed) resolve();
    for (const event of ['end', 'close', 'error']) stream.once(event, () => resolve());
  });
}

function flushed(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    for (const event of ['finish', 'close', 'error']) stream.once(event, () => resolve());
  });
}
