/** From the words of `naru get` to what is asked of the API: one collection or one object each. */
import type { KubeObject, ObjectReference } from '../../api/object.ts';
import { pathOf } from '../../client/resource-path.ts';
import { parseObjectWords } from '../cluster/object-names.ts';
import type { FoundResource, ResourceFinder } from '../cluster/resource-finder.ts';
import { UsageError } from '../exit-code.ts';
import { UserError } from '../user-error.ts';

export interface ObjectRequest {
  readonly resource: FoundResource;
  /** Empty: across all, or outside namespaces. */
  readonly namespace: string;
  /** Empty: all of them, or those that are selected. */
  readonly name: string;
}

export interface Scope {
  readonly namespace: string;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
}

/** @throws UsageError, UserError for a type that the cluster does not have */
export async function requestsOf(
  finder: ResourceFinder,
  words: readonly string[],
  scope: Scope,
): Promise<ObjectRequest[]> {
  const parsed = parseObjectWords(words);
  const namespace = scope.allNamespaces === true ? '' : scope.namespace;
  if (parsed.kind === 'types') {
    const found = await Promise.all(parsed.types.map((type) => finder.byNameOrCategory(type)));
    return unique(found.flat()).map((resource) => ({
      resource,
      namespace: resource.namespaced ? namespace : '',
      name: '',
    }));
  }
  if (scope.selector !== undefined || scope.fieldSelector !== undefined) {
    throw new UsageError('names and a selector (-l, --field-selector) cannot be given together');
  }
  return Promise.all(
    parsed.objects.map(async ({ type, name }) => {
      const resource = await finder.byName(type);
      if (scope.allNamespaces === true && resource.namespaced) {
        throw new UsageError(
          `an object cannot be named across all namespaces; say which one with -n, or find it: naru get ${type} -A --field-selector metadata.name=${name}`,
        );
      }
      return { resource, namespace: resource.namespaced ? namespace : '', name };
    }),
  );
}

/** Of objects as manifests name them. @throws UserError for a kind that the cluster does not have */
export function requestsOfManifests(
  finder: ResourceFinder,
  objects: readonly KubeObject[],
  namespace: string,
): Promise<ObjectRequest[]> {
  return Promise.all(
    objects.map(async ({ apiVersion = '', kind = '', metadata }) => {
      const resource = await finder.byKind(apiVersion, kind);
      if (resource === undefined) throw new UserError(`this cluster has no ${kind} of ${apiVersion}`);
      return {
        resource,
        namespace: resource.namespaced ? (metadata?.namespace ?? namespace) : '',
        name: metadata?.name ?? '',
      };
    }),
  );
}

export function requestPath(
  { resource, namespace, name }: ObjectReference & { readonly resource: FoundResource },
  subresource = '',
): string {
  return pathOf(resource, { namespace, name }, subresource);
}

/** `deployment.apps`, as names are prefixed. */
export const typeName = ({ kind, group }: Pick<FoundResource, 'kind' | 'group'>): string =>
  `${kind.toLowerCase()}${group === '' ? '' : `.${group}`}`;

const unique = (resources: readonly FoundResource[]): FoundResource[] => [
  ...new Map(resources.map((each) => [`${each.resource}.${each.group}`, each])).values(),
];
