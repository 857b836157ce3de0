/**
 * `naru port-forward`: ports of this machine that lead to a pod's, until Ctrl-C.
 *
 * A workload's or Service's port outlives the pod that stands behind it: the next connection goes to another one. A pod that was named ends it.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import process from 'node:process';
import type { Pod, Service } from '../../api/schema/types/core-v1.ts';
import { StatusError } from '../../api/status-error.ts';
import { pods } from '../../client/resources.ts';
import type { Home } from '../../home.ts';
import { type Connection, type ConnectionOptions, withApi } from '../cluster/connection.ts';
import { UsageError } from '../exit-code.ts';
import { describeError, UserError } from '../user-error.ts';
import { listenAddresses, type PortWish, parsePortWish, remotePort } from './forwarded-ports.ts';
import { bestPod, choosePods, findPods, type PodChoice } from './pods-of.ts';
import { PortTunnel } from './remote/port-tunnel.ts';

export interface PortForwardOptions extends ConnectionOptions {
  readonly address: string;
}

export async function portForward(
  home: Home,
  word: string,
  texts: readonly string[],
  options: PortForwardOptions,
): Promise<void> {
  const wishes = texts.map(parsePortWish);
  const addresses = listenAddresses(options.address);
  if (addresses.length === 0) throw new UsageError('--address names no address');
  await withApi(home, options, async (connection) => {
    const forwarder = new Forwarder(connection, word, await choosePods(connection, word));
    const servers: Server[] = [];
    try {
      // A pod that cannot be reached, or a port that it has not, is told before anything listens.
      await forwarder.check(wishes);
      for (const wish of wishes) servers.push(...(await listen(forwarder, wish, addresses)));
      await forwarder.over;
    } finally {
      for (const server of servers) server.close();
      forwarder.close();
    }
  });
}

interface OpenTunnel {
  readonly pod: Pod;
  readonly tunnel: PortTunnel;
}

class Forwarder {
  readonly #connection: Connection;
  readonly #word: string;
  readonly #choice: PodChoice;
  readonly #service: Service | undefined;
  readonly #over = Promise.withResolvers<never>();
  #open: Promise<OpenTunnel> | undefined;
  /** Connections that came at the same time may have opened several. */
  readonly #tunnels = new Set<PortTunnel>();

  constructor(connection: Connection, word: string, choice: PodChoice) {
    this.#connection = connection;
    this.#word = word;
    this.#choice = choice;
    const owner = choice.kind === 'selector' ? choice.owner?.object : undefined;
    // Whoever waits hears of it; before that the sentence is thrown as well.
    this.#over.promise.catch(() => {});
    this.#service = owner?.kind === 'Service' ? owner : undefined;
  }

  /** Never resolves; rejects when there is nothing left to forward to. */
  get over(): Promise<never> {
    return this.#over.promise;
  }

  async check(wishes: readonly PortWish[]): Promise<void> {
    const { pod } = await this.#tunnel();
    for (const wish of wishes) remotePort(wish, pod, this.#service);
  }

  portOf(wish: PortWish, pod: Pod): number {
    return remotePort(wish, pod, this.#service);
  }

  /** Never rejects. */
  async carry(socket: Socket, wish: PortWish): Promise<void> {
    try {
      const { pod, tunnel } = await this.#tunnel();
      await tunnel.carry(socket, this.portOf(wish, pod));
    } catch (error) {
      socket.destroy();
      process.stderr.write(`naru: ${wish.remote}: ${describeError(error, false)}\n`);
      if (this.#choice.kind === 'pod' && isGone(error)) this.#over.reject(error);
    }
  }

  close(): void {
    for (const tunnel of this.#tunnels) tunnel.close();
  }

  /** The one that is open, while its pod runs; else one to the pod that can best answer now. */
  async #tunnel(): Promise<OpenTunnel> {
    const open = await this.#open?.catch(() => undefined);
    if (open !== undefined && !open.tunnel.hasEnded && (await this.#runs(open.pod))) return open;
    if (open !== undefined) this.#drop(open.tunnel);
    this.#open = this.#dial();
    return this.#open;
  }

  #drop(tunnel: PortTunnel): void {
    this.#tunnels.delete(tunnel);
    tunnel.close();
  }

  /** A pod that has gone may leave its tunnel open, with nobody behind it. */
  async #runs({ metadata }: Pod): Promise<boolean> {
    try {
      const { namespace = '', name = '' } = metadata ?? {};
      const now = await this.#connection.client.get(pods, { namespace, name });
      return now.metadata?.uid === metadata?.uid && now.status?.phase === 'Running';
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  async #dial(): Promise<OpenTunnel> {
    const pod = bestPod(await findPods(this.#connection, this.#choice));
    if (pod === undefined || pod.status?.phase !== 'Running') {
      const state =
        pod === undefined ? 'has no pods' : `has no running pod (${pod.metadata?.name}: ${pod.status?.phase})`;
      const error = new UserError(`${this.#word} ${state}; naru why ${this.#word} says why`);
      if (this.#choice.kind === 'pod' && pod !== undefined && isOver(pod)) this.#over.reject(error);
      throw error;
    }
    const { config, clock } = this.#connection;
    const { namespace = '', name = '' } = pod.metadata ?? {};
    const tunnel = await PortTunnel.open({ config, clock, namespace, pod: name });
    this.#tunnels.add(tunnel);
    return { pod, tunnel };
  }
}

const isOver = ({ status }: Pod): boolean => status?.phase === 'Succeeded' || status?.phase === 'Failed';
const isGone = (error: unknown): boolean => error instanceof StatusError && error.code === 404;

/** On each address the same port, also where any free one will do. */
async function listen(forwarder: Forwarder, wish: PortWish, addresses: readonly string[]): Promise<Server[]> {
  const servers: Server[] = [];
  const bound: string[] = [];
  const failures: NodeJS.ErrnoException[] = [];
  let port = wish.local;
  for (const address of addresses) {
    try {
      const server = await listenOn(forwarder, wish, address, port);
      port = (server.address() as AddressInfo).port;
      servers.push(server);
      bound.push(address.includes(':') ? `[${address}]` : address);
    } catch (error) {
      failures.push(error as NodeJS.ErrnoException);
    }
  }
  // This machine may know one family alone. A port that is another program's in one of them would confuse.
  const [failure] = servers.length > 0 ? failures.filter(({ code }) => !familyErrors.has(code ?? '')) : failures;
  if (failure === undefined) {
    for (const address of bound) process.stdout.write(`Forwarding from ${address}:${port} -> ${wish.remote}\n`);
    return servers;
  }
  for (const server of servers) server.close();
  throw listenError(failure, wish);
}

const familyErrors: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']);

function listenOn(forwarder: Forwarder, wish: PortWish, address: string, port: number): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    void forwarder.carry(socket, wish);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      // Too many open files: the next connection may do better.
      server.on('error', (error) => process.stderr.write(`naru: ${error.message}\n`));
      resolve(server);
    });
  });
}

const listenReasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there; take another one, or :PORT for any free one',
  EACCES: 'it needs root below 1024; take a higher one',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'this machine has no such address',
};

function listenError({ code = '', message }: NodeJS.ErrnoException, { local }: PortWish): UserError {
  return new UserError(`port ${local} cannot be opened here: ${listenReasons[code] ?? message}`);
}
