/** Filters of HTTPRoutes and GRPCRoutes as the plan has them. Pure. */
import type {
  GRPCRouteFilter,
  HTTPCORSFilter,
  HTTPHeaderFilter,
  HTTPPathModifier,
  HTTPRequestMirrorFilter,
  HTTPRequestRedirectFilter,
  HTTPRouteFilter,
} from '../../../api/schema/types/gateway-v1.ts';
import type { Action, Cors, Filter, HeaderChange, UrlChange } from '../plan.ts';
import type { FoundBackend } from './backends.ts';
import { bad, type Verdict } from './objects.ts';

/** Where a route comes in: redirects lead back there unless they say otherwise. */
export interface Place {
  readonly port: number;
  readonly scheme: 'http' | 'https';
}

export interface ReadFilters {
  readonly filters: readonly Filter[];
  readonly redirect?: Action & { readonly kind: 'redirect' };
  /** References that lead nowhere. */
  readonly refs: readonly Verdict[];
  /** What is asked for in vain: nothing may be let through without it. */
  readonly faults: readonly string[];
  /** A filter is not there that might have stopped requests: nobody gets through. */
  readonly isStopped: boolean;
}

export interface FilterWork {
  readonly place: Place;
  readonly at: string;
  /** Filters of one backend, for what goes there. */
  readonly isOfBackend: boolean;
  mirrorTo(mirror: HTTPRequestMirrorFilter, at: string): FoundBackend;
}

const ofBackends = ['RequestHeaderModifier', 'ResponseHeaderModifier', 'URLRewrite'];

export function readFilters(all: readonly (HTTPRouteFilter | GRPCRouteFilter)[] = [], work: FilterWork): ReadFilters {
  const filters: Filter[] = [];
  const refs: Verdict[] = [];
  const faults: string[] = [];
  let redirect: ReadFilters['redirect'];
  for (const [index, filter] of (all as readonly HTTPRouteFilter[]).entries()) {
    const at = `${work.at}.filters[${index}]`;
    if (filter.extensionRef !== undefined) {
      const { kind, name } = filter.extensionRef;
      refs.push(bad('InvalidKind', `${at}: there is no filter ${kind} ${name}`));
    } else if (work.isOfBackend && !ofBackends.includes(filter.type)) {
      faults.push(`${at}: ${filter.type} is not supported for a single backend`);
    } else if (filter.requestRedirect !== undefined) {
      redirect = redirectOf(filter.requestRedirect, work.place);
    } else if (filter.requestMirror !== undefined) {
      const { backend, verdict } = work.mirrorTo(filter.requestMirror, `${at}.requestMirror.backendRef`);
      if (backend) filters.push({ kind: 'mirror', backend: backend.id, percent: percentOf(filter.requestMirror) });
      else refs.push(verdict);
    } else filters.push(...plainFilter(filter));
  }
  const isStopped = all.some(({ extensionRef }) => extensionRef !== undefined);
  return { filters, refs, faults, isStopped, ...(redirect && { redirect }) };
}

function plainFilter({ requestHeaderModifier, responseHeaderModifier, urlRewrite, cors }: HTTPRouteFilter): Filter[] {
  if (requestHeaderModifier) return [{ kind: 'requestHeaders', change: headerChange(requestHeaderModifier) }];
  if (responseHeaderModifier) return [{ kind: 'responseHeaders', change: headerChange(responseHeaderModifier) }];
  if (cors) return [{ kind: 'cors', cors: corsOf(cors) }];
  if (urlRewrite === undefined) return [];
  const { hostname, path } = urlRewrite;
  return [{ kind: 'rewrite', to: { ...(hostname !== undefined && { host: hostname }), ...pathChange(path) } }];
}

function headerChange({ set = [], add = [], remove = [] }: HTTPHeaderFilter): HeaderChange {
  return { set, add, remove };
}

function pathChange(path: HTTPPathModifier | undefined): Pick<UrlChange, 'path'> {
  if (path?.replaceFullPath !== undefined) return { path: { kind: 'full', value: path.replaceFullPath } };
  if (path?.replacePrefixMatch !== undefined) return { path: { kind: 'prefix', value: path.replacePrefixMatch } };
  return {};
}

const usualPorts = { http: 80, https: 443 } as const;

/** The port: what is said, else the scheme's own where that is said, else the listener's. */
function redirectOf(
  { scheme, hostname, port, path, statusCode = 302 }: HTTPRequestRedirectFilter,
  place: Place,
): NonNullable<ReadFilters['redirect']> {
  const wanted = scheme === 'http' || scheme === 'https' ? scheme : undefined;
  const to: UrlChange = {
    scheme: wanted ?? place.scheme,
    port: port ?? (wanted === undefined ? place.port : usualPorts[wanted]),
    ...(hostname !== undefined && { host: hostname }),
    ...pathChange(path),
  };
  return { kind: 'redirect', status: statusCode, to };
}

function percentOf({ percent, fraction }: HTTPRequestMirrorFilter): number {
  if (fraction === undefined) return percent ?? 100;
  return (fraction.numerator / (fraction.denominator ?? 100)) * 100;
}

const corsMaxAge = 5;

function corsOf({ allowOrigins = [], allowMethods = [], allowHeaders = [], ...rest }: HTTPCORSFilter): Cors {
  return {
    origins: allowOrigins,
    methods: allowMethods,
    headers: allowHeaders,
    exposeHeaders: rest.exposeHeaders ?? [],
    allowCredentials: rest.allowCredentials ?? false,
    maxAgeSeconds: rest.maxAge ?? corsMaxAge,
  };
}
