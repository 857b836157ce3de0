/** Where the API has its resources: paths with their queries. Pure. */
import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { ListQuery, Resource } from './client.ts';

/** One object, or with an empty name its collection; with an empty namespace across all of them. */
export function pathOf(resource: Resource<KubeObject>, { namespace, name }: ObjectReference, subresource = ''): string {
  const { group, version } = resource;
  const segments = group === '' ? ['api', version] : ['apis', group, version];
  if (namespace !== '') segments.push('namespaces', namespace);
  segments.push(resource.resource);
  if (name !== '') segments.push(name);
  if (subresource !== '') segments.push(...subresource.split('/'));
  return `/${segments.map(encodeURIComponent).join('/')}`;
}

export function collectionPath(
  resource: Resource<KubeObject>,
  query: ListQuery,
  more: Readonly<Record<string, string>> = {},
): string {
  const { namespace = '', labelSelector, fieldSelector, limit } = query;
  const parameters = { labelSelector, fieldSelector, limit, continue: query.continue, ...more };
  return pathOf(resource, { namespace, name: '' }) + queryText(parameters);
}

/** `?a=1&b=2`, without what is undefined; empty where nothing is left. */
export function queryText(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query.toString()}`;
}
