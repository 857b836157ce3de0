/**
 * Wraps a real client and replaces single verbs: how faults are injected, instead of mocks.
 *
 * ```ts
 * const flaky = intercept(client, {
 *   create: (real) => async (resource, object, options) => {
 *     if (prng.next() < 0.1) throw unreachable('injected');
 *     return real.create(resource, object, options);
 *   },
 * });
 * ```
 */
import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { Client, Resource } from './client.ts';

/** For each verb to replace: what makes its replacement from the real client. */
export type Overrides = { readonly [V in keyof Client]?: (real: Client) => Client[V] };

export function intercept(real: Client, overrides: Overrides): Client {
  const verb = <V extends keyof Client>(name: V): Client[V] => {
    const override = overrides[name];
    return override === undefined ? (real[name].bind(real) as Client[V]) : override(real);
  };
  return {
    get: verb('get'),
    list: verb('list'),
    create: verb('create'),
    update: verb('update'),
    patch: verb('patch'),
    delete: verb('delete'),
    deleteCollection: verb('deleteCollection'),
    createSubresource: verb('createSubresource'),
    watch: verb('watch'),
  };
}

/** One call, as `interceptCalls` shows it. */
export interface ClientCall {
  readonly verb: Exclude<keyof Client, 'watch'>;
  readonly resource: Resource<KubeObject>;
  readonly reference: ObjectReference;
  readonly subresource: string;
}

/**
 * Calls `before` ahead of every call but `watch`; where it rejects, the call is not made and rejects with the same. `after` runs when
 * the call was carried out: rejecting there makes an answer that got lost.
 */
export function interceptCalls(
  real: Client,
  before: (call: ClientCall) => Promise<void>,
  after: (call: ClientCall) => Promise<void> = async () => {},
): Client {
  return aroundCalls(real, async (call, act) => {
    await before(call);
    const result = await act();
    await after(call);
    return result;
  });
}

/** Every call but `watch` goes through `around`, which makes it by calling `act`. */
export function aroundCalls(real: Client, around: <R>(call: ClientCall, act: () => Promise<R>) => Promise<R>): Client {
  const ofObject = (object: KubeObject): ObjectReference => ({
    namespace: object.metadata?.namespace ?? '',
    name: object.metadata?.name ?? '',
  });
  const ofQuery = (query: { readonly namespace?: string } = {}): ObjectReference => ({
    namespace: query.namespace ?? '',
    name: '',
  });
  return {
    get: (resource, reference, options) =>
      around({ verb: 'get', resource, reference, subresource: options?.subresource ?? '' }, () =>
        real.get(resource, reference, options),
      ),
    list: (resource, query) =>
      around({ verb: 'list', resource, reference: ofQuery(query), subresource: '' }, () => real.list(resource, query)),
    create: (resource, object, options) =>
      around({ verb: 'create', resource, reference: ofObject(object), subresource: options?.subresource ?? '' }, () =>
        real.create(resource, object, options),
      ),
    update: (resource, object, options) =>
      around({ verb: 'update', resource, reference: ofObject(object), subresource: options?.subresource ?? '' }, () =>
        real.update(resource, object, options),
      ),
    patch: (resource, reference, patch, options) =>
      around({ verb: 'patch', resource, reference, subresource: options?.subresource ?? '' }, () =>
        real.patch(resource, reference, patch, options),
      ),
    delete: (resource, reference, options) =>
      around({ verb: 'delete', resource, reference, subresource: '' }, () => real.delete(resource, reference, options)),
    deleteCollection: (resource, query, options) =>
      around({ verb: 'deleteCollection', resource, reference: ofQuery(query), subresource: '' }, () =>
        real.deleteCollection(resource, query, options),
      ),
    createSubresource: (resource, reference, subresource, body) =>
      around({ verb: 'createSubresource', resource, reference, subresource }, () =>
        real.createSubresource(resource, reference, subresource, body),
      ),
    watch: (resource, query, handler) => real.watch(resource, query, handler),
  };
}
