/** Writes a pod's binding, and finds out what became of one whose answer got lost. */
import type { Binding, Pod } from '../api/schema/types/core-v1.ts';
import type { Client } from '../client/client.ts';
import { isRefusal } from '../client/errors.ts';
import { pods as podsResource } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import { LastWord } from './last-word.ts';

export class Binder {
  readonly #client: Client;
  readonly #lastWord: LastWord;

  constructor(options: { readonly client: Client; readonly clock: Clock }) {
    this.#client = options.client;
    this.#lastWord = new LastWord(options);
  }

  close(): void {
    this.#lastWord.close();
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

  async #isBound({ metadata }: Pod): Promise<boolean> {
    const { namespace = '', name = '', uid } = metadata ?? {};
    const current = await this.#lastWord.about(podsResource, { namespace, name });
    return current?.metadata?.uid === uid && Boolean(current?.spec?.nodeName);
  }
}
