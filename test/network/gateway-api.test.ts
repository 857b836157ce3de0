/** Objects of the Gateway API, carried out by the real HAProxy: what upstream's conformance tests ask, request by request. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { GatewayWorld, gateway, http, make, route, to } from '../../src/network/gateway/routes/testing.ts';
import { type Answer, type AskOptions, ask, freePort, HaproxyLab, type LabServer, selfSigned } from './haproxy-lab.ts';
import { needsNetwork } from './net-lab.ts';

const prefix = (value: string): object => ({ path: { type: 'PathPrefix', value } });
const exact = (value: string): object => ({ path: { type: 'Exact', value } });
const header = (name: string, value: string): object => ({ name, value });
const rule = (backend: string, ...matches: object[]): object => ({ backendRefs: to(`${backend}:80`), matches });
const filtered = (path: string, filters: object[], ...backends: string[]): object => ({
  matches: [prefix(path)],
  filters,
  ...(backends.length > 0 && { backendRefs: to(...backends.map((name) => `${name}:80`)) }),
});
const redirect = (requestRedirect: object): object => ({ type: 'RequestRedirect', requestRedirect });
const rewrite = (urlRewrite: object): object => ({ type: 'URLRewrite', urlRewrite });

const matching = [
  rule('v1', prefix('/')),
  rule('v2', prefix('/v2'), { headers: [header('version', 'two')] }),
  rule('v1', exact('/match')),
  rule('v3', prefix('/match/')),
  rule('v2', prefix('/match/prefix/one')),
  rule('v3', { method: 'PATCH' }),
  rule('v2', { queryParams: [header('animal', 'dolphin')] }),
  rule('v3', { queryParams: [header('animal', 'dolphin'), header('color', 'blue')] }),
  rule('v3', { path: { type: 'RegularExpression', value: '/files/[0-9]+' } }),
];

const changes = [
  filtered('/to-host', [redirect({ hostname: 'example.org', statusCode: 301 })]),
  filtered('/to-https', [redirect({ scheme: 'https', hostname: 'example.org' })]),
  filtered('/original', [
    redirect({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/replaced' }, port: 8888 }),
  ]),
  filtered('/full', [
    redirect({ hostname: 'example.org', port: 80, path: { type: 'ReplaceFullPath', replaceFullPath: '/whole' } }),
  ]),
  filtered('/strip', [rewrite({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } })], 'v1'),
  filtered('/renamed', [rewrite({ hostname: 'one.example.org' })], 'v1'),
  filtered(
    '/headers',
    [
      {
        type: 'RequestHeaderModifier',
        requestHeaderModifier: { set: [header('X-Set', 'new')], add: [header('X-Add', 'two')], remove: ['X-Remove'] },
      },
      {
        type: 'ResponseHeaderModifier',
        responseHeaderModifier: { set: [header('X-Answer', 'yes')], remove: ['Date'] },
      },
    ],
    'v1',
  ),
  filtered('/mirror', [{ type: 'RequestMirror', requestMirror: { backendRef: to('v3:80')[0] } }], 'v1'),
  filtered(
    '/cors',
    [{ type: 'CORS', cors: { allowOrigins: ['https://a.example'], allowMethods: ['GET', 'PUT'] } }],
    'v1',
  ),
  {
    matches: [prefix('/own')],
    backendRefs: [
      {
        ...to('v2:80')[0],
        filters: [
          rewrite({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/its' } }),
          { type: 'RequestHeaderModifier', requestHeaderModifier: { set: [header('X-Set', 'its')] } },
        ],
      },
    ],
  },
  filtered('/nobody', [], 'nobody'),
  filtered('/partly', [], 'nobody', 'v1'),
  { ...filtered('/slow', [], 'slow'), timeouts: { request: '300ms' } },
  filtered('/auth', [{ type: 'ExtensionRef', extensionRef: { group: 'a.example', kind: 'Auth', name: 'x' } }], 'v1'),
];

/** Host, path and what else; the server that answers, or the status. */
const rows: readonly (readonly [string, string, AskOptions, string | number])[] = [
  ['plain.example', '/', {}, 'v1'],
  ['PLAIN.example:1234', '/', {}, 'v1'],
  ['other.example', '/', {}, 404],
  ['plain.example', '/v2/x', {}, 'v2'],
  ['plain.example', '/v2x', {}, 'v1'],
  ['plain.example', '/', { headers: { Version: 'two' } }, 'v2'],
  ['plain.example', '/match', {}, 'v1'],
  ['plain.example', '/match/any', {}, 'v3'],
  ['plain.example', '/match/prefix/one/two', {}, 'v2'],
  ['plain.example', '/', { method: 'PATCH' }, 'v3'],
  ['plain.example', '/?animal=dolphin', {}, 'v2'],
  ['plain.example', '/?animal=dolphin&color=blue', {}, 'v3'],
  ['plain.example', '/files/12', {}, 'v3'],
  ['plain.example', '/files/x', {}, 'v1'],
  ['a.wild.example', '/', {}, 'v2'],
  ['a.b.wild.example', '/', {}, 'v2'],
  ['wild.example', '/', {}, 404],
  ['deep.wild.example', '/only', {}, 'v3'],
  ['deep.wild.example', '/', {}, 404],
  ['change.example', '/nobody', {}, 500],
  ['change.example', '/slow', {}, 504],
  ['change.example', '/auth', {}, 500],
];

void describe('the Gateway API on HAProxy', needsNetwork, () => {
  let lab: HaproxyLab;
  let [plain, secure] = [0, 0];
  const servers: Record<string, LabServer> = {};
  const certificate = selfSigned('web.example');
  const request = (path: string, options: AskOptions = {}, host = 'change.example'): Promise<Answer> =>
    ask(plain, { ...options, path, headers: { host, ...options.headers } });

  before(async () => {
    lab = new HaproxyLab();
    [plain, secure] = [await freePort(), await freePort()];
    for (const name of ['v1', 'v2', 'v3']) servers[name] = await lab.server(name);
    servers['slow'] = await lab.server('slow', () => {});
    const passedOn = await lab.server('passed', undefined, { key: certificate.key, cert: certificate.certificate });
    const listeners = [
      http(plain, { name: 'plain', hostname: 'plain.example' }),
      http(plain, { name: 'wild', hostname: '*.wild.example' }),
      http(plain, { name: 'deep', hostname: 'deep.wild.example' }),
      http(plain, { name: 'change', hostname: 'change.example' }),
      {
        name: 'https',
        port: secure,
        protocol: 'HTTPS',
        hostname: 'web.example',
        tls: { certificateRefs: [{ name: 'web' }] },
      },
      { name: 'pass', port: secure, protocol: 'TLS', hostname: 'passed.example', tls: { mode: 'Passthrough' } },
    ];
    const world = new GatewayWorld(
      [
        gateway('gw', listeners),
        route('HTTPRoute', 'plain', 'gw#plain gw#https', { rules: matching }),
        route('HTTPRoute', 'wild', 'gw#wild', { rules: [rule('v2', prefix('/'))] }),
        route('HTTPRoute', 'deep', 'gw#deep', { rules: [rule('v3', prefix('/only'))] }),
        route('HTTPRoute', 'change', 'gw#change', { rules: changes }),
        make('TLSRoute', 'passed', {
          parentRefs: [{ name: 'gw' }],
          hostnames: ['passed.example'],
          rules: [{ backendRefs: to('passed:80') }],
        }),
      ],
      {
        services: ['v1:80', 'v2:80', 'v3:80', 'slow:80', 'passed:80'],
        serverPorts: {
          ...Object.fromEntries(Object.entries(servers).map(([name, { port }]) => [name, port])),
          passed: passedOn.port,
        },
        certificates: { web: ['web.example'] },
        pems: { web: certificate.pem },
      },
    );
    assert.deepEqual(await lab.apply(world.plan), []);
  });
  after(() => lab.close());

  void test('requests go where hosts, paths, methods, headers and parameters say', async () => {
    for (const [host, path, options, wanted] of rows) {
      const { status, asked } = await request(path, options, host);
      assert.equal(asked?.server ?? status, wanted, `${options.method ?? 'GET'} ${host}${path}`);
    }
  });

  void test('redirects name what was asked for, with the port where it is not the usual one', async () => {
    const location = async (path: string): Promise<string> => {
      const { status, headers } = await request(path);
      return `${status} ${headers.location}`;
    };
    assert.equal(await location('/to-host/a'), `301 http://example.org:${plain}/to-host/a`);
    assert.equal(await location('/to-https?x=1'), '302 https://example.org/to-https?x=1');
    assert.equal(await location('/original/lemon'), '302 http://change.example:8888/replaced/lemon');
    assert.equal(await location('/full/path'), '302 http://example.org/whole');
  });

  void test('servers see rewritten paths, hosts and headers, and clients changed answers', async () => {
    assert.equal((await request('/strip/three')).asked?.url, '/three');
    assert.equal((await request('/strip')).asked?.url, '/');
    assert.equal((await request('/renamed')).asked?.headers['host'], 'one.example.org');
    const headers = { 'X-Set': 'old', 'X-Add': 'one', 'X-Remove': 'gone' };
    const answer = await request('/headers', { headers });
    const seen = answer.asked?.headers;
    assert.deepEqual([seen?.['x-set'], seen?.['x-add'], seen?.['x-remove']], ['new', 'one, two', undefined]);
    assert.deepEqual([answer.headers['x-answer'], answer.headers.date], ['yes', undefined]);
    const own = (await request('/own/x')).asked;
    assert.deepEqual([own?.server, own?.url, own?.headers['x-set']], ['v2', '/its/x', 'its']);
  });

  void test("mirrors get a copy, and their answers are nobody's", async () => {
    const before = servers['v3']?.asked.length ?? 0;
    assert.equal((await request('/mirror')).asked?.server, 'v1');
    await lab.clock.sleep(200);
    assert.equal(servers['v3']?.asked.length, before + 1);
    assert.equal(servers['v3'].asked.at(-1)?.url, '/mirror');
  });

  void test('other origins may what CORS says', async () => {
    const asking = (origin: string) => ({ origin, 'access-control-request-method': 'PUT' });
    const preflight = await request('/cors', { method: 'OPTIONS', headers: asking('https://a.example') });
    assert.equal(preflight.headers['access-control-allow-origin'], 'https://a.example');
    assert.match(String(preflight.headers['access-control-allow-methods']), /PUT/);
    const other = await request('/cors', { headers: { origin: 'https://b.example' } });
    assert.equal(other.headers['access-control-allow-origin'], undefined);
  });

  void test('a backend that is not there has its share of errors', async () => {
    const outcomes = new Map<string | number, number>();
    for (let round = 0; round < 40; round++) {
      const { status, asked } = await request('/partly');
      const outcome = asked?.server ?? status;
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    assert.deepEqual([...outcomes.keys()].sort(), [500, 'v1']);
    assert.ok((outcomes.get(500) ?? 0) > 5);
  });

  void test('TLS ends here for one name, and passes for another on the same port', async () => {
    const here = await ask(secure, { serverName: 'web.example', path: '/v2', headers: { host: 'web.example' } });
    assert.equal(here.asked?.server, 'v2');
    const passed = await ask(secure, { serverName: 'passed.example', headers: { host: 'passed.example' } });
    assert.equal(passed.asked?.server, 'passed');
    const refused = tls.connect({
      host: '127.0.0.1',
      port: secure,
      servername: 'else.example',
      rejectUnauthorized: false,
    });
    const [error] = (await once(refused, 'error')) as [Error];
    assert.ok(error);
  });
});
