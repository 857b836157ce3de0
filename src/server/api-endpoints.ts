/**
 * Where the API itself is reached, as pods see it: the Endpoints and the EndpointSlice of the Service `kubernetes` in `default`. No pod
 * stands behind that Service, so no control loop writes them; upstream's API server writes its own, and so does this.
 *
 * Kept true: what others change or delete is put right within ten seconds. It speaks for one server: with several on one store, each
 * would have to say that it lives, and only then could the address of one that does not be taken out.
 */

import { isIP } from 'node:net';
import os from 'node:os';
import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { Endpoints } from '../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../api/schema/types/discovery-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client, Resource } from '../client/client.ts';
import { endpointSlices, endpoints } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Service } from '../lib/service.ts';
import type { UserInfo } from '../registry/request.ts';

export const apiServerUser: UserInfo = {
  name: 'system:apiserver',
  groups: ['system:masters', 'system:authenticated'],
};

export interface ApiEndpointsOptions {
  /** The API server's own. */
  readonly client: Client;
  /** At which nodes and pods reach it; undefined: at none. Asked at the start. */
  readonly address: () => string | undefined;
  /** Known once the server listens. */
  readonly port: () => number;
  readonly clock: Clock;
  readonly log: Logger;
}

const place: ObjectReference = { namespace: 'default', name: 'kubernetes' };
/** As upstream's. */
const lookMs = 10_000;

export class ApiEndpoints implements Service {
  readonly name = 'kubernetes endpoints';
  readonly #options: ApiEndpointsOptions;
  readonly #stop = new AbortController();
  #work: Promise<void> = Promise.resolve();

  constructor(options: ApiEndpointsOptions) {
    this.#options = options;
  }

  /** Begins; resolves at once. */
  async start(): Promise<void> {
    const { log } = this.#options;
    const address = this.#options.address();
    if (address === undefined) log.info('this machine has no address that pods could reach the API at');
    else this.#work = this.#keep(address);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#work;
  }

  async #keep(address: string): Promise<void> {
    const { clock, log } = this.#options;
    while (!this.#stop.signal.aborted) {
      try {
        const wanted = wantedFor(address, this.#options.port());
        await this.#put(endpoints, wanted.endpoints, ({ subsets }) => subsets);
        await this.#removeOtherFamily(wanted.slice);
        await this.#put(endpointSlices, wanted.slice, ({ endpoints: list, ports }) => [list, ports]);
      } catch (error) {
        log.warn('the endpoints of the API could not be written', { error });
      }
      await clock.sleep(lookMs, this.#stop.signal).catch(() => {});
    }
  }

  /** Of a server that was reached at an address of the other family: that never changes in a slice. */
  async #removeOtherFamily({ addressType }: EndpointSlice): Promise<void> {
    const { client } = this.#options;
    const standing = await client.get(endpointSlices, place).catch(undefinedIfGone);
    if (standing === undefined || standing.addressType === addressType) return;
    const { uid } = standing.metadata ?? {};
    await client.delete(endpointSlices, place, { ...(uid !== undefined && { uid }) }).catch(undefinedIfGone);
  }

  /** Labels and annotations that others added stay. */
  async #put<T extends KubeObject>(resource: Resource<T>, wanted: T, contentOf: (object: T) => unknown): Promise<void> {
    const { client } = this.#options;
    const standing = await client.get(resource, place).catch(undefinedIfGone);
    if (standing === undefined) {
      await client.create(resource, wanted);
      return;
    }
    const { labels = {} } = standing.metadata ?? {};
    const missing = Object.entries(wanted.metadata?.labels ?? {}).some(([name, value]) => labels[name] !== value);
    if (!missing && JSON.stringify(contentOf(standing)) === JSON.stringify(contentOf(wanted))) return;
    const metadata = { ...standing.metadata, labels: { ...labels, ...wanted.metadata?.labels } };
    await client.update(resource, { ...wanted, metadata });
  }
}

function undefinedIfGone(error: unknown): undefined {
  if (!hasReason(error, 'NotFound')) throw error;
}

function wantedFor(address: string, port: number): { readonly endpoints: Endpoints; readonly slice: EndpointSlice } {
  const ports = [{ name: 'https', port, protocol: 'TCP' as const }];
  return {
    endpoints: {
      // The slice stands beside it: nobody is to make a second one of it.
      metadata: { ...place, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      subsets: [{ addresses: [{ ip: address }], ports }],
    },
    slice: {
      metadata: { ...place, labels: { 'kubernetes.io/service-name': place.name } },
      addressType: isIP(address) === 6 ? 'IPv6' : 'IPv4',
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports,
    },
  };
}

/**
 * The address that the API listens on, where others can reach that; else the machine's own, as upstream's: an endpoint may not be on the
 * loopback device, and one that is not open yet says at least where the server is. It is of the family of the Service's address, since
 * nothing leads from one family to the other.
 */
export function advertisedAddress(
  host: string,
  family: 'IPv4' | 'IPv6' = 'IPv4',
  interfaces: ReturnType<typeof os.networkInterfaces> = os.networkInterfaces(),
): string | undefined {
  const isWanted = isIP(host) === (family === 'IPv4' ? 4 : 6);
  if (isWanted && !isLoopback(host) && !/^(0\.0\.0\.0|::)$/.test(host)) return host;
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  const outside = all.filter((each) => !each.internal && each.family === family && !/^fe[89ab]/i.test(each.address));
  return outside[0]?.address;
}

export const isLoopback = (host: string): boolean => /^(127\.|::1$|localhost$)/.test(host);
