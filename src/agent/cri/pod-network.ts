/**
 * Connections to a pod's `localhost`, made from within the pod's network by a small process of ours (`pod-network-dialer.ts`), started
 * in that network by nsenter. The first costs some 60 ms, those that follow less than one; it ends when it was idle for a minute.
 * So an end in one direction is kept apart from the other, which the runtimes' own port forwarding does not do.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import process from 'node:process';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';

const idleMsMax = 60_000;
const dialMsMax = 30_000;
const dialer = fileURLToPath(new URL('./pod-network-dialer.ts', import.meta.url));

interface Answer {
  readonly id: number;
  readonly error?: string;
}

interface PendingDial {
  readonly resolve: (socket: Socket) => void;
  readonly reject: (error: Error) => void;
}

export interface PodNetworkOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** The network namespace of a sandbox, as a path; undefined: the host's. */
  readonly namespaceOf: (sandboxId: string) => Promise<string | undefined>;
}

export class PodNetworks {
  readonly #options: PodNetworkOptions;
  readonly #dialers = new Map<string, Promise<Dialer>>();

  constructor(options: PodNetworkOptions) {
    this.#options = options;
  }

  /** @throws Error, with why there is no connection */
  async dial(sandboxId: string, port: number): Promise<Duplex> {
    const { clock, log, namespaceOf } = this.#options;
    let dialer = this.#dialers.get(sandboxId);
    if (dialer === undefined) {
      const forget = (): void => void (this.#dialers.get(sandboxId) === dialer && this.#dialers.delete(sandboxId));
      dialer = namespaceOf(sandboxId).then((namespace) => new Dialer(namespace, { clock, log, ended: forget }));
      this.#dialers.set(sandboxId, dialer);
      dialer.catch(forget);
    }
    return (await dialer).dial(port);
  }

  async close(): Promise<void> {
    const dialers = await Promise.allSettled(this.#dialers.values());
    this.#dialers.clear();
    for (const dialer of dialers) if (dialer.status === 'fulfilled') dialer.value.close();
  }
}

class Dialer {
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #pending = new Map<number, PendingDial>();
  readonly #ended: () => void;
  #idle: Timer | undefined;
  #count = 0;

  constructor(
    namespace: string | undefined,
    { clock, log, ended }: { readonly clock: Clock; readonly log: Logger; readonly ended: () => void },
  ) {
    this.#clock = clock;
    this.#ended = ended;
    const own = [process.execPath, '--max-old-space-size=32', dialer];
    const argv = namespace === undefined ? own : ['nsenter', `--net=${namespace}`, '--', ...own];
    this.#child = spawn(argv[0] as string, argv.slice(1), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    this.#child.on('message', (answer, handle) => this.#answered(answer as Answer, handle as Socket | undefined));
    this.#child.once('error', (error) => {
      log.warn('the process in the network of a pod could not be started', { error });
      this.#end();
    });
    this.#child.once('exit', () => this.#end());
    // A naru that ends need not wait for it.
    this.#child.unref();
    this.#child.channel?.unref();
  }

  dial(port: number): Promise<Socket> {
    this.#rest();
    const id = this.#count++;
    return new Promise((resolve, reject) => {
      const late = this.#clock.after(dialMsMax, () =>
        this.#take(id)?.reject(new Error(`dial tcp :${port}: i/o timeout`)),
      );
      const over = <T>(then: (value: T) => void) => {
        return (value: T): void => {
          late.cancel();
          then(value);
        };
      };
      this.#pending.set(id, { resolve: over(resolve), reject: over(reject) });
      if (!this.#child.connected) this.#take(id)?.reject(new Error('the network of the pod cannot be entered'));
      else this.#child.send({ id, port }, (error) => error && this.#take(id)?.reject(error));
    });
  }

  /** Ends the process, which knows it by the end of its channel. */
  close(): void {
    this.#idle?.cancel();
    if (this.#child.connected) this.#child.disconnect();
  }

  #answered({ id, error }: Answer, socket: Socket | undefined): void {
    const dial = this.#take(id);
    if (dial === undefined) return void socket?.destroy();
    if (socket === undefined) return dial.reject(new Error(error ?? 'the connection was lost on its way'));
    // Sockets that come over a channel are not: an end would close both directions.
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    dial.resolve(socket);
  }

  #take(id: number): PendingDial | undefined {
    const dial = this.#pending.get(id);
    this.#pending.delete(id);
    return dial;
  }

  #rest(): void {
    this.#idle?.cancel();
    this.#idle = this.#clock.after(idleMsMax, () => {
      this.#ended();
      this.close();
    });
  }

  #end(): void {
    this.#idle?.cancel();
    this.#ended();
    for (const id of this.#pending.keys()) {
      this.#take(id)?.reject(new Error('the network of the pod cannot be entered'));
    }
  }
}
