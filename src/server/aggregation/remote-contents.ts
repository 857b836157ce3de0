/**
 * What extension servers hold in namespaces, for the loop that ends namespaces: which of their resources there are, as discovery last told,
 * and a small client for them. It asks as the control loop does that uses it; each server decides itself what that may.
 */
import type { JsonObject, KubeObject } from '../../api/object.ts';
import type { ResourceInfo, Verb } from '../../api/resources.ts';
import type { APIResourceDiscovery } from '../../api/schema/types/apidiscovery-v2.ts';
import { StatusError } from '../../api/status-error.ts';
import type { Resource } from '../../client/client.ts';
import { reasonOf, unreachable } from '../../client/errors.ts';
import type { RemoteClient, RemoteContents, RemoteResources } from '../../client/remote-contents.ts';
import { limits } from '../../lib/limits.ts';
import type { UserInfo } from '../../registry/request.ts';
import { answerProblem } from '../outside/answer-problem.ts';
import type { ApiServiceIndex, RemoteApi } from './api-service-index.ts';
import type { ExtensionServers } from './extension-servers.ts';
import type { RemoteState } from './remote-discovery.ts';

export interface ExtensionContentsOptions {
  readonly index: ApiServiceIndex;
  readonly servers: ExtensionServers;
  readonly state: () => RemoteState;
}

const callMsMax = 30_000;

export class ExtensionContents implements RemoteContents {
  readonly #options: ExtensionContentsOptions;

  constructor(options: ExtensionContentsOptions) {
    this.#options = options;
  }

  resources(): RemoteResources {
    const { index, state } = this.#options;
    const known = state();
    const infos: ResourceInfo[] = [];
    const unknown: string[] = [];
    for (const api of index.remotes) {
      const version = known.get(api.name);
      if (version?.freshness !== 'Current') unknown.push(`${api.group}/${api.version}`);
      for (const resource of version?.resources ?? []) infos.push(infoOf(api, resource));
    }
    return { infos, unknown };
  }

  clientFor(name: string): RemoteClient {
    const groups = ['system:serviceaccounts', 'system:serviceaccounts:kube-system', 'system:authenticated'];
    const user: UserInfo = { name, groups };
    return {
      list: async <T extends KubeObject>(resource: Resource<T>, query: { readonly namespace?: string } = {}) => {
        const { items, metadata } = await this.#call(user, resource, 'GET', query.namespace ?? '');
        const found = Array.isArray(items) ? (items as unknown as T[]) : [];
        return { metadata: metadata as JsonObject, items: found };
      },
      delete: async (resource, { namespace, name: object }, options) => {
        await this.#call(user, resource, 'DELETE', namespace, object, optionsBody(options));
      },
      deleteCollection: async (resource, query, options) => {
        await this.#call(user, resource, 'DELETE', query.namespace ?? '', '', optionsBody(options));
      },
    };
  }

  /** @throws StatusError */
  async #call(
    user: UserInfo,
    { group, version, resource }: Resource<KubeObject>,
    method: 'GET' | 'DELETE',
    namespace: string,
    name = '',
    body?: string,
  ): Promise<JsonObject> {
    const api = this.#options.index.remote(group, version);
    if (api === undefined)
      throw new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});
    const path = [`/apis/${group}/${version}/namespaces`, namespace, resource, name]
      .filter((part) => part !== '')
      .join('/');
    const sent = { method, path, user, timeoutMs: callMsMax, bytesMax: limits.extensionListBytesMax };
    const answer = await this.#options.servers
      .call(api, body === undefined ? sent : { ...sent, body })
      .catch((error: unknown) => {
        throw unreachable(error instanceof Error ? error.message : String(error), error);
      });
    const { status, headers } = answer;
    const problem = answerProblem({ method, status, contentType: headers['content-type'] ?? '', body: answer.body });
    if (problem !== undefined) throw new StatusError(status, reasonOf(status), problem);
    return parsed(answer.body);
  }
}

const optionsBody = (options: { readonly propagationPolicy?: string } = {}): string =>
  JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', ...options });

/** @throws StatusError */
function parsed(body: Buffer): JsonObject {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'));
    if (typeof value === 'object' && value !== null) return value as JsonObject;
  } catch {
    // Told below.
  }
  throw unreachable('the server did not answer with an object');
}

function infoOf({ group, version }: RemoteApi, resource: APIResourceDiscovery): ResourceInfo {
  return {
    group,
    version,
    kind: resource.responseKind?.kind ?? '',
    resource: resource.resource,
    singular: resource.singularResource,
    shortNames: [],
    categories: [],
    namespaced: resource.scope === 'Namespaced',
    verbs: resource.verbs as readonly Verb[],
    subresources: [],
    storageVersion: version,
  };
}
