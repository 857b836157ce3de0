/**
 * A request to the API as the registry sees it: what a client asked for, with no trace of HTTP. The server makes these from
 * URLs and bodies, the in-process client makes them directly; both get the same answer.
 */
import type { JsonObject, JsonValue, KubeObject } from '../api/object.ts';
import type { ResourceInfo, Verb } from '../api/resources.ts';
import type { Entry, Snapshot } from '../store/store.ts';
import type { ObjectDraft } from './draft.ts';

/** Who asks, as authentication found out. */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export type PatchType =
  | 'application/json-patch+json'
  | 'application/merge-patch+json'
  | 'application/strategic-merge-patch+json'
  | 'application/apply-patch+yaml';

/** The query's parameters that mean something to one object's write, parsed. Names as in `metav1.*Options`. */
export interface WriteOptions {
  readonly dryRun?: boolean;
  readonly fieldManager?: string;
  readonly fieldValidation?: FieldValidation;
  readonly force?: boolean;
  /** Who writes where `fieldManager` does not say: the user agent up to its first slash, the component's name in process. */
  readonly defaultManager?: string;
  /** Notes something about the request in the audit log; with `level` only where requests' bodies stand there, too. */
  readonly annotate?: (key: string, value: string, level?: 'Request') => void;
  /** Asked before an update or an apply makes what is not there. Rejects with Forbidden. Absent: nobody has to be asked. */
  readonly mayCreate?: () => Promise<void>;
  /** Fields that stood twice in the body, as strict validation names them: `duplicate field "spec.replicas"`. */
  readonly duplicateFields?: readonly string[];
  /** These and the duplicates in the order in which they stand in the body. Absent: the duplicates first. */
  readonly inDocumentOrder?: (unknownFields: readonly string[]) => readonly string[];
}

/** `metav1.DeleteOptions`, from body or query. */
export interface DeleteOptions {
  readonly dryRun?: boolean;
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  /** The old way to say it, in place of `propagationPolicy`: true is Orphan, false Background. */
  readonly orphanDependents?: boolean;
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  /** What cannot be read is deleted all the same, without preconditions, finalizers and admission. Nothing else is concerned. */
  readonly ignoreStoreReadError?: boolean;
  /** Notes something about the request in the audit log; with `level` only where requests' bodies stand there, too. */
  readonly annotate?: (key: string, value: string, level?: 'Request') => void;
}

/** `metav1.ListOptions`; selectors as the client wrote them. */
export interface ListOptions {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion?: string;
  readonly resourceVersionMatch?: 'Exact' | 'NotOlderThan';
  readonly limit?: number;
  readonly continue?: string;
  /** Objects are wanted for their metadata alone, which is read out of stored bytes without decoding them: `partial-object.ts`. */
  readonly metadataOnly?: boolean;
}

export interface WatchRequestOptions extends ListOptions {
  readonly allowWatchBookmarks?: boolean;
  readonly sendInitialEvents?: boolean;
  readonly timeoutSeconds?: number;
}

/** What every request names. `namespace` is empty for all namespaces and for what stands outside them. */
export interface RequestTarget {
  readonly user: UserInfo;
  readonly resource: ResourceInfo;
  readonly namespace: string;
  /** Empty on collections. */
  readonly name: string;
  /** Empty for the object itself. */
  readonly subresource: string;
}

/** An answer that holds one object, with what the client should be told beside it. */
export interface ObjectResult {
  /** In the version that was asked for; frozen. */
  readonly object: KubeObject;
  /** Present where the object is exactly as stored: its cached bytes can be sent. */
  readonly entry?: Entry;
  /** 201 for what was created. */
  readonly created: boolean;
  /** 202: what was deleted in the old way (`orphanDependents: false`) is on its way, and not gone. */
  readonly accepted?: boolean;
  /** Each goes into a `Warning` header (code 299). */
  readonly warnings: readonly string[];
}

export interface ListResult {
  readonly entries: Snapshot['entries'];
  /** `entries` as objects in the version asked for; made when first read. */
  readonly objects: readonly KubeObject[];
  /** The bytes of each entry are its object in the version asked for. */
  readonly areEntriesShown?: boolean;
  readonly resourceVersion: string;
  readonly continue: string;
  readonly remainingItemCount?: number;
  /** Of those that were deleted. */
  readonly warnings?: readonly string[];
}

export type WatchEventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

export interface WatchEvent {
  readonly type: WatchEventType;
  readonly object: KubeObject;
  /** Present where the object is exactly as stored: its bytes are encoded once for all watchers. */
  readonly entry?: Entry;
}

export interface WatchStream {
  cancel(): void;
}

export interface WatchSink {
  /** In order. Must not throw. */
  event(event: WatchEvent): void;
  /** The stream is over (time-out, slow reader, shutdown): the client watches again from where it was. */
  end(): void;
}

/** The registry's face: the verbs of the API. All reject with `StatusError`. */
export interface RequestHandler {
  get(target: RequestTarget, options?: { readonly resourceVersion?: string }): Promise<ObjectResult>;
  list(target: RequestTarget, options: ListOptions): Promise<ListResult>;
  /** Resolves when past events were delivered; later ones follow until `cancel` or `end`. */
  watch(target: RequestTarget, options: WatchRequestOptions, sink: WatchSink): Promise<WatchStream>;
  /** `body` is as the client sent it, decoded from JSON or YAML but not checked. */
  create(target: RequestTarget, body: JsonObject, options: WriteOptions): Promise<ObjectResult>;
  update(target: RequestTarget, body: JsonObject, options: WriteOptions): Promise<ObjectResult>;
  patch(target: RequestTarget, type: PatchType, patch: JsonValue, options: WriteOptions): Promise<ObjectResult>;
  /**
   * The object is a `Status` where it is gone (for some kinds, as upstream, the object itself: pods, services, claims, volumes,
   * service accounts, pod templates, quotas), else the object that now waits for its end.
   */
  delete(target: RequestTarget, options: DeleteOptions): Promise<ObjectResult>;
  deleteCollection(target: RequestTarget, list: ListOptions, options: DeleteOptions): Promise<ListResult>;
  /**
   * Asks admission about a stream into a pod, or a proxied request. `options` are the query's, of the subresource's kind (`PodExecOptions`,
   * `ServiceProxyOptions`); those that come back hold.
   */
  connect(target: RequestTarget, options: JsonObject, more: Pick<WriteOptions, 'annotate'>): Promise<Connected>;
}

export interface Connected {
  readonly options: JsonObject;
  readonly warnings: readonly string[];
}

/**
 * A resource, or subresource, that stores nothing: who creates one asks a question and gets the answer back. Reviews of tokens and
 * permissions, and tokens of service accounts, are such; the part that knows the answer hands one to the registry.
 */
export interface VirtualResource {
  /** Whoever answers asks `admission` once the body is decoded and again once the question is known to be good. Absent: nobody has to be asked. */
  create(
    target: RequestTarget,
    body: JsonObject,
    options: WriteOptions,
    admission?: VirtualAdmission,
  ): Promise<ObjectResult>;
}

/** All that admission asks about a create that stores nothing. Both reject with `StatusError`; `mutate` may change the draft. */
export interface VirtualAdmission {
  mutate(draft: ObjectDraft): Promise<unknown>;
  validate(draft: ObjectDraft): Promise<void>;
}

/** May `user` do this? Asked before the registry by whoever lets requests in. */
export interface Authorizer {
  /** At once, but where somebody outside has to be asked: to wait for every answer would cost each request a turn. */
  decide(attributes: AuthorizationAttributes): Decision | Promise<Decision>;
}

export interface Decision {
  readonly allowed: boolean;
  /** Refused for good: nobody who comes later is asked. Never beside `allowed`. */
  readonly denied?: boolean;
  /** Why, in upstream's words; empty where there is nothing to say. */
  readonly reason: string;
  /** What kept somebody from deciding. A request that is refused beside it fails as an error, and not as forbidden. */
  readonly problem?: string;
}

export interface AuthorizationAttributes {
  readonly user: UserInfo;
  readonly verb: Verb | 'proxy' | 'impersonate' | (string & {});
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** For URLs that name no resource; `resource` is then empty. */
  readonly path: string;
  /** Of a list, watch or deletecollection, as the client wrote them: some may see only what they select (KEP-4601). */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}
