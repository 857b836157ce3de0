/**
 * For tests: what a plan makes of a request, without HAProxy. The plainest reading of `plan.ts`; HAProxy must come to the same.
 */
import { BlockList, isIPv6 } from 'node:net';
import type {
  Action,
  Backend,
  Entry,
  Filter,
  HeaderChange,
  Route,
  Target,
  TextMatch,
  UrlChange,
  VirtualHost,
} from './plan.ts';

export interface PlanRequest {
  /** By which port it comes; 443 for https, 80 for http where absent. */
  readonly port?: number;
  /** `http` where absent. */
  readonly scheme?: 'http' | 'https';
  readonly host?: string;
  /** With its query; `/` where absent. */
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly client?: string;
}

export type PlanOutcome =
  | { readonly kind: 'refused' }
  | { readonly kind: 'respond'; readonly status: number; readonly body?: string }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  | {
      readonly kind: 'forward';
      /** Share of the requests by backend; those that lead nowhere by their status. */
      readonly shares: Readonly<Record<string, number>>;
      readonly path: string;
      readonly host: string;
      readonly headers: Readonly<Record<string, string>>;
      readonly responseHeaders: readonly HeaderChange[];
      readonly mirrors: readonly string[];
      readonly route: Route;
    };

type PartOfPlan = { readonly entries: readonly Entry[]; readonly backends?: ReadonlyMap<string, Backend> };

export function evaluate({ entries }: PartOfPlan, request: PlanRequest): PlanOutcome {
  const { scheme = 'http', port = scheme === 'http' ? 80 : 443 } = request;
  const entry = entries.find((one) => one.port === port && one.protocol === scheme);
  if (entry === undefined) return { kind: 'refused' };
  const asked = new Asked(request, entry);
  const answer = entry.answers?.find(({ path }) => path === asked.path);
  if (answer !== undefined) return { kind: 'respond', status: 200, body: answer.body };
  const route = hostFor(entry.hosts, asked.host)?.routes.find((one) => asked.matches(one));
  if (route === undefined) return { kind: 'respond', status: 404 };
  return asked.follow(route);
}

/** The exact host, else the longest wildcard, else `*`. */
export function hostFor(hosts: readonly VirtualHost[], name: string): VirtualHost | undefined {
  const exact = hosts.find(({ host }) => host === name);
  if (exact !== undefined) return exact;
  const wildcards = hosts
    .filter(({ host }) => host.startsWith('*.') && name.endsWith(host.slice(1)))
    .filter(({ host, isOneLabel }) => !isOneLabel || !name.slice(0, -host.length + 1).includes('.'))
    .sort((a, b) => b.host.length - a.host.length);
  return wildcards[0] ?? hosts.find(({ host }) => host === '*');
}

class Asked {
  readonly host: string;
  readonly path: string;
  readonly #query: string;
  readonly #request: PlanRequest;
  readonly #entry: Entry;
  readonly #headers: ReadonlyMap<string, string>;

  constructor(request: PlanRequest, entry: Entry) {
    this.#request = request;
    this.#entry = entry;
    this.host = (request.host ?? '').toLowerCase().replace(/:\d+$/, '');
    const text = request.path ?? '/';
    const mark = text.indexOf('?');
    this.path = mark < 0 ? text : text.slice(0, mark);
    this.#query = mark < 0 ? '' : text.slice(mark);
    const headers = Object.entries(request.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const);
    this.#headers = new Map([['host', request.host ?? ''], ...headers]);
  }

  matches({ match }: Route): boolean {
    const query = new URLSearchParams(this.#query);
    const { client = '192.0.2.1' } = this.#request;
    if (!this.#matchesPath(match.path)) return false;
    if (match.method !== undefined && match.method !== (this.#request.method ?? 'GET')) return false;
    if (!match.headers.every((one) => isText(one, this.#headers.get(one.name.toLowerCase())))) return false;
    if (!match.query.every((one) => isText(one, query.get(one.name) ?? undefined))) return false;
    if (match.cookie && this.#cookie(match.cookie.name) !== match.cookie.value) return false;
    return match.clients === undefined || isWithin(client, match.clients);
  }

  follow(route: Route): PlanOutcome {
    const refusal = route.filters.map((filter) => this.#refusal(filter)).find((one) => one !== undefined);
    if (refusal !== undefined) return refusal;
    const { action } = route;
    switch (action.kind) {
      case 'respond':
        return { kind: 'respond', status: action.status, ...(action.body !== undefined && { body: action.body }) };
      case 'redirect':
        return { kind: 'redirect', status: action.status, location: this.#location(action.to, route) };
      case 'forward':
        return this.#forward(route, action);
    }
  }

  #matchesPath(match: Route['match']['path']): boolean {
    const { kind, value, ignoreCase = false } = match;
    const [path, wanted] =
      ignoreCase && kind !== 'regex' ? [this.path.toLowerCase(), value.toLowerCase()] : [this.path, value];
    switch (kind) {
      case 'exact':
        return path === wanted;
      case 'prefix':
        // `/a/` is `/a`.
        return `${path}/`.startsWith(`${wanted.replace(/\/+$/, '')}/`);
      case 'regex':
        return patternOf(match).test(path);
    }
  }

  #cookie(name: string): string | undefined {
    const all = (this.#headers.get('cookie') ?? '').split(/;\s*/).map((pair) => pair.split('='));
    return all.find(([known]) => known === name)?.[1];
  }

  #refusal(filter: Filter): PlanOutcome | undefined {
    const { client = '192.0.2.1' } = this.#request;
    if (filter.kind === 'allowClients' && !isWithin(client, filter.ranges)) return { kind: 'respond', status: 403 };
    if (filter.kind === 'denyClients' && isWithin(client, filter.ranges)) return { kind: 'respond', status: 403 };
    const hasNoUser = filter.kind === 'basicAuth' && !this.#headers.has('authorization');
    return hasNoUser ? { kind: 'respond', status: 401 } : undefined;
  }

  #location(to: UrlChange, route: Route): string {
    if (to.location !== undefined) return to.location;
    const scheme = to.scheme ?? this.#request.scheme ?? 'http';
    const usual = { http: 80, https: 443 }[scheme];
    const port = to.port ?? (to.scheme === undefined ? this.#entry.port : usual);
    const path = this.#changedPath(to, route);
    return `${scheme}://${to.host ?? this.host}${port === usual ? '' : `:${port}`}${path}${this.#query}`;
  }

  #changedPath(to: UrlChange, { match }: Route): string {
    switch (to.path?.kind) {
      case undefined:
        return this.path;
      case 'full':
        return to.path.value;
      case 'prefix': {
        const rest = this.path.slice(match.path.value === '/' ? 0 : match.path.value.replace(/\/$/, '').length);
        const joined = `${to.path.value.replace(/\/$/, '')}${rest.startsWith('/') || rest === '' ? '' : '/'}${rest}`;
        return joined === '' ? '/' : joined;
      }
      case 'regex': {
        const groups = patternOf(match.path).exec(this.path) ?? [];
        return to.path.value.replace(/\$([1-9])/g, (_, number: string) => groups[Number(number)] ?? '');
      }
    }
  }

  #forward(route: Route, action: Extract<Action, { readonly kind: 'forward' }>): PlanOutcome {
    const { targets } = action;
    const only = targets.length === 1 ? (targets[0]?.filters ?? []) : [];
    const filters = [...route.filters, ...only];
    const headers = new Map(this.#headers);
    let [path, host] = [this.path, this.host];
    for (const filter of filters) {
      if (filter.kind === 'requestHeaders') change(headers, filter.change);
      if (filter.kind === 'rewrite') [path, host] = [this.#changedPath(filter.to, route), hostOf(filter.to) ?? host];
    }
    return {
      kind: 'forward',
      shares: sharesOf(targets),
      path: `${path}${this.#query}`,
      host,
      headers: Object.fromEntries(headers),
      responseHeaders: filters.flatMap((filter) => (filter.kind === 'responseHeaders' ? [filter.change] : [])),
      mirrors: filters.flatMap((filter) => (filter.kind === 'mirror' ? [filter.backend] : [])),
      route,
    };
  }
}

const hostOf = ({ host, port }: UrlChange): string | undefined =>
  host === undefined || port === undefined ? host : `${host}:${port}`;

const patternOf = ({ value, ignoreCase }: Route['match']['path']): RegExp =>
  new RegExp(`^(?:${value})`, ignoreCase ? 'i' : '');

function isText({ kind, value }: TextMatch, text: string | undefined): boolean {
  if (text === undefined) return false;
  return kind === 'exact' ? text === value : new RegExp(`^(?:${value})$`).test(text);
}

function isWithin(client: string, ranges: readonly string[]): boolean {
  const list = new BlockList();
  const family = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    list.addSubnet(address, Number(bits), family(address));
  }
  return list.check(client, family(client));
}

function change(headers: Map<string, string>, { set, add, remove }: HeaderChange): void {
  for (const { name, value } of set) headers.set(name.toLowerCase(), value);
  for (const { name, value } of add) {
    const before = headers.get(name.toLowerCase());
    headers.set(name.toLowerCase(), before === undefined ? value : `${before},${value}`);
  }
  for (const name of remove) headers.delete(name.toLowerCase());
}

/** All weights 0: as with none at all. */
function sharesOf(targets: readonly Target[]): Readonly<Record<string, number>> {
  const total = targets.reduce((sum, { weight }) => sum + weight, 0);
  const shares: Record<string, number> = {};
  for (const { backend, weight, unresolvedStatus } of targets) {
    const key = unresolvedStatus === undefined ? backend : String(unresolvedStatus);
    if (weight > 0) shares[key] = (shares[key] ?? 0) + weight / total;
  }
  return total === 0 ? { 503: 1 } : shares;
}
