/**
 * The node's own Node as the API has it, by a watch of that one object: what admission compares pods with. Another watch may have told of a
 * pod before this one tells of the label that the pod was placed for, so there is a way to ask anew.
 */
import type { Node } from '../../api/schema/types/core-v1.ts';
import type { Client } from '../../client/client.ts';
import { Informer } from '../../client/informer.ts';
import { nodes } from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import type { Service } from '../../lib/service.ts';

export interface NodeSource {
  /** Undefined until the API told of it. */
  get(): Node | undefined;
  /** As it is now. Rejects where the API does not say. */
  fetch(): Promise<Node>;
}

export interface OwnNodeOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

export class OwnNode implements NodeSource, Service {
  readonly name = 'own-node';
  readonly #client: Client;
  readonly #reference: { readonly namespace: string; readonly name: string };
  readonly #informer: Informer<Node>;

  constructor({ nodeName, ...options }: OwnNodeOptions) {
    this.#client = options.client;
    this.#reference = { namespace: '', name: nodeName };
    const query = { fieldSelector: `metadata.name=${nodeName}` };
    this.#informer = new Informer({ ...options, resource: nodes, query });
  }

  start(): Promise<void> {
    return this.#informer.start();
  }

  close(): Promise<void> {
    return this.#informer.close();
  }

  get(): Node | undefined {
    return this.#informer.cache.get(this.#reference);
  }

  fetch(): Promise<Node> {
    return this.#client.get(nodes, this.#reference);
  }
}
