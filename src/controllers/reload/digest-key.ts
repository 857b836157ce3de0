/**
 * The key by which contents are digested. Whoever may read a Deployment reads the digests on it; a plain hash of a short password could be
 * guessed by trying, so the digest is an HMAC whose key lies in a Secret of kube-system, made when the first workload asks. The object's place is part of
 * it: else somebody could try out guesses in a namespace of their own, and compare.
 *
 * Kept true: without the Secret nothing is taken for changed: digests carry the key's id, and those of another key are made anew.
 */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { ConfigMap, Secret } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { secrets as secretsResource } from '../../client/resources.ts';
import { sortedByName } from '../shared/hash.ts';

const place = { namespace: 'kube-system', name: 'naru-config-hash' } as const;
const keyBytes = 32;
/** 64 bits each: two contents of one object must differ, nobody needs to recognize them. */
const digestLength = 16;

export interface Digester {
  readonly keyId: string;
  /** @param place whose content it is, such as `secret/NAMESPACE/NAME` */
  digest(place: string, value: unknown): string;
}

export async function openDigester(client: Client, secrets: Informer<Secret>): Promise<Digester> {
  const found = secrets.cache.get(place) ?? (await makeSecret(client));
  return digesterOf(Buffer.from(found.data?.['key'] ?? '', 'base64'));
}

async function makeSecret(client: Client): Promise<Secret> {
  const data = { key: randomBytes(keyBytes).toString('base64') };
  try {
    return await client.create(secretsResource, { metadata: place, immutable: true, data });
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
    return client.get(secretsResource, place);
  }
}

export function digesterOf(key: Buffer): Digester {
  return {
    keyId: createHash('sha256').update('naru.io/config-hash/2\0').update(key).digest('hex').slice(0, 8),
    digest: (place, value) =>
      createHmac('sha256', key)
        .update(`${place}\0`)
        .update(JSON.stringify(sortedByName(value)) ?? '')
        .digest('hex')
        .slice(0, digestLength),
  };
}

/** What containers see of it; labels, annotations and owners are not among it. */
export const contentOf = (object: ConfigMap | Secret): unknown => ({
  data: object.data ?? {},
  ...('binaryData' in object && { binaryData: object.binaryData }),
});
