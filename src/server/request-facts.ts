/**
 * What a request's head says, before anybody asks who sent it: its path, its verb, and what follows from them for permissions,
 * bounds and metrics. Pure.
 */
import type { ResourceTable } from '../api/resource-table.ts';
import type { ResourceInfo, Verb } from '../api/resources.ts';
import { nameInFieldSelector } from '../api/selector.ts';
import { sharedImageIn } from '../api/shared-images.ts';
import { badRequest } from '../api/status-error.ts';
import { limits } from '../lib/limits.ts';
import type { AuthorizationAttributes, UserInfo } from '../registry/request.ts';
import type { RequestKind } from './flow/in-flight.ts';
import type { Exchange } from './http/exchange.ts';
import type { RequestLabels } from './metrics/request-metrics.ts';
import { mediaType } from './negotiation.ts';
import { booleanOf } from './queries.ts';
import { parsePath, type RequestPath, type ResourcePath, verbOf } from './request-info.ts';

export interface RequestFacts {
  readonly path: RequestPath;
  readonly pathText: string;
  readonly query: URLSearchParams;
  readonly verb: Verb | '';
}

export const noQuery = new URLSearchParams();

/** @throws StatusError BadRequest where the URL is not well-formed */
export function factsOf(exchange: Exchange): RequestFacts {
  const { url } = exchange;
  const mark = url.indexOf('?');
  if (mark >= 0) checkParameters(url, mark);
  const pathText = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? noQuery : new URLSearchParams(url.slice(mark + 1));
  const path = parsePath(pathText);
  const verb = path.kind === 'resource' ? verbOf(exchange.method, path, booleanOf(query, 'watch') === true) : '';
  return { path, pathText, query, verb };
}

/** Before they are taken apart, and before anybody is asked who sends them. @throws StatusError BadRequest */
function checkParameters(url: string, mark: number): void {
  let count = 1;
  for (let at = url.indexOf('&', mark); at >= 0; at = url.indexOf('&', at + 1)) {
    if (++count > limits.queryParametersMax) throw badRequest('the URL has too many query parameters');
  }
}

/** What may be asked of the authorizer. `path` in it is empty for resources. */
export function attributesOf(
  { path, verb, query }: RequestFacts,
  method: string,
  user: UserInfo,
): AuthorizationAttributes {
  if (path.kind === 'path') {
    const noResource = { group: '', version: '', resource: '', subresource: '', namespace: '', name: '' };
    return { user, verb: method.toLowerCase(), ...noResource, path: path.path };
  }
  const { group, version, resource, subresource, namespace } = path;
  const what = {
    user,
    verb,
    group,
    version,
    resource,
    subresource,
    namespace,
    name: nameOf(path, verb, query),
    path: '',
  };
  return query.size > 0 && selecting.has(verb) ? { ...what, ...selectorsOf(query) } : what;
}

/** Verbs whose selectors count for permission. */
const selecting: ReadonlySet<string> = new Set(['list', 'watch', 'deletecollection']);

function selectorsOf(query: URLSearchParams): Pick<AuthorizationAttributes, 'fieldSelector' | 'labelSelector'> {
  const [fieldSelector, labelSelector] = [query.get('fieldSelector'), query.get('labelSelector')];
  return { ...(fieldSelector && { fieldSelector }), ...(labelSelector && { labelSelector }) };
}

function nameOf(path: ResourcePath, verb: Verb | '', query: URLSearchParams): string {
  if (path.name !== '' || (verb !== 'list' && verb !== 'watch')) return path.name;
  return nameInFieldSelector(query.get('fieldSelector') ?? undefined);
}

/** Subresources that are a conversation with a node or a pod. */
const conversations: ReadonlySet<string> = new Set(['attach', 'exec', 'log', 'portforward', 'proxy']);

/** Neither counted nor timed: they last as long as the client likes. */
export function isLongRunning({ path, pathText, query, verb }: RequestFacts): boolean {
  if (verb === 'watch' || (path.kind === 'resource' && conversations.has(path.subresource))) return true;
  // An image on its way from one node to another.
  return path.kind === 'path' && query.has('node') && sharedImageIn(pathText) !== undefined;
}

export function requestKind({ path, verb }: RequestFacts, method: string): RequestKind {
  if (path.kind === 'path') return method === 'GET' || method === 'HEAD' ? 'readOnly' : 'mutating';
  return verb === 'get' || verb === 'list' || verb === 'watch' ? 'readOnly' : 'mutating';
}

export function resourceOf({ path }: RequestFacts, resources: ResourceTable): ResourceInfo | undefined {
  return path.kind === 'resource' ? resources.find(path.group, path.version, path.resource) : undefined;
}

/** The labels of the metrics. They hold no text of the client's but what is the name of something that there is. */
export function labelsOf(facts: RequestFacts, exchange: Exchange, resource: ResourceInfo | undefined): RequestLabels {
  const { path, verb, query } = facts;
  if (path.kind === 'path')
    return {
      verb: methodLabel(exchange.method, ''),
      dryRun: '',
      resource: undefined,
      subresource: pathLabel(path.path),
      scope: '',
    };
  const scope = scopeOf(path, verb);
  const subresource = path.subresource === '' ? '' : knownSubresource(path, resource);
  return { verb: verbLabel(facts, exchange, scope), dryRun: dryRunLabel(query), resource, subresource, scope };
}

function knownSubresource(path: ResourcePath, resource: ResourceInfo | undefined): string {
  return resource?.subresources.some(({ name }) => name === path.subresource) ? path.subresource : '';
}

/** Upstream tells these paths apart in its metrics, and no others. */
const countedPaths: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz']);

const pathLabel = (path: string): string => (countedPaths.has(path) ? path : '');

function scopeOf(path: ResourcePath, verb: Verb | ''): RequestLabels['scope'] {
  if (path.name !== '' || verb === 'create') return 'resource';
  return path.namespace === '' ? 'cluster' : 'namespace';
}

function verbLabel({ path, verb }: RequestFacts, exchange: Exchange, scope: string): string {
  if (path.kind === 'resource' && conversations.has(path.subresource)) return 'CONNECT';
  if (verb === 'watch') return 'WATCH';
  if (verb === 'patch' && mediaType(exchange.headers['content-type']) === 'application/apply-patch+yaml')
    return 'APPLY';
  return methodLabel(exchange.method, scope);
}

const methods: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);

function methodLabel(method: string, scope: string): string {
  if (method === 'GET' || method === 'HEAD') return scope === 'resource' || scope === '' ? 'GET' : 'LIST';
  return methods.has(method) ? method : 'other';
}

function dryRunLabel(query: URLSearchParams): string {
  if (query.size === 0) return '';
  const values = query.getAll('dryRun');
  if (values.length === 0) return '';
  return values.every((value) => value === 'All') ? 'All' : 'invalid';
}
