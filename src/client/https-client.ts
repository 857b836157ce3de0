/**
 * A `Client` over HTTPS: JSON on one HTTP/2 connection (`http2-transport.ts`: its bounds, retries and errors are kept here, too). Objects are
 * frozen, as they are in process.
 */
import type http2 from 'node:http2';
import type { KubeObject, ObjectReference } from '../api/object.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import type {
  Client,
  ClientDeleteOptions,
  ClientPatch,
  ClientWatch,
  ClientWatchHandler,
  ClientWriteOptions,
  ListQuery,
  Resource,
} from './client.ts';
import { jsonOf } from './errors.ts';
import { Http2Transport, type HttpsClientOptions, type RawAnswer, type RawRequest } from './http2-transport.ts';
import { Http2Watch } from './http2-watch.ts';
import type { ClientConfig } from './kubeconfig.ts';
import { collectionPath, pathOf, queryText } from './resource-path.ts';

export type { HttpsClientOptions, RawAnswer, RawRequest } from './http2-transport.ts';

export interface HttpsClient extends Client {
  /** The whole answer. @throws StatusError for one of 400 and above, as all other calls do */
  request(request: RawRequest): Promise<RawAnswer>;
  /** An answer that goes on: watches, logs that are followed. Destroying the stream ends it. @throws StatusError */
  stream(request: RawRequest): Promise<http2.ClientHttp2Stream>;
  /** Another certificate for the same server: requests use it from now on, and what is under way gets a while to end. */
  renew(config: ClientConfig): void;
  /** Ends the connection and with it what is under way. */
  close(): void;
}

const patchTypes: Readonly<Record<ClientPatch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

export function httpsClient(options: HttpsClientOptions): HttpsClient {
  return new Http2Client(options);
}

class Http2Client implements HttpsClient {
  readonly #transport: Http2Transport;
  readonly #options: HttpsClientOptions;

  constructor(options: HttpsClientOptions) {
    this.#options = options;
    this.#transport = new Http2Transport(options);
  }

  renew(config: ClientConfig): void {
    this.#transport.renew(config);
  }

  close(): void {
    this.#transport.close();
  }

  request(request: RawRequest): Promise<RawAnswer> {
    return this.#transport.request(request);
  }

  stream(request: RawRequest): Promise<http2.ClientHttp2Stream> {
    return this.#transport.stream(request);
  }

  get<T extends KubeObject>(
    resource: Resource<T>,
    reference: ObjectReference,
    options: { readonly subresource?: string } = {},
  ): Promise<T> {
    return this.#call({ method: 'GET', path: pathOf(resource, reference, options.subresource) });
  }

  async list<T extends KubeObject>(
    resource: Resource<T>,
    query: ListQuery = {},
  ): Promise<{ readonly metadata: object; readonly items: readonly T[] }> {
    const list = await this.#call<{ metadata: object; items: T[] | null }>(
      { method: 'GET', path: collectionPath(resource, query) },
      false,
    );
    const apiVersion = apiVersionOf(resource);
    const items = (list.items ?? []).map((item) => deepFreeze({ apiVersion, kind: resource.kind, ...item }));
    return { metadata: list.metadata, items };
  }

  create<T extends KubeObject>(resource: Resource<T>, object: T, options: ClientWriteOptions = {}): Promise<T> {
    const reference = { namespace: object.metadata?.namespace ?? '', name: '' };
    const named = options.subresource === undefined ? reference : referenceOf(object);
    const path = pathOf(resource, named, options.subresource) + writeQuery(options);
    return this.#call({ method: 'POST', path, body: typed(resource, object) });
  }

  update<T extends KubeObject>(resource: Resource<T>, object: T, options: ClientWriteOptions = {}): Promise<T> {
    const path = pathOf(resource, referenceOf(object), options.subresource) + writeQuery(options);
    return this.#call({ method: 'PUT', path, body: typed(resource, object) });
  }

  patch<T extends KubeObject>(
    resource: Resource<T>,
    reference: ObjectReference,
    patch: ClientPatch,
    options: ClientWriteOptions = {},
  ): Promise<T> {
    const force = patch.type === 'apply' && patch.force ? 'true' : undefined;
    const path = pathOf(resource, reference, options.subresource) + writeQuery(options, { force });
    return this.#call({ method: 'PATCH', path, body: patch.body, contentType: patchTypes[patch.type] });
  }

  async delete<T extends KubeObject>(
    resource: Resource<T>,
    reference: ObjectReference,
    options: ClientDeleteOptions = {},
  ): Promise<void> {
    await this.#call({ method: 'DELETE', path: pathOf(resource, reference), body: deleteBody(options) });
  }

  async deleteCollection<T extends KubeObject>(
    resource: Resource<T>,
    query: ListQuery,
    options: ClientDeleteOptions = {},
  ): Promise<void> {
    await this.#call({ method: 'DELETE', path: collectionPath(resource, query), body: deleteBody(options) });
  }

  createSubresource<T extends KubeObject, B extends object>(
    resource: Resource<T>,
    reference: ObjectReference,
    subresource: string,
    body: B,
  ): Promise<B> {
    return this.#call({ method: 'POST', path: pathOf(resource, reference, subresource), body });
  }

  watch<T extends KubeObject>(
    resource: Resource<T>,
    query: ListQuery & { readonly resourceVersion: string },
    handler: ClientWatchHandler<T>,
  ): ClientWatch {
    const path = collectionPath(resource, query, {
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: query.resourceVersion,
    });
    const watch = new Http2Watch(handler);
    this.#transport.open({ method: 'GET', path }).then(
      (stream) => watch.follow(stream, this.#options),
      (error: unknown) => watch.finish(error as Error),
    );
    return watch;
  }

  async #call<R extends object>(request: RawRequest, freeze = true): Promise<R> {
    const { body } = await this.#transport.request(request);
    const value = jsonOf<R>(body);
    return freeze ? deepFreeze(value) : value;
  }
}

const apiVersionOf = ({ group, version }: { readonly group: string; readonly version: string }): string =>
  group === '' ? version : `${group}/${version}`;

const referenceOf = (object: KubeObject): ObjectReference => ({
  namespace: object.metadata?.namespace ?? '',
  name: object.metadata?.name ?? '',
});

/** Writers may leave `apiVersion` and `kind` to the resource. */
function typed(resource: Resource<KubeObject>, object: KubeObject): object {
  return { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object };
}

const writeQuery = (
  { dryRun, fieldManager }: ClientWriteOptions,
  more: { readonly force?: string | undefined } = {},
): string => queryText({ dryRun: dryRun === true ? 'All' : undefined, fieldManager, ...more });

function deleteBody({ gracePeriodSeconds, propagationPolicy, uid, resourceVersion }: ClientDeleteOptions): object {
  return {
    apiVersion: 'v1',
    kind: 'DeleteOptions',
    gracePeriodSeconds,
    propagationPolicy,
    ...((uid !== undefined || resourceVersion !== undefined) && { preconditions: { uid, resourceVersion } }),
  };
}
