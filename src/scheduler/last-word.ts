/**
 * What became of a call whose answer got lost: it may have been carried out, and whoever gives away again what it took gives it twice.
 * Asks until the server says.
 */
import type { KubeObject, ObjectReference } from '../api/object.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client, Resource } from '../client/client.ts';
import type { Clock } from '../lib/clock.ts';

/** How soon the server is asked again (ms). */
const askAgainMs = 500;

export class LastWord {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #stop = new AbortController();

  constructor({ client, clock }: { readonly client: Client; readonly clock: Clock }) {
    this.#client = client;
    this.#clock = clock;
  }

  close(): void {
    this.#stop.abort(new Error('closed'));
  }

  /** The object as it stands; undefined where there is none, and where nobody waits for the answer any more. */
  async about<T extends KubeObject>(resource: Resource<T>, reference: ObjectReference): Promise<T | undefined> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        return await this.#client.get(resource, reference);
      } catch (error) {
        if (hasReason(error, 'NotFound')) return undefined;
        await this.#clock.sleep(askAgainMs, signal).catch(() => {});
      }
    }
    return undefined;
  }
}
