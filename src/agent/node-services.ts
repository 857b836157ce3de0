/**
 * The cluster's services as a node knows them, for the variables of its containers: one watch, however many pods there are. A pod of the API waits
 * until they have been read once, since what its variables leave out they leave out for good; a pod of a manifest does not, as it may be
 * what makes the API answer.
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
