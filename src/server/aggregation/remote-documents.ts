/**
 * What extension servers say that they serve, read as upstream reads it: the aggregated form of discovery, or an APIResourceList of one
 * group-version made into the same. Pure.
 *
 * Kept true: whatever a server sends, what comes out has the shape of the API's own documents; what has not is left out.
 */
import type { APIResourceDiscovery, APISubresourceDiscovery } from '../../api/schema/types/apidiscovery-v2.ts';

type Fields = Readonly<Record<string, unknown>>;

/** By `GROUP/VERSION`. */
export type RemoteVersions = ReadonlyMap<string, readonly APIResourceDiscovery[]>;

/** Undefined: it is no such document. */
export function readAggregated(value: unknown): RemoteVersions | undefined {
  const { kind, items } = fieldsOf(value);
  if (kind !== 'APIGroupDiscoveryList') return undefined;
  const versions = new Map<string, readonly APIResourceDiscovery[]>();
  for (const group of listOf(items)) {
    const name = textOf(fieldsOf(group['metadata'])['name']);
    for (const version of listOf(group['versions'])) {
      versions.set(`${name}/${textOf(version['version'])}`, listOf(version['resources']).flatMap(readResource));
    }
  }
  return versions;
}

function readResource(value: Fields): APIResourceDiscovery[] {
  const resource = textOf(value['resource']);
  if (resource === '') return [];
  const subresources = listOf(value['subresources']).flatMap(readSubresource);
  return [
    {
      resource,
      responseKind: kindOf(value['responseKind']),
      scope: value['scope'] === 'Namespaced' ? 'Namespaced' : 'Cluster',
      singularResource: textOf(value['singularResource']),
      verbs: textsOf(value['verbs']),
      ...listed('shortNames', value['shortNames']),
      ...listed('categories', value['categories']),
      ...(subresources.length > 0 && { subresources }),
    },
  ];
}

function readSubresource(value: Fields): APISubresourceDiscovery[] {
  const subresource = textOf(value['subresource']);
  if (subresource === '') return [];
  return [{ subresource, responseKind: kindOf(value['responseKind']), verbs: textsOf(value['verbs']) }];
}

function kindOf(value: unknown): { readonly group: string; readonly version: string; readonly kind: string } {
  const { group, version, kind } = fieldsOf(value);
  return { group: textOf(group), version: textOf(version), kind: textOf(kind) };
}

/** Undefined: it is no such document. */
export function readResourceList(value: unknown): readonly APIResourceDiscovery[] | undefined {
  const { kind, resources } = fieldsOf(value);
  if (kind !== 'APIResourceList') return undefined;
  const found = new Map<string, APIResourceDiscovery>();
  const subresources = new Map<string, APISubresourceDiscovery[]>();
  for (const entry of listOf(resources)) {
    const [resource = '', subresource] = textOf(entry['name']).split('/', 2);
    if (resource === '') continue;
    const common = { responseKind: kindOf(entry), verbs: textsOf(entry['verbs']) };
    if (subresource !== undefined) {
      subresources.set(resource, [...(subresources.get(resource) ?? []), { subresource, ...common }]);
      continue;
    }
    found.set(resource, {
      resource,
      ...common,
      scope: entry['namespaced'] === true ? 'Namespaced' : 'Cluster',
      singularResource: textOf(entry['singularName']),
      ...listed('shortNames', entry['shortNames']),
      ...listed('categories', entry['categories']),
    });
  }
  return [...found].map(([name, entry]) => {
    const below = subresources.get(name);
    return below === undefined ? entry : { ...entry, subresources: below };
  });
}

function listed(name: 'shortNames' | 'categories', value: unknown): { readonly [key: string]: readonly string[] } {
  const texts = textsOf(value);
  return texts.length === 0 ? {} : { [name]: texts };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const textsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];

const listOf = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(fieldsOf) : []);

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
