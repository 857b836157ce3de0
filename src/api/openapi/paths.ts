/**
 * The paths of one group and version, with an operation for each verb.
 *
 * kubectl finds a kind through these: an operation carries `x-kubernetes-group-version-kind`, and a PATCH that lists
 * `fieldValidation` among its own parameters tells that the server validates fields. Generated clients read the rest.
 */
import { apiVersionOf, type ResourceInfo, type SubresourceInfo, type Verb } from '../resources.ts';
import type { GroupVersionKind, SchemaRegistry } from '../schema/schema.ts';
import { type Action, pathParameter, queryParameters } from './parameters.ts';
import type { Json, OpenApiVersion, SchemaCollector } from './schemas.ts';

const mediaTypes = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const patchMediaTypes = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

/** What one operation is about. */
interface Target {
  readonly gvk: GroupVersionKind;
  /** Refers to the schema of what is read and written; empty where that has none (logs, proxies). */
  readonly body: Json;
  readonly row: ResourceInfo;
  /** `NamespacedPodStatus`: the end of the operation's id. */
  readonly suffix: string;
  readonly connects: boolean;
}

export class PathBuilder {
  readonly #version: OpenApiVersion;
  readonly #schema: SchemaRegistry;
  readonly #collector: SchemaCollector;
  readonly paths: Record<string, Json> = {};

  constructor(version: OpenApiVersion, schema: SchemaRegistry, collector: SchemaCollector) {
    this.#version = version;
    this.#schema = schema;
    this.#collector = collector;
  }

  add(row: ResourceInfo): void {
    const root = `${row.group === '' ? '/api' : '/apis'}/${apiVersionOf(row)}`;
    const collection = row.namespaced ? `${root}/namespaces/{namespace}/${row.resource}` : `${root}/${row.resource}`;
    const scope = row.namespaced ? 'Namespaced' : '';
    const target = { gvk: kindOf(row), row, connects: false };
    const item: Target = { ...target, body: this.#bodyOf(kindOf(row)), suffix: `${scope}${row.kind}` };
    const list: Target = { ...target, body: this.#listOf(row), suffix: item.suffix };
    this.#put(collection, this.#collectionOperations(row.verbs, item, list), row.namespaced ? ['namespace'] : []);
    this.#put(`${collection}/{name}`, this.#itemOperations(row.verbs, item), itemParameters(row));
    if (row.namespaced && row.verbs.includes('list')) {
      const everywhere = { ...list, suffix: `${row.kind}ForAllNamespaces` };
      this.#put(`${root}/${row.resource}`, { get: this.#operation('list', everywhere) }, []);
    }
    for (const subresource of row.subresources) this.#addSubresource(`${collection}/{name}`, row, scope, subresource);
  }

  #addSubresource(item: string, row: ResourceInfo, scope: string, subresource: SubresourceInfo): void {
    const gvk = subresource.kind ?? kindOf(row);
    const connects = gvk.kind.endsWith('Options');
    const suffix = `${scope}${row.kind}${capitalized(subresource.name)}`;
    const body = connects || subresource.name === 'log' ? {} : this.#bodyOf(gvk);
    const target: Target = { gvk, row, suffix, connects, body };
    const { verbs } = subresource;
    const operations = this.#itemOperations(verbs, target);
    if (verbs.includes('create')) operations.post = this.#operation(connects ? 'connect' : 'post', target, 'post');
    this.#put(`${item}/${subresource.name}`, operations, itemParameters(row));
  }

  #collectionOperations(verbs: readonly Verb[], item: Target, list: Target): Json {
    return {
      ...(verbs.includes('list') && { get: this.#operation('list', list) }),
      ...(verbs.includes('create') && { post: this.#operation('post', item) }),
      ...(verbs.includes('deletecollection') && { delete: this.#operation('deletecollection', item) }),
    };
  }

  #itemOperations(verbs: readonly Verb[], target: Target): Json {
    const action = (usual: Action): Action => (target.connects ? 'connect' : usual);
    return {
      ...(verbs.includes('get') && { get: this.#operation(action('get'), target, 'get') }),
      ...(verbs.includes('update') && { put: this.#operation(action('put'), target, 'put') }),
      ...(verbs.includes('patch') && { patch: this.#operation(action('patch'), target, 'patch') }),
      ...(verbs.includes('delete') && { delete: this.#operation(action('delete'), target, 'delete') }),
    };
  }

  #put(path: string, operations: Json, parameters: readonly string[]): void {
    if (Object.keys(operations).length === 0) return;
    const shared = parameters.map((name) => pathParameter(name, this.#version));
    this.paths[path] = { ...operations, ...(shared.length > 0 && { parameters: shared }) };
  }

  #operation(action: Action, target: Target, method = ''): Json {
    const { group, version, kind } = target.gvk;
    return {
      tags: [groupVersionWord(target.row).replace(/^./, (letter) => letter.toLowerCase())],
      operationId: operationId(action, target, method),
      parameters: [...this.#bodyParameter(action, target), ...queryParameters(action, this.#version)],
      ...(this.#version === 'v3' ? this.#requestBody(action, target) : this.#mediaTypes(action)),
      responses: this.#responses(action, target),
      'x-kubernetes-action': action,
      'x-kubernetes-group-version-kind': { group, version, kind },
    };
  }

  #mediaTypes(action: Action): Json {
    return { consumes: action === 'patch' ? patchMediaTypes : ['*/*'], produces: mediaTypes, schemes: ['https'] };
  }

  /** The schema of what the client sends; undefined where it sends nothing. */
  #sent(action: Action, target: Target): Json | undefined {
    if (action === 'patch')
      return this.#collector.named('io.k8s.apimachinery.pkg.apis.meta.v1.Patch', { type: 'object' });
    if (action === 'delete' || action === 'deletecollection')
      return this.#bodyOf(metaKind(target.row, 'DeleteOptions'));
    return action === 'post' || action === 'put' ? target.body : undefined;
  }

  #bodyParameter(action: Action, target: Target): Json[] {
    const schema = this.#version === 'v2' ? this.#sent(action, target) : undefined;
    return schema === undefined
      ? []
      : [{ name: 'body', in: 'body', schema, ...(isWrite(action) && { required: true }) }];
  }

  #requestBody(action: Action, target: Target): Json {
    const schema = this.#sent(action, target);
    if (schema === undefined) return {};
    const types = action === 'patch' ? patchMediaTypes : ['*/*'];
    return { requestBody: { content: contentOf(types, schema), ...(isWrite(action) && { required: true }) } };
  }

  #responses(action: Action, target: Target): Json {
    const codes: Readonly<Record<Action, readonly string[]>> = {
      get: ['200'],
      list: ['200'],
      connect: ['200'],
      deletecollection: ['200'],
      post: ['200', '201', '202'],
      put: ['200', '201'],
      patch: ['200', '201'],
      delete: ['200', '202'],
    };
    const deletes = action === 'delete' || action === 'deletecollection';
    const schema = deletes ? this.#bodyOf({ group: '', version: 'v1', kind: 'Status' }) : target.body;
    const answers = codes[action].map((code): [string, Json] => [code, this.#response(schema)]);
    return Object.fromEntries([...answers, ['401', { description: 'Unauthorized' }]]);
  }

  #response(schema: Json): Json {
    if (Object.keys(schema).length === 0) {
      return { description: 'OK', ...(this.#version === 'v2' && { schema: { type: 'string' } }) };
    }
    return this.#version === 'v2'
      ? { description: 'OK', schema }
      : { description: 'OK', content: contentOf(mediaTypes, schema) };
  }

  #bodyOf(gvk: GroupVersionKind): Json {
    const type = this.#schema.kind(gvk);
    return type === undefined ? { type: 'object' } : this.#collector.referenceKind(type, gvk);
  }

  #listOf(row: ResourceInfo): Json {
    if (!row.verbs.includes('list')) return {};
    const gvk = { ...kindOf(row), kind: `${row.kind}List` };
    if (this.#schema.kind(gvk) !== undefined) return this.#bodyOf(gvk);
    const item = this.#schema.kind(kindOf(row));
    const schema = {
      type: 'object',
      required: ['items'],
      properties: {
        apiVersion: { type: 'string' },
        kind: { type: 'string' },
        metadata: this.#listMeta(),
        items: { type: 'array', items: this.#bodyOf(kindOf(row)) },
      },
      'x-kubernetes-group-version-kind': [gvk],
    };
    return this.#collector.named(`${item?.name ?? gvk.kind}List`, schema);
  }

  /** Status has the same metadata as a list, and every group version knows it. */
  #listMeta(): Json {
    const metadata = this.#schema.kind({ group: '', version: 'v1', kind: 'Status' })?.fieldsByName.get('metadata');
    return metadata?.type.kind === 'message' ? this.#collector.reference(metadata.type.message) : { type: 'object' };
  }
}

function isWrite(action: Action): boolean {
  return action === 'post' || action === 'put' || action === 'patch';
}

function itemParameters(row: ResourceInfo): string[] {
  return row.namespaced ? ['name', 'namespace'] : ['name'];
}

function contentOf(types: readonly string[], schema: Json): Json {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

function kindOf({ group, version, kind }: GroupVersionKind): GroupVersionKind {
  return { group, version, kind };
}

function metaKind({ group, version }: ResourceInfo, kind: string): GroupVersionKind {
  return { group, version, kind };
}

function capitalized(text: string): string {
  return text.replace(/^./, (letter) => letter.toUpperCase());
}

/** `CoreV1`, `RbacAuthorizationV1`. */
function groupVersionWord({ group, version }: ResourceInfo): string {
  const words = (group === '' ? 'core' : group.replace(/\.k8s\.io$/, '')).split(/[.-]/);
  return [...words, version].map(capitalized).join('');
}

const actionWords: Readonly<Record<Action, string>> = {
  get: 'read',
  list: 'list',
  post: 'create',
  put: 'replace',
  patch: 'patch',
  delete: 'delete',
  deletecollection: 'deleteCollection',
  connect: 'connect',
};

function operationId(action: Action, target: Target, method: string): string {
  const verb = action === 'connect' ? capitalized(method) : '';
  return `${actionWords[action]}${groupVersionWord(target.row)}${verb}${target.suffix}`;
}
