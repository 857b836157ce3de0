/**
 * Who shows nothing gets in nowhere: every URL that the server could know, with every method, in odd forms too, over both HTTP versions and
 * as upgrades. What upstream's role system:public-info-viewer gives to all is the only exception.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { resourceTable } from '../api/resource-table.ts';
import { apiVersionOf, type ResourceInfo } from '../api/resources.ts';
import { tunnelPath, tunnelProtocol } from '../client/node-api.ts';
import { pathIndex } from './path-index.ts';
import { type Http2Client, startTestServer, type TestServer } from './testing.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];
/** With GET alone. */
const open = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

const rootOf = (info: ResourceInfo): string => `${info.group === '' ? '/api' : '/apis'}/${apiVersionOf(info)}`;

type Try = readonly [method: string, url: string];

const tries = (methods: readonly string[], urls: readonly string[]): Try[] =>
  urls.flatMap((url) => methods.map((method) => [method, url] as const));

const ofObjects = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** All forms of a resource's URL: its own with every method, others with those that they have. */
function triesOf(info: ResourceInfo): Try[] {
  const root = rootOf(info);
  const home = info.namespaced ? '/namespaces/default' : '';
  const collection = `${root}${home}/${info.resource}`;
  const object = `${collection}/some`;
  const subresources = [...info.subresources.map(({ name }) => `${object}/${name}`), `${object}/made-up`];
  const rare = [
    ...['/watch', '/watch/namespaces/default', info.namespaced ? '' : '/namespaces/default'].map(
      (place) => `${root}${place}/${info.resource}`,
    ),
    `${root}/watch${home}/${info.resource}/some`,
    `${collection}/`,
    `${object}/proxy/deeper/path`,
  ];
  return [
    ...tries(ofObjects, [collection, object]),
    ...tries(['GET', 'POST', 'PATCH'], subresources),
    ...tries(['GET'], [...rare, `${collection}?watch=true`]),
  ];
}

/** URLs that name no resource, and ways to write one so that somebody might take it for another. */
const plain = [
  ...pathIndex(resourceTable(), []).paths,
  '/',
  '/index.html',
  '/metrics/',
  '/metrics/cadvisor',
  '/debug',
  '/debug/pprof',
  '/debug/pprof/profile',
  '/debug/flags/v',
  '/logs',
  '/logs/',
  '/configz',
  '/statusz',
  '/flagz',
  '/ui',
  '/swagger.json',
  '/swaggerapi',
  '/openapi',
  '/openapi/v2/',
  '/openapi/v3/api/v1',
  '/livez/ping',
  '/readyz/ping',
  '/healthz/ping',
  '/readyz/etcd',
  '/api/v1/',
  '/api/',
  '/apis/apps',
  '/.well-known/',
  '/openid/v1/jwks/',
  '/version/openapi',
  '/validate',
  '/exec',
  '/run',
  '/pods',
  '/stats',
  '/nodes',
];
const odd = [
  '//',
  '//healthz',
  '/healthz/',
  '/healthz//',
  '/healthz/..',
  '/healthz/../api',
  '/./healthz',
  '/HEALTHZ',
  '/Version',
  '/healthz%2f..%2fapi',
  '/healthz/%2e%2e/api/v1/secrets',
  '/healthz/../../api/v1/secrets',
  '/healthz;x',
  '/livez/*',
  '//api/v1/secrets',
  '/api//v1/secrets',
  '/api/v1//secrets',
  '/api/v1/./secrets',
  '/api/v1/../v1/secrets',
  '/API/V1/SECRETS',
  '/Api/v1/secrets',
  '/api/v1/Secrets',
  '/api/v1/%73ecrets',
  '/api%2fv1%2fsecrets',
  '/%61pi/v1/secrets',
  '/api/v1/namespaces/default%2fsecrets',
  '/api/v1/namespaces//secrets',
  '/api/v1/namespaces/default/secrets/..',
  '/version/../api/v1/secrets',
  '/version//api',
  '/version/%2e%2e/metrics',
  '/healthz%00',
  '/readyz%20',
  '/healthz/%',
  '/apis/made.up/v1/things',
  '/apis/made.up/v1',
  '/api/v9/pods',
  '/apis//v1/pods',
  '/apis/apps//deployments',
  '/\\healthz',
];

describe('who shows no credentials', () => {
  let world: TestServer;
  let nobody: Http2Client;
  before(async () => {
    world = await startTestServer();
    nobody = await world.http2();
  });
  after(() => world.stop());

  /** The status of each request; so many at once. */
  async function statuses(requests: readonly Try[]): Promise<Map<string, number>> {
    const seen = new Map<string, number>();
    for (let first = 0; first < requests.length; first += 100) {
      const some = requests.slice(first, first + 100);
      await Promise.all(
        some.map(async ([method, url]) => {
          const body = method === 'POST' || method === 'PUT' || method === 'PATCH' ? { body: '{}' } : {};
          const { status } = await nobody.request(url, { method, ...body });
          seen.set(`${method} ${url}`, status);
        }),
      );
    }
    return seen;
  }

  test('reads health and version, and nothing else of them', async () => {
    for (const url of open) {
      assert.equal((await nobody.request(url)).status, 200, url);
      assert.equal((await nobody.request(`${url}?verbose&exclude=x`)).status, 200, url);
    }
    const others = tries(methods, open).filter(([method]) => method !== 'GET');
    const seen = await statuses(others);
    assert.deepEqual(
      [...seen].filter(([, status]) => status !== 403),
      [],
    );
  });

  test('reaches no resource, by whatever URL and method', async () => {
    const all = [...resourceTable().all];
    const seen = await statuses(all.flatMap(triesOf));
    assert.ok(seen.size > 20 * all.length, 'the table was gone through');
    assert.deepEqual(
      [...seen].filter(([, status]) => status !== 403),
      [],
    );
    assert.deepEqual(world.registry.calls, [], 'nobody behind the door heard of it');
  });

  test('reads no document and no debugging page', async () => {
    const urls = plain.filter((url) => !open.includes(url));
    const seen = await statuses(tries(methods, urls));
    assert.deepEqual(
      [...seen].filter(([, status]) => status !== 403),
      [],
    );
  });

  test('gets no further with odd forms of a URL', async () => {
    const seen = await statuses(tries(methods, odd));
    assert.deepEqual(
      [...seen].filter(([, status]) => status !== 403 && status !== 400),
      [],
    );
    assert.deepEqual(world.registry.calls, []);
  });

  test('gets no further by naming somebody, or with credentials that are none', async () => {
    const secrets = '/api/v1/secrets';
    const rows: readonly (readonly [headers: Record<string, string>, status: number])[] = [
      [{ 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' }, 403],
      [{ 'x-remote-user': 'admin', 'x-remote-group': 'system:masters' }, 403],
      [{ authorization: 'Bearer nonsense' }, 401],
      [{ authorization: 'Basic YWRtaW46YWRtaW4=' }, 403],
      [{ 'x-forwarded-for': '127.0.0.1', 'x-original-url': '/healthz' }, 403],
      [{ 'x-http-method-override': 'GET', cookie: 'token=admin' }, 403],
    ];
    for (const [headers, status] of rows) {
      assert.equal((await nobody.request(secrets, { headers })).status, status, JSON.stringify(headers));
    }
    assert.deepEqual(world.registry.calls, []);
  });

  test('keeps nobody waiting with a megabyte of anything', async () => {
    const longUrls = [
      `/api/v1/pods?${'a&'.repeat(450_000)}`,
      `/api/v1${'/%61'.repeat(200_000)}`,
      `/api/v1/pods?fieldSelector=${'a=b,'.repeat(200_000)}`,
    ];
    const longHeaders: Record<string, string>[] = [
      { accept: `application/json${';'.repeat(900_000)}` },
      { accept: 'a/b;q=0.1,'.repeat(90_000) },
      { 'impersonate-group': 'a, '.repeat(300_000) },
      { authorization: `Bearer${' '.repeat(900_000)}x` },
    ];
    const requests = [
      ...longUrls.map((url) => ({ url, headers: {} })),
      ...longHeaders.map((headers) => ({ url: '/apis', headers })),
    ];
    for (const { url, headers } of requests) {
      const startMs = performance.now();
      const { status } = await world.http1(url, { headers }, '');
      const ms = performance.now() - startMs;
      assert.ok(status === 400 || status === 403, `${status}`);
      // Each took from half a second to eight before it was bounded; sending and reading it is most of what is left.
      assert.ok(ms < 1_000, `${Math.round(ms)} ms for ${url.slice(0, 40)} ${JSON.stringify(headers).slice(0, 40)}`);
    }
  });

  /** The first line of what comes back for bytes as they are. */
  function raw(text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connectTls({ port: world.server.port, host: '127.0.0.1', rejectUnauthorized: false });
      let received = '';
      socket.on('secureConnect', () => socket.write(text));
      socket.on('data', (chunk: Buffer) => {
        received += chunk.toString('latin1');
        if (received.includes('\r\n')) socket.destroy();
      });
      socket.on('error', reject);
      socket.on('close', () => resolve(received.split('\r\n')[0] ?? ''));
    });
  }

  const head = (method: string, url: string, ...headers: readonly string[]): string =>
    `${[`${method} ${url} HTTP/1.1`, 'Host: 127.0.0.1', ...headers].join('\r\n')}\r\n\r\n`;

  test('gets no further over HTTP/1.1', async () => {
    const urls = ['/api/v1/secrets', '/metrics', '/apis', ...odd.filter((url) => !url.includes('\\'))];
    for (const url of urls) assert.match(await raw(head('GET', url)), /^HTTP\/1\.1 40[03] /, url);
    assert.match(await raw(head('GET', '/healthz')), / 200 /);
    // In the form that goes to a proxy, and as a tunnel.
    assert.match(await raw(head('GET', 'https://127.0.0.1/api/v1/secrets')), / (400|403|404) /);
    assert.match(await raw(head('CONNECT', '127.0.0.1:443')), /^(HTTP\/1\.1 4\d\d .*)?$/);
    assert.deepEqual(world.registry.calls, []);
  });

  test('opens no stream: WebSocket, SPDY and the way of the nodes are closed', async () => {
    const webSocket = [
      'Connection: Upgrade',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==',
    ];
    const token = `Sec-WebSocket-Protocol: v5.channel.k8s.io`;
    const pod = '/api/v1/namespaces/default/pods/p';
    const streams = ['exec?command=sh', 'attach', 'portforward?ports=80', 'proxy/', 'log?follow=true'].map(
      (one) => `${pod}/${one}`,
    );
    const proxies = ['/api/v1/nodes/n1/proxy/pods', '/api/v1/namespaces/default/services/s/proxy/'];
    for (const url of [...streams, ...proxies, '/api/v1/pods?watch=true', tunnelPath('n1'), '/healthz/']) {
      const asWebSocket = head('GET', url, 'Upgrade: websocket', ...webSocket, token);
      const asSpdy = head(
        'POST',
        url,
        'Connection: Upgrade',
        'Upgrade: SPDY/3.1',
        'X-Stream-Protocol-Version: v4.channel.k8s.io',
      );
      const asOther = head('POST', url, 'Connection: Upgrade', `Upgrade: ${tunnelProtocol}`);
      for (const text of [asWebSocket, asSpdy, asOther]) assert.match(await raw(text), /^HTTP\/1\.1 40[013] /, text);
    }
    assert.deepEqual(world.registry.calls, []);
  });
});
