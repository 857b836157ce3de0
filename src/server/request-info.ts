/**
 * URL → what it names: the first thing known about a request, before anybody asks whether such a resource exists, because
 * permission comes first (who may not look shall not learn what there is). Pure; upstream's `RequestInfo` in naru's words.
 *
 * ```
 * /api/V[/watch][/namespaces/NS]/RESOURCE[/NAME[/SUBRESOURCE[/REST]]]
 * /apis/G/V[/watch][/namespaces/NS]/RESOURCE[/NAME[/SUBRESOURCE[/REST]]]
 * /api/V/namespaces/NS[/status|finalize]          everything else: a path
 * ```
 */
import type { Verb } from '../api/resources.ts';
import { badRequest } from '../api/status-error.ts';
import { limits } from '../lib/limits.ts';

export interface ResourcePath {
  readonly kind: 'resource';
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** Empty: all namespaces, or none. For the resource `namespaces` itself, the name once more (upstream authorizes so). */
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  /** What follows a subresource: `proxy/REST`. */
  readonly rest: readonly string[];
  /** The old `/watch/` form of the URL. */
  readonly watch: boolean;
}

export interface PlainPath {
  readonly kind: 'path';
  readonly path: string;
}

export type RequestPath = ResourcePath | PlainPath;

/** Third parts of `/namespaces/NS/…` that belong to the namespace itself. */
const namespaceSubresources: ReadonlySet<string> = new Set(['status', 'finalize']);

/** @throws StatusError BadRequest where the URL is not well-formed */
export function parsePath(path: string): RequestPath {
  const segments = splitPath(path);
  const core = segments[0] === 'api';
  if (!core && segments[0] !== 'apis') return plainPath(path);
  const rest = segments.slice(core ? 2 : 3);
  const watch = rest[0] === 'watch' && rest.length > 1;
  if (watch) rest.shift();
  // What follows a subresource is somebody else's path, where empty segments are allowed.
  const own = rest.slice(0, rest[0] === 'namespaces' ? 5 : 3);
  if (rest.length === 0 || own.includes('')) return plainPath(path);
  return {
    kind: 'resource',
    group: core ? '' : (segments[1] as string),
    version: segments[core ? 1 : 2] as string,
    watch,
    ...splitResource(rest),
  };
}

/** What is asked of rules is what is served: `/%6Detrics` is `/metrics`. */
function plainPath(path: string): PlainPath {
  return { kind: 'path', path: path.includes('%') ? decodeSegment(path) : path };
}

function splitResource(
  parts: string[],
): Pick<ResourcePath, 'resource' | 'namespace' | 'name' | 'subresource' | 'rest'> {
  let namespace = '';
  if (parts[0] === 'namespaces' && parts.length > 1) {
    namespace = parts[1] as string;
    if (parts.length > 2 && !namespaceSubresources.has(parts[2] as string)) parts = parts.slice(2);
  }
  const [resource = '', name = '', subresource = '', ...rest] = parts;
  return { resource, namespace, name, subresource, rest };
}

/** Without the first slash and one at the end, percent-decoded; of very many the first. */
export function splitPath(path: string): string[] {
  const end = path.length > 1 && path.endsWith('/') ? path.length - 1 : path.length;
  const segments = path.slice(1, end).split('/', limits.pathSegmentsMax);
  return path.includes('%') ? segments.map(decodeSegment) : segments;
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest(`invalid URL escape in ${JSON.stringify(segment)}`);
  }
}

const verbsByMethod: Readonly<Record<string, Verb>> = {
  GET: 'get',
  HEAD: 'get',
  POST: 'create',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** Empty for a method that the API does not know. `watchAsked` is the query's `watch`. */
export function verbOf(method: string, path: ResourcePath, watchAsked: boolean): Verb | '' {
  // HTTP/2 takes any word for a method: `constructor`, too.
  const verb = Object.hasOwn(verbsByMethod, method) ? (verbsByMethod[method] ?? '') : '';
  if (path.watch) return verb === 'get' ? 'watch' : '';
  if (path.name !== '') return verb;
  if (verb === 'get') return watchAsked ? 'watch' : 'list';
  return verb === 'delete' ? 'deletecollection' : verb;
}
