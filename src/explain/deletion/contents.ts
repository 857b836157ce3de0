/** Everything in a namespace, of every kind that the cluster serves: to see what is left of it, and what an object owns. */
import type { KubeObject } from '../../api/object.ts';
import type { Inquiry } from '../inquiry.ts';

/** What comes and goes by itself, and never holds anything up. */
const ignored: ReadonlySet<string> = new Set([
  'events',
  'bindings',
  'localsubjectaccessreviews',
  'podmetrics',
  'pods.metrics.k8s.io',
]);

export async function contentsOf(namespace: string, { look }: Inquiry): Promise<readonly KubeObject[]> {
  const all: KubeObject[] = [];
  for (const resource of await look.resources()) {
    const counts =
      resource.preferred && resource.namespaced && resource.verbs.includes('list') && resource.verbs.includes('delete');
    if (!counts || ignored.has(resource.resource) || resource.group === 'metrics.k8s.io') continue;
    all.push(...(await look.list(resource, namespace)));
  }
  return all;
}

export async function ownedBy({ metadata }: KubeObject, inquiry: Inquiry): Promise<readonly KubeObject[]> {
  if (metadata?.uid === undefined || !metadata.namespace) return [];
  const contents = await contentsOf(metadata.namespace, inquiry);
  return contents.filter((one) => one.metadata?.ownerReferences?.some(({ uid }) => uid === metadata.uid));
}
