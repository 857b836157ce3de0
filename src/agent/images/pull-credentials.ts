/**
 * How a pod may sign in where an image comes from: with its `imagePullSecrets` (those of its service account are among them, since the API
 * adds them), then with what the node itself has: `NODE/config.json`, in Docker's format.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { ObjectSource } from '../object-source.ts';
import type { RegistryCredentials } from '../runtime.ts';
import { dockerConfigEntries, fittingEntries, type KeyringEntry, secretEntries } from './keyring.ts';

/** Whose credentials opened a registry. */
export interface SecretCoordinates {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

export interface PullCredentials {
  readonly credentials: RegistryCredentials;
  /** Absent: the node's own, which are every pod's. */
  readonly secret?: SecretCoordinates;
}

export interface FoundCredentials {
  /** In the order in which they are tried. */
  readonly fitting: readonly PullCredentials[];
  /** Names of secrets that could not be had. */
  readonly missing: readonly string[];
}

/** What the node itself has for all of its pods. */
export interface NodeCredentials {
  entries(): Promise<readonly KeyringEntry[]>;
}

export const noNodeCredentials: NodeCredentials = { entries: () => Promise.resolve([]) };

/** Those of files in Docker's format, read anew for each pull. One that is not there, or no such file, gives nothing. */
export function nodeCredentialFiles(files: readonly string[]): NodeCredentials {
  return {
    async entries() {
      const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
      return texts.flatMap(dockerConfigEntries);
    },
  };
}

/** @throws nothing: a secret that cannot be had is told in `missing` */
export async function pullCredentials(
  pod: Pod,
  image: string,
  source: ObjectSource,
  node: NodeCredentials,
): Promise<FoundCredentials> {
  const namespace = pod.metadata?.namespace ?? '';
  const missing: string[] = [];
  const entries: (KeyringEntry & { readonly secret: SecretCoordinates })[] = [];
  for (const { name = '' } of pod.spec?.imagePullSecrets ?? []) {
    const secret = await source.secret({ namespace, name }).catch(() => undefined);
    if (secret === undefined) missing.push(name);
    else {
      const coordinates = { uid: secret.metadata?.uid ?? '', namespace, name };
      entries.push(...secretEntries(secret).map((entry) => ({ ...entry, secret: coordinates })));
    }
  }
  const own = fittingEntries(entries, image).map(({ credentials, secret }) => ({ credentials, secret }));
  const shared = fittingEntries(await node.entries(), image).map(({ credentials }) => ({ credentials }));
  return { fitting: [...own, ...shared], missing };
}

/** What is remembered of credentials: equal ones have equal hashes, and no way leads back. */
export function credentialHash({ username, password }: RegistryCredentials): string {
  return createHash('sha256')
    .update(JSON.stringify([username, password]))
    .digest('hex');
}
