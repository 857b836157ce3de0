/**
 * Answers to challenges, on their way from the loop that orders certificates to every node: ConfigMap `kube-system/naru-acme-challenges`, a key for each
 * token. They are no secrets: anybody may ask for them on port 80.
 *
 * Kept true: the ConfigMap holds what is under way, and nothing else; what an earlier process left there goes with the first write.
 */
import type { ConfigMap } from '../../../api/schema/types/core-v1.ts';
import { hasReason } from '../../../api/status-error.ts';
import type { Client } from '../../../client/client.ts';
import { configMaps } from '../../../client/resources.ts';
import type { Entry } from '../plan.ts';
import type { Proof } from './issue.ts';

export const challengesReference = { namespace: 'kube-system', name: 'naru-acme-challenges' } as const;

const answersMax = 1000;
const wellKnown = '/.well-known/acme-challenge/';

export const challengePath = (token: string): string => `${wellKnown}${token}`;

/** What a port answers; only what looks like a token and its answer. */
export function answersOf(map: ConfigMap | undefined): NonNullable<Entry['answers']> {
  return Object.entries(map?.data ?? {})
    .filter(([token, body]) => /^[A-Za-z0-9_-]{1,253}$/.test(token) && /^[A-Za-z0-9._-]{1,512}$/.test(body))
    .slice(0, answersMax)
    .map(([token, body]) => ({ path: challengePath(token), body }));
}

export class PublishedChallenges {
  readonly #client: Client;
  readonly #proofs = new Map<string, string>();
  /** One write after the other: each brings all that is under way. */
  #last: Promise<void> = Promise.resolve();

  constructor(client: Client) {
    this.#client = client;
  }

  publish(proofs: readonly Proof[]): Promise<void> {
    for (const { token, keyAuthorization } of proofs) this.#proofs.set(token, keyAuthorization);
    return this.#write();
  }

  withdraw(proofs: readonly Proof[]): Promise<void> {
    for (const { token } of proofs) this.#proofs.delete(token);
    return this.#write();
  }

  #write(): Promise<void> {
    const turn = this.#last.catch(() => {}).then(() => this.#writeAll());
    this.#last = turn;
    return turn;
  }

  async #writeAll(): Promise<void> {
    const known = await this.#read();
    const data = Object.fromEntries(this.#proofs);
    if (known === undefined) {
      if (this.#proofs.size === 0) return;
      await this.#client.create(configMaps, { metadata: challengesReference, data });
      return;
    }
    const gone = Object.keys(known.data ?? {}).filter((token) => !this.#proofs.has(token));
    const body = { data: { ...data, ...Object.fromEntries(gone.map((token) => [token, null])) } };
    await this.#client.patch(configMaps, challengesReference, { type: 'merge', body });
  }

  async #read(): Promise<ConfigMap | undefined> {
    try {
      return await this.#client.get(configMaps, challengesReference);
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}
