/**
 * Ingresses and objects of the Gateway API by chance, of few hosts, paths and names, so that they meet, share and clash. `wild`: texts may also hold what a
 * typing error or ill will puts there; then most are what the API lets through, and some are not.
 */
import type { KubeObject } from '../../src/api/object.ts';
import type { Ingress } from '../../src/api/schema/types/networking-v1.ts';
import { nextInt, type Prng } from '../../src/lib/prng.ts';
import { makeIngress } from '../../src/network/gateway/ingress/testing.ts';
import { gateway, grant, make, type route as makeRoute, route } from '../../src/network/gateway/routes/testing.ts';

export const serviceNames = ['v1', 'v2', 'v3'];
const hosts = ['a.example', 'b.example', 'x.a.example', 'y.x.a.example', '*.a.example', '*.x.a.example', ''];
export const paths = ['/', '/a', '/a/', '/a/b', '/a/b/c', '/ab', '/b', '/A', '/a%20b', '/b/1'];
const regexes = ['/a/[0-9]+', '/(a|b)(/.*)?', '/b/(.*)', '/[ab]/b', '/a.*', '/(?:a|ab)$'];
const headerNames = ['X-One', 'x-two', 'Accept-Kind'];
const words = ['yes', 'no', 'yes no', 'a=b', '1'];
const oddities = [
  ...Array.from('/.-_~!$&*+,;=:@?#%|^<>(){}[]"\'`\\ \t\n\r\0\u007fé中'),
  '%[src]',
  '%{+Q}',
  '$host',
  '$9',
  '\\1',
  ' if TRUE',
  '} unless {',
  '--',
  '(?=x)',
  '(a+)+$',
  '[z-a]',
  'a{99999}',
  '\r\nX-Evil: 1',
  '\nbackend evil',
  '-1',
  '999999999999',
];

export class RandomObjects {
  readonly #prng: Prng;
  readonly #isWild: boolean;
  #count = 0;

  constructor(prng: Prng, isWild = false) {
    this.#prng = prng;
    this.#isWild = isWild;
  }

  one<T>(all: readonly T[]): T {
    return all[nextInt(this.#prng, all.length)] as T;
  }

  chance(share: number): boolean {
    return this.#prng.next() < share;
  }

  some<T>(most: number, make: () => T, least = 0): T[] {
    return Array.from({ length: least + nextInt(this.#prng, most - least + 1) }, make);
  }

  #text(all: readonly string[]): string {
    const text = this.one(all);
    if (!this.#isWild || !this.chance(0.08)) return text;
    const odd = this.some(3, () => this.one(oddities), 1).join('');
    return this.one([odd, text + odd, odd + text, '']);
  }

  #named(all: readonly string[]): { readonly name: string; readonly value: string } {
    return { name: this.#text(all), value: this.#text(words) };
  }

  #name(kind: string): string {
    return `${kind}${this.#count++}`;
  }

  ingresses(most = 6): Ingress[] {
    return this.some(most, () => this.#ingress(), 1);
  }

  #ingress(): Ingress {
    const annotations = this.#annotations();
    const paths = () => this.some(3, () => this.#path('use-regex' in annotations), 1);
    const host = () => this.#text(hosts);
    const rules = this.some(3, () => ({ ...this.#host(host()), http: { paths: paths() } }), this.chance(0.1) ? 0 : 1);
    const tls = this.some(2, () => ({
      hosts: this.some(2, () => this.#text(hosts.filter((name) => name !== ''))),
      secretName: this.one(['good', 'gone', 'bad', '']),
    }));
    return makeIngress({
      name: this.#name('i'),
      age: nextInt(this.#prng, 9),
      annotations,
      spec: {
        rules,
        ...(this.chance(0.3) && { tls }),
        ...(this.chance(0.15) && { defaultBackend: this.#backend() }),
      },
    });
  }

  #host(host: string): { readonly host?: string } {
    return host === '' ? {} : { host };
  }

  #path(
    isRegex: boolean,
  ): NonNullable<NonNullable<NonNullable<Ingress['spec']>['rules']>[number]['http']>['paths'][number] {
    const pathType = this.one(['Exact', 'Prefix', 'Prefix', 'ImplementationSpecific'] as const);
    return {
      path: this.#text(isRegex && pathType !== 'Exact' ? [...paths, ...regexes] : paths),
      pathType,
      backend: this.#backend(),
    };
  }

  #backend(): { readonly service: { readonly name: string; readonly port: object } } {
    const name = this.chance(0.1) ? 'gone' : this.one(serviceNames);
    return { service: { name, port: this.one([{ number: 80 }, { name: 'http' }, { number: 80 }, { number: 1 }]) } };
  }

  #annotations(): Record<string, string> {
    const all = Object.entries(this.#isWild ? { ...tameAnnotations, ...wildAnnotations } : tameAnnotations);
    const share = this.chance(0.5) ? 0 : this.one([0.05, 0.15, 0.4]);
    const chosen = all.filter(() => this.chance(share));
    return Object.fromEntries(chosen.map(([name, values]) => [name, this.#text(values)]));
  }

  /** Gateways with all that belongs to them. */
  gatewayObjects(): KubeObject[] {
    const gateways = this.some(2, () => this.#gateway(), 1);
    const routes = this.some(6, () => this.#route(), 1);
    const policies = this.#isWild ? this.some(2, () => this.#policy()) : [];
    const sets = this.some(1, () =>
      make('ListenerSet', this.#name('s'), { parentRef: { name: 'g0' }, listeners: this.#listeners() }),
    );
    const grants = this.some(1, () => grant('other', 'HTTPRoute', 'default', 'Service'));
    return [...gateways, ...sets, ...routes, ...policies, ...grants];
  }

  #gateway(): KubeObject {
    const more = { allowedListeners: { namespaces: { from: 'Same' } } };
    return gateway(`g${this.one([0, 1])}`, this.#listeners(), more);
  }

  #listeners(): object[] {
    return this.some(4, () => this.#listener(), 1).map((listener, index) => ({ ...listener, name: `l${index}` }));
  }

  #listener(): object {
    const hostname = this.#host(this.#text(hosts));
    const tls = (mode: string): object => ({
      mode,
      certificateRefs: [{ name: this.one(['good', 'good', 'gone', 'bad']) }],
    });
    return this.one([
      { port: 80, protocol: 'HTTP', ...hostname },
      { port: 80, protocol: 'HTTP', ...hostname },
      { port: 443, protocol: 'HTTPS', ...hostname, tls: tls('Terminate') },
      { port: 443, protocol: 'TLS', ...hostname, tls: { mode: 'Passthrough' } },
      { port: 8443, protocol: 'TLS', ...hostname, tls: tls('Terminate') },
      { port: this.one([9000, 80]), protocol: 'TCP' },
    ]);
  }

  #route(): KubeObject {
    const kind = this.one([
      'HTTPRoute',
      'HTTPRoute',
      'HTTPRoute',
      'TLSRoute',
      'TCPRoute',
      ...this.#ifWild('GRPCRoute' as const),
    ] as const);
    const parents = this.one(['g0', 'g0 g1', 'g1', 'g0#l0', 'gone']);
    return route(kind, this.#name('r'), parents, this.#routeSpec(kind));
  }

  #routeSpec(kind: Parameters<typeof makeRoute>[0]): object {
    const hostnames = this.some(2, () => this.#text(hosts.filter((host) => host !== '')));
    if (kind === 'TCPRoute') return { rules: [{ backendRefs: this.#refs() }] };
    if (kind === 'TLSRoute') return { hostnames, rules: [{ backendRefs: this.#refs() }] };
    const rules = this.some(3, () => (kind === 'HTTPRoute' ? this.#httpRule() : this.#grpcRule()), 1);
    return { ...(hostnames.length > 0 && { hostnames }), rules };
  }

  /** What needs servers of other kinds than the model's. */
  #ifWild<T>(value: T): T[] {
    return this.#isWild ? [value] : [];
  }

  #refs(): object[] {
    return this.some(2, () => this.#ref(), 1);
  }

  #ref(): object {
    return { name: this.chance(0.1) ? 'gone' : this.one(serviceNames), port: 80, weight: this.one([1, 1, 1, 3, 0]) };
  }

  #httpRule(): object {
    const filters = this.some(2, () => this.#filter(true));
    const isRedirect = filters.some((filter) => 'requestRedirect' in filter);
    const timeouts = { request: this.one(['0s', '10s', '500ms']), backendRequest: '5s' };
    const backendRefs = isRedirect ? [] : this.#refsWithFilters();
    // The API takes it with one prefix alone.
    const isOfPrefix = JSON.stringify([filters, backendRefs]).includes('replacePrefixMatch');
    return {
      matches: isOfPrefix ? [{ path: this.#prefix() }] : this.some(3, () => this.#httpMatch()),
      filters,
      ...(backendRefs.length > 0 && { backendRefs }),
      ...(this.chance(0.1) && { timeouts }),
    };
  }

  #prefix(): object {
    return { type: 'PathPrefix', value: this.#text(paths) };
  }

  /** The model knows filters of a single backend where there is no other. */
  #refsWithFilters(): object[] {
    const refs = this.#refs();
    if (refs.length > 1 && !this.#isWild) return refs;
    return refs.map((ref) => (this.chance(0.2) ? { ...ref, filters: [this.#filter(false)] } : ref));
  }

  #httpMatch(): object {
    const path = this.chance(0.2)
      ? { type: 'RegularExpression', value: this.#text(regexes) }
      : { type: this.one(['PathPrefix', 'Exact']), value: this.#text(paths) };
    return {
      path,
      ...(this.chance(0.2) && { method: this.one(['GET', 'POST', 'PUT']) }),
      ...(this.chance(0.3) && { headers: this.some(2, () => this.#textMatch(headerNames), 1) }),
      ...(this.chance(0.2) && { queryParams: this.some(2, () => this.#textMatch(['q', 'r']), 1) }),
    };
  }

  #textMatch(names: readonly string[]): object {
    if (!this.chance(0.3)) return { type: 'Exact', ...this.#named(names) };
    return { type: 'RegularExpression', name: this.#text(names), value: this.#text(['y.*', '[a-z ]+', '(yes|1)']) };
  }

  #grpcRule(): object {
    const method = {
      type: this.one(['Exact', 'RegularExpression']),
      service: this.#text(['a', 'b']),
      method: this.#text(['b', '1']),
    };
    return { matches: this.some(2, () => (this.chance(0.3) ? {} : { method })), backendRefs: this.#refs() };
  }

  #filter(isOfRule: boolean): Record<string, unknown> {
    const change = {
      set: [this.#named(headerNames)],
      add: [this.#named(['x-added'])],
      remove: [this.#text(headerNames)],
    };
    const path = this.one([
      undefined,
      { type: 'ReplaceFullPath', replaceFullPath: this.#text(paths) },
      { type: 'ReplacePrefixMatch', replacePrefixMatch: this.#text([...paths, '/new']) },
    ]);
    const hostname = this.chance(0.5) ? { hostname: this.#text(['new.example', 'c.example']) } : {};
    const to = { ...hostname, ...(path && { path }) };
    const all: (() => Record<string, unknown>)[] = [
      () => ({ type: 'RequestHeaderModifier', requestHeaderModifier: change }),
      () => ({ type: 'ResponseHeaderModifier', responseHeaderModifier: change }),
      () => ({ type: 'URLRewrite', urlRewrite: to }),
      () => ({
        type: 'RequestRedirect',
        requestRedirect: { ...to, ...(this.chance(0.5) && { port: 8080 }), statusCode: this.one([301, 302, 307]) },
      }),
      () => ({
        type: 'RequestMirror',
        requestMirror: { backendRef: { name: this.one(serviceNames), port: 80 }, percent: 0 },
      }),
      () => ({
        type: 'CORS',
        cors: { allowOrigins: [this.#text(['*', 'https://*.a.example', 'https://b.example'])], allowMethods: ['GET'] },
      }),
    ];
    return this.one(isOfRule ? all : all.slice(0, 3))();
  }

  #policy(): KubeObject {
    const caCertificateRefs = [{ group: '', kind: 'ConfigMap', name: this.one(['authority', 'gone']) }];
    const validation = this.chance(0.3) ? { wellKnownCACertificates: 'System' } : { caCertificateRefs };
    const targetRefs = [{ group: '', kind: 'Service', name: this.one(serviceNames) }];
    return make('BackendTLSPolicy', this.#name('p'), {
      targetRefs,
      validation: { ...validation, hostname: this.#text(['v3.example']) },
    });
  }
}

/** Of which the model knows what they do. */
const tameAnnotations: Readonly<Record<string, readonly string[]>> = {
  'use-regex': ['true', 'false'],
  'rewrite-target': ['/', '/new', '/$1', '/x/$2?k=v'],
  'app-root': ['/app'],
  'server-alias': ['alias.example, b.example'],
  'ssl-redirect': ['true', 'false'],
  'force-ssl-redirect': ['true', 'false'],
  'from-to-www-redirect': ['true'],
  'permanent-redirect': ['https://c.example/x', '/y'],
  'permanent-redirect-code': ['308', '301'],
  'temporal-redirect': ['https://d.example/'],
  'upstream-vhost': ['in.example', 'in.example:81'],
  'x-forwarded-prefix': ['/p'],
  'whitelist-source-range': ['10.0.0.0/8', '127.0.0.0/8', ''],
  'denylist-source-range': ['127.0.0.1', '192.0.2.0/24', 'nobody'],
  'default-backend': ['v3', 'gone'],
  canary: ['true', 'false'],
  'canary-by-header': ['X-One'],
  'canary-by-header-value': ['yes'],
  'canary-by-header-pattern': ['y.*'],
  'canary-by-cookie': ['new'],
  'canary-weight': ['0', '30', '100'],
  'auth-type': ['basic'],
  'auth-secret': ['users', 'gone'],
  'configuration-snippet': ['deny all;'],
  'proxy-body-size': ['1k', '0', '8m'],
  'proxy-read-timeout': ['60', '5m'],
  'proxy-connect-timeout': ['5'],
  'proxy-next-upstream': ['error timeout http_503', 'off'],
  'proxy-next-upstream-tries': ['3', '0'],
  affinity: ['cookie'],
  'session-cookie-name': ['route'],
  'session-cookie-max-age': ['100'],
  'upstream-hash-by': ['$request_uri', '$http_x_user', '$remote_addr'],
  'load-balance': ['ewma', 'round_robin'],
};

const wildAnnotations: Readonly<Record<string, readonly string[]>> = {
  'backend-protocol': ['HTTPS', 'GRPC', 'GRPCS', 'HTTP'],
  'ssl-passthrough': ['true'],
  'mirror-target': ['http://mirror.example/x', 'https://mirror.example$request_uri'],
  'service-upstream': ['true'],
  'session-cookie-path': ['/x'],
  'session-cookie-samesite': ['Lax', 'None'],
  'session-cookie-secure': ['true'],
  'session-cookie-domain': ['a.example'],
  'auth-realm': ['Staff only'],
  'auth-tls-secret': ['default/ca', 'default/gone', 'other/ca'],
  'auth-tls-verify-client': ['on', 'optional', 'off'],
  'limit-rps': ['1', '1000000'],
  'limit-rpm': ['1', '100'],
  'limit-connections': ['1', '1000000'],
  'limit-burst-multiplier': ['1', '1000'],
  'limit-whitelist': ['10.0.0.0/8,::1'],
  'enable-cors': ['true'],
  'cors-allow-origin': ['*', 'https://b.example, https://*.c.example'],
  'cors-allow-headers': ['X-A, X-B', '*'],
  'cors-allow-methods': ['GET, PUT'],
  'cors-expose-headers': ['X-C', '*'],
  'cors-allow-credentials': ['false'],
  'cors-max-age': ['5', '0'],
  'proxy-ssl-secret': ['default/ca', 'default/good'],
  'proxy-ssl-verify': ['on', 'off'],
  'proxy-ssl-name': ['v1.example'],
  'proxy-ssl-server-name': ['on'],
  'auth-url': ['http://auth.example'],
};
