/**
 * From what people write (`po`, `deploy/web`, `certificates.cert-manager.io`) and from what manifests say (`apps/v1`, `Deployment`) to
 * the resource that the cluster serves, custom ones and those of extension servers too: the cluster's own discovery is asked, once for a command.
 */

import type { APIGroupDiscoveryList, APIResourceDiscovery } from '../../api/schema/types/apidiscovery-v2.ts';
import { jsonOf } from '../../client/errors.ts';
import type { HttpsClient } from '../../client/https-client.ts';
import { UserError } from '../user-error.ts';

/** A `Resource` of the client with what its users call it. */
export interface FoundResource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly resource: string;
  readonly namespaced: boolean;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  readonly subresources: readonly string[];
  /** Its group prefers this version. */
  readonly preferred: boolean;
}

export class ResourceFinder {
  readonly #client: Pick<HttpsClient, 'request'>;
  #all: Promise<readonly FoundResource[]> | undefined;

  constructor(client: Pick<HttpsClient, 'request'>) {
    this.#client = client;
  }

  /** Everything that is served: the core group first, then as the cluster ranks the groups, preferred versions first. */
  all(): Promise<readonly FoundResource[]> {
    this.#all ??= this.#discover();
    return this.#all;
  }

  /** After a definition was created or deleted. */
  forget(): void {
    this.#all = undefined;
  }

  /**
   * `pods`, `pod`, `po`, `Pod`, `deployments.apps`, `deployments.v1.apps`.
   * @throws UserError naming what is near
   */
  async byName(text: string): Promise<FoundResource> {
    const found = (await this.#matching(text))[0];
    if (found === undefined) throw unknownResource(text, await this.all());
    return found;
  }

  /** A category such as `all` gives several; a resource's name gives one. @throws UserError */
  async byNameOrCategory(text: string): Promise<readonly FoundResource[]> {
    const found = (await this.#matching(text))[0];
    if (found !== undefined) return [found];
    const members = (await this.all()).filter((resource) => resource.preferred && resource.categories.includes(text));
    if (members.length === 0) throw unknownResource(text, await this.all());
    return members;
  }

  /** Of a manifest's `apiVersion` and `kind`; undefined where the cluster serves no such thing. */
  async byKind(apiVersion: string, kind: string): Promise<FoundResource | undefined> {
    const slash = apiVersion.indexOf('/');
    const [group, version] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
    return (await this.all()).find(
      (resource) => resource.group === group && resource.version === version && resource.kind === kind,
    );
  }

  async #matching(text: string): Promise<readonly FoundResource[]> {
    const [name = '', ...rest] = text.toLowerCase().split('.');
    const all = (await this.all()).filter((resource) => isCalled(resource, name));
    if (rest.length === 0) return all.filter((resource) => resource.preferred);
    const qualifier = rest.join('.');
    return all.filter(
      ({ group, version, preferred }) =>
        (preferred && (group === qualifier || group.startsWith(`${qualifier}.`))) ||
        (group === '' ? qualifier === version : qualifier === `${version}.${group}`),
    );
  }

  async #discover(): Promise<readonly FoundResource[]> {
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
    const answers = await Promise.all(['/api', '/apis'].map((path) => this.#client.request({ path, accept })));
    return answers.flatMap(({ body }) => resourcesOf(jsonOf<APIGroupDiscoveryList>(body)));
  }
}

function resourcesOf(list: APIGroupDiscoveryList): FoundResource[] {
  return list.items.flatMap((group) => {
    const seen = new Set<string>();
    return (group.versions ?? []).flatMap(({ version, resources = [] }) =>
      resources.flatMap((resource) => {
        const preferred = !seen.has(resource.resource);
        seen.add(resource.resource);
        return rowOf(group.metadata?.name ?? '', version, resource, preferred);
      }),
    );
  });
}

function rowOf(group: string, version: string, found: APIResourceDiscovery, preferred: boolean): FoundResource[] {
  const { responseKind } = found;
  if (responseKind === undefined) return [];
  return [
    {
      group,
      version,
      preferred,
      kind: responseKind.kind,
      resource: found.resource,
      namespaced: found.scope === 'Namespaced',
      singular: found.singularResource,
      shortNames: found.shortNames ?? [],
      categories: found.categories ?? [],
      verbs: found.verbs,
      subresources: (found.subresources ?? []).map(({ subresource }) => subresource),
    },
  ];
}

const isCalled = ({ resource, singular, kind, shortNames }: FoundResource, name: string): boolean =>
  resource === name || singular === name || kind.toLowerCase() === name || shortNames.includes(name);

function unknownResource(text: string, all: readonly FoundResource[]): UserError {
  const names = [...new Set(all.flatMap(({ resource, shortNames }) => [resource, ...shortNames]))];
  const near = names.filter((name) => name.startsWith(text.toLowerCase().slice(0, 3))).slice(0, 5);
  const hint = near.length > 0 ? `; there are ${near.join(', ')}` : '';
  return new UserError(`this cluster has no resource "${text}"${hint} (naru api-resources lists all)`);
}
