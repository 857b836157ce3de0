/**
 * A `Client` that calls the registry directly: nothing is encoded, and what comes back is the stored object itself, frozen
 * (ARCHITECTURE.md, D2). It asks the authorizer before every call, as the server does for everybody else (D9).
 *
 * It sets no time-outs and keeps no state: every call is one call of the registry.
 */
import type { JsonObject, JsonValue, KubeObject, ObjectReference } from '../api/object.ts';
import { forbiddenError } from '../api/refusal.ts';
import type { ResourceInfo, Verb } from '../api/resources.ts';
import { nameInFieldSelector } from '../api/selector.ts';
import { internalError } from '../api/status-error.ts';
import type {
  Authorizer,
  DeleteOptions,
  ListOptions,
  PatchType,
  RequestHandler,
  RequestTarget,
  UserInfo,
  WatchEvent,
  WatchStream,
  WriteOptions,
} from '../registry/request.ts';
import type {
  Client,
  ClientDeleteOptions,
  ClientPatch,
  ClientWatchHandler,
  ClientWriteOptions,
  ListQuery,
  Resource,
} from './client.ts';
import { errorFromStatus, noSuchResource } from './errors.ts';

/** The part of `ResourceTable` that a client needs. */
export interface ResourceFinder {
  find(group: string, version: string, resource: string): ResourceInfo | undefined;
}

export interface InProcessClientOptions {
  readonly handler: RequestHandler;
  readonly authorizer: Authorizer;
  readonly user: UserInfo;
  readonly resources: ResourceFinder;
}

/** Who stands in `managedFields` where a write does not say: what upstream's components call themselves in their user agents. */
export function managerOf({ name }: UserInfo): string {
  if (name.startsWith('system:node:')) return 'kubelet';
  return name.startsWith('system:kube-') ? name.slice('system:'.length) : name;
}

const patchTypes: Readonly<Record<ClientPatch['type'], PatchType>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

type AnyResource = Resource<KubeObject>;

export function inProcessClient({ handler, authorizer, user, resources }: InProcessClientOptions): Client {
  const defaultManager = managerOf(user);

  function targetOf(resource: AnyResource, reference: ObjectReference, subresource = ''): RequestTarget {
    const info = resources.find(resource.group, resource.version, resource.resource);
    if (info === undefined) throw noSuchResource();
    return { user, resource: info, namespace: reference.namespace, name: reference.name, subresource };
  }

  /** Names the target and asks whether `user` may. */
  async function permit(
    verb: Verb,
    resource: AnyResource,
    reference: ObjectReference,
    subresource = '',
    query: ListQuery = {},
  ): Promise<RequestTarget> {
    const target = targetOf(resource, reference, subresource);
    const { group, version, resource: plural } = target.resource;
    const { fieldSelector, labelSelector } = query;
    const narrowed = verb === 'list' || verb === 'watch' ? nameInFieldSelector(fieldSelector) : '';
    const { namespace } = reference;
    const name = reference.name || narrowed;
    const what = { user, verb, group, version, resource: plural, subresource, namespace, name, path: '' };
    const selectors = { ...(fieldSelector && { fieldSelector }), ...(labelSelector && { labelSelector }) };
    const attributes = fieldSelector || labelSelector ? { ...what, ...selectors } : what;
    const asked = authorizer.decide(attributes);
    const { allowed, reason, problem } = asked instanceof Promise ? await asked : asked;
    if (allowed) return target;
    throw problem === undefined ? forbiddenError(attributes, reason) : internalError(problem);
  }

  const permitAll = (verb: Verb, resource: AnyResource, query: ListQuery): Promise<RequestTarget> =>
    permit(verb, resource, collection(query), '', query);

  return {
    async get<T extends KubeObject>(
      resource: Resource<T>,
      reference: ObjectReference,
      options: { readonly subresource?: string } = {},
    ): Promise<T> {
      const target = await permit('get', resource, reference, options.subresource);
      return (await handler.get(target)).object as T;
    },

    async list(resource, query = {}) {
      const target = await permitAll('list', resource, query);
      const result = await handler.list(target, listOptions(query));
      return {
        metadata: {
          resourceVersion: result.resourceVersion,
          ...(result.continue !== '' && { continue: result.continue }),
          ...(result.remainingItemCount !== undefined && { remainingItemCount: result.remainingItemCount }),
        },
        items: result.objects as never,
      };
    },

    async create<T extends KubeObject>(resource: Resource<T>, object: T, options: ClientWriteOptions = {}): Promise<T> {
      const reference = { namespace: object.metadata?.namespace ?? '', name: object.metadata?.name ?? '' };
      const target = await permit('create', resource, reference, options.subresource);
      return (await handler.create(target, body(resource, object), writeOptions(options, defaultManager))).object as T;
    },

    async update<T extends KubeObject>(resource: Resource<T>, object: T, options: ClientWriteOptions = {}): Promise<T> {
      const reference = { namespace: object.metadata?.namespace ?? '', name: object.metadata?.name ?? '' };
      const target = await permit('update', resource, reference, options.subresource);
      return (await handler.update(target, body(resource, object), writeOptions(options, defaultManager))).object as T;
    },

    async patch<T extends KubeObject>(
      resource: Resource<T>,
      reference: ObjectReference,
      patch: ClientPatch,
      options: ClientWriteOptions = {},
    ): Promise<T> {
      const target = await permit('patch', resource, reference, options.subresource);
      // What is applied and not there is created, which takes that permission, too.
      const mayCreate = async (): Promise<void> => void (await permit('create', resource, { ...reference, name: '' }));
      const applying = patch.type === 'apply' ? { mayCreate, force: patch.force ?? false } : {};
      const write = { ...writeOptions(options, defaultManager), ...applying };
      const result = await handler.patch(target, patchTypes[patch.type], patch.body as JsonValue, write);
      return result.object as T;
    },

    async delete(resource, reference, options = {}) {
      const target = await permit('delete', resource, reference);
      await handler.delete(target, deleteOptions(options));
    },

    async deleteCollection(resource, query, options = {}) {
      const target = await permitAll('deletecollection', resource, query);
      await handler.deleteCollection(target, listOptions(query), deleteOptions(options));
    },

    async createSubresource<T extends KubeObject, B extends object>(
      resource: Resource<T>,
      reference: ObjectReference,
      subresource: string,
      body: B,
    ): Promise<B> {
      const target = await permit('create', resource, reference, subresource);
      return (await handler.create(target, body as unknown as JsonObject, { defaultManager })).object as unknown as B;
    },

    watch(resource, query, watchHandler) {
      const watch = new InProcessWatch(watchHandler);
      const options = { ...listOptions(query), resourceVersion: query.resourceVersion, allowWatchBookmarks: true };
      const open = async (): Promise<WatchStream> =>
        handler.watch(await permitAll('watch', resource, query), options, watch);
      open().then(
        (stream) => watch.opened(stream),
        (error: unknown) => watch.failed(error),
      );
      return watch;
    },
  };
}

/** Both ends of one watch: the registry's sink, and what the caller cancels. Nothing is delivered after the end. */
class InProcessWatch {
  readonly #handler: ClientWatchHandler<KubeObject>;
  #stream: WatchStream | undefined;
  #over = false;

  constructor(handler: ClientWatchHandler<KubeObject>) {
    this.#handler = handler;
  }

  opened(stream: WatchStream): void {
    if (this.#over) stream.cancel();
    else this.#stream = stream;
  }

  failed(error: unknown): void {
    this.#finish(error instanceof Error ? error : new Error(String(error)));
  }

  event(event: WatchEvent): void {
    if (this.#over) return;
    if (event.type === 'ERROR') this.#finish(errorFromStatus(event.object));
    else this.#handler.event({ type: event.type, object: event.object });
  }

  end(): void {
    this.#finish();
  }

  cancel(): void {
    this.#over = true;
    this.#stream?.cancel();
  }

  #finish(error?: Error): void {
    if (this.#over) return;
    this.cancel();
    this.#handler.end(error);
  }
}

const collection = (query: ListQuery): ObjectReference => ({ namespace: query.namespace ?? '', name: '' });

/** Writers may leave `apiVersion` and `kind` to the resource. */
function body(resource: AnyResource, object: KubeObject): JsonObject {
  if (object.kind !== undefined && object.apiVersion !== undefined) return object as unknown as JsonObject;
  const apiVersion = resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
  return { apiVersion, kind: resource.kind, ...object } as unknown as JsonObject;
}

function listOptions(query: ListQuery): ListOptions {
  const { labelSelector, fieldSelector, limit, metadataOnly } = query;
  return {
    ...(metadataOnly && { metadataOnly }),
    ...(labelSelector !== undefined && { labelSelector }),
    ...(fieldSelector !== undefined && { fieldSelector }),
    ...(limit !== undefined && { limit }),
    ...(query.continue !== undefined && { continue: query.continue }),
  };
}

function writeOptions({ dryRun, fieldManager }: ClientWriteOptions, defaultManager: string): WriteOptions {
  return {
    defaultManager,
    ...(dryRun !== undefined && { dryRun }),
    ...(fieldManager !== undefined && { fieldManager }),
  };
}

function deleteOptions(options: ClientDeleteOptions): DeleteOptions {
  const { gracePeriodSeconds, propagationPolicy, uid, resourceVersion } = options;
  const preconditions = {
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
  };
  return {
    ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }),
    ...(propagationPolicy !== undefined && { propagationPolicy }),
    ...(Object.keys(preconditions).length > 0 && { preconditions }),
  };
}
