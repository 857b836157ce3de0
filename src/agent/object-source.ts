/**
 * The objects that pods refer to, fetched by name when they are needed, as a node may (it may not list Secrets). Nothing is kept: a
 * container that starts sees the newest.
 */

import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { TokenRequest, TokenRequestSpec } from '../api/schema/types/authentication-v1.ts';
import type { ClusterTrustBundle } from '../api/schema/types/certificates-v1beta1.ts';
import type { ConfigMap, Pod, Secret } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client, Resource } from '../client/client.ts';
import { clusterTrustBundles, configMaps, secrets, serviceAccounts } from '../client/resources.ts';

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

export interface Token {
  readonly token: string;
  readonly expiresAtMs: number;
}

export function clientObjectSource(client: Client): ObjectSource {
  return {
    configMap: (reference) => find(client, configMaps, reference),
    secret: (reference) => find(client, secrets, reference),
    trustBundle: (name) => find(client, clusterTrustBundles, { namespace: '', name }),
    trustBundlesOf: async (signerName) =>
      (await client.list(clusterTrustBundles, { fieldSelector: `spec.signerName=${signerName}` })).items,
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
