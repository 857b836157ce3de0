/** Pods of a running cluster as a benchmark sees them: made through the API, watched by one watch, with the time at which each change was seen. */

import type { Pod } from '../../src/api/schema/types/core-v1.ts';
import type { HttpsClient } from '../../src/client/https-client.ts';
import { pods } from '../../src/client/resources.ts';
import { eventually } from '../../test/harness.ts';
import { command, image } from './alone.ts';

export const namespace = 'default';

export const isReady = (pod: Pod): boolean =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;

export class BenchPods {
  readonly #client: HttpsClient;
  readonly #newest = new Map<string, Pod>();
  readonly #waiters = new Set<() => void>();
  readonly #watch: { cancel(): void };

  private constructor(client: HttpsClient, resourceVersion: string) {
    this.#client = client;
    this.#watch = client.watch(
      pods,
      { namespace, resourceVersion },
      {
        event: ({ type, object }) => {
          // A bookmark is no pod.
          if (type === 'BOOKMARK') return;
          const name = object.metadata?.name ?? '';
          if (type === 'DELETED') this.#newest.delete(name);
          else this.#newest.set(name, object);
          for (const look of this.#waiters) look();
        },
        end: () => {},
      },
    );
  }

  static async open(client: HttpsClient): Promise<BenchPods> {
    const { metadata } = await client.list(pods, { namespace });
    return new BenchPods(client, metadata.resourceVersion ?? '');
  }

  close(): void {
    this.#watch.cancel();
  }

  async create(name: string): Promise<void> {
    await this.#client.create(pods, {
      metadata: { namespace, name },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [{ name: 'main', image, imagePullPolicy: 'Never', command: [...command] }],
      },
    });
  }

  /** Resolves in the moment when the watch tells of it. */
  until(name: string, holds: (pod: Pod | undefined) => boolean): Promise<Pod | undefined> {
    return new Promise((resolve) => {
      const look = (): void => {
        const pod = this.#newest.get(name);
        if (!holds(pod)) return;
        this.#waiters.delete(look);
        resolve(pod);
      };
      this.#waiters.add(look);
      look();
    });
  }

  ready(name: string): Promise<Pod | undefined> {
    return this.until(name, (pod) => pod !== undefined && isReady(pod));
  }

  async remove(names: readonly string[]): Promise<void> {
    for (const name of names) await this.#client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 });
    await Promise.all(names.map((name) => this.until(name, (pod) => pod === undefined)));
    await eventually(
      'the pods are gone',
      () => {
        if (this.#newest.size === 0) return true;
        throw new Error(JSON.stringify([...this.#newest.values()].slice(0, 2)));
      },
      120_000,
    );
  }
}
