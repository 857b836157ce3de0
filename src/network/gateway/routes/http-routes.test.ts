/** What HTTPRoutes do with requests, case by case as upstream's conformance tests ask. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { evaluate, type PlanRequest } from '../testing.ts';
import { fromAll, GatewayWorld, gateway, grant, http, make, route, to } from './testing.ts';

const services = ['v1:80', 'v2:80', 'v3:80'];

/** Each row: where the request goes, host (or none), path, headers, method. */
type Row = readonly [outcome: string, host: string, path: string, headers?: Record<string, string>, method?: string];

function rows(world: GatewayWorld, all: readonly Row[], more: Partial<PlanRequest> = {}): void {
  for (const [outcome, host, path, headers = {}, method = 'GET'] of all) {
    const asked = world.ask({ host, path, headers, method, ...more });
    assert.equal(asked, outcome, `${method} ${host}${path} ${JSON.stringify(headers)}`);
  }
}

const prefix = (value: string): object => ({ path: { type: 'PathPrefix', value } });
const exact = (value: string): object => ({ path: { type: 'Exact', value } });
const header = (name: string, value: string): object => ({ name, value });
const rule = (backend: string, ...matches: object[]): object => ({
  backendRefs: to(`${backend}:80`),
  ...(matches.length > 0 && { matches }),
});
const httpRoute = (spec: object, name = 'route', parents = 'gw') => route('HTTPRoute', name, parents, spec);
const one = (rules: object[], hostnames?: string[]) =>
  new GatewayWorld([gateway('gw', [http()]), httpRoute({ rules, ...(hostnames && { hostnames }) })], { services });

void describe('matches', () => {
  void test('a prefix is one of whole path elements, and a header or a longer path goes before', () => {
    const world = one([
      rule('v1', prefix('/'), { headers: [header('version', 'one')] }),
      rule('v2', prefix('/v2'), { headers: [header('version', 'two')] }),
    ]);
    rows(world, [
      ['v1:80', 'a.example', '/'],
      ['v1:80', 'a.example', '/example'],
      ['v1:80', 'a.example', '/', { Version: 'one' }],
      ['v2:80', 'a.example', '/v2'],
      ['v2:80', 'a.example', '/v2/'],
      ['v2:80', 'a.example', '/v2/example'],
      ['v2:80', 'a.example', '/', { Version: 'two' }],
      ['v1:80', 'a.example', '/v2example'],
      ['v1:80', 'a.example', '/foo/v2/example'],
    ]);
  });

  void test('rules of several routes for a host are one list', () => {
    const routes = [
      httpRoute(
        {
          hostnames: ['example.com', 'example.net'],
          rules: [rule('v1', prefix('/'), { headers: [header('version', 'one')] })],
        },
        'part1',
      ),
      httpRoute(
        { hostnames: ['example.com'], rules: [rule('v2', prefix('/v2'), { headers: [header('version', 'two')] })] },
        'part2',
      ),
    ];
    const world = new GatewayWorld([gateway('gw', [http()]), ...routes], { services });
    rows(world, [
      ['v1:80', 'example.com', '/example'],
      ['v1:80', 'example.net', '/example'],
      ['v1:80', 'example.com', '/example', { Version: 'one' }],
      ['v2:80', 'example.com', '/v2/example'],
      ['v1:80', 'example.net', '/v2'],
      ['v2:80', 'example.com', '/', { Version: 'two' }],
      ['404', 'example.org', '/'],
    ]);
  });

  void test('exact paths go before prefixes, and longer prefixes before shorter ones', () => {
    const world = one([
      rule('v1', exact('/match')),
      rule('v2', exact('/match/exact')),
      rule('v3', exact('/match/exact/one')),
      rule('v3', prefix('/match/')),
      rule('v1', prefix('/match/prefix/')),
      rule('v2', prefix('/match/prefix/one')),
    ]);
    rows(world, [
      ['v3:80', '', '/match/exact/one'],
      ['v2:80', '', '/match/exact'],
      ['v1:80', '', '/match'],
      ['v2:80', '', '/match/prefix/one/any'],
      ['v1:80', '', '/match/prefix/any'],
      ['v3:80', '', '/match/any'],
    ]);
  });

  void test('headers: all of a match must be there, and more of them go first', () => {
    const world = one([
      rule('v1', { headers: [header('version', 'one')] }),
      rule('v2', { headers: [header('version', 'two')] }),
      rule('v1', { headers: [header('version', 'two'), header('color', 'orange')] }),
      rule('v1', { headers: [header('color', 'blue')] }, { headers: [header('color', 'green')] }),
    ]);
    rows(world, [
      ['v1:80', '', '/', { Version: 'one' }],
      ['v2:80', '', '/', { Version: 'two' }],
      ['v1:80', '', '/', { Version: 'two', Color: 'orange' }],
      ['v2:80', '', '/', { Version: 'two', Color: 'blue' }],
      ['404', '', '/', { Color: 'orange' }],
      ['v1:80', '', '/', { Color: 'green' }],
      ['404', '', '/', { Color: 'purple' }],
    ]);
  });

  void test('a header that a match names twice, in two spellings, counts by the first', () => {
    const world = one([rule('v1', { headers: [header('Version', 'one'), header('version', 'two')] })]);
    rows(world, [
      ['v1:80', '', '/', { version: 'one' }],
      ['404', '', '/', { version: 'two' }],
    ]);
  });

  void test('query parameters: names and values as they are written', () => {
    const query = (...all: object[]): object => ({ queryParams: all });
    const world = one([
      rule('v1', query(header('animal', 'whale'))),
      rule('v2', query(header('animal', 'dolphin'))),
      rule('v3', query(header('animal', 'dolphin'), header('color', 'blue')), query(header('ANIMAL', 'Whale'))),
      rule('v1', { ...prefix('/path5') }),
      rule('v2', query(header('animal', 'hydra'))),
      rule('v3', { headers: [header('version', 'four')] }),
    ]);
    rows(world, [
      ['v1:80', '', '/?animal=whale'],
      ['v2:80', '', '/?animal=dolphin'],
      ['v3:80', '', '/?animal=dolphin&color=blue'],
      ['v3:80', '', '/?ANIMAL=Whale'],
      ['v1:80', '', '/?animal=whale&otherparam=irrelevant'],
      ['404', '', '/?color=blue'],
      ['404', '', '/?animal=whaledolphin'],
      ['v1:80', '', '/path5?animal=hydra'],
      ['v3:80', '', '/?animal=hydra', { version: 'four' }],
    ]);
  });

  void test('methods go before headers, and after paths', () => {
    const world = one([
      rule('v1', { method: 'POST' }),
      rule('v2', { method: 'GET' }),
      rule('v1', prefix('/path5')),
      rule('v2', { method: 'PATCH' }),
      rule('v3', { headers: [header('version', 'four')] }),
    ]);
    rows(world, [
      ['v1:80', '', '/', {}, 'POST'],
      ['v2:80', '', '/', {}, 'GET'],
      ['404', '', '/', {}, 'HEAD'],
      ['v1:80', '', '/path5', {}, 'PATCH'],
      ['v2:80', '', '/', { version: 'four' }, 'PATCH'],
    ]);
  });

  void test('expressions match paths, headers and parameters; of a rule with a bad one nothing is served, and the route says so', () => {
    const regex = (value: string): object => ({ path: { type: 'RegularExpression', value } });
    const world = one([rule('v1', regex('/a[0-9]+')), rule('v2', regex('/b('), prefix('/b')), rule('v3', prefix('/'))]);
    rows(world, [
      ['v1:80', '', '/a12'],
      ['500', '', '/b'],
      ['v3:80', '', '/a'],
    ]);
    assert.equal(
      world.conditions('HTTPRoute', 'route'),
      'Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs PartiallyInvalid=True/UnsupportedValue',
    );
    const none = one([rule('v2', regex('/b('))]);
    assert.equal(
      none.conditions('HTTPRoute', 'route'),
      'Accepted=False/UnsupportedValue ResolvedRefs=True/ResolvedRefs',
    );
    rows(none, [['404', '', '/b']]);
  });

  void test('of equal rules the older route has it, then the one first by name, then the first rule', () => {
    const at = (name: string, backend: string, creationTimestamp: string) =>
      route(
        'HTTPRoute',
        name,
        'gw',
        { rules: [rule(backend, prefix('/')), rule('v3', prefix('/'))] },
        { creationTimestamp },
      );
    const [old, young] = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'];
    const winner = (...routes: ReturnType<typeof at>[]) =>
      new GatewayWorld([gateway('gw', [http()]), ...routes], { services }).ask({});
    assert.equal(winner(at('a', 'v1', young), at('b', 'v2', old)), 'v2:80');
    assert.equal(winner(at('b', 'v2', old), at('a', 'v1', old)), 'v1:80');
  });
});

void describe('hostnames', () => {
  const listeners = [
    { ...http(), name: 'l1', hostname: 'very.specific.com' },
    { ...http(), name: 'l2', hostname: '*.wildcard.io' },
    { ...http(), name: 'l3', hostname: '*.anotherwildcard.io' },
  ];
  const routed = (backend: string, path: string, name: string, ...hostnames: string[]) =>
    httpRoute({ hostnames, rules: [rule(backend, prefix(path))] }, name);

  void test('a route is served under the names that it shares with listeners', () => {
    const world = new GatewayWorld(
      [
        gateway('gw', listeners),
        routed('v1', '/s1', 'r1', 'non.matching.com', '*.nonmatchingwildcard.io', 'very.specific.com'),
        routed(
          'v2',
          '/s2',
          'r2',
          'non.matching.com',
          'wildcard.io',
          'foo.wildcard.io',
          'bar.wildcard.io',
          'foo.bar.wildcard.io',
        ),
        routed('v3', '/s3', 'r3', 'non.matching.com', '*.specific.com'),
        routed('v1', '/s4', 'r4', '*.anotherwildcard.io'),
        routed('v2', '/s5', 'r5', 'specific.but.wrong.com', 'wildcard.io'),
      ],
      { services },
    );
    rows(world, [
      ['v1:80', 'very.specific.com', '/s1'],
      ['v1:80', 'VERY.specific.com:1234', '/s1'],
      ['404', 'non.matching.com', '/s1'],
      ['404', 'foo.nonmatchingwildcard.io', '/s1'],
      ['404', 'foo.wildcard.io', '/s1'],
      ['404', 'very.specific.com', '/other'],
      ['v2:80', 'foo.wildcard.io', '/s2'],
      ['v2:80', 'foo.bar.wildcard.io', '/s2'],
      ['404', 'wildcard.io', '/s2'],
      ['v3:80', 'very.specific.com', '/s3'],
      ['404', 'foo.specific.com', '/s3'],
      ['v1:80', 'foo.bar.anotherwildcard.io', '/s4'],
      ['404', 'anotherwildcard.io', '/s4'],
      ['404', 'wildcard.io', '/s5'],
    ]);
    assert.equal(
      world.conditions('HTTPRoute', 'r5'),
      'Accepted=False/NoMatchingListenerHostname ResolvedRefs=True/ResolvedRefs',
    );
    assert.deepEqual(
      listeners.map(({ name }) => world.listener('gw', name).attachedRoutes),
      [2, 1, 1],
    );
  });

  void test("a request is the most exact listener's alone, whether its routes take it or not", () => {
    const names: Readonly<Record<string, string | undefined>> = {
      empty: undefined,
      example: '*.example.com',
      foo: '*.foo.example.com',
      abc: 'abc.foo.example.com',
    };
    const isolated = Object.entries(names).map(([name, hostname]) => ({
      ...http(),
      name,
      ...(hostname && { hostname }),
    }));
    const parts = Object.keys(names).map((name) =>
      httpRoute({ rules: [rule('v1', prefix(`/${name}`))] }, name, `gw#${name}`),
    );
    const withNames = Object.keys(names).map((name) =>
      httpRoute(
        {
          hostnames: ['bar.com', '*.example.com', '*.foo.example.com', 'abc.foo.example.com'],
          rules: [rule('v1', prefix(`/${name}`))],
        },
        name,
        `gw#${name}`,
      ),
    );
    for (const routes of [parts, withNames]) {
      const world = new GatewayWorld([gateway('gw', isolated), ...routes], { services });
      const hosts = {
        'bar.com': 'empty',
        'bar.example.com': 'example',
        'bar.foo.example.com': 'foo',
        'abc.foo.example.com': 'abc',
      };
      for (const [host, own] of Object.entries(hosts))
        for (const name of Object.keys(names)) rows(world, [[name === own ? 'v1:80' : '404', host, `/${name}`]]);
    }
  });
});

void describe('filters', () => {
  const redirect = (path: string, requestRedirect: object): object => ({
    matches: [prefix(path)],
    filters: [{ type: 'RequestRedirect', requestRedirect }],
  });

  void test('redirects lead to the same port and scheme, unless they say otherwise, and leave usual ports out', () => {
    const rules = [
      redirect('/none', { hostname: 'example.org' }),
      redirect('/port-80', { hostname: 'example.org', port: 80 }),
      redirect('/port-8080', { hostname: 'example.org', port: 8080 }),
      redirect('/https', { hostname: 'example.org', scheme: 'https' }),
      redirect('/https-443', { hostname: 'example.org', scheme: 'https', port: 443 }),
      redirect('/https-8443', { hostname: 'example.org', scheme: 'https', port: 8443, statusCode: 308 }),
      redirect('/http', { hostname: 'example.org', scheme: 'http' }),
    ];
    const https = { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'tls' }] } };
    const world = new GatewayWorld([gateway('gw', [http(80), http(8080), https]), httpRoute({ rules })], {
      certificates: { tls: ['a.example'] },
    });
    const at80 = [
      ['302 http://example.org/none', '', '/none'],
      ['302 http://example.org/port-80', '', '/port-80'],
      ['302 http://example.org:8080/port-8080', '', '/port-8080'],
      ['302 https://example.org/https', '', '/https'],
      ['302 https://example.org/https-443', '', '/https-443'],
      ['308 https://example.org:8443/https-8443', '', '/https-8443'],
    ] as const;
    rows(world, at80);
    const at8080 = [
      ['302 http://example.org:8080/none', '', '/none'],
      ['302 http://example.org/port-80', '', '/port-80'],
      ['302 https://example.org/https', '', '/https'],
    ] as const;
    rows(world, at8080, { port: 8080 });
    const at443 = [
      ['302 https://example.org/none', '', '/none'],
      ['302 https://example.org:8080/port-8080', '', '/port-8080'],
      ['302 http://example.org/http', '', '/http'],
    ] as const;
    rows(world, at443, { scheme: 'https' });
  });

  void test('redirects put a whole path or a prefix in place of what was matched', () => {
    const replaced = { type: 'ReplacePrefixMatch', replacePrefixMatch: '/replacement-prefix' };
    const world = one([
      redirect('/original-prefix', { path: replaced }),
      redirect('/full', {
        path: { type: 'ReplaceFullPath', replaceFullPath: '/full-path-replacement' },
        statusCode: 301,
      }),
    ]);
    rows(world, [
      ['302 http://a.example/replacement-prefix/lemon', 'a.example', '/original-prefix/lemon'],
      ['301 http://a.example/full-path-replacement', 'a.example', '/full/path/original'],
    ]);
  });

  void test('rewrites and changed headers are seen by the backend', () => {
    const rewrite = (path: string, urlRewrite: object, ...more: object[]): object => ({
      ...rule('v1', prefix(path)),
      filters: [{ type: 'URLRewrite', urlRewrite }, ...more],
    });
    const change = {
      type: 'RequestHeaderModifier',
      requestHeaderModifier: {
        set: [header('X-Set', 'overwritten')],
        add: [header('X-Add', 'one'), header('X-Append', 'two')],
        remove: ['X-Remove'],
      },
    };
    const world = one([
      rewrite('/prefix/one', { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/one' } }),
      rewrite('/strip-prefix', { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } }),
      rewrite('/full/one', { path: { type: 'ReplaceFullPath', replaceFullPath: '/one' } }),
      rewrite('/host', { hostname: 'one.example.org' }, change),
    ]);
    const seen = (path: string, headers: Record<string, string> = {}) =>
      forwarded(world, { host: 'rewrite.example', path, headers });
    assert.equal(seen('/prefix/one/two').path, '/one/two');
    assert.equal(seen('/strip-prefix/three').path, '/three');
    assert.equal(seen('/strip-prefix').path, '/');
    assert.equal(seen('/full/one/two').path, '/one');
    const changed = seen('/host', { 'X-Remove': 'a', 'X-Append': 'b', 'X-Set': 'c' });
    assert.equal(changed.host, 'one.example.org');
    assert.deepEqual(
      ['x-set', 'x-add', 'x-append', 'x-remove'].map((name) => changed.headers[name]),
      ['overwritten', 'one', 'b,two', undefined],
    );
  });

  void test('mirrors, CORS, timeouts and response headers are in the plan', () => {
    const mirror = (more: object) => ({
      type: 'RequestMirror',
      requestMirror: { backendRef: to('v2:80')[0], ...more },
    });
    const world = one([
      {
        ...rule('v1', prefix('/a')),
        timeouts: { request: '10s', backendRequest: '500ms' },
        filters: [
          mirror({}),
          mirror({ percent: 20 }),
          mirror({ fraction: { numerator: 1, denominator: 1000 } }),
          { type: 'CORS', cors: { allowOrigins: ['https://a.example'], allowMethods: ['GET'] } },
          { type: 'ResponseHeaderModifier', responseHeaderModifier: { remove: ['Server'] } },
        ],
      },
      { ...rule('v1', prefix('/b')), timeouts: { request: '0s' } },
    ]);
    const routes = world.plan.entries[0]?.hosts[0]?.routes ?? [];
    const [first, second] = routes;
    assert.deepEqual(
      first?.filters.map((filter) => (filter.kind === 'mirror' ? `mirror ${filter.percent}` : filter.kind)),
      ['mirror 100', 'mirror 20', 'mirror 0.1', 'cors', 'responseHeaders'],
    );
    assert.deepEqual(first.action.kind === 'forward' && first.action.options, {
      requestTimeoutMs: 10_000,
      backendTimeoutMs: 500,
    });
    assert.equal(second?.action.kind === 'forward' && second.action.options, undefined);
  });

  void test('nobody gets past a filter that is not there', () => {
    const extension = { type: 'ExtensionRef', extensionRef: { group: 'example.net', kind: 'Auth', name: 'me' } };
    const world = one([{ ...rule('v1', prefix('/')), filters: [extension] }]);
    rows(world, [['500', '', '/']]);
    assert.equal(world.conditions('HTTPRoute', 'route'), 'Accepted=True/Accepted ResolvedRefs=False/InvalidKind');
    const onBackend = one([{ backendRefs: [{ ...to('v1:80')[0], filters: [extension] }, ...to('v2:80')] }]);
    rows(onBackend, [['500 50%, v2:80 50%', '', '/']]);
  });

  void test('filters of a backend are for what goes there; redirects and mirrors of one are refused', () => {
    const filtered = (filter: object): object => ({ backendRefs: [{ ...to('v1:80')[0], filters: [filter] }] });
    const change = { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [header('X-Set', 'a')] } };
    const seen = forwarded(one([filtered(change)]), {});
    assert.equal(seen.headers['x-set'], 'a');
    const refused = one([filtered({ type: 'RequestRedirect', requestRedirect: { hostname: 'a.example' } })]);
    assert.equal(
      refused.conditions('HTTPRoute', 'route'),
      'Accepted=False/UnsupportedValue ResolvedRefs=True/ResolvedRefs',
    );
  });
});

void describe('backends', () => {
  void test('weights share requests, and zero is none', () => {
    const world = one([{ backendRefs: to('v1:80*70', 'v2:80*30', 'v3:80*0') }]);
    rows(world, [['v1:80 70%, v2:80 30%', '', '/']]);
  });

  void test('without a backend that takes any there is an error', () => {
    rows(one([{ matches: [prefix('/')] }]), [['500', '', '/']]);
    rows(one([{ backendRefs: to('v1:80*0') }]), [['500', '', '/']]);
  });

  void test('what is not there answers for its share with 500, and the route says why', () => {
    const cases: readonly (readonly [string, object])[] = [
      ['BackendNotFound', to('nobody:80')[0] ?? {}],
      ['BackendNotFound', to('v1:81')[0] ?? {}],
      ['InvalidKind', { name: 'v1', port: 80, group: '', kind: 'NonExistent' }],
      ['RefNotPermitted', to('other/web:80')[0] ?? {}],
    ];
    for (const [reason, reference] of cases) {
      const world = one([{ backendRefs: [...to('v1:80'), reference] }]);
      rows(world, [['500 50%, v1:80 50%', '', '/']]);
      assert.equal(world.conditions('HTTPRoute', 'route'), `Accepted=True/Accepted ResolvedRefs=False/${reason}`);
    }
  });

  void test('a grant lets routes of one namespace use Services of another, all or one', () => {
    const outcome = (...grants: ReturnType<typeof grant>[]) => {
      const all = [gateway('gw', [http()]), httpRoute({ rules: [rule('other/web')] }), ...grants];
      return new GatewayWorld(all, { services: ['other/web:80'] }).ask({});
    };
    assert.equal(outcome(grant('other', 'HTTPRoute', 'default', 'Service')), 'other/web:80');
    assert.equal(outcome(grant('other', 'HTTPRoute', 'default', 'Service', 'web')), 'other/web:80');
    assert.equal(outcome(grant('other', 'HTTPRoute', 'default', 'Service', 'else')), '500');
    assert.equal(outcome(grant('other', 'HTTPRoute', 'third', 'Service')), '500');
    assert.equal(outcome(grant('other', 'TLSRoute', 'default', 'Service')), '500');
    assert.equal(outcome(grant('other', 'HTTPRoute', 'default', 'Secret')), '500');
    assert.equal(outcome(grant('default', 'HTTPRoute', 'default', 'Service')), '500');
  });

  void test('a port says which protocol it speaks', () => {
    const world = new GatewayWorld(
      [gateway('gw', [http()]), httpRoute({ rules: [{ backendRefs: to('a:80', 'b:80', 'c:80', 'd:80') }] })],
      {
        services: ['a:80/kubernetes.io/h2c', 'b:80/kubernetes.io/ws', 'c:80/kubernetes.io/wss', 'd:80/example.com/any'],
      },
    );
    const protocols = [...world.plan.backends.values()].map(
      ({ id, protocol }) => `${id.replace(/.*\/|:.*/g, '')} ${protocol}`,
    );
    assert.deepEqual(protocols.sort(), ['a h2c', 'b http', 'd http']);
    assert.equal(
      world.conditions('HTTPRoute', 'route'),
      'Accepted=True/Accepted ResolvedRefs=False/UnsupportedProtocol',
    );
  });
});

void describe('GRPCRoutes', () => {
  const call = (service?: string, method?: string, more: object = {}): object => ({
    method: { ...(service && { service }), ...(method && { method }) },
    ...more,
  });
  const grpc = (...rules: object[]) =>
    new GatewayWorld([gateway('gw', [http()]), route('GRPCRoute', 'calls', 'gw', { rules })], { services });

  void test('a method of a service goes before the service, that before a method of any, and that before all', () => {
    const world = grpc(
      rule('v3'),
      rule('v2', call(undefined, 'Echo')),
      rule('v1', call('a.Greeter')),
      rule('v2', call('a.Greeter', 'Hello')),
      rule('v3', call('a.Greeter', undefined, { headers: [header('version', 'three')] })),
    );
    rows(world, [
      ['v2:80', '', '/a.Greeter/Hello', {}, 'POST'],
      ['v1:80', '', '/a.Greeter/Echo', {}, 'POST'],
      ['v3:80', '', '/a.Greeter/Echo', { version: 'three' }, 'POST'],
      ['v2:80', '', '/b.Other/Echo', {}, 'POST'],
      ['v3:80', '', '/b.Other/Else', {}, 'POST'],
    ]);
    assert.deepEqual([...new Set([...world.plan.backends.values()].map(({ protocol }) => protocol))], ['h2c']);
  });

  void test('expressions stand for whole names', () => {
    const world = grpc(rule('v1', { method: { type: 'RegularExpression', service: 'a\\..*', method: 'Get[A-Z]+' } }));
    rows(world, [
      ['v1:80', '', '/a.b.C/GetX', {}, 'POST'],
      ['404', '', '/a.b.C/Getx', {}, 'POST'],
      ['404', '', '/xa.b/GetX', {}, 'POST'],
    ]);
  });
});

void describe('parents', () => {
  void test('a route of another namespace is served where the listener lets it in', () => {
    const all = (allowedRoutes: object) => [
      gateway('gw', [http(80, { allowedRoutes })]),
      route('HTTPRoute', 'far', 'default/gw', { rules: [rule('v1')] }, { namespace: 'apps' }),
    ];
    const options = { services: ['apps/v1:80'], namespaces: { apps: { team: 'red' } } };
    const said = (allowedRoutes: object) =>
      new GatewayWorld(all(allowedRoutes), options).conditions('HTTPRoute', 'apps/far');
    const isServed = 'Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs';
    const isNot = 'Accepted=False/NotAllowedByListeners ResolvedRefs=True/ResolvedRefs';
    const selector = (team: string): object => ({
      namespaces: { from: 'Selector', selector: { matchLabels: { team } } },
    });
    assert.equal(said({ namespaces: { from: 'Same' } }), isNot);
    assert.equal(said(fromAll.allowedRoutes), isServed);
    assert.equal(said(selector('red')), isServed);
    assert.equal(said(selector('blue')), isNot);
    assert.equal(said({ ...fromAll.allowedRoutes, kinds: [{ kind: 'GRPCRoute' }] }), isNot);
  });

  void test('section and port must name a listener', () => {
    const said = (ref: object): string => {
      const it = make('HTTPRoute', 'r', { parentRefs: [{ name: 'gw', ...ref }], rules: [rule('v1')] });
      return (
        new GatewayWorld([gateway('gw', [http(80), http(8080)]), it], { services })
          .conditions('HTTPRoute', 'r')
          .split(' ')[0] ?? ''
      );
    };
    assert.equal(said({ sectionName: 'http-80' }), 'Accepted=True/Accepted');
    assert.equal(said({ port: 8080 }), 'Accepted=True/Accepted');
    assert.equal(said({ sectionName: 'http-81' }), 'Accepted=False/NoMatchingParent');
    assert.equal(said({ port: 81 }), 'Accepted=False/NoMatchingParent');
    assert.equal(said({ sectionName: 'http-80', port: 8080 }), 'Accepted=False/NoMatchingParent');
  });

  void test('each parent has its own verdict; those of others are not spoken of', () => {
    const other = make('Gateway', 'theirs', { gatewayClassName: 'nginx', listeners: [http()] });
    const it = route('HTTPRoute', 'r', 'gw gw2 theirs nobody', { rules: [rule('v1')], hostnames: ['a.example'] });
    const world = new GatewayWorld(
      [gateway('gw', [http()]), gateway('gw2', [http(80, { hostname: 'b.example' })]), other, it],
      { services },
    );
    const { parents } = world.statusOf('HTTPRoute', 'r') as { parents: { parentRef: { name: string } }[] };
    assert.deepEqual(
      parents.map(({ parentRef }) => parentRef.name),
      ['gw', 'gw2'],
    );
    assert.equal(world.conditions('HTTPRoute', 'r', 0), 'Accepted=True/Accepted ResolvedRefs=True/ResolvedRefs');
    assert.equal(
      world.conditions('HTTPRoute', 'r', 1),
      'Accepted=False/NoMatchingListenerHostname ResolvedRefs=True/ResolvedRefs',
    );
    assert.equal(world.statusOf('Gateway', 'theirs'), undefined);
  });
});

function forwarded(world: GatewayWorld, request: PlanRequest) {
  const outcome = evaluate(world.plan, request);
  assert.equal(outcome.kind, 'forward');
  return outcome;
}
