/**
 * How every part above the server speaks to the API (ARCHITECTURE.md, section 3). Two transports pass one contract: in-process
 * (`in-process-client.ts`: objects are shared, nothing is encoded) and HTTPS (`https-client.ts`). Code that holds a
 * `Client` cannot tell which; faults are injected by wrapping one (`intercept.ts`).
 */
import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { ListMeta } from '../api/schema/types/meta-v1.ts';

/** A resource together with its TypeScript type: `resources.pods` is a `Resource<Pod>`. */
export interface Resource<T extends KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly resource: string;
  readonly namespaced: boolean;
  /** Never set: carries the type. */
  readonly objectType?: T;
}

export interface ListQuery {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  /** What is not metadata may be left out. */
  readonly metadataOnly?: boolean;
}

export interface ObjectList<T> {
  readonly metadata: ListMeta;
  readonly items: readonly T[];
}

export interface ClientWriteOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly subresource?: string;
}

export interface ClientDeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly uid?: string;
  readonly resourceVersion?: string;
}

export type ClientPatch =
  | { readonly type: 'json'; readonly body: readonly unknown[] }
  | { readonly type: 'merge' | 'strategic'; readonly body: object }
  /** Server-side apply: `body` is all that this field manager wants. `force` takes fields over that another manager owns. */
  | { readonly type: 'apply'; readonly body: object; readonly force?: boolean };

export interface ClientWatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

export interface ClientWatch {
  cancel(): void;
}

export interface ClientWatchHandler<T> {
  event(event: ClientWatchEvent<T>): void;
  /**
   * The watch is over, and nothing more comes; not called after `cancel`. With an error of reason `Expired`: list again. Without one:
   * watch again from the last version seen.
   */
  end(error?: Error): void;
}

/** All methods reject with `StatusError`; transport failures come as `ServiceUnavailable` or `Timeout`. */
export interface Client {
  /** With a subresource (`scale`, `status`): that, as the type that the caller names. */
  get<T extends KubeObject>(
    resource: Resource<T>,
    reference: ObjectReference,
    options?: { readonly subresource?: string },
  ): Promise<T>;
  list<T extends KubeObject>(resource: Resource<T>, query?: ListQuery): Promise<ObjectList<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, options?: ClientWriteOptions): Promise<T>;
  /** Names come from the object's metadata. */
  update<T extends KubeObject>(resource: Resource<T>, object: T, options?: ClientWriteOptions): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    reference: ObjectReference,
    patch: ClientPatch,
    options?: ClientWriteOptions,
  ): Promise<T>;
  delete<T extends KubeObject>(
    resource: Resource<T>,
    reference: ObjectReference,
    options?: ClientDeleteOptions,
  ): Promise<void>;
  deleteCollection<T extends KubeObject>(
    resource: Resource<T>,
    query: ListQuery,
    options?: ClientDeleteOptions,
  ): Promise<void>;
  /** A POST to a subresource whose body is of another kind: a Binding, an Eviction, a TokenRequest. */
  createSubresource<T extends KubeObject, B extends object>(
    resource: Resource<T>,
    reference: ObjectReference,
    subresource: string,
    body: B,
  ): Promise<B>;
  watch<T extends KubeObject>(
    resource: Resource<T>,
    query: ListQuery & { readonly resourceVersion: string },
    handler: ClientWatchHandler<T>,
  ): ClientWatch;
}
