/**
 * Requests for resources: HTTP on one side, the registry's verbs on the other. Here a body becomes an object, a query options,
 * a result an answer. What the verbs mean is the registry's; who may ask was settled before (`request-pipeline.ts`).
 */

import type { ParsedDocument } from '../api/decode.ts';
import type { JsonObject } from '../api/object.ts';
import { type ObjectKind, protobufType } from '../api/protobuf/envelope.ts';
import { forbiddenError } from '../api/refusal.ts';
import type { ResourceTable } from '../api/resource-table.ts';
import { apiVersionOf, type ResourceInfo, type Verb } from '../api/resources.ts';
import type { NodeConnections } from '../client/node-api.ts';
import type { Clock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import type { Prng } from '../lib/prng.ts';
import type {
  Authorizer,
  DeleteOptions,
  PatchType,
  RequestHandler,
  RequestTarget,
  WriteOptions,
} from '../registry/request.ts';
import type { Answer } from './answer.ts';
import { PodConnect } from './connect/pod-connect.ts';
import type { RequestContext } from './context.ts';
import { deleteOptions } from './delete-options.ts';
import type { Exchange } from './http/exchange.ts';
import {
  bodyEncoding,
  type Encoding,
  mediaType,
  negotiate,
  negotiateStream,
  unsupportedMediaType,
} from './negotiation.ts';
import { type Form, listAnswer, objectAnswer } from './object-answers.ts';
import { servePodLog } from './pod-log.ts';
import { isProxyPath, ProxyRequests } from './proxy/proxy-requests.ts';
import { integerOf, listOptions, managerOfUserAgent, type WriteKind, writeOptions } from './queries.ts';
import { type ObjectDocument, parseApplyPatch, parseObjectBody, parseOptionsBody, parsePatch } from './request-body.ts';
import type { ResourcePath } from './request-info.ts';
import { noSuchMethod, resolve } from './resource-lookup.ts';
import { checkTransform, tableRequest } from './transform.ts';
import { WatchRequests } from './watch-requests.ts';
import { type ReadYaml, YamlThread } from './yaml/yaml-thread.ts';

/** A request that was let in. */
interface Admitted {
  readonly context: RequestContext;
  readonly target: RequestTarget;
}

const patchTypes: readonly string[] = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
] satisfies PatchType[];

export class ResourceRequests {
  readonly #handler: RequestHandler;
  readonly #resources: ResourceTable;
  readonly #authorizer: Authorizer;
  readonly #nodes: NodeConnections;
  readonly #clock: Clock;
  readonly #proxy: ProxyRequests;
  readonly #watches: WatchRequests;
  readonly #podConnect: PodConnect;
  readonly #yaml: YamlThread;

  constructor(options: {
    handler: RequestHandler;
    authorizer: Authorizer;
    resources: ResourceTable;
    nodes: NodeConnections;
    clock: Clock;
    prng: Prng;
  }) {
    this.#watches = new WatchRequests(options);
    this.#podConnect = new PodConnect(options);
    this.#clock = options.clock;
    this.#yaml = new YamlThread(options.clock);
    this.#proxy = new ProxyRequests(options);
    this.#handler = options.handler;
    this.#authorizer = options.authorizer;
    this.#resources = options.resources;
    this.#nodes = options.nodes;
  }

  /** Undefined: the answer goes its own way, as a stream. @throws StatusError */
  async answer(context: RequestContext, path: ResourcePath, verb: Verb | ''): Promise<Answer | undefined> {
    if (isProxyPath(path)) return this.#proxy.answer(context, path);
    const resource = resolve(this.#resources, path, verb);
    const admitted = { context, target: targetOf(context, path, resource) };
    if (resource.group === '' && resource.resource === 'pods' && path.subresource === 'log') return this.#log(admitted);
    if (this.#podConnect.isFor(admitted.target)) return this.#podConnect.serve(context, admitted.target);
    switch (verb) {
      case 'get':
        return this.#get(admitted);
      case 'list':
        return this.#list(admitted);
      case 'watch':
        return this.#watch(admitted);
      case 'create':
        return this.#create(admitted);
      case 'update':
        return this.#update(admitted);
      case 'patch':
        return this.#patch(admitted);
      case 'delete':
        return this.#delete(admitted);
      case 'deletecollection':
        return this.#deleteCollection(admitted);
      case '':
        throw noSuchMethod();
    }
  }

  /** Ends all watches, so that their clients go elsewhere or come back later. */
  endWatches(): void {
    this.#watches.end();
  }

  /** No YAML is being read from here on. */
  close(): Promise<void> {
    return this.#yaml.close();
  }

  async #get(admitted: Admitted): Promise<Answer> {
    const { context, target } = admitted;
    const form = this.#form(admitted);
    const resourceVersion = context.query.get('resourceVersion');
    const result = await this.#handler.get(target, resourceVersion ? { resourceVersion } : {});
    return objectAnswer(target.resource, result, form);
  }

  async #list(admitted: Admitted): Promise<Answer> {
    const { context, target } = admitted;
    const form = this.#form(admitted);
    const options = listOptions(context.query);
    integerOf(context.query, 'timeoutSeconds');
    return listAnswer(target.resource, await this.#handler.list(target, options), form);
  }

  async #watch(admitted: Admitted): Promise<undefined> {
    await this.#watches.serve(admitted.context, admitted.target, this.#form(admitted, true));
  }

  async #create(admitted: Admitted): Promise<Answer> {
    const { target } = admitted;
    const form = this.#form(admitted);
    const options = this.#writeOptions(admitted, 'CreateOptions');
    const document = await this.#objectBody(admitted);
    const result = await this.#handler.create(target, document.value, withDuplicates(options, document));
    return objectAnswer(target.resource, result, form);
  }

  async #update(admitted: Admitted): Promise<Answer> {
    const { target } = admitted;
    const form = this.#form(admitted);
    const options = this.#writeOptions(admitted, 'UpdateOptions');
    const document = await this.#objectBody(admitted);
    const result = await this.#handler.update(target, document.value, withDuplicates(options, document));
    return objectAnswer(target.resource, result, form);
  }

  async #patch(admitted: Admitted): Promise<Answer> {
    const { context, target } = admitted;
    const form = this.#form(admitted);
    const type = mediaType(context.exchange.headers['content-type']);
    if (!patchTypes.includes(type)) throw unsupportedMediaType(patchTypes);
    const apply = type === 'application/apply-patch+yaml';
    const options = this.#writeOptions(admitted, 'PatchOptions', apply);
    const bytes = await context.exchange.body(limits.requestBodyBytesMax);
    const document = apply
      ? parseApplyPatch(bytes, await this.#yaml.prepare(bytes, context.exchange))
      : parsePatch(bytes);
    const writing = withDuplicates(options, document);
    const result = await this.#handler.patch(target, type as PatchType, document.value, writing);
    return objectAnswer(target.resource, result, form);
  }

  async #delete(admitted: Admitted): Promise<Answer> {
    const { context, target } = admitted;
    const form = this.#form(admitted);
    const options = await this.#deleteOptions(context);
    if (options.ignoreStoreReadError) await this.#permitUnread(context, target);
    const result = await this.#handler.delete(target, options);
    return objectAnswer(target.resource, result, form);
  }

  async #deleteCollection(admitted: Admitted): Promise<Answer> {
    const { context, target } = admitted;
    const form = this.#form(admitted);
    const list = listOptions(context.query);
    const options = await this.#deleteOptions(context);
    return listAnswer(target.resource, await this.#handler.deleteCollection(target, list, options), form);
  }

  async #deleteOptions(context: RequestContext): Promise<DeleteOptions> {
    const options = deleteOptions(await this.#optionsBody(context), context.query);
    return context.annotate === undefined ? options : { ...options, annotate: context.annotate };
  }

  /** To delete what cannot be read asks for a permission of its own. @throws StatusError Forbidden */
  async #permitUnread({ user }: RequestContext, target: RequestTarget): Promise<void> {
    const { resource, namespace, name } = target;
    const names = { group: resource.group, version: resource.version, resource: resource.resource };
    const attributes = {
      user,
      verb: 'unsafe-delete-ignore-read-errors',
      ...names,
      subresource: '',
      namespace,
      name,
      path: '',
    };
    const { allowed, reason } = await this.#authorizer.decide(attributes);
    if (!allowed) throw forbiddenError(attributes, reason);
  }

  #writeOptions({ context, target }: Admitted, kind: WriteKind, apply = false): WriteOptions {
    const { annotate } = context;
    const options = { ...writeOptions(context.query, kind, apply), ...(annotate && { annotate }) };
    const defaultManager = managerOfUserAgent(context.exchange.headers['user-agent']);
    const named =
      options.fieldManager !== undefined || defaultManager === '' ? options : { ...options, defaultManager };
    return kind === 'CreateOptions' ? named : { ...named, mayCreate: () => this.#permitCreate(context, target) };
  }

  /** An update or an apply that creates asks for both permissions. @throws StatusError Forbidden */
  async #permitCreate({ user }: RequestContext, target: RequestTarget): Promise<void> {
    const { resource, namespace, name, subresource } = target;
    const { group, version } = resource;
    const names = { group, version, resource: resource.resource, subresource, namespace, name, path: '' };
    const attributes = { user, verb: 'create' as const, ...names };
    const { allowed, reason } = await this.#authorizer.decide(attributes);
    if (!allowed) throw forbiddenError(attributes, reason);
  }

  #form({ context: { exchange, query, pretty }, target }: Admitted, stream = false): Form {
    const { accept } = exchange.headers;
    const table = tableRequest(query, target.subresource, this.#clock.now());
    const hasProtobuf = protobufType(kindIn(target)) !== undefined;
    const negotiated = stream
      ? negotiateStream(accept, hasProtobuf)
      : negotiate(accept, hasProtobuf, isReadable(target));
    const form = { ...negotiated, pretty: pretty || negotiated.pretty, table };
    checkTransform(form);
    return form;
  }

  async #objectBody({ context: { exchange }, target }: Admitted): Promise<ObjectDocument> {
    const encoding = bodyEncoding(exchange.headers['content-type']);
    const bytes = await exchange.body(isReadable(target) ? limits.requestBodyBytesMax : limits.unstoredBodyBytesMax);
    return parseObjectBody(bytes, encoding, kindIn(target), await this.#readYaml(exchange, bytes, encoding));
  }

  /** `DeleteOptions`; a delete needs no body. */
  async #optionsBody({ exchange }: RequestContext): Promise<JsonObject | undefined> {
    const bytes = await exchange.body(limits.requestBodyBytesMax);
    if (bytes.length === 0) return undefined;
    const encoding = bodyEncoding(exchange.headers['content-type']);
    const kind = { kind: 'DeleteOptions', apiVersion: 'v1' };
    return parseOptionsBody(bytes, encoding, kind, await this.#readYaml(exchange, bytes, encoding));
  }

  /** Undefined where the body is no YAML. */
  #readYaml(exchange: Exchange, bytes: Buffer, encoding: Encoding): Promise<ReadYaml> | undefined {
    return encoding === 'yaml' ? this.#yaml.prepare(bytes, exchange) : undefined;
  }

  async #log({ context, target }: Admitted): Promise<undefined> {
    const { object } = await this.#handler.get({ ...target, subresource: '' });
    await servePodLog(context.exchange, this.#nodes, object, context.query, context.headers);
  }
}

function targetOf(context: RequestContext, path: ResourcePath, resource: ResourceInfo): RequestTarget {
  const namespace = resource.namespaced ? path.namespace : '';
  return { user: context.user, resource, namespace, name: path.name, subresource: path.subresource };
}

/** The kind that this target reads and writes: a subresource may have its own. */
function kindIn({ resource, subresource }: RequestTarget): ObjectKind {
  const info = resource.subresources.find(({ name }) => name === subresource)?.kind ?? resource;
  return { kind: info.kind, apiVersion: apiVersionOf(info) };
}

/** What is only ever created (a review, a binding, an eviction, a token) has no table. */
function isReadable({ resource, subresource }: RequestTarget): boolean {
  const { verbs } = resource.subresources.find(({ name }) => name === subresource) ?? resource;
  return verbs.includes('get');
}

/** Duplicates are looked for when the registry asks: a second scan of the body that most requests can do without. */
function withDuplicates(options: WriteOptions, document: ParsedDocument): WriteOptions {
  return {
    ...options,
    get duplicateFields() {
      return document.duplicates;
    },
    ...(document.inOrder && {
      inDocumentOrder: (unknown: readonly string[]) => document.inOrder?.(unknown) ?? unknown,
    }),
  };
}
