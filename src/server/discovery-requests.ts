/**
 * Serves the documents of discovery (`src/api/discovery.ts`): which form the client wants, made once for each table of
 * resources, with ETag and 304 for the aggregated form.
 */
import {
  type AggregatedVersion,
  aggregatedDiscovery,
  apiGroup,
  apiGroupList,
  apiResourceList,
  apiVersions,
  etagOf,
} from '../api/discovery.ts';
import { protobufMediaType } from '../api/protobuf/envelope.ts';
import type { ResourceTable } from '../api/resource-table.ts';
import { type Answer, joined } from './answer.ts';
import type { RequestContext } from './context.ts';
import { type Encoding, negotiate, parseAccept } from './negotiation.ts';
import { valueAnswer } from './object-answers.ts';
import { noSuchResource } from './resource-lookup.ts';

/** A document as it is sent. */
interface Form {
  readonly body: Uint8Array;
  readonly type: string;
}

/** The aggregated document: its tag is that of its content, whatever form it is sent in. */
interface Prepared {
  readonly document: object;
  readonly etag: string;
  readonly forms: Map<Encoding, Form>;
}

const prepared = new WeakMap<ResourceTable, Map<string, Prepared>>();

/** `segments` begin with `api` or `apis`. Undefined where nobody serves the group. @throws StatusError NotFound */
export function discoveryAnswer(
  table: ResourceTable,
  segments: readonly string[],
  context: RequestContext,
): Answer | undefined {
  const wish = segments.length === 1 ? aggregatedWish(context.exchange.headers.accept) : undefined;
  if (wish !== undefined) return aggregated(table, segments[0] === 'api' ? '/api' : '/apis', wish, context);
  const document = plainDocument(table, segments, authorityOf(context));
  if (document === undefined) return noSuchDocument(table, segments);
  const { encoding } = negotiate(context.exchange.headers.accept, true);
  return valueAnswer(200, document, { encoding, pretty: context.pretty });
}

/** Below a group that is served, upstream answers in the API's own form. @throws StatusError NotFound */
function noSuchDocument(table: ResourceTable, [root, group]: readonly string[]): undefined {
  if (root === 'apis' && !table.groups().some((each) => each.group === group && group !== '')) return undefined;
  throw noSuchResource();
}

function plainDocument(table: ResourceTable, segments: readonly string[], authority: string): object | undefined {
  const [root, first, second, ...rest] = segments;
  if (rest.length > 0) return undefined;
  if (root === 'api') {
    if (second !== undefined) return undefined;
    return first === undefined ? apiVersions(table, authority) : apiResourceList(table, '', first);
  }
  if (first === undefined) return apiGroupList(table);
  return second === undefined ? apiGroup(table, first) : apiResourceList(table, first, second);
}

interface Wish {
  readonly version: AggregatedVersion;
  readonly encoding: Encoding;
}

const encodings: ReadonlyMap<string, Encoding> = new Map([
  ['application/json', 'json'],
  ['*/*', 'json'],
  ['application/yaml', 'yaml'],
  [protobufMediaType, 'protobuf'],
]);

/** The first of the client's wishes that can be met, where it is for the aggregated form. */
function aggregatedWish(accept: string | undefined): Wish | undefined {
  for (const { type, parameters } of parseAccept(accept ?? '')) {
    const encoding = encodings.get(type);
    if (encoding === undefined) continue;
    if (!parameters.has('as')) return undefined;
    const version = parameters.get('v');
    if (parameters.get('as') !== 'APIGroupDiscoveryList' || parameters.get('g') !== 'apidiscovery.k8s.io') continue;
    if (version === 'v2' || version === 'v2beta1') return { version, encoding };
  }
  return undefined;
}

function aggregated(table: ResourceTable, path: '/api' | '/apis', wish: Wish, context: RequestContext): Answer {
  const made = prepare(table, path, wish.version);
  const { etag } = made;
  const headers = { etag, vary: 'Accept', 'cache-control': 'public' };
  if (context.exchange.headers['if-none-match'] === etag) return { status: 304, headers, body: [] };
  const { body, type } = inForm(made, wish.encoding);
  const contentType = `${type};g=apidiscovery.k8s.io;v=${wish.version};as=APIGroupDiscoveryList`;
  return { status: 200, headers: { ...headers, 'content-type': contentType }, body: [body] };
}

/** Encoded once for each form. */
function inForm({ document, forms }: Prepared, encoding: Encoding): Form {
  const known = forms.get(encoding);
  if (known !== undefined) return known;
  const answer = valueAnswer(200, document, { encoding, pretty: false });
  const form = { body: joined(answer.body), type: String(answer.headers['content-type']) };
  forms.set(encoding, form);
  return form;
}

function prepare(table: ResourceTable, path: '/api' | '/apis', version: AggregatedVersion): Prepared {
  const documents = prepared.get(table.current) ?? new Map<string, Prepared>();
  prepared.set(table.current, documents);
  const key = `${path} ${version}`;
  const known = documents.get(key);
  if (known !== undefined) return known;
  const document = aggregatedDiscovery(table, path, version);
  const made = { document, etag: etagOf(document), forms: new Map<Encoding, Form>() };
  documents.set(key, made);
  return made;
}

/** `host:port` as this client wrote it. */
function authorityOf({ exchange }: RequestContext): string {
  const authority = exchange.headers[':authority'];
  return (typeof authority === 'string' ? authority : exchange.headers.host) ?? '';
}
