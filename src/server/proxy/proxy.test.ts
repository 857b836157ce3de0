import assert from 'node:assert/strict';
import http from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { WebSocket, WebSocketServer } from 'ws';
import { NodeProxy } from '../../agent/proxy.ts';
import { podRoutes } from '../../agent/routes/pod-lists.ts';
import { findRoute } from '../../agent/routes/route.ts';
import type { Runtime } from '../../agent/runtime.ts';
import { NodeTunnel } from '../../agent/tunnel.ts';
import { StatusError } from '../../api/status-error.ts';
import type { NodeHandler } from '../../client/node-api.ts';
import { RealClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { startTestServer, type TestServer } from '../testing.ts';

const megabyte = 1024 * 1024;

/** A program somewhere in the cluster: shows what it was sent, and a few other things. */
function program(): http.Server {
  const server = http.createServer((request, response) => {
    const { url = '', method, rawHeaders } = request;
    const [pathname] = url.split('?');
    if (pathname === '/page') {
      const page = '<a href="/other?x=1">o</a><a href="rel">r</a><script>"<a href=\'/no\'>"</script><img src=/i.png>';
      const packed = request.headers['x-packed'] !== undefined;
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        ...(packed && { 'content-encoding': 'gzip' }),
      });
      response.end(packed ? gzipSync(page) : page);
    } else if (pathname === '/moved') {
      response.writeHead(302, { location: '/elsewhere/?q=1' }).end();
    } else if (pathname === '/cookies') {
      response
        .writeHead(418, {
          'set-cookie': ['a=1', 'b=2'],
          'access-control-allow-origin': '*',
          connection: 'x-hop',
          'x-hop': '1',
        })
        .end('teapot');
    } else if (pathname === '/length') {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      request.on('end', () => response.end(String(bytes)));
    } else if (pathname === '/break') {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setImmediate(() => response.destroy());
    } else if (pathname === '/nothing') response.writeHead(204).end();
    else response.end(JSON.stringify({ method, url, rawHeaders }));
  });
  const sockets = new WebSocketServer({ server, path: '/socket', handleProtocols: ([first]) => first ?? false });
  sockets.on('connection', (socket, { headers }) => {
    socket.send(`protocols ${headers['sec-websocket-protocol'] ?? 'none'}`);
    socket.on('message', (data) => socket.send(data, { binary: false }));
  });
  return server;
}

const noPods = { find: () => undefined, all: () => [] };

/** As the agent: its own paths first. */
function withOwnPods(proxy: NodeHandler): NodeHandler {
  const routes = podRoutes({ pods: noPods, runtime: {} as Runtime });
  return {
    handle(request) {
      const [path = ''] = request.path.split('?', 1);
      const query = new URLSearchParams();
      return findRoute(routes, path)?.answer({ request, path, query }) ?? proxy.handle(request);
    },
  };
}

for (const way of ['in the same process', 'through a tunnel'] as const) {
  describe(`the proxy to a node, ${way}`, () => {
    let world: TestServer;
    let target: http.Server;
    let tunnel: NodeTunnel | undefined;
    let base: string;

    before(async () => {
      world = await startTestServer();
      target = program().listen(0, '127.0.0.1');
      await new Promise((resolve) => target.once('listening', resolve));
      base = `/api/v1/nodes/n1:${(target.address() as AddressInfo).port}/proxy`;
      const status = { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] };
      world.registry.add('nodes', { kind: 'Node', metadata: { name: 'n1' }, status } as object);
      const clock = new RealClock();
      const handler = withOwnPods(new NodeProxy({ pods: noPods, addresses: ['127.0.0.1'], clock }));
      if (way === 'in the same process') return void world.nodes.register('n1', handler);
      const { certificate, key } = await world.authority.issueClient({
        user: 'system:node:n1',
        groups: ['system:nodes'],
      });
      tunnel = new NodeTunnel({
        server: { host: '127.0.0.1', port: world.server.port },
        node: 'n1',
        credentials: () => ({ authority: world.authority.certificate, certificate, key }),
        handler,
        clock,
        prng: new SeededPrng(1),
        log: silentLogger,
      });
      await tunnel.start();
      while (!tunnel.connected) await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    });
    after(async () => {
      await tunnel?.close();
      await world.stop();
      target.closeAllConnections();
      target.close();
    });

    const seen = (text: string) => JSON.parse(text) as { method: string; url: string; rawHeaders: string[] };

    test('path and query arrive as they were meant, and headers without what is not the program’s', async () => {
      const headers = {
        authorization: 'Basic eA==',
        'impersonate-user': '',
        te: 'trailers',
        'x-own': 'yes',
        connection: 'x-hop',
        'x-hop': '1',
      };
      const answer = await world.http1(`${base}/a//b/../c%20d/?q=1%202&q=3`, { method: 'DELETE', headers });
      const { method, url, rawHeaders } = seen(answer.text);
      assert.equal(method, 'DELETE');
      assert.equal(url, '/a/c%20d/?q=1%202&q=3');
      const got = Object.fromEntries(
        rawHeaders.flatMap((name, at) => (at % 2 ? [] : [[name.toLowerCase(), rawHeaders[at + 1]]])),
      );
      assert.equal(got['x-own'], 'yes');
      assert.equal(got['x-forwarded-uri'], `${base}/a/c%20d/`);
      assert.equal(got['x-forwarded-for'], '127.0.0.1');
      assert.equal(got['host'], `127.0.0.1:${world.server.port}`);
      for (const name of ['authorization', 'impersonate-user', 'te', 'x-hop']) assert.equal(got[name], undefined, name);
    });

    test('admission is asked about each request, with the path below', async () => {
      const { registry } = world;
      await world.http1(`${base}/a/b?q=1`);
      const { verb, target, options } = registry.calls.findLast((call) => call.verb === 'connect') ?? assert.fail();
      const { name } = target;
      assert.deepEqual([verb, target.subresource, options], ['connect', 'proxy', { path: '/a/b' }]);
      assert.ok(base.includes(`/${name}/`), name);
      registry.admitConnect = () => {
        throw new StatusError(403, 'Forbidden', 'admission webhook "x" denied the request: no proxies');
      };
      const refused = await world.http1(`${base}/a/b`);
      registry.admitConnect = (admitted) => ({ options: admitted, warnings: [] });
      assert.equal(refused.status, 403);
      assert.match(refused.text, /no proxies/);
    });

    test('every method but those nobody knows', async () => {
      const client = await world.http2('admin');
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'OPTIONS']) {
        const answer = await client.request(`${base}/x`, { method, ...(method === 'POST' && { body: 'b' }) });
        assert.equal(seen(answer.text).method, method);
      }
      const head = await world.http1(`${base}/x`, { method: 'HEAD' });
      assert.deepEqual([head.status, head.text], [200, '']);
      assert.equal((await client.request(`${base}/x`, { method: 'PROPFIND' })).status, 405);
      assert.deepEqual((await client.request(`${base}/nothing`)).status, 204);
    });

    test('without a path, a look is sent to the program’s root by a redirect', async () => {
      const answer = await world.http1(`${base}?a=b`);
      assert.equal(answer.status, 301);
      assert.equal(answer.headers['location'], `${base}/?a=b`);
      assert.equal(seen((await world.http1(base, { method: 'POST', body: 'x' })).text).url, '/');
    });

    test('status, cookies and body come back, and headers of one hop and for browsers do not', async () => {
      const answer = await world.http1(`${base}/cookies`);
      assert.equal(answer.status, 418);
      assert.equal(answer.text, 'teapot');
      assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
      assert.equal(answer.headers['x-hop'], undefined);
      assert.equal(answer.headers['access-control-allow-origin'], undefined);
    });

    test('links and redirects lead back through the proxy', async () => {
      assert.equal((await world.http1(`${base}/moved`)).headers['location'], `${base}/elsewhere/?q=1`);
      const page = `<a href="${base}/other?x=1">o</a><a href="rel">r</a><script>"<a href='/no'>"</script><img src=${base}/i.png>`;
      assert.equal((await world.http1(`${base}/page`)).text, page);
      const packed = await world.http1(`${base}/page`, { headers: { 'x-packed': '1' } });
      assert.equal(gunzipSync(packed.body).toString(), page);
    });

    test('a body longer than the API takes goes through, by either version of HTTP', async () => {
      const body = Buffer.alloc(8 * megabyte);
      assert.equal((await world.http1(`${base}/length`, { method: 'POST', body })).text, String(body.length));
      const client = await world.http2('admin');
      assert.equal((await client.request(`${base}/length`, { method: 'PUT', body })).text, String(body.length));
      const chunked = { method: 'POST', body, headers: { 'transfer-encoding': 'chunked' } };
      assert.equal((await world.http1(`${base}/length`, chunked)).text, String(body.length));
    });

    test('half an answer is never taken for a whole one', async () => {
      await assert.rejects(world.http1(`${base}/break`));
    });

    test('what cannot be reached says so', async () => {
      const answer = await world.http1('/api/v1/nodes/n1:1/proxy/');
      assert.equal(answer.status, 503);
      assert.equal(
        answer.json()['message'],
        'error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused',
      );
      assert.equal(
        (await world.http1('/api/v1/nodes/n1:nope/proxy/')).json()['message'],
        'error trying to reach service: dial tcp: lookup tcp/nope: unknown port',
      );
      assert.equal((await world.http1('/api/v1/nodes/n2/proxy/')).status, 404);
      assert.equal(
        (await world.http1('/api/v1/nodes/x:n1:1/proxy/')).json()['message'],
        'invalid node request "x:n1:1"',
      );
    });

    test('a WebSocket goes through, without the token that it carries', async () => {
      const { certificate, key } = await world.authority.issueClient({ user: 'admin', groups: ['system:masters'] });
      const url = `wss://127.0.0.1:${world.server.port}${base}/socket`;
      const options = { ca: world.authority.certificate, cert: certificate, key };
      const token = 'base64url.bearer.authorization.k8s.io.eA';
      const socket = new WebSocket(url, ['chat', token], options);
      const messages: string[] = [];
      await new Promise<void>((resolve, reject) => {
        socket.on('error', reject);
        socket.on('message', (data: Buffer) => {
          messages.push(data.toString());
          if (messages.length === 1) socket.send('hello');
          else socket.close();
        });
        socket.on('close', () => resolve());
      });
      assert.deepEqual(messages, ['protocols chat', 'hello']);
      assert.equal(socket.protocol, 'chat');
    });

    test('an upgrade that the program refuses is its refusal', async () => {
      const { certificate, key } = await world.authority.issueClient({ user: 'admin', groups: ['system:masters'] });
      const headers = { connection: 'Upgrade', upgrade: 'websocket' };
      const ask = (path: string) =>
        new Promise<number | undefined>((resolve, reject) => {
          const tls = { ca: world.authority.certificate, cert: certificate, key, agent: false };
          const request = httpsRequest(
            { host: '127.0.0.1', port: world.server.port, path, headers, ...tls },
            (answer) => {
              answer.resume();
              resolve(answer.statusCode);
            },
          );
          request.on('error', reject);
          request.end();
        });
      assert.equal(await ask(`${base}/cookies`), 400, 'ws refuses what is not its path');
      assert.equal(await ask('/api/v1/nodes/n1:1/proxy/'), 503);
    });

    test('the agent’s own paths are those of a kubelet, and not its inner ones', async () => {
      const list = (await world.http1('/api/v1/nodes/n1/proxy/pods')).json();
      assert.deepEqual(list, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: [] });
      assert.deepEqual((await world.http1('/api/v1/nodes/n1:10250/proxy/pods')).json(), list);
      for (const path of [
        'configz',
        'exec/default/web/c',
        'nodeProxy/http/80/',
        'localVolumes/x',
        'localImages/x?id=y',
        'exec?command=sh',
      ]) {
        assert.equal((await world.http1(`/api/v1/nodes/n1/proxy/${path}`)).status, 404, path);
      }
    });

    test('whoever may not, may not', async () => {
      const answer = await world.http1(`${base}/x`, { method: 'POST' }, 'somebody', []);
      assert.equal(answer.status, 403);
      assert.match(answer.text, /cannot create resource \\"nodes\/proxy\\" in API group \\"\\" at the cluster scope/);
    });
  });
}
