/**
 * What the registry knows of the resource that a request names: where its objects are stored and in which version, their
 * type, and their strategy. Made once for each row of the resource table, and shown in the version that was asked for.
 */
import { normalizeObject } from '../api/normalize.ts';
import type { JsonObject, KubeObject } from '../api/object.ts';
import { type ResourceTable, resourceTable } from '../api/resource-table.ts';
import { apiVersionOf, groupResource, type ResourceInfo } from '../api/resources.ts';
import type { MessageType, SchemaRegistry } from '../api/schema/schema.ts';
import { notFound, type StatusSubject } from '../api/status-error.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import type { Entry, StoreKey } from '../store/store.ts';
import { convert } from './conversion.ts';
import { draftOf, type ObjectDraft } from './draft.ts';
import { strategyFor } from './strategies/index.ts';
import type { Strategy } from './strategy.ts';

export interface ServedResource {
  /** As asked. */
  readonly info: ResourceInfo;
  readonly apiVersion: string;
  readonly type: MessageType;
  /** As stored. */
  readonly collection: string;
  readonly storedApiVersion: string;
  readonly storedType: MessageType;
  /** The asked version is the stored one: objects go out as they are. */
  readonly isStoredForm: boolean;
  readonly strategy: Strategy;
  /** Status has a subresource of its own, so that the main resource leaves it alone. */
  readonly hasStatus: boolean;
  /** Made by a CustomResourceDefinition, here or upstream. */
  readonly custom: boolean;
}

export class ServedResources {
  readonly #schema: SchemaRegistry;
  readonly #resources: ResourceTable;
  readonly #known = new WeakMap<ResourceInfo, ServedResource>();

  constructor(options: { schema: SchemaRegistry; resources: ResourceTable }) {
    this.#schema = options.schema;
    this.#resources = options.resources;
  }

  /** @throws StatusError NotFound where there is no type of that kind */
  of(info: ResourceInfo): ServedResource {
    let served = this.#known.get(info);
    if (served === undefined) this.#known.set(info, (served = this.#make(info)));
    return served;
  }

  /** The same objects in another version. Undefined where that is not served. */
  inVersion({ info, collection }: ServedResource, apiVersion: string): ServedResource | undefined {
    const slash = apiVersion.indexOf('/');
    const group = slash < 0 ? '' : apiVersion.slice(0, slash);
    const row = this.#resources.find(group, apiVersion.slice(slash + 1), info.resource);
    const served = row && this.of(row);
    return served?.collection === collection ? served : undefined;
  }

  #make(info: ResourceInfo): ServedResource {
    const stored = this.#storedRow(info);
    const name = groupResource(stored);
    const custom = info.custom === true || resourceTable().find(info.group, info.version, info.resource) === undefined;
    return {
      info,
      apiVersion: apiVersionOf(info),
      type: this.#typeOf(info),
      collection: name,
      storedApiVersion: apiVersionOf(stored),
      storedType: this.#typeOf(stored),
      isStoredForm: apiVersionOf(info) === apiVersionOf(stored),
      strategy: strategyFor(groupResource(info), custom),
      hasStatus: info.subresources.some((subresource) => subresource.name === 'status'),
      custom,
    };
  }

  #storedRow(info: ResourceInfo): ResourceInfo {
    const { group, resource } = info.storedAs ?? info;
    return this.#resources.find(group, info.storageVersion, resource) ?? info;
  }

  #typeOf({ group, version, kind, resource }: ResourceInfo): MessageType {
    const type = this.#schema.kind({ group, version, kind });
    if (type === undefined) throw notFound({ group, kind: resource, name: kind });
    return type;
  }
}

export function keyOf(served: ServedResource, namespace: string, name: string): StoreKey {
  return { collection: served.collection, namespace: served.info.namespaced ? namespace : '', name };
}

/** For all errors but `Invalid`, which name the resource. */
export function subjectOf({ info }: ServedResource, name: string): StatusSubject {
  return { group: info.group, kind: info.resource, name };
}

/** For `Invalid`, which names the kind. */
export function kindSubjectOf({ info }: ServedResource, name: string): StatusSubject {
  return { group: info.group, kind: info.kind, name };
}

/** A stored object in the version asked for; frozen. The stored object itself where that is the same. */
export function shown(served: ServedResource, object: KubeObject): KubeObject {
  if (served.isStoredForm) return object;
  const converted = convert(draftOf(object), served.apiVersion);
  return deepFreeze(normalizeObject(served.type, converted as JsonObject) as KubeObject);
}

/** For results and events: the entry goes along where its bytes are what the client asked for. */
export function shownEntry(served: ServedResource, entry: Entry): { object: KubeObject; entry?: Entry } {
  return served.isStoredForm ? { object: entry.object, entry } : { object: shown(served, entry.object) };
}

/** A draft in the asked version → in the stored one. */
export function toStored(served: ServedResource, draft: ObjectDraft): ObjectDraft {
  return convert(draft, served.storedApiVersion);
}

/** Go's rule on empty values, applied; see `api/normalize.ts`. `old` is in that form, and frozen: what is its own stays. */
export function normalized(served: ServedResource, draft: ObjectDraft, old?: KubeObject): ObjectDraft {
  return normalizeObject(served.storedType, draft as JsonObject, old as JsonObject | undefined);
}

/**
 * `current`, in the version asked for, where parts of it need not be decoded again when they come back. The type of a custom resource may
 * have changed since it was stored.
 */
export function decodedBefore({ custom }: ServedResource, current: KubeObject | undefined): JsonObject | undefined {
  return custom ? undefined : (current as JsonObject | undefined);
}

/** `status` of an object that nobody has worked on yet; undefined for kinds without one. */
export function emptyStatus(served: ServedResource): unknown {
  const field = served.storedType.fieldsByName.get('status');
  return field?.type.kind === 'message' ? normalizeObject(field.type.message, {}) : undefined;
}
