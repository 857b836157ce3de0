/** A place of a host as routes: what is tried before it (redirects, canaries), and itself. Pure. */
import type { Action, Filter, Route, RouteMatch, Target } from '../plan.ts';
import { targetOf } from './backends.ts';
import type { Place } from './hosts.ts';
import { filtersOf, forwardOptions } from './options.ts';
import type { Work } from './reading.ts';

export interface Approach {
  readonly host: string;
  readonly scheme: 'http' | 'https';
  /** Where https is listened for. */
  readonly httpsPort: number;
  /** The host has TLS. */
  readonly isSecure: boolean;
  /** It is never served without. */
  readonly isGuarded: boolean;
  readonly isClosed: (read: Place['read']) => boolean;
}

const unavailable: Action = { kind: 'respond', status: 503 };

export function routesOf(work: Work, place: Place, approach: Approach): readonly Route[] {
  const { values, isClosed } = place.read;
  const route = routeMaker(place, approach);
  if (isClosed || approach.isClosed(place.read)) return [route('', {}, [], unavailable)];
  if (goesToHttps(place, approach)) return [route('', {}, [], toHttps(approach.httpsPort))];
  const filters = filtersOf(work, place.read);
  if (filters === undefined) return [route('', {}, [], unavailable)];
  const guards = filters.filter(
    ({ kind }) => kind === 'allowClients' || kind === 'denyClients' || kind === 'basicAuth',
  );
  const elsewhere = redirectOf(place);
  if (elsewhere !== undefined) return [route('', {}, guards, elsewhere)];
  const { rewrite } = place.path;
  const all: readonly Filter[] = rewrite ? [...filters, { kind: 'rewrite', to: { path: rewrite } }] : filters;
  const root = values['app-root'];
  const first =
    root !== undefined && place.path.match.value === '/' && place.path.match.kind === 'prefix'
      ? [route('/app-root', { path: { kind: 'exact', value: '/' } }, guards, redirectTo(302, root))]
      : [];
  return [...first, ...canaryRoutes(work, place, route, all), route('', {}, all, forward(work, place))];
}

type MakeRoute = (suffix: string, match: Partial<RouteMatch>, filters: readonly Filter[], action: Action) => Route;

function routeMaker({ read, path }: Place, { host }: Approach): MakeRoute {
  const { source } = read;
  const id = `Ingress/${source.namespace}/${source.name}/${host}/${path.key}`;
  return (suffix, match, filters, action) => ({
    id: `${id}${suffix}`,
    source,
    match: { path: path.match, headers: [], query: [], ...match },
    filters,
    action,
  });
}

function goesToHttps({ read }: Place, { scheme, isSecure, isGuarded }: Approach): boolean {
  if (scheme === 'https') return false;
  const { values } = read;
  return isGuarded || values['force-ssl-redirect'] === true || (isSecure && values['ssl-redirect'] !== false);
}

function toHttps(port: number): Action {
  return { kind: 'redirect', status: 308, to: { scheme: 'https', ...(port !== 443 && { port }) } };
}

const redirectTo = (status: number, location: string): Action => ({ kind: 'redirect', status, to: { location } });

function redirectOf({ read: { values } }: Place): Action | undefined {
  const [once, always] = [values['temporal-redirect'], values['permanent-redirect']];
  if (once !== undefined) return redirectTo(values['temporal-redirect-code'] ?? 302, once);
  return always === undefined ? undefined : redirectTo(values['permanent-redirect-code'] ?? 301, always);
}

function forward(work: Work, place: Place, targets: readonly Target[] = shares(work, place)): Action {
  const options = forwardOptions(place.read.values);
  return { kind: 'forward', targets, ...(options && { options }) };
}

const weightTotal = 100;

/** By chance, in proportion to the weights. */
function shares(work: Work, place: Place): readonly Target[] {
  const main = mainTarget(work, place);
  const { canary } = place;
  if (canary === undefined || canary.read.isClosed) return [main];
  const { values } = canary.read;
  const total = values['canary-weight-total'] ?? weightTotal;
  const weight = Math.min(values['canary-weight'] ?? 0, total);
  if (weight === 0) return [main];
  return [
    { ...main, weight: total - weight },
    { ...canaryTarget(work, place, canary), weight },
  ];
}

const mainTarget = (work: Work, place: Place): Target => targetOf(work, place.read, place);

function canaryTarget(work: Work, place: Place, canary: Place): Target {
  const balance = canary.read.values['load-balance'];
  return targetOf(work, canary.read, canary, { ...place.read.values, ...(balance && { 'load-balance': balance }) });
}

/** Header first, then cookie, as ingress-nginx; what says neither goes by weight. */
function canaryRoutes(work: Work, place: Place, route: MakeRoute, filters: readonly Filter[]): readonly Route[] {
  const { canary } = place;
  if (canary === undefined || canary.read.isClosed) return [];
  const { values } = canary.read;
  const toCanary = (): Action => forward(work, place, [canaryTarget(work, place, canary)]);
  const toMain = (): Action => forward(work, place, [mainTarget(work, place)]);
  const routes: Route[] = [];
  const name = values['canary-by-header'];
  if (name !== undefined) {
    const value = values['canary-by-header-value'];
    const pattern = values['canary-by-header-pattern'];
    const own =
      value !== undefined
        ? ({ kind: 'exact', value } as const)
        : pattern !== undefined
          ? ({ kind: 'regex', value: pattern } as const)
          : undefined;
    const wanted = own ?? ({ kind: 'exact', value: 'always' } as const);
    routes.push(route('/canary-header', { headers: [{ ...wanted, name }] }, filters, toCanary()));
    if (own === undefined) {
      const never = { kind: 'exact', value: 'never', name } as const;
      routes.push(route('/canary-header-never', { headers: [never] }, filters, toMain()));
    }
  }
  const cookie = values['canary-by-cookie'];
  if (cookie !== undefined) {
    const always = { cookie: { name: cookie, value: 'always' } };
    const never = { cookie: { name: cookie, value: 'never' } };
    routes.push(route('/canary-cookie', always, filters, toCanary()));
    routes.push(route('/canary-cookie-never', never, filters, toMain()));
  }
  return routes;
}
