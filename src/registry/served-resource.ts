/**
 * What the registry knows of the resource that a request names: where its objects are stored and in which version, their
 * type, and their strategy. Made once for each row of the resource table, and shown in the version that was asked for.
 */
import type { CustomDefinition } from '../api/custom-definition.ts';
import { normalizeObject } from '../api/normalize.ts';
import type { JsonObject, KubeObject } from '../api/object.ts';
import { type ResourceTable, resourceTable } from '../api/resource-table.ts';
import { apiVersionOf, groupResource, type ResourceInfo } from '../api/resources.ts';
import type { MessageType, SchemaRegistry } from '../api/schema/schema.ts';
import { notFound, type StatusSubject } from '../api/status-error.ts';
import { deepFreeze } from '../lib/deep-freeze.ts';
import type { Entry, StoreKey } from '../store/store.ts';
import { convert } from './conversion.ts';
import { type ConversionMeans, converterFor } from './custom/conversion.ts';
import { CustomForms } from './custom/forms.ts';
import { customStrategyOf } from './custom/strategy.ts';
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
  /** The asked version is the one that objects are worked on in; of a kind with `forms`: always. */
  readonly isStoredForm: boolean;
  readonly strategy: Strategy;
  /** Status has a subresource of its own, so that the main resource leaves it alone. */
  readonly hasStatus: boolean;
  /** Made by a CustomResourceDefinition, here or upstream. */
  readonly custom: boolean;
  /**
   * Of a kind that a CustomResourceDefinition in this cluster declares. Its objects are worked on in the version that was asked for, and meet
   * their stored version only at the store.
   */
  readonly forms: CustomForms | undefined;
}

export class ServedResources {
  readonly schema: SchemaRegistry;
  readonly #resources: ResourceTable;
  readonly #known = new WeakMap<ResourceInfo, ServedResource>();
  readonly #means: ConversionMeans;

  constructor(options: { schema: SchemaRegistry; resources: ResourceTable } & ConversionMeans) {
    this.schema = options.schema;
    this.#resources = options.resources;
    this.#means = options;
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

  /** `entry` was written by what was known when its request began: what is known now may not have been asked. */
  wrote({ info, forms }: ServedResource, { revision }: Entry): void {
    if (forms === undefined) return;
    const now = this.#resources.find(info.group, info.version, info.resource);
    const history = now?.definition?.history;
    if (now !== info && history !== undefined) history.since = Math.max(history.since, revision);
  }

  #make(info: ResourceInfo): ServedResource {
    return info.definition === undefined ? this.#makeBuiltin(info) : makeCustom(info, info.definition, this.#means);
  }

  #makeBuiltin(info: ResourceInfo): ServedResource {
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
      forms: undefined,
    };
  }

  #storedRow(info: ResourceInfo): ResourceInfo {
    const { group, resource } = info.storedAs ?? info;
    return this.#resources.find(group, info.storageVersion, resource) ?? info;
  }

  #typeOf({ group, version, kind, resource }: ResourceInfo): MessageType {
    const type = this.schema.kind({ group, version, kind });
    if (type === undefined) throw notFound({ group, kind: resource, name: kind });
    return type;
  }
}

function makeCustom(info: ResourceInfo, definition: CustomDefinition, means: ConversionMeans): ServedResource {
  const apiVersion = apiVersionOf(info);
  return {
    info,
    apiVersion,
    get type() {
      return definition.type;
    },
    collection: groupResource(info),
    storedApiVersion: apiVersion,
    get storedType() {
      return definition.type;
    },
    isStoredForm: true,
    strategy: customStrategyOf(definition),
    hasStatus: info.subresources.some((subresource) => subresource.name === 'status'),
    custom: true,
    forms: new CustomForms(info, definition, converterFor(definition, means)),
  };
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

/** A stored object in the version asked for; frozen. The stored object itself where that is the same. Of an entry: `shownEntry`. */
export function shown(served: ServedResource, object: KubeObject): KubeObject {
  if (served.isStoredForm) return object;
  const converted = convert(draftOf(object), served.apiVersion);
  return deepFreeze(normalizeObject(served.type, converted as JsonObject) as KubeObject);
}

/** For results and events: the entry goes along where its bytes are what the client asked for. After `prepareEntries`. */
export function shownEntry(served: ServedResource, entry: Entry): { object: KubeObject; entry?: Entry } {
  const { forms } = served;
  if (forms !== undefined) {
    const object = forms.shown(entry);
    return forms.isShared(entry) ? { object, entry } : { object };
  }
  return served.isStoredForm ? { object: entry.object, entry } : { object: shown(served, entry.object) };
}

/** What has to be awaited before these entries are shown; undefined for nearly all. @throws StatusError InternalError */
export function prepareEntries({ forms }: ServedResource, entries: readonly Entry[]): Promise<void> | undefined {
  return forms?.prepare(entries);
}

/** What a write has made, as its client is to see it. @throws StatusError InternalError */
export function writtenEntry(
  { served: all }: { readonly served: ServedResources },
  served: ServedResource,
  entry: Entry,
): { object: KubeObject; entry?: Entry } | Promise<{ object: KubeObject; entry?: Entry }> {
  all.wrote(served, entry);
  const due = prepareEntries(served, [entry]);
  return due === undefined ? shownEntry(served, entry) : due.then(() => shownEntry(served, entry));
}

/** The object as it is worked on: in its stored version, or of a custom kind in the one asked for. After `prepareEntries`. */
export function workedOn({ forms }: ServedResource, entry: Entry): KubeObject {
  return forms === undefined ? entry.object : forms.shown(entry);
}

/** What was worked on, as it is to be stored. Takes the draft over. */
export function toStorage({ forms }: ServedResource, draft: ObjectDraft): ObjectDraft | Promise<ObjectDraft> {
  return forms === undefined ? draft : forms.toStorage(draft);
}

/** A draft in the asked version → in the one that it is worked on in. */
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
