/**
 * The paths of one group and version, with an operation for each verb.
 *
 * kubectl finds a kind through these: an operation carries `x-kubernetes-group-version-kind`, and a PATCH that lists
 * `fieldValidation` among its own parameters tells that the server validates fields. Generated clients read the rest.
 */
import type { CustomRow } from '../custom-rows.ts';
import { apiVersionOf, type ResourceInfo, type SubresourceInfo, type Verb } from '../resources.ts';
import type { GroupVersionKind, MessageType, SchemaRegistry } from '../schema/schema.ts';
import {
  customListSchema,
  customSchema,
  isCustomRow,
  listKindOf,
  type MetaReferences,
  modelName,
} from './custom-schemas.ts';
import { mediaTypes, mediaTypesOf } from './media-types.ts';
import { capitalized, groupVersionWord, groupWord, operationId, tagOf, uncapitalized } from './operation-names.ts';
import { type Action, optionParameters, pathParameter, queryParameters } from './parameters.ts';
import type { Json, OpenApiVersion, SchemaCollector } from './schemas.ts';

/** What one operation is about. */
interface Target {
  readonly gvk: GroupVersionKind;
  /** Refers to the schema of what is read and written; empty where that has none (logs, proxies). */
  readonly body: Json;
  readonly row: ResourceInfo;
  /** `NamespacedPodStatus`: the end of the operation's id. */
  readonly suffix: string;
  readonly connects: boolean;
  /** The kind whose fields travel in the query. */
  readonly options?: MessageType | undefined;
}

/** Deleting one of these answers with the object; deleting any other with a Status. */
const answersWithDeleted: ReadonlySet<string> = new Set([
  'persistentvolumeclaims',
  'persistentvolumes',
  'pods',
  'podtemplates',
  'resourcequotas',
  'serviceaccounts',
  'services',
  'csidrivers',
  'csinodes',
  'storageclasses',
  'volumeattachments',
  'volumeattributesclasses',
  'deviceclasses',
  'resourceclaims',
  'resourceclaimtemplates',
  'resourceslices',
]);

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
    const body = isCustomRow(row) ? this.#customBody(row) : this.#bodyOf(kindOf(row));
    const item: Target = { ...target, body, suffix: `${scope}${row.kind}` };
    const list: Target = { ...target, body: this.#listOf(row, body), suffix: item.suffix };
    this.#put(collection, this.#collectionOperations(row.verbs, item, list), row.namespaced ? ['namespace'] : []);
    this.#put(`${collection}/{name}`, this.#itemOperations(row.verbs, item), itemParameters(row));
    if (row.namespaced && row.verbs.includes('list')) {
      const everywhere = { ...list, suffix: `${row.kind}ForAllNamespaces` };
      this.#put(`${root}/${row.resource}`, { get: this.#operation('list', everywhere) }, []);
    }
    if (row.verbs.includes('watch') && !isCustomRow(row)) this.#addWatches(root, item);
    for (const subresource of row.subresources) this.#addSubresource(`${collection}/{name}`, item, scope, subresource);
  }

  /** What is served at the root of a group and version: the list of its resources. */
  addRoot({ group, version }: { readonly group: string; readonly version: string }): void {
    const path = `${group === '' ? '/api' : '/apis'}/${apiVersionOf({ group, version })}/`;
    this.#addDocument(
      path,
      `get${groupVersionWord({ group, version })}APIResources`,
      tagOf({ group, version }),
      'APIResourceList',
    );
  }

  /** `/apis/GROUP/`. */
  addGroup(group: string): void {
    const word = groupWord(group);
    this.#addDocument(`/apis/${group}/`, `get${word}APIGroup`, uncapitalized(word), 'APIGroup');
  }

  /** `/api/` and `/apis/`. */
  addVersions(root: 'api' | 'apis'): void {
    if (root === 'api') this.#addDocument('/api/', 'getCoreAPIVersions', 'core', 'APIVersions');
    else this.#addDocument('/apis/', 'getAPIVersions', 'apis', 'APIGroupList');
  }

  /** `/version/`. */
  addServerVersion(fields: readonly string[]): void {
    const properties = Object.fromEntries(fields.map((name) => [name, { type: 'string' }]));
    const body = this.#collector.named('io.k8s.apimachinery.pkg.version.Info', { type: 'object', properties });
    this.#putDocument('/version/', 'getCodeVersion', 'version', body, ['application/json']);
  }

  #addDocument(path: string, id: string, tag: string, kind: string): void {
    this.#putDocument(path, id, tag, this.#bodyOf({ group: '', version: 'v1', kind }), mediaTypes);
  }

  #putDocument(path: string, operationId: string, tag: string, body: Json, types: readonly string[]): void {
    const ok = this.#response('OK', body, types);
    const forms = this.#version === 'v2' ? { consumes: types, produces: types, schemes: ['https'] } : {};
    const responses = { 200: ok, 401: { description: 'Unauthorized' } };
    this.paths[path] = { get: { tags: [tag], operationId, ...forms, responses } };
  }

  /** The old form of watching, with a URL of its own. */
  #addWatches(root: string, item: Target): void {
    const { row } = item;
    const body = this.#bodyOf({ group: row.group, version: row.version, kind: 'WatchEvent' });
    const scope = row.namespaced ? 'Namespaced' : '';
    const put = (path: string, action: 'watch' | 'watchlist', suffix: string, names: readonly string[]): void => {
      const { parameters, ...operation } = this.#operation(action, { ...item, body, suffix });
      const shared = [...names.map((name) => pathParameter(name, this.#version)), ...(parameters as Json[])];
      this.paths[path] = { get: { ...operation, deprecated: true }, parameters: shared };
    };
    const own = row.namespaced ? `/namespaces/{namespace}/${row.resource}` : `/${row.resource}`;
    const namespace = row.namespaced ? ['namespace'] : [];
    put(`${root}/watch${own}`, 'watchlist', `${scope}${row.kind}List`, namespace);
    put(`${root}/watch${own}/{name}`, 'watch', `${scope}${row.kind}`, ['name', ...namespace]);
    if (row.namespaced) put(`${root}/watch/${row.resource}`, 'watchlist', `${row.kind}ListForAllNamespaces`, []);
  }

  #addSubresource(item: string, parent: Target, scope: string, subresource: SubresourceInfo): void {
    const { row } = parent;
    const kind = subresource.kind ?? kindOf(row);
    // Upstream's own words about a custom resource: its scale is an operation on it.
    const gvk = isCustomRow(row) ? kindOf(row) : kind;
    const connects = kind.kind.endsWith('Options');
    const suffix = `${scope}${row.kind}${capitalized(subresource.name)}`;
    const isLog = subresource.name === 'log';
    const own = subresource.kind === undefined ? parent.body : this.#bodyOf(kind);
    const body = connects || isLog ? {} : own;
    const options = isLog ? { ...kind, kind: `${row.kind}LogOptions` } : connects ? kind : undefined;
    const target: Target = { gvk, row, suffix, connects, body, options: options && this.#schema.kind(options) };
    const { verbs } = subresource;
    const operations = this.#itemOperations(verbs, target);
    if (verbs.includes('create')) operations.post = this.#operation(connects ? 'connect' : 'post', target, 'post');
    if (subresource.name === 'proxy') Object.assign(operations, this.#proxyOperations(target));
    this.#put(`${item}/${subresource.name}`, operations, itemParameters(row));
    if (subresource.name === 'proxy') this.#addProxyPath(item, row, target, verbs);
  }

  /** What a proxy passes on beside the API's own verbs. */
  #proxyOperations(target: Target): Json {
    return {
      head: this.#operation('connect', target, 'head'),
      options: this.#operation('connect', target, 'options'),
    };
  }

  #addProxyPath(item: string, row: ResourceInfo, target: Target, verbs: readonly Verb[]): void {
    const withPath = { ...target, suffix: `${target.suffix}WithPath` };
    const operations = { ...this.#itemOperations(verbs, withPath), ...this.#proxyOperations(withPath) };
    if (verbs.includes('create')) operations.post = this.#operation('connect', withPath, 'post');
    this.#put(`${item}/proxy/{path}`, operations, [...itemParameters(row), 'path']);
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
      tags: [tagOf(target.row)],
      operationId: operationId(action, target, method),
      parameters: [
        ...this.#bodyParameter(action, target),
        ...optionParameters(target.options, this.#version),
        ...queryParameters(action, this.#version),
      ],
      ...(this.#version === 'v3' ? this.#requestBody(action, target) : this.#mediaTypes(action, target)),
      responses: this.#responses(action, target),
      'x-kubernetes-action': action,
      'x-kubernetes-group-version-kind': { group, version, kind },
    };
  }

  #mediaTypes(action: Action, target: Target): Json {
    const { patch, sent } = mediaTypesOf(target.row);
    const consumes = action === 'patch' ? patch : sent;
    return { consumes, produces: producedBy(action, target), schemes: ['https'] };
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
    const { patch, sent } = mediaTypesOf(target.row);
    const types = action === 'patch' ? patch : sent;
    return { requestBody: { content: contentOf(types, schema), ...(isWrite(action) && { required: true }) } };
  }

  #responses(action: Action, target: Target): Json {
    const schema = this.#answered(action, target);
    const types = producedBy(action, target);
    const answers = (codes[action] ?? ['200']).map((code): [string, Json] => [
      code,
      this.#response(codeTexts[code] ?? 'OK', schema, types),
    ]);
    return Object.fromEntries([...answers, ['401', { description: 'Unauthorized' }]]);
  }

  #answered(action: Action, target: Target): Json {
    const withObject = action === 'delete' && answersWithDeleted.has(target.row.resource);
    const withStatus = (action === 'delete' && !withObject) || action === 'deletecollection';
    return withStatus ? this.#bodyOf({ group: '', version: 'v1', kind: 'Status' }) : target.body;
  }

  #response(description: string, schema: Json, types: readonly string[]): Json {
    const body = Object.keys(schema).length === 0 ? { type: 'string' } : schema;
    return this.#version === 'v2' ? { description, schema: body } : { description, content: contentOf(types, body) };
  }

  #bodyOf(gvk: GroupVersionKind): Json {
    const type = this.#schema.kind(gvk);
    return type === undefined ? { type: 'object' } : this.#collector.referenceKind(type, gvk);
  }

  /** Refers to a schema that is made here and nowhere else: `definition.type` is not for the documents. */
  #customBody(row: CustomRow): Json {
    const schema = customSchema(row, this.#version, this.#metaReferences());
    return this.#collector.named(modelName(row, row.kind), schema);
  }

  #metaReferences(): MetaReferences {
    const objectMeta = this.#schema.message('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');
    return {
      object: objectMeta === undefined ? { type: 'object' } : this.#collector.reference(objectMeta),
      list: this.#listMeta(),
    };
  }

  #listOf(row: ResourceInfo, body: Json): Json {
    if (!row.verbs.includes('list')) return {};
    if (isCustomRow(row)) {
      const list = customListSchema(row, this.#version, body, this.#metaReferences());
      return this.#collector.named(modelName(row, listKindOf(row)), list);
    }
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
        items: { type: 'array', items: body },
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

/** The status codes of success, where there are others than 200. */
const codes: Readonly<Partial<Record<Action, readonly string[]>>> = {
  post: ['200', '201', '202'],
  put: ['200', '201'],
  patch: ['200', '201'],
  delete: ['200', '202'],
};
const codeTexts: Readonly<Record<string, string>> = { 200: 'OK', 201: 'Created', 202: 'Accepted' };

function producedBy(action: Action, target: Target): readonly string[] {
  if (target.connects) return ['*/*'];
  const { answered, streams } = mediaTypesOf(target.row);
  if (Object.keys(target.body).length === 0) return ['text/plain', ...answered];
  return action === 'list' || action === 'watch' || action === 'watchlist' ? [...answered, ...streams] : answered;
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

/** Every built-in group and version knows these kinds; a custom one has the core group's. */
function metaKind(row: ResourceInfo, kind: string): GroupVersionKind {
  const { group, version } = isCustomRow(row) ? { group: '', version: 'v1' } : row;
  return { group, version, kind };
}
