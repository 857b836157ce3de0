/**
 * The objects that pods refer to, by name, as a node may read them (it may not list Secrets). `WatchedObjects` (`watched-objects.ts`) stands
 * before this one where a node has pods that live long.
 */

import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { TokenRequest, TokenRequestSpec } from '../api/schema/types/authentication-v1.ts';
import type { ClusterTrustBundle } from '../api/schema/types/certificates-v1beta1.ts';
import type {
  ConfigMap,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
} from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client, Resource } from '../client/client.ts';
import {
  clusterTrustBundles,
  configMaps,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  secrets,
  serviceAccounts,
} from '../client/resources.ts';

export interface ObjectSource {
  /** Undefined where there is none. */
  configMap(reference: ObjectReference): Promise<ConfigMap | undefined>;
  secret(reference: ObjectReference): Promise<Secret | undefined>;
  trustBundle(name: string): Promise<ClusterTrustBundle | undefined>;
  /** All that a signer has published. */
  trustBundlesOf(signerName: string): Promise<readonly ClusterTrustBundle[]>;
  /** A token for the pod's service account that ends with the pod. */
  token(pod: Pod, spec: { readonly audience?: string; readonly expirationSeconds?: number }): Promise<Token>;
}

/** What stands behind claims; never kept. */
export interface ClaimSource {
  /** Undefined where there is none. */
  claim(reference: ObjectReference): Promise<PersistentVolumeClaim | undefined>;
  volume(name: string): Promise<PersistentVolume | undefined>;
  node(name: string): Promise<Node>;
}

/** Keeps what pods refer to from when they are followed to when they are forgotten, and says what changes. */
export interface PodObjects extends ObjectSource, ClaimSource {
  /** Idempotent. False: something that the pod refers to has no watch, and must be asked for at intervals. */
  follow(pod: Pod): boolean;
  forget(uid: string): void;
  /** Called with the uid of each pod that refers to what changed. */
  onChange(changed: (uid: string) => void): void;
  close(): Promise<void>;
}

export interface Token {
  readonly token: string;
  readonly expiresAtMs: number;
}

export function clientObjectSource(client: Client): ObjectSource & ClaimSource {
  return {
    configMap: (reference) => find(client, configMaps, reference),
    secret: (reference) => find(client, secrets, reference),
    trustBundle: (name) => find(client, clusterTrustBundles, { namespace: '', name }),
    trustBundlesOf: async (signerName) =>
      (await client.list(clusterTrustBundles, { fieldSelector: `spec.signerName=${signerName}` })).items,
    claim: (reference) => find(client, persistentVolumeClaims, reference),
    volume: (name) => find(client, persistentVolumes, { namespace: '', name }),
    node: (name) => client.get(nodes, { namespace: '', name }),
    async token(pod, { audience, expirationSeconds }) {
      const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
      const account = { namespace, name: pod.spec?.serviceAccountName || 'default' };
      const spec: TokenRequestSpec = {
        audiences: audience ? [audience] : [],
        expirationSeconds: expirationSeconds ?? 3600,
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name, uid },
      };
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec } as TokenRequest;
      const { status } = await client.createSubresource(serviceAccounts, account, 'token', body);
      return { token: status?.token ?? '', expiresAtMs: Date.parse(status?.expirationTimestamp ?? '') };
    },
  };
}

async function find<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  reference: ObjectReference,
): Promise<T | undefined> {
  try {
    return await client.get(resource, reference);
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}
