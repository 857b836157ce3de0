/**
 * The meaning of each request (ARCHITECTURE.md, section 3: registry). No HTTP here, and no permissions: whoever calls has let the
 * request in.
 *
 * ```
 *  create.ts   update.ts ◀─ patch.ts   delete.ts   list.ts   watch.ts   subresources/
 *       └──────────┴── one path for all kinds: decode → default → admit → prepare → validate → store ──┘
 *                      what differs between kinds: strategies/, defaults/, validation/; which part changes: parts.ts
 * ```
 * This file only sends each verb its way. Rejections are `StatusError`s; anything else is a bug and becomes a 500.
 */
import type { JsonObject, JsonValue } from '../api/object.ts';
import type { ResourceTable } from '../api/resource-table.ts';
import { apiVersionOf, groupResource } from '../api/resources.ts';
import type { MessageType, SchemaRegistry } from '../api/schema/schema.ts';
import { hasReason, internalError, methodNotAllowed, notFound, StatusError } from '../api/status-error.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Prng } from '../lib/prng.ts';
import type { Store } from '../store/store.ts';
import { ObjectTooLarge, StoreUnavailable, UnreadableObject } from '../store/store.ts';
import { AddressBook } from './address-book.ts';
import { Admission, type AdmissionPlugin } from './admission/admission.ts';
import { admissionPlugins } from './admission/plugins.ts';
import { createObject } from './create.ts';
import { decodeBody } from './decode-body.ts';
import { deleteObject } from './delete.ts';
import type { Environment } from './environment.ts';
import { FieldIndexes } from './field-index.ts';
import type { GrantGuard } from './grant-guard.ts';
import { listObjects } from './list.ts';
import type { OutsideCaller } from './outside.ts';
import { Pages } from './paging.ts';
import { type Part, partOf } from './parts.ts';
import { patchObject } from './patch.ts';
import type {
  Connected,
  DeleteOptions,
  ListOptions,
  ListResult,
  ObjectResult,
  PatchType,
  RequestHandler,
  RequestTarget,
  VirtualResource,
  WatchRequestOptions,
  WatchSink,
  WatchStream,
  WriteOptions,
} from './request.ts';
import { parseResourceVersion, waitUntilFresh } from './resource-version.ts';
import { keyOf, prepareEntries, ServedResources, shownEntry, subjectOf } from './served-resource.ts';
import { ServiceAddresses } from './service-addresses.ts';
import { ServiceRanges } from './service-ranges.ts';
import { bindPod } from './subresources/binding.ts';
import { evictPod } from './subresources/eviction.ts';
import { getScale, patchScale, updateScale } from './subresources/scale.ts';
import { Turns } from './turns.ts';
import { updateObject } from './update.ts';
import { watchObjects } from './watch.ts';

export interface RegistryOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly schema: SchemaRegistry;
  readonly resources: ResourceTable;
  readonly log: Logger;
  /** Resources and subresources without stored objects of their own, by group-resource: `tokenreviews.authentication.k8s.io`, `serviceaccounts/token`. */
  readonly virtualResources?: ReadonlyMap<string, VirtualResource>;
  /** Asked before roles and bindings are written. */
  readonly grants?: GrantGuard;
  /** Asked about every write; the usual ones where absent. */
  readonly admission?: readonly AdmissionPlugin[];
  /** Where the addresses of Services come from; see `ServiceRanges`. */
  readonly serviceCidrs?: readonly string[] | undefined;
  /** How conversion webhooks are called; they cannot be where absent. */
  readonly outside?: OutsideCaller | undefined;
}

export class Registry implements RequestHandler {
  readonly #environment: Environment;
  readonly #schema: SchemaRegistry;
  readonly #virtual: ReadonlyMap<string, VirtualResource>;

  constructor(options: RegistryOptions) {
    const { store, clock, prng, schema, resources, log, virtualResources, grants } = options;
    const served = new ServedResources({ schema, resources, prng, outside: options.outside });
    const book = new AddressBook({ store, clock, prng, log });
    const ranges = new ServiceRanges(store, options.serviceCidrs);
    const addresses = new ServiceAddresses({ store, prng, book, ranges });
    const pages = new Pages(store, clock);
    const indexes = new FieldIndexes(store);
    this.#environment = {
      store,
      clock,
      prng,
      log,
      resources,
      served,
      addresses,
      ranges,
      book,
      pages,
      indexes,
      turns: new Turns(),
      admission: options.admission ?? admissionPlugins({ store, clock, prng, log, outside: options.outside }),
      grants,
      outside: options.outside,
    };
    this.#schema = schema;
    this.#virtual = virtualResources ?? new Map();
  }

  get serviceRanges(): ServiceRanges {
    return this.#environment.ranges;
  }

  /** After a start: what a crash left half written. */
  putRight(): Promise<void> {
    return this.#environment.book.putRight();
  }

  async get(target: RequestTarget, options: { readonly resourceVersion?: string } = {}): Promise<ObjectResult> {
    return this.#answer(async () => {
      if (target.subresource === 'scale') return getScale(this.#environment, target);
      this.#part(target, 'get');
      const { served: all, store } = this.#environment;
      const served = all.of(target.resource);
      await waitUntilFresh(this.#environment, parseResourceVersion(options.resourceVersion));
      const entry = store.get(keyOf(served, target.namespace, target.name));
      if (entry === undefined) throw notFound(subjectOf(served, target.name));
      const due = prepareEntries(served, [entry]);
      if (due !== undefined) await due;
      return { ...shownEntry(served, entry), created: false, warnings: [] };
    });
  }

  async list(target: RequestTarget, options: ListOptions): Promise<ListResult> {
    return this.#answer(async () => listObjects(this.#environment, target, options));
  }

  async watch(target: RequestTarget, options: WatchRequestOptions, sink: WatchSink): Promise<WatchStream> {
    return this.#answer(async () => watchObjects(this.#environment, target, options, sink));
  }

  async create(target: RequestTarget, body: JsonObject, options: WriteOptions): Promise<ObjectResult> {
    return this.#answer(async () => {
      const name = nameOf(target);
      const virtual = this.#virtual.get(name);
      if (virtual) return this.#ask(virtual, target, body, options);
      if (name === 'bindings' || name === 'pods/binding') {
        return bindPod(this.#environment, target, this.#type('', 'v1', 'Binding'), body, options);
      }
      if (name === 'pods/eviction') {
        return evictPod(this.#environment, target, this.#type('policy', 'v1', 'Eviction'), body, options);
      }
      if (target.subresource !== '' || !target.resource.verbs.includes('get')) throw this.#refused(target, 'create');
      return createObject(this.#environment, target, body, options);
    });
  }

  async update(target: RequestTarget, body: JsonObject, options: WriteOptions): Promise<ObjectResult> {
    return this.#answer(async () => {
      if (target.subresource === 'scale') {
        return updateScale(this.#environment, target, this.#type('autoscaling', 'v1', 'Scale'), body, options);
      }
      return updateObject(this.#environment, target, this.#part(target, 'update'), body, options);
    });
  }

  async patch(target: RequestTarget, type: PatchType, patch: JsonValue, options: WriteOptions): Promise<ObjectResult> {
    return this.#answer(async () => {
      if (target.subresource === 'scale') {
        return patchScale(this.#environment, target, this.#type('autoscaling', 'v1', 'Scale'), type, patch, options);
      }
      return patchObject(this.#environment, target, this.#part(target, 'patch'), type, patch, options);
    });
  }

  async delete(target: RequestTarget, options: DeleteOptions): Promise<ObjectResult> {
    return this.#answer(async () => {
      if (target.subresource !== '') throw this.#refused(target, 'delete');
      return deleteObject(this.#environment, target, options);
    });
  }

  /** One after another, in the list's order; what is gone meanwhile is no error. */
  async deleteCollection(target: RequestTarget, list: ListOptions, options: DeleteOptions): Promise<ListResult> {
    return this.#answer(async () => {
      const found = await listObjects(this.#environment, target, list);
      const warnings: string[] = [];
      for (const { key } of found.entries) {
        const one = { ...target, namespace: key.namespace, name: key.name };
        try {
          warnings.push(...(await deleteObject(this.#environment, one, options)).warnings);
        } catch (error) {
          if (!hasReason(error, 'NotFound')) throw error;
        }
      }
      // Its objects are made when they are read.
      return Object.assign(found, { warnings });
    });
  }

  async connect(target: RequestTarget, options: JsonObject, more: Pick<WriteOptions, 'annotate'>): Promise<Connected> {
    return this.#answer(async () => {
      const { resource, subresource } = target;
      const kind = resource.subresources.find(({ name }) => name === subresource)?.kind;
      if (kind === undefined) throw this.#refused(target, 'connect');
      const expected = {
        apiVersion: apiVersionOf(kind),
        kind: kind.kind,
        type: this.#type(kind.group, kind.version, kind.kind),
      };
      const { draft } = decodeBody(expected, options, { fieldValidation: 'Ignore' });
      const what = { operation: 'CONNECT', target, collection: groupResource(resource) } as const;
      const admission = new Admission(this.#environment, what, more);
      await admission.mutate(draft);
      await admission.validate(draft);
      return { options: draft as JsonObject, warnings: admission.warnings };
    });
  }

  /** Nothing is stored, but admission has its say as about any create. */
  async #ask(
    virtual: VirtualResource,
    target: RequestTarget,
    body: JsonObject,
    options: WriteOptions,
  ): Promise<ObjectResult> {
    const collection = groupResource(target.resource);
    const admission = new Admission(this.#environment, { operation: 'CREATE', target, collection }, options);
    try {
      const result = await virtual.create(target, body, options, admission);
      return { ...result, warnings: [...result.warnings, ...admission.warnings] };
    } finally {
      // Nothing was written, whatever the answer.
      admission.undo();
    }
  }

  /** @throws StatusError MethodNotAllowed for subresources that are not updated as their parent's kind */
  #part(target: RequestTarget, verb: 'get' | 'update' | 'patch'): Part {
    const part = partOf(target.subresource);
    const known =
      target.subresource === '' || target.resource.subresources.some(({ name }) => name === target.subresource);
    if (part === undefined || !known) throw this.#refused(target, verb);
    return part;
  }

  #refused(target: RequestTarget, verb: string): StatusError {
    const kind =
      target.subresource === '' ? target.resource.resource : `${target.resource.resource}/${target.subresource}`;
    return methodNotAllowed({ group: target.resource.group, kind, name: target.name }, verb);
  }

  #type(group: string, version: string, kind: string): MessageType {
    const type = this.#schema.kind({ group, version, kind });
    if (type === undefined) throw notFound({ group, kind, name: '' });
    return type;
  }

  /** The store's refusals in the API's words. */
  async #answer<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ObjectTooLarge) {
        throw new StatusError(413, 'RequestEntityTooLarge', error.message, undefined, { cause: error });
      }
      if (error instanceof UnreadableObject) throw internalError(error);
      if (!(error instanceof StoreUnavailable)) throw error;
      this.#environment.log.warn('the store refused a request', { error });
      throw new StatusError(503, 'ServiceUnavailable', error.message, { retryAfterSeconds: 1 }, { cause: error });
    }
  }
}

/** `pods/binding`, `subjectaccessreviews.authorization.k8s.io`. */
function nameOf({ resource, subresource }: RequestTarget): string {
  return subresource === '' ? groupResource(resource) : `${groupResource(resource)}/${subresource}`;
}
