/**
 * The cluster's services as a node knows them, for the variables of its containers and for the resolver of its pods: one watch, however many pods there
 * are. A pod of the API waits until they have been read once, since what its variables leave out they leave out for good; a pod of a manifest
 * does not, as it may be what makes the API answer.
 */
import type { Pod, Service as ServiceObject } from '../api/schema/types/core-v1.ts';
import type { Client } from '../client/client.ts';
import { Informer } from '../client/informer.ts';
import { services } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';
import { ConfigError } from './pod/config-error.ts';
import type { ClusterDns } from './pod/dns.ts';
import { servicesFor, serviceVariables, type Variable } from './pod/service-variables.ts';
import { isStaticPod } from './static-pods/static-pod.ts';

export interface NodeServicesOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

/** How long a container waits for the first list, before it is tried again later. */
const firstListMsMax = 1000;

export class NodeServices implements Service {
  readonly name = 'services';
  readonly #clock: Clock;
  readonly #informer: Informer<ServiceObject>;

  constructor(options: NodeServicesOptions) {
    this.#clock = options.clock;
    this.#informer = new Informer({ ...options, resource: services });
  }

  start(): Promise<void> {
    return this.#informer.start();
  }

  close(): Promise<void> {
    return this.#informer.close();
  }

  /** @throws ConfigError while the services are not known */
  async variables(pod: Pod): Promise<readonly Variable[]> {
    if (!isStaticPod(pod)) await this.#firstList();
    const { cache } = this.#informer;
    return servicesFor(pod, (namespace) => cache.list(namespace)).flatMap(serviceVariables);
  }

  /**
   * Where the cluster's names are answered: what was configured, else the addresses of the Service kube-system/kube-dns as it is now.
   * @param configured `clusterDNS` of the kubelet's configuration
   */
  clusterDns(configured: readonly string[], domain: string): ClusterDns {
    const { cache } = this.#informer;
    return {
      domain,
      get servers() {
        if (configured.length > 0) return configured;
        const { clusterIPs = [] } = cache.byKey('kube-system/kube-dns')?.spec ?? {};
        return clusterIPs.filter((address) => address !== 'None');
      },
      ready: (pod) => (configured.length > 0 || isStaticPod(pod) ? Promise.resolve() : this.#firstList()),
    };
  }

  async #firstList(): Promise<void> {
    if (this.#informer.hasSynced) return;
    const waiting = new AbortController();
    const enough = this.#clock.sleep(firstListMsMax, waiting.signal).catch(() => {});
    await Promise.race([this.#informer.synced, enough]);
    waiting.abort();
    if (this.#informer.hasSynced) return;
    throw new ConfigError('services have not yet been read at least once, cannot construct envvars');
  }
}
