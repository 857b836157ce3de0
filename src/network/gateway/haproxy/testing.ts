/** For tests: plans from a few words. */
import type {
  Backend,
  Certificate,
  Entry,
  Plan,
  Route,
  RouteMatch,
  Server,
  Source,
  Target,
  VirtualHost,
} from '../plan.ts';
import type { RenderSettings } from './render.ts';

export const make = {
  source: (name = 'web', kind = 'Ingress'): Source => ({ kind, namespace: 'default', name }),

  server: (port: number, more: Partial<Server> = {}): Server => ({
    address: '127.0.0.1',
    port,
    isDraining: false,
    ...more,
  }),

  backend: (id: string, servers: readonly Server[], more: Partial<Backend> = {}): Backend => ({
    id,
    source: make.source(id, 'Service'),
    protocol: 'http',
    servers,
    ...more,
  }),

  target: (backend: string, more: Partial<Target> = {}): Target => ({ backend, weight: 1, filters: [], ...more }),

  match: (path: string, more: Partial<RouteMatch> = {}): RouteMatch => ({
    path: { kind: 'prefix', value: path },
    headers: [],
    query: [],
    ...more,
  }),

  /** To a backend, by the prefix of the path. */
  route: (path: string, backend: string, more: Partial<Route> = {}): Route => ({
    id: `${path} ${backend}`,
    source: make.source(),
    match: make.match(path),
    filters: [],
    action: { kind: 'forward', targets: [make.target(backend)] },
    ...more,
  }),

  host: (host: string, ...routes: Route[]): VirtualHost => ({ host, routes }),

  entry: (port: number, hosts: readonly VirtualHost[], more: Partial<Entry> = {}): Entry => ({
    address: '127.0.0.1',
    port,
    protocol: 'http',
    acceptProxyFrom: [],
    hosts,
    certificates: [],
    passThrough: [],
    terminated: [],
    targets: [],
    ...more,
  }),

  certificate: (serverName: string, pem: string, more: Partial<Certificate> = {}): Certificate => ({
    serverName,
    id: `default/${serverName}`,
    pem,
    ...more,
  }),

  plan: (entries: readonly Entry[], backends: readonly Backend[]): Plan => ({
    entries,
    backends: new Map(backends.map((backend) => [backend.id, backend])),
  }),

  settings: (more: Partial<RenderSettings> = {}): RenderSettings => ({
    id: '0123abcd',
    handoverKey: '00112233445566778899aabbccddeeff',
    folder: '/run/gateway',
    threads: 2,
    connectionsMax: 1000,
    accessLog: 'off',
    anyAddress: '::',
    ...more,
  }),
} as const;
