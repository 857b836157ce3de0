/** Writes a pod's binding, and finds out what became of one whose answer got lost. */
import type { Binding, Pod } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client } from '../client/client.ts';
import { isRefusal } from '../client/errors.ts';
import { pods as podsResource } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';

/** How soon the server is asked again what became of a binding (ms). */
const askAgainMs = 500;

export class Binder {
  readonly #client: Client;
  readonly #clock: Clock;
  #closed = false;

  constructor({ client, clock }: { readonly client: Client; readonly clock: Clock }) {
    this.#client = client;
    this.#clock = clock;
  }

  close(): void {
    this.#closed = true;
  }

  /** Rejects where the pod is certainly not bound. */
  async bind(pod: Pod, node: string): Promise<void> {
    const { namespace = '', name = '', uid } = pod.metadata ?? {};
    const body: Binding = {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { namespace, name, ...(uid !== undefined && { uid }) },
      target: { kind: 'Node', name: node },
    };
    try {
      await this.#client.createSubresource(podsResource, { namespace, name }, 'binding', body);
    } catch (error) {
      if (isRefusal(error) || !(await this.#isBound(pod))) throw error;
    }
  }

  /** A call whose answer got lost may have been carried out: its room must not be given away again. Asks until the server says. */
  async #isBound({ metadata }: Pod): Promise<boolean> {
    const { namespace = '', name = '', uid } = metadata ?? {};
    while (!this.#closed) {
      try {
        const current = await this.#client.get(podsResource, { namespace, name });
        return current.metadata?.uid === uid && Boolean(current.spec?.nodeName);
      } catch (error) {
        if (hasReason(error, 'NotFound')) return false;
        await this.#clock.sleep(askAgainMs);
      }
    }
    return false;
  }
}
