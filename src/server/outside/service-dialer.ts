/**
 * A connection to one of a Service's endpoints: bytes in both directions, before any TLS. A pod's is opened by the agent of its node and
 * comes back over that node's own connection; all else is dialled from here.
 *
 * ```
 *  Service ─▶ ready endpoints ─┬─▶ pod: NodeConnections.call(node, naru-dial) ─▶ agent ─▶ pod's port
 *                              └─▶ address, name: connect() from here
 * ```
 * Kept true: one endpoint that cannot be reached is no failure while another can; a dial that is given up leaves no connection behind.
 */
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { NodeConnections } from '../../client/node-api.ts';
import { dialPath, dialProtocol } from '../../client/node-proxy.ts';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { agentError } from '../pod-log.ts';
import { dialText, hostPort } from './go-errors.ts';
import {
  type Endpoint,
  ServiceEndpoints,
  type ServiceEndpointsOptions,
  type ServiceReference,
} from './service-endpoints.ts';

export interface ServiceDialerOptions extends ServiceEndpointsOptions {
  readonly nodes: NodeConnections;
  readonly clock: Clock;
}

/** Worded as Go words it. */
export class DialFault extends Error {}

export class ServiceDialer {
  readonly #options: ServiceDialerOptions;
  readonly #endpoints: ServiceEndpoints;

  constructor(options: ServiceDialerOptions) {
    this.#options = options;
    this.#endpoints = new ServiceEndpoints(options);
  }

  /** @throws DialFault, NoEndpoints, StatusError; `signal.reason` where it is aborted */
  async dial(service: ServiceReference, signal: AbortSignal): Promise<Duplex> {
    const endpoints = (await this.#endpoints.find(service)).slice(0, limits.dialledEndpointsMax);
    let last: unknown;
    for (const [index, endpoint] of endpoints.entries()) {
      signal.throwIfAborted();
      const isLast = index === endpoints.length - 1;
      try {
        return await this.#within(isLast ? limits.dialMsMax : limits.dialNextMsMax, endpoint, signal);
      } catch (error) {
        last = error;
      }
    }
    signal.throwIfAborted();
    throw last;
  }

  /** From here, to an address or a name. @throws DialFault */
  dialAddress(host: string, port: number, signal: AbortSignal): Promise<Duplex> {
    return this.#within(limits.dialMsMax, { host, port }, signal);
  }

  async #within(msMax: number, endpoint: Endpoint, signal: AbortSignal): Promise<Duplex> {
    const given = new AbortController();
    const late = this.#options.clock.after(msMax, () => given.abort(timedOut(endpoint)));
    const abort = (): void => given.abort(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await (endpoint.pod === undefined
        ? connectTo(endpoint, given.signal)
        : this.#throughNode({ ...endpoint, pod: endpoint.pod }, given.signal));
    } finally {
      late.cancel();
      signal.removeEventListener('abort', abort);
    }
  }

  /** The call lasts as long as the connection. */
  async #throughNode({ pod, host, port }: Required<Endpoint>, given: AbortSignal): Promise<Duplex> {
    const { nodes } = this.#options;
    const over = new AbortController();
    const giveUp = (): void => over.abort(given.reason);
    given.addEventListener('abort', giveUp, { once: true });
    try {
      const path = dialPath({ pod, port });
      const answer = await nodes.call(pod.node, {
        method: 'GET',
        path,
        headers: {},
        upgrade: dialProtocol,
        signal: over.signal,
      });
      if (answer.connection === undefined) throw new DialFault((await agentError(answer, '')).message);
      const { connection } = answer;
      connection.once('close', () => over.abort(new Error('the connection was closed')));
      return connection;
    } catch (error) {
      if (given.aborted) throw given.reason;
      if (error instanceof DialFault) throw error;
      const why = error instanceof Error ? error.message : String(error);
      throw new DialFault(`dial tcp ${hostPort(host, port)}: ${why}`);
    } finally {
      given.removeEventListener('abort', giveUp);
    }
  }
}

const timedOut = ({ host, port }: Endpoint): DialFault =>
  new DialFault(`dial tcp ${hostPort(host, port)}: i/o timeout`);

function connectTo({ host, port }: Endpoint, given: AbortSignal): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, keepAlive: true });
    const giveUp = (): void => {
      socket.destroy();
      reject(given.reason as Error);
    };
    if (given.aborted) return giveUp();
    given.addEventListener('abort', giveUp, { once: true });
    const fail = (error: Error): void => {
      given.removeEventListener('abort', giveUp);
      reject(new DialFault(dialText(error, host, port), { cause: error }));
    };
    socket.once('error', fail);
    socket.once('connect', () => {
      given.removeEventListener('abort', giveUp);
      socket.off('error', fail);
      resolve(socket);
    });
  });
}
