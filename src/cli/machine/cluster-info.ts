/**
 * `cluster-info` in kube-public, as kubeadm makes it: a kubeconfig without credentials that says where the cluster is and which authority signs for
 * it. A machine that joins reads it before it knows whom to trust, so anybody may; it believes it because the authority's fingerprint is the token's.
 */
import type { KubeObject } from '../../api/object.ts';
import type { ConfigMap } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { stringifyYaml } from '../../api/yaml.ts';
import type { Client, Resource } from '../../client/client.ts';
import { configMaps, roleBindings, roles } from '../../client/resources.ts';

export const clusterInfoPath = '/api/v1/namespaces/kube-public/configmaps/cluster-info';

const place = { namespace: 'kube-public', name: 'cluster-info' } as const;
const key = 'kubeconfig';
const role = 'kubeadm:bootstrap-signer-clusterinfo';

export interface ClusterInfo {
  /** `https://192.168.1.5:6443`. */
  readonly server: string;
  /** PEM. */
  readonly ca: string;
}

/** Makes it, or brings it up to date. Signatures of tokens are written beside it by the control loops. */
export async function publishClusterInfo(client: Client, info: ClusterInfo): Promise<void> {
  const text = kubeconfigOf(info);
  const standing = await find(client, configMaps, place);
  if (standing === undefined) {
    await client.create(configMaps, { metadata: { ...place }, data: { [key]: text } });
  } else if (standing.data?.[key] !== text) {
    const body = { data: { [key]: text } };
    await client.patch<ConfigMap>(configMaps, place, { type: 'merge', body });
  }
  const metadata = { namespace: place.namespace, name: role };
  await ensure(client, roles, {
    metadata,
    rules: [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [place.name], verbs: ['get'] }],
  });
  const apiGroup = 'rbac.authorization.k8s.io';
  await ensure(client, roleBindings, {
    metadata,
    roleRef: { apiGroup, kind: 'Role', name: role },
    subjects: [
      { apiGroup, kind: 'User', name: 'system:anonymous' },
      { apiGroup, kind: 'Group', name: 'system:bootstrappers' },
    ],
  });
}

/** What stands there stays: somebody may have bound it otherwise. */
async function ensure<T extends KubeObject>(client: Client, resource: Resource<T>, object: T): Promise<void> {
  try {
    await client.create(resource, object);
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
  }
}

async function find<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  reference: { readonly namespace: string; readonly name: string },
): Promise<T | undefined> {
  try {
    return await client.get(resource, reference);
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** Nobody's credentials are in it. */
function kubeconfigOf({ server, ca }: ClusterInfo): string {
  return stringifyYaml({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: '', cluster: { 'certificate-authority-data': Buffer.from(ca).toString('base64'), server } }],
    contexts: [],
    'current-context': '',
    users: [],
  });
}

/** The authority (PEM) that the text of a `cluster-info` names; undefined where it is none. */
export function authorityOf(text: string): string | undefined {
  const [, encoded] = /^\s*certificate-authority-data:\s*"?([A-Za-z0-9+/=]+)"?\s*$/m.exec(text) ?? [];
  return encoded === undefined ? undefined : Buffer.from(encoded, 'base64').toString();
}
