import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PlanRequest } from '../testing.ts';
import { evaluate } from '../testing.ts';
import { type AnnotationName, readAnnotations } from './annotations.ts';
import { makeIngress, outcome, problemsOf, translated, type World } from './testing.ts';

const rules = { 'a.example/': 'web' };
const withAll = (annotations: Readonly<Record<string, string>>, world: World = {}) =>
  translated([makeIngress({ rules, annotations })], world);

describe('values', () => {
  const rows: readonly (readonly [
    name: AnnotationName,
    good: Readonly<Record<string, unknown>>,
    bad: readonly string[],
  ])[] = [
    ['rewrite-target', { '/$1': '/$1', x: '/x', '/a/$2/b': '/a/$2/b' }, ['', '/$host', '/a b', '/"', '/\n']],
    ['use-regex', { true: true, false: false, '1': true }, ['yes', '']],
    ['app-root', { '/app': '/app' }, ['app', '', '/a b', '/a"b']],
    ['server-alias', { 'B.example, c.example': ['b.example', 'c.example'], '': [] }, ['-', 'a b', 'x_y']],
    ['backend-protocol', { grpc: 'GRPC', HTTPS: 'HTTPS' }, ['FCGI', 'AJP', '']],
    [
      'permanent-redirect',
      { 'https://x.example/y': 'https://x.example/y', '/y': '/y' },
      ['x', 'ftp://x', 'https://$host'],
    ],
    ['permanent-redirect-code', { '308': 308 }, ['200', '304', 'x']],
    ['proxy-body-size', { '8m': 8_388_608, '0': 0, '1K': 1024 }, ['8mb', '-1', 'x', '']],
    ['proxy-read-timeout', { '60': 60_000, '2m': 120_000, '500ms': 500 }, ['1 h', '-1', 'soon']],
    [
      'proxy-next-upstream',
      {
        'error timeout http_502': { onConnectFailure: true, statuses: [502] },
        off: { onConnectFailure: false, statuses: [] },
      },
      ['http_418', 'often'],
    ],
    ['proxy-next-upstream-tries', { '0': 0, '3': 3 }, ['101', '1.5']],
    ['affinity', { cookie: 'cookie' }, ['ip']],
    ['session-cookie-name', { route: 'route' }, ['a b', 'a;b', '']],
    ['session-cookie-samesite', { lax: 'Lax' }, ['maybe']],
    [
      'upstream-hash-by',
      {
        $request_uri: { kind: 'uri' },
        '${remote_addr}': { kind: 'client' },
        $http_x_user: { kind: 'header', name: 'x-user' },
        $host: { kind: 'header', name: 'Host' },
      },
      ['$cookie_x', '$host$uri', 'text'],
    ],
    ['load-balance', { ewma: 'ewma' }, ['best']],
    ['canary-by-header', { 'X-Canary': 'X-Canary' }, ['a b', '']],
    ['canary-by-header-pattern', { '^(a|b)+$': '^(a|b)+$' }, ['(', 'a(?=b)', '(a)\\1', '[z-a]']],
    ['canary-weight', { '30': 30 }, ['-1', 'x']],
    ['whitelist-source-range', { '10.0.0.0/8, ::1': ['10.0.0.0/8', '::1/128'] }, ['', '10.0.0.0/33', 'x', '1.2.3.4/']],
    ['auth-type', { basic: 'basic' }, ['digest']],
    ['auth-tls-verify-client', { optional: 'optional' }, ['perhaps']],
    ['limit-rps', { '5': 5 }, ['-5', '5.5']],
    [
      'cors-allow-origin',
      { '*': ['*'], 'https://*.x.example:8': ['https://*.x.example:8'] },
      ['x.example', 'https://"'],
    ],
    ['cors-allow-methods', { 'get, PUT': ['GET', 'PUT'] }, ['G T']],
    ['upstream-vhost', { 'b.example:8': 'b.example:8' }, ['a b', '$host', '']],
    ['mirror-target', { 'https://m.example/': 'https://m.example/' }, ['m.example', 'https://m.example$request_uri']],
  ];
  for (const [name, good, bad] of rows) {
    test(name, () => {
      const read = (text: string) => readAnnotations({ [`nginx.ingress.kubernetes.io/${name}`]: text });
      for (const [text, value] of Object.entries(good)) {
        assert.deepEqual(read(text).values[name], value, text);
        assert.deepEqual(read(text).problems, [], text);
      }
      for (const text of bad) {
        assert.equal(name in read(text).values, false, text);
        assert.match(read(text).problems[0] ?? '', new RegExp(`^nginx.ingress.kubernetes.io/${name}: `), text);
      }
    });
  }

  test('a bad value of what guards closes the paths; any other is left out', () => {
    const guards = {
      'whitelist-source-range': 'x',
      'denylist-source-range': '1',
      'auth-type': 'digest',
      'auth-url': 'ftp://x',
      'auth-response-headers': 'a b',
      'auth-method': 'TRACE',
    };
    for (const [name, value] of Object.entries(guards))
      assert.equal(outcome(withAll({ [name]: value }), 'http://a.example/'), '503');
    assert.equal(outcome(withAll({ 'proxy-body-size': 'much' }), 'http://a.example/'), 'web:http /');
    assert.deepEqual(problemsOf(withAll({ 'whitelist-source-range': 'x' })), [
      'web BadAnnotation: nginx.ingress.kubernetes.io/whitelist-source-range: "x" is no range of addresses (CIDR); its paths answer 503 until this is right',
    ]);
  });

  test('what is not taken, and what is not known, is told by name; what needs nothing is not', () => {
    const { problems } = readAnnotations({
      'nginx.ingress.kubernetes.io/configuration-snippet': 'return 200;',
      'nginx.ingress.kubernetes.io/rewrite-traget': '/',
      'nginx.ingress.kubernetes.io/proxy-buffer-size': '8k',
      'nginx.ingress.kubernetes.io/constructor': 'x',
      'naru.io/acme': 'true',
      'example.com/other': 'x',
    });
    assert.deepEqual(problems, [
      'nginx.ingress.kubernetes.io/configuration-snippet: is not taken: the configuration of HAProxy is not open to Ingresses',
      'nginx.ingress.kubernetes.io/rewrite-traget: is not known, and has no effect',
      'nginx.ingress.kubernetes.io/constructor: is not known, and has no effect',
    ]);
  });

  test('the names behind naru.io/ are the same, and come first', () => {
    const both = { 'nginx.ingress.kubernetes.io/app-root': '/nginx', 'naru.io/app-root': '/naru' };
    assert.deepEqual(readAnnotations(both), { values: { 'app-root': '/naru' }, problems: [], isClosed: false });
  });
});

describe('what happens to requests', () => {
  type Row = readonly [
    annotations: Readonly<Record<string, string>>,
    url: string,
    outcome: string,
    request?: PlanRequest,
  ];
  const client = (address: string): PlanRequest => ({ client: address });
  const rows: readonly Row[] = [
    [{ 'app-root': '/app' }, 'http://a.example/', '302 /app'],
    [{ 'app-root': '/app' }, 'http://a.example/x', 'web:http /x'],
    [{ 'permanent-redirect': 'https://b.example' }, 'http://a.example/x', '301 https://b.example'],
    [{ 'permanent-redirect': '/y', 'permanent-redirect-code': '308' }, 'http://a.example/x', '308 /y'],
    [{ 'temporal-redirect': 'https://b.example/z' }, 'http://a.example/x', '302 https://b.example/z'],
    [{ 'from-to-www-redirect': 'true' }, 'http://www.a.example/x?y', '308 http://a.example/x?y'],
    [{ 'from-to-www-redirect': 'true' }, 'http://a.example/x', 'web:http /x'],
    [{ 'server-alias': 'b.example' }, 'http://b.example/x', 'web:http /x'],
    [{ 'upstream-vhost': 'in.example' }, 'http://a.example/x', 'web:http /x as in.example'],
    [{ 'whitelist-source-range': '10.0.0.0/8' }, 'http://a.example/', '403', client('192.0.2.7')],
    [{ 'whitelist-source-range': '10.0.0.0/8' }, 'http://a.example/', 'web:http /', client('10.1.2.3')],
    [{ 'denylist-source-range': '10.0.0.0/8' }, 'http://a.example/', '403', client('10.1.2.3')],
    [{ 'denylist-source-range': '2001:db8::/32' }, 'http://a.example/', '403', client('2001:db8::7')],
    [{ 'rewrite-target': '/' }, 'http://a.example/x', 'web:http /x'],
  ];
  for (const [annotations, url, expected, request] of rows) {
    test(`${JSON.stringify(annotations)} ${url} ${request?.client ?? ''}: ${expected}`, () => {
      assert.equal(outcome(withAll(annotations), url, request), expected);
    });
  }

  const rewrites: readonly (readonly [
    path: string,
    annotations: Readonly<Record<string, string>>,
    asked: string,
    expected: string,
  ])[] = [
    ['/api(/|$)(.*)', { 'use-regex': 'true', 'rewrite-target': '/$2' }, '/api/v1/x?q=1', 'web:http /v1/x?q=1'],
    ['/api(/|$)(.*)', { 'use-regex': 'true', 'rewrite-target': '/$2' }, '/API', 'web:http /'],
    ['/api(/|$)(.*)', { 'use-regex': 'true', 'rewrite-target': '/$2' }, '/apis', '404'],
    ['/api(/|$)(.*)', { 'rewrite-target': '/v2/$2' }, '/api/x', 'web:http /v2/x'],
    ['/old', { 'rewrite-target': '/new' }, '/old/x', 'web:http /new'],
    ['/a.*z', { 'use-regex': 'true' }, '/abcz/more', 'web:http /abcz/more'],
    ['/a.*z', {}, '/abcz', '404'],
  ];
  for (const [path, annotations, asked, expected] of rewrites) {
    test(`${path} ${JSON.stringify(annotations)} ${asked}: ${expected}`, () => {
      const plan = translated([makeIngress({ rules: { [`a.example${path}`]: 'web' }, annotations })]);
      assert.equal(outcome(plan, `http://a.example${asked}`), expected);
    });
  }

  test('a bad regular expression costs its path, and is told', () => {
    const ingress = makeIngress({
      rules: { 'a.example/(x': 'web', 'a.example/y': 'web', 'a.example/z(?=q)': 'web' },
      annotations: { 'use-regex': 'true' },
    });
    const plan = translated([ingress]);
    assert.equal(outcome(plan, 'http://a.example/(x'), '404');
    assert.equal(outcome(plan, 'http://a.example/y'), 'web:http /y');
    assert.deepEqual(
      problemsOf(plan).map((text) => text.replace(/: the regular expression.*/, '')),
      ['web BadPath: spec.rules[0].http.paths[0].path', 'web BadPath: spec.rules[2].http.paths[0].path'],
    );
  });

  test('users of a Secret come in; without it, or while it is not known, nobody does', () => {
    const annotations = { 'auth-type': 'basic', 'auth-secret': 'users', 'auth-realm': 'Staff' };
    const plan = withAll(annotations, { users: { users: { kind: 'found', value: ['ann:x'] } } });
    assert.equal(outcome(plan, 'http://a.example/'), '401');
    assert.equal(outcome(plan, 'http://a.example/', { headers: { Authorization: 'Basic eA==' } }), 'web:http /');
    assert.equal(outcome(withAll(annotations, { users: { users: { kind: 'pending' } } }), 'http://a.example/'), '503');
    const closed: readonly (readonly [annotations: Readonly<Record<string, string>>, problem: string])[] = [
      [annotations, 'web SecretNotFound: auth-secret: there is no Secret users in default'],
      [
        { 'auth-type': 'basic' },
        'web BadAnnotation: auth-secret is not given: its paths answer 503 until this is right',
      ],
      [
        { 'auth-secret': 'other/users' },
        'web BadAnnotation: auth-secret must be in the namespace of the Ingress: its paths answer 503 until this is right',
      ],
    ];
    for (const [given, problem] of closed) {
      assert.equal(outcome(withAll(given), 'http://a.example/'), '503');
      assert.deepEqual(problemsOf(withAll(given)), [problem]);
    }
  });

  test('times, sizes, attempts, stickiness and limits go with what is forwarded', () => {
    const optionsOf = (annotations: Readonly<Record<string, string>>): unknown => {
      const result = evaluate(withAll(annotations), { host: 'a.example' });
      assert.equal(result.kind, 'forward');
      return result.kind === 'forward' && result.route.action.kind === 'forward'
        ? result.route.action.options
        : undefined;
    };
    assert.equal(optionsOf({}), undefined);
    assert.deepEqual(
      optionsOf({
        'proxy-connect-timeout': '3',
        'proxy-read-timeout': '300',
        'proxy-send-timeout': '5',
        'proxy-body-size': '1m',
      }),
      { connectTimeoutMs: 3000, idleTimeoutMs: 300_000, bodyBytesMax: 1_048_576 },
    );
    assert.equal(optionsOf({ 'proxy-body-size': '0' }), undefined);
    assert.deepEqual(optionsOf({ 'proxy-next-upstream': 'error http_503', 'proxy-next-upstream-tries': '2' }), {
      retries: { attempts: 1, statuses: [503], onConnectFailure: true },
    });
    assert.deepEqual(optionsOf({ 'proxy-next-upstream': 'off' }), {
      retries: { attempts: 0, statuses: [], onConnectFailure: false },
    });
    assert.deepEqual(optionsOf({ affinity: 'cookie' }), {
      cookie: { name: 'INGRESSCOOKIE', path: '/', isSession: true },
    });
    assert.deepEqual(
      optionsOf({
        affinity: 'cookie',
        'session-cookie-name': 'r',
        'session-cookie-max-age': '60',
        'session-cookie-secure': 'true',
      }),
      { cookie: { name: 'r', path: '/', isSession: false, maxAgeSeconds: 60, isSecure: true } },
    );
    assert.deepEqual(
      optionsOf({ 'limit-rps': '5', 'limit-rpm': '60', 'limit-whitelist': '10.0.0.0/8', 'limit-connections': '2' }),
      {
        rateLimit: { perSecond: 1, burst: 300, exempt: ['10.0.0.0/8'] },
        connectionsMax: 2,
      },
    );
  });

  test('CORS with the defaults of ingress-nginx, and with others', () => {
    const corsOf = (annotations: Readonly<Record<string, string>>) => {
      const result = evaluate(withAll({ 'enable-cors': 'true', ...annotations }), { host: 'a.example' });
      const filter = result.kind === 'forward' ? result.route.filters.find(({ kind }) => kind === 'cors') : undefined;
      return filter?.kind === 'cors' ? filter.cors : undefined;
    };
    assert.deepEqual(corsOf({})?.origins, ['*']);
    assert.equal(corsOf({})?.allowCredentials, true);
    const { origins, maxAgeSeconds, exposeHeaders } =
      corsOf({
        'cors-allow-origin': 'https://x.example',
        'cors-max-age': '60',
        'cors-expose-headers': 'X-A',
      }) ?? {};
    assert.deepEqual(
      { origins, maxAgeSeconds, exposeHeaders },
      { origins: ['https://x.example'], maxAgeSeconds: 60, exposeHeaders: ['X-A'] },
    );
  });

  test('a mirror gets a copy, with the original where it belongs', () => {
    const plan = withAll({ 'mirror-target': 'https://m.example:8443/x' });
    const result = evaluate(plan, { host: 'a.example' });
    assert.deepEqual(result.kind === 'forward' && result.mirrors, ['ingress/mirror/https://m.example:8443']);
    const mirror = plan.backends.get('ingress/mirror/https://m.example:8443');
    assert.deepEqual(mirror?.servers, [{ address: 'm.example', port: 8443, isDraining: false }]);
  });

  test('TLS to servers is checked where it is asked for, and closed where it cannot be', () => {
    const annotations = { 'backend-protocol': 'HTTPS', 'proxy-ssl-verify': 'on', 'proxy-ssl-name': 'in.example' };
    const tlsOf = (given: Readonly<Record<string, string>>, world: World = {}) =>
      [...withAll(given, world).backends.values()][0]?.tls;
    assert.deepEqual(tlsOf({ 'backend-protocol': 'HTTPS' }), {});
    assert.deepEqual(tlsOf(annotations), { authorities: 'system', verifiedNames: ['in.example'] });
    const secret = { ...annotations, 'proxy-ssl-secret': 'default/s', 'proxy-ssl-server-name': 'on' };
    const world: World = {
      authorities: { s: { kind: 'found', value: 'CA' } },
      certificates: { s: { kind: 'bad', why: 'no key' } },
    };
    assert.deepEqual(tlsOf(secret, world), {
      serverName: 'in.example',
      authorities: 'CA',
      verifiedNames: ['in.example'],
    });
    assert.equal(outcome(withAll(secret), 'http://a.example/'), '503 /');
  });
});

describe('canaries', () => {
  const main = makeIngress({ name: 'main', rules, annotations: { 'proxy-read-timeout': '9' } });
  const canary = (annotations: Readonly<Record<string, string>>, at = 'a.example/') =>
    makeIngress({ name: 'canary', age: 2, rules: { [at]: 'new' }, annotations: { canary: 'true', ...annotations } });
  const ask = (annotations: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}): string =>
    outcome(translated([canary(annotations), main]), 'http://a.example/', { headers });

  test('by weight', () => {
    assert.equal(ask({ 'canary-weight': '30' }), 'web:http 70% new:http 30% /');
    assert.equal(ask({ 'canary-weight': '1', 'canary-weight-total': '1000' }), 'web:http 99.9% new:http 0.1% /');
    assert.equal(ask({ 'canary-weight': '100' }), 'new:http /');
    assert.equal(ask({ 'canary-weight': '0' }), 'web:http /');
    assert.equal(ask({}), 'web:http /');
  });

  test('by header, by cookie, in this order before the weight', () => {
    const all = { 'canary-by-header': 'X-New', 'canary-by-cookie': 'new', 'canary-weight': '50' };
    assert.equal(ask(all, { 'X-New': 'always' }), 'new:http /');
    assert.equal(ask(all, { 'X-New': 'never', Cookie: 'new=always' }), 'web:http /');
    assert.equal(ask(all, { 'X-New': 'x', Cookie: 'a=b; new=always' }), 'new:http /');
    assert.equal(ask(all, { Cookie: 'new=never' }), 'web:http /');
    assert.equal(ask(all, { Cookie: 'new=x' }), 'web:http 50% new:http 50% /');
    const value = { 'canary-by-header': 'X-New', 'canary-by-header-value': 'v2' };
    assert.equal(ask(value, { 'x-new': 'v2' }), 'new:http /');
    assert.equal(ask(value, { 'x-new': 'always' }), 'web:http /');
    const pattern = { 'canary-by-header': 'X-New', 'canary-by-header-pattern': 'v[23]' };
    assert.equal(ask(pattern, { 'x-new': 'v3' }), 'new:http /');
    assert.equal(ask(pattern, { 'x-new': 'v4' }), 'web:http /');
  });

  test('one that stands beside nothing, and a second one, are told', () => {
    const alone = translated([canary({}, 'b.example/')]);
    assert.deepEqual(problemsOf(alone), [
      'canary CanaryAlone: spec.rules[0].http.paths[0]: no Ingress without canary serves b.example /',
    ]);
    const second = makeIngress({
      name: 'second',
      age: 3,
      rules: { 'a.example/': 'api' },
      annotations: { canary: 'true' },
    });
    assert.deepEqual(problemsOf(translated([main, canary({}), second])), [
      'second PathConflict: spec.rules[0].http.paths[0]: a.example / has the canary default/canary already',
    ]);
  });
});
