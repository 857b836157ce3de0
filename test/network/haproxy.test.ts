/** Plans carried out by the real HAProxy: which request goes where, and what the server and the client see of it. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { make } from '../../src/network/gateway/haproxy/testing.ts';
import type { Filter, Route, VirtualHost } from '../../src/network/gateway/plan.ts';
import { type AskOptions, ask, freePort, HaproxyLab } from './haproxy-lab.ts';
import { needsNetwork } from './net-lab.ts';

const to = (path: string, backend: string, more: Partial<Route> = {}): Route => make.route(path, backend, more);
const regex = (value: string, ignoreCase = false) => ({ path: { kind: 'regex' as const, value, ignoreCase } });
const exact = (value: string) => ({ path: { kind: 'exact' as const, value } });

const hosts: VirtualHost[] = [
  make.host(
    'shop.example.com',
    to('/exact', 'b', { match: make.match('', exact('/exact')) }),
    to('/exact', 'c'),
    to('/api/v2', 'b'),
    to('/api', 'c'),
    to('/lang', 'b', {
      match: make.match('/lang', { headers: [{ kind: 'exact', name: 'Accept-Language', value: 'de' }] }),
    }),
    to('/lang', 'c', {
      match: make.match('/lang', { headers: [{ kind: 'regex', name: 'x-kind', value: '[a-z]+[0-9]{2}' }] }),
    }),
    to('/lang', 'a'),
    to('/q', 'b', { match: make.match('/q', { query: [{ kind: 'exact', name: 'a b', value: 'x y' }] }) }),
    to('/q', 'c', { match: make.match('/q', { method: 'PUT' }) }),
    to('/files', 'b', { match: make.match('', regex('/files/[0-9]+(/|$)')) }),
    to('/any', 'c', { match: make.match('', regex('/AnyCase/.*x', true)) }),
    to('/sweet', 'b', { match: make.match('/sweet', { cookie: { name: 'beta', value: 'yes' } }) }),
    to('/far', 'b', { match: make.match('/far', { clients: ['192.0.2.0/24'] }) }),
    to('/slashed/', 'b'),
    to('/near', 'c', { match: make.match('/near', { clients: ['127.0.0.0/8', '2001:db8::/32'] }) }),
    to('/', 'a'),
  ),
  { host: '*.one.example.com', isOneLabel: true, routes: [to('/', 'b')] },
  make.host('*.example.com', to('/', 'c')),
  make.host('*.deep.example.com', to('/', 'b')),
  make.host('*', to('/only', 'a')),
];

/** Host, path, and more; the server, or the status. */
const rows: readonly (readonly [string, string, AskOptions, string | number])[] = [
  ['shop.example.com', '/', {}, 'a'],
  ['SHOP.Example.com:8080', '/', {}, 'a'],
  ['shop.example.com.', '/', {}, 'a'],
  ['shop.example.com', '/exact', {}, 'b'],
  ['shop.example.com', '/exact/', {}, 'c'],
  ['shop.example.com', '/exact/more', {}, 'c'],
  ['shop.example.com', '/exactly', {}, 'a'],
  ['shop.example.com', '/api', {}, 'c'],
  ['shop.example.com', '/api?x=/api/v2', {}, 'c'],
  ['shop.example.com', '/api/v2', {}, 'b'],
  ['shop.example.com', '/api/v2/', {}, 'b'],
  ['shop.example.com', '/api/v22', {}, 'c'],
  ['shop.example.com', '/apis', {}, 'a'],
  ['shop.example.com', '/lang', { headers: { 'accept-language': 'de' } }, 'b'],
  ['shop.example.com', '/lang', { headers: { 'x-kind': 'abc12' } }, 'c'],
  ['shop.example.com', '/lang', { headers: { 'x-kind': 'abc123' } }, 'a'],
  ['shop.example.com', '/lang/x', { headers: { 'accept-language': 'fr' } }, 'a'],
  ['shop.example.com', '/q?z=1&a%20b=x+y', {}, 'b'],
  ['shop.example.com', '/q?a%20b=x', { method: 'PUT' }, 'c'],
  ['shop.example.com', '/q?a%20b=x', {}, 'a'],
  ['shop.example.com', '/files/12', {}, 'b'],
  ['shop.example.com', '/files/12/x', {}, 'b'],
  ['shop.example.com', '/files/x12', {}, 'a'],
  ['shop.example.com', '/api/files/12', {}, 'c'],
  ['shop.example.com', '/anycase/abX', {}, 'c'],
  ['shop.example.com', '/sweet', { headers: { cookie: 'a=b; beta=yes' } }, 'b'],
  ['shop.example.com', '/sweet', { headers: { cookie: 'beta=no' } }, 'a'],
  ['shop.example.com', '/far', {}, 'a'],
  ['shop.example.com', '/near', {}, 'c'],
  ['shop.example.com', '/slashed', {}, 'b'],
  ['shop.example.com', '/slashed/x', {}, 'b'],
  ['shop.example.com', '/slashedx', {}, 'a'],
  ['x.one.example.com', '/', {}, 'b'],
  ['x.y.one.example.com', '/', {}, 'c'],
  ['other.example.com', '/', {}, 'c'],
  ['x.deep.example.com', '/', {}, 'b'],
  ['x.y.deep.example.com', '/', {}, 'b'],
  ['deep.example.com', '/', {}, 'c'],
  ['example.com', '/', {}, 404],
  ['example.com', '/only', {}, 'a'],
  ['localhost', '/only/x', {}, 'a'],
  ['[::1]:80', '/only', {}, 'a'],
];

describe('HAProxy chooses', needsNetwork, () => {
  const lab = new HaproxyLab();
  let port = 0;
  before(async () => {
    port = await freePort();
    const backends = await Promise.all(
      ['a', 'b', 'c'].map(async (name) => make.backend(name, [make.server((await lab.server(name)).port)])),
    );
    assert.deepEqual(await lab.apply(make.plan([make.entry(port, hosts)], backends)), []);
  });
  after(() => lab.close());
  for (const [host, path, options, expected] of rows) {
    test(`${expected} for ${options.method ?? 'GET'} ${host}${path} ${JSON.stringify(options.headers ?? '')}`, async () => {
      const answer = await ask(port, { ...options, path, headers: { host, ...options.headers } });
      assert.equal(answer.asked?.server ?? answer.status, expected);
    });
  }
  test('and tells the server who asked, for what, and nothing that the client says of itself', async () => {
    const headers = {
      host: 'shop.example.com:81',
      'x-forwarded-for': '1.2.3.4',
      'x-forwarded-proto': 'https',
      'x-real-ip': '5',
    };
    const { asked } = await ask(port, { headers });
    const seen = asked?.headers ?? {};
    assert.equal(seen['x-forwarded-for'], '127.0.0.1');
    assert.equal(seen['x-real-ip'], '127.0.0.1');
    assert.equal(seen['x-forwarded-proto'], 'http');
    assert.equal(seen['x-forwarded-port'], String(port));
    assert.equal(seen['x-forwarded-host'], 'shop.example.com:81');
    assert.match(seen['x-request-id'] ?? '', /^[0-9a-f-]{36}$/);
    assert.equal(
      (await ask(port, { headers: { ...headers, 'x-request-id': 'mine' } })).asked?.headers['x-request-id'],
      'mine',
    );
  });
});

/** Path asked for, the route, and what is seen: the path, or the location. */
const prefixed = (value: string) => ({ path: { kind: 'prefix' as const, value } });
const rewrites: readonly (readonly [string, Partial<Route>, string])[] = [
  ['/old/x?y=1', { match: make.match('/old'), filters: [{ kind: 'rewrite', to: prefixed('/new') }] }, '/new/x?y=1'],
  ['/old', { match: make.match('/old'), filters: [{ kind: 'rewrite', to: prefixed('/new') }] }, '/new'],
  ['/old/', { match: make.match('/old'), filters: [{ kind: 'rewrite', to: prefixed('/new') }] }, '/new/'],
  ['/old', { match: make.match('/old'), filters: [{ kind: 'rewrite', to: prefixed('/') }] }, '/'],
  ['/old/x', { match: make.match('/old/'), filters: [{ kind: 'rewrite', to: prefixed('/') }] }, '/x'],
  ['/x', { match: make.match('/'), filters: [{ kind: 'rewrite', to: prefixed('/new/') }] }, '/new/x'],
  ['/a/b?c', { filters: [{ kind: 'rewrite', to: { path: { kind: 'full', value: "/it's 100%" } } }] }, "/it's%20100%?c"],
  [
    '/something/deep/er?q=1',
    {
      match: make.match('', regex('/something(/|$)(.*)')),
      filters: [{ kind: 'rewrite', to: { path: { kind: 'regex', value: '/$2' } } }],
    },
    '/deep/er?q=1',
  ],
  [
    '/v1/a,b)/c',
    {
      match: make.match('', regex('/v([0-9])/([^/]+)')),
      filters: [{ kind: 'rewrite', to: { path: { kind: 'regex', value: '/$2/$1%$3?v=$1' } } }],
    },
    '/a,b)/1%?v=1',
  ],
];

const redirect = (status: number, change: Extract<Route['action'], { kind: 'redirect' }>['to']) =>
  ({ action: { kind: 'redirect', status, to: change } }) as const;
const redirects: readonly (readonly [string, Partial<Route>, string, number])[] = [
  ['/a?b=c', redirect(301, { scheme: 'https' }), '301 https://host.test/a?b=c', 0],
  ['/a', redirect(302, { scheme: 'https', port: 8443 }), '302 https://host.test:8443/a', 0],
  ['/a', redirect(307, { host: 'other.test' }), '307 http://other.test:PORT/a', 0],
  ['/a', redirect(308, { port: 80 }), '308 http://host.test/a', 0],
  ['/a/b', { match: make.match('/a'), ...redirect(302, prefixed('/c')) }, '302 http://host.test:PORT/c/b', 0],
  ['/a/b?x', redirect(302, { path: { kind: 'full', value: '/full' } }), '302 http://host.test:PORT/full?x', 0],
  ['/a/b?x', redirect(303, { location: 'https://x.test/%d?y=1' }), '303 https://x.test/%d?y=1', 0],
];

describe('HAProxy changes', needsNetwork, () => {
  const lab = new HaproxyLab();
  let [port, serverPort] = [0, 0];
  const server = async (...routes: Route[]): Promise<void> => {
    const plan = make.plan(
      [make.entry(port, [make.host('*', ...routes)])],
      [make.backend('a', [make.server(serverPort)])],
    );
    assert.deepEqual(await lab.apply(plan), []);
  };
  const filtered = (...filters: Filter[]): Promise<void> => server(make.route('/', 'a', { filters }));
  before(async () => {
    port = await freePort();
    serverPort = (
      await lab.server('a', (_, response, asked) => {
        response.setHeader('x-from', 'server');
        response.end(JSON.stringify(asked));
      })
    ).port;
  });
  after(() => lab.close());

  for (const [path, more, expected] of rewrites) {
    test(`the path ${path} to ${expected}`, async () => {
      await server(make.route('/', 'a', more));
      assert.equal((await ask(port, { path })).asked?.url, expected);
    });
  }
  for (const [path, more, expected] of redirects) {
    test(`${path} by a redirect to ${expected}`, async () => {
      await server(make.route('/', 'a', more));
      const { status, headers } = await ask(port, { path, headers: { host: 'host.test' } });
      assert.equal(`${status} ${headers.location}`, expected.replace('PORT', String(port)));
    });
  }

  test('headers of requests and answers, whatever their values hold', async () => {
    const value = `50% %[src] "quoted" 'single' \\ $HOME {x} #y`;
    await filtered(
      {
        kind: 'requestHeaders',
        change: { set: [{ name: 'x-set', value }], add: [{ name: 'x-had', value: 'two' }], remove: ['x-gone'] },
      },
      { kind: 'responseHeaders', change: { set: [{ name: 'x-out', value }], add: [], remove: ['x-from'] } },
      { kind: 'rewrite', to: { host: 'inner.test' } },
    );
    const { asked, headers } = await ask(port, { headers: { host: 'outer.test', 'x-had': 'one', 'x-gone': 'x' } });
    assert.equal(asked?.headers['x-set'], value);
    assert.equal(asked?.headers['x-had'], 'one, two');
    assert.equal(asked?.headers['x-gone'], undefined);
    assert.equal(asked?.headers['host'], 'inner.test');
    assert.equal(asked?.headers['x-forwarded-host'], 'outer.test');
    assert.equal(headers['x-out'], value);
    assert.equal(headers['x-from'], undefined);
  });

  test('who may come in: by address, by password in each form of htpasswd', async () => {
    await filtered({ kind: 'denyClients', ranges: ['127.0.0.1'] });
    assert.equal((await ask(port)).status, 403);
    await filtered({ kind: 'allowClients', ranges: ['192.0.2.0/24', '::1/128'] });
    assert.equal((await ask(port)).status, 403);
    await filtered({ kind: 'allowClients', ranges: ['127.0.0.0/8'] });
    assert.equal((await ask(port)).status, 200);
    const users = [
      'apache:$apr1$Zm9vYmFy$xkwGMO332KcQ2F071/sxF0',
      'sha:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=',
      `it's 'q':$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1`,
      'broken',
      'empty:',
    ];
    await filtered({ kind: 'basicAuth', realm: 'say "who" %[src]', users });
    const as = async (text: string): Promise<number> =>
      (await ask(port, { headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` } })).status;
    const none = await ask(port);
    assert.equal(none.status, 401);
    assert.equal(none.headers['www-authenticate'], 'Basic realm="say who %[src]"');
    const wrong = ['sha:1234567', `it's 'q':wrong`, 'apache:secrets', 'broken:', 'empty:', 'no:x'];
    for (const text of wrong) assert.equal(await as(text), 401, text);
    for (const text of ['sha:123456', 'apache:secret', `it's 'q':secret`]) assert.equal(await as(text), 200, text);
  });

  test('what browsers of other sites may do', async () => {
    const cors = {
      origins: ['https://a.test', 'https://*.b.test'],
      methods: ['GET', 'PUT'],
      headers: ['X-One'],
      exposeHeaders: ['X-Out'],
      allowCredentials: true,
      maxAgeSeconds: 60,
    };
    await filtered({ kind: 'cors', cors });
    const preflight = { 'access-control-request-method': 'PUT' };
    const allowed = await ask(port, { method: 'OPTIONS', headers: { origin: 'https://x.b.test', ...preflight } });
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers['access-control-allow-origin'], 'https://x.b.test');
    assert.equal(allowed.headers['access-control-allow-methods'], 'GET, PUT');
    assert.equal(allowed.headers['access-control-allow-headers'], 'X-One');
    assert.equal(allowed.headers['access-control-max-age'], '60');
    const answer = await ask(port, { headers: { origin: 'https://a.test' } });
    assert.equal(answer.headers['access-control-allow-origin'], 'https://a.test');
    assert.equal(answer.headers['access-control-allow-credentials'], 'true');
    assert.equal(answer.headers['access-control-expose-headers'], 'X-Out');
    const foreign = await ask(port, { headers: { origin: 'https://a.test.evil' } });
    assert.equal(foreign.status, 200);
    assert.equal(foreign.headers['access-control-allow-origin'], undefined);
    await filtered({ kind: 'cors', cors: { ...cors, origins: ['*'], allowCredentials: false } });
    assert.equal(
      (await ask(port, { headers: { origin: 'https://a.test' } })).headers['access-control-allow-origin'],
      '*',
    );
  });
});
