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
import type { ResourceTable } from '../api/resource-table.ts';
import type { Answer } from './answer.ts';
import type { RequestContext } from './context.ts';
import { negotiate, parseAccept } from './negotiation.ts';
import { valueAnswer } from './object-answers.ts';
import { noSuchResource } from './resource-lookup.ts';

/** The aggregated document, ready to send. */
interface Prepared {
  readonly body: Buffer;
  readonly etag: string;
}

const prepared = new WeakMap<ResourceTable, Map<string, Prepared>>();

/** `segments` begin with `api` or `apis`. @throws StatusError NotFound */
export function discoveryAnswer(table: ResourceTable, segments: readonly string[], context: RequestContext): Answer {
  const version = segments.length === 1 ? aggregatedVersion(context.exchange.headers.accept) : undefined;
  if (version !== undefined) return aggregated(table, segments[0] === 'api' ? '/api' : '/apis', version, context);
  const document = plainDocument(table, segments, authorityOf(context));
  if (document === undefined) throw noSuchResource();
  const { encoding } = negotiate(context.exchange.headers.accept, true);
  return valueAnswer(200, document, { encoding, pretty: context.pretty });
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

/** The first of the client's wishes that can be met, where it is for the aggregated form. */
function aggregatedVersion(accept: string | undefined): AggregatedVersion | undefined {
  for (const { type, parameters } of parseAccept(accept ?? '')) {
    if (type !== 'application/json' && type !== '*/*') continue;
    if (!parameters.has('as')) return undefined;
    const version = parameters.get('v');
    if (parameters.get('as') !== 'APIGroupDiscoveryList' || parameters.get('g') !== 'apidiscovery.k8s.io') continue;
    if (version === 'v2' || version === 'v2beta1') return version;
  }
  return undefined;
}

function aggregated(
  table: ResourceTable,
  path: '/api' | '/apis',
  version: AggregatedVersion,
  context: RequestContext,
): Answer {
  const { body, etag } = prepare(table, path, version);
  const headers = { etag, vary: 'Accept', 'cache-control': 'public' };
  if (context.exchange.headers['if-none-match'] === etag) return { status: 304, headers, body: [] };
  const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
  return { status: 200, headers: { ...headers, 'content-type': contentType }, body: [body] };
}

function prepare(table: ResourceTable, path: '/api' | '/apis', version: AggregatedVersion): Prepared {
  const documents = prepared.get(table) ?? new Map<string, Prepared>();
  prepared.set(table, documents);
  const key = `${path} ${version}`;
  const known = documents.get(key);
  if (known !== undefined) return known;
  const document = aggregatedDiscovery(table, path, version);
  const made = { body: Buffer.from(`${JSON.stringify(document)}\n`), etag: etagOf(document) };
  documents.set(key, made);
  return made;
}

/** `host:port` as this client wrote it. */
function authorityOf({ exchange }: RequestContext): string {
  const authority = exchange.headers[':authority'];
  return (typeof authority === 'string' ? authority : exchange.headers.host) ?? '';
}
