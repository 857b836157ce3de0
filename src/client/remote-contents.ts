/** What servers that extend the API hold in namespaces, for whoever ends a namespace: they are asked over the network, each for itself. */
import type { ResourceInfo } from '../api/resources.ts';
import type { Client } from './client.ts';

export interface RemoteContents {
  /** As discovery tells it at this moment. */
  resources(): RemoteResources;
  /** Speaks to those servers alone, as this user. Rejects with `StatusError`. */
  clientFor(user: string): RemoteClient;
}

export interface RemoteResources {
  readonly infos: readonly ResourceInfo[];
  /** `GROUP/VERSION` of servers that cannot be asked what they hold. */
  readonly unknown: readonly string[];
}

export type RemoteClient = Pick<Client, 'list' | 'delete' | 'deleteCollection'>;
