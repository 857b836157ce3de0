/** What rules of HTTPRoutes and GRPCRoutes match, and which of two goes first. Pure. */
import type {
  GRPCMethodMatch,
  GRPCRouteMatch,
  HTTPHeaderMatch,
  HTTPPathMatch,
  HTTPRouteMatch,
} from '../../../api/schema/types/gateway-v1.ts';
import { checkedRegex, escapedRegex } from '../haproxy/regex.ts';
import type { RouteMatch, TextMatch } from '../plan.ts';

export interface ReadMatch {
  readonly match: RouteMatch;
  /** The greater goes first, the first difference decides. */
  readonly precedence: readonly number[];
}

/** How exactly a path is said. */
const ranks = { exact: 3, regex: 2, prefix: 1 } as const;

/** @throws Error where a regular expression is not taken; one sentence */
export function readHttpMatch({ path, method, headers = [], queryParams = [] }: HTTPRouteMatch): ReadMatch {
  const match: RouteMatch = {
    path: pathOf(path),
    ...(method !== undefined && { method }),
    headers: texts(headers, (name) => name.toLowerCase()),
    query: texts(queryParams, (name) => name),
  };
  return { match, precedence: precedenceOf(match, ranks[match.path.kind], match.path.value.length) };
}

function precedenceOf(match: RouteMatch, rank: number, length: number): number[] {
  return [rank, length, match.method === undefined ? 0 : 1, match.headers.length, match.query.length];
}

function pathOf({ type = 'PathPrefix', value = '/' }: HTTPPathMatch = {}): RouteMatch['path'] {
  if (type === 'Exact') return { kind: 'exact', value };
  if (type === 'RegularExpression') return { kind: 'regex', value: checkedRegex(value) };
  return { kind: 'prefix', value: value === '/' ? value : value.replace(/\/$/, '') };
}

/** Of names that are the same, the first counts. */
function texts(
  all: readonly HTTPHeaderMatch[],
  nameOf: (name: string) => string,
): (TextMatch & { readonly name: string })[] {
  const byName = new Map<string, TextMatch & { readonly name: string }>();
  for (const { name, type, value } of all) {
    const text: TextMatch =
      type === 'RegularExpression' ? { kind: 'regex', value: checkedRegex(value) } : { kind: 'exact', value };
    if (!byName.has(nameOf(name))) byName.set(nameOf(name), { name, ...text });
  }
  return [...byName.values()];
}

/** @throws Error where a regular expression is not taken; one sentence */
export function readGrpcMatch({ method, headers = [] }: GRPCRouteMatch): ReadMatch {
  const { path, rank, length } = methodPath(method ?? {});
  const match: RouteMatch = { path, headers: texts(headers, (name) => name.toLowerCase()), query: [] };
  return { match, precedence: precedenceOf(match, rank, length) };
}

const anyPart = '[^/]+';

/** Calls are POSTs to `/service/method`. A service goes before a method of any service, and that before everything. */
function methodPath({ type = 'Exact', service, method }: GRPCMethodMatch): {
  path: RouteMatch['path'];
  rank: number;
  length: number;
} {
  if (service === undefined && method === undefined) {
    return { path: { kind: 'prefix', value: '/' }, rank: ranks.prefix, length: 1 };
  }
  if (type === 'RegularExpression') {
    const value = `/(${checkedRegex(service ?? anyPart)})/(${checkedRegex(method ?? anyPart)})$`;
    return { path: { kind: 'regex', value }, rank: ranks.regex, length: value.length };
  }
  if (method === undefined) {
    const value = `/${service}`;
    return { path: { kind: 'prefix', value }, rank: ranks.prefix, length: value.length };
  }
  if (service === undefined) {
    return { path: { kind: 'regex', value: `/${anyPart}/${escapedRegex(method)}$` }, rank: ranks.prefix, length: 1.5 };
  }
  const value = `/${service}/${method}`;
  return { path: { kind: 'exact', value }, rank: ranks.exact, length: value.length };
}

export function comparePrecedence(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const difference = (b[index] ?? 0) - value;
    if (difference !== 0) return difference;
  }
  return 0;
}
