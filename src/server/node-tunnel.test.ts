import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer, type Socket } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { NodeTunnel } from '../agent/tunnel.ts';
import { badRequest } from '../api/status-error.ts';
import type { NodeHandler, NodeRequest, NodeResponse } from '../client/node-api.ts';
import { RealClock, VirtualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { SeededPrng } from '../lib/prng.ts';
import { NodeConnectionTable, NodeTunnelEndpoint } from './node-tunnel.ts';
import { startTestServer, type TestServer } from './testing.ts';

const never = new AbortController().signal;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new RealClock().sleep(5);
}

/** Answers by path; remembers which calls were cut. */
class FakeAgent implements NodeHandler {
  readonly aborted: string[] = [];
  calls = 0;

  async handle({ path, body, signal }: NodeRequest): Promise<NodeResponse> {
    this.calls++;
    signal.addEventListener('abort', () => this.aborted.push(path));
    if (path === '/fail') throw badRequest('not like this');
    if (path === '/echo') return { status: 200, headers: {}, body: body ?? Readable.from([]) };
    if (path === '/endless') return { status: 200, headers: {}, body: endless() };
    const lines = Array.from({ length: 20 }, (_, index) => `${path} ${index}\n`);
    return { status: 200, headers: { 'content-type': 'text/plain' }, body: Readable.from(lines) };
  }
}

function endless(): Readable {
  return new Readable({
    read() {
      setImmediate(() => this.push(Buffer.alloc(1000, 'x')));
    },
  });
}

async function dial(
  world: TestServer,
  handler: NodeHandler,
  options: { as?: string; port?: number } = {},
): Promise<NodeTunnel> {
  const { certificate, key } = await world.authority.issueClient({
    user: options.as ?? 'system:node:n1',
    groups: ['system:nodes'],
  });
  const tunnel = new NodeTunnel({
    server: { host: '127.0.0.1', port: options.port ?? world.server.port },
    node: 'n1',
    credentials: () => ({ authority: world.authority.certificate, certificate, key }),
    handler,
    clock: new RealClock(),
    prng: new SeededPrng(1),
    log: silentLogger,
  });
  await tunnel.start();
  return tunnel;
}

describe('the node tunnel', () => {
  let world: TestServer;
  const agent = new FakeAgent();
  let tunnel: NodeTunnel;

  const call = (path: string, request: Partial<NodeRequest> = {}) =>
    world.nodes.call('n1', { method: 'GET', path, headers: {}, signal: never, ...request });

  before(async () => {
    world = await startTestServer();
    tunnel = await dial(world, agent);
    await until(() => tunnel.connected);
  });
  after(async () => {
    await tunnel.close();
    await world.stop();
  });

  test('carries a hundred streaming calls at once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const { status, headers, body } = await call(`/stream/${index}?follow=true`);
        assert.deepEqual([status, headers['content-type']], [200, 'text/plain']);
        return text(body);
      }),
    );
    answers.forEach((answer, index) => {
      assert.ok(answer.startsWith(`/stream/${index}?follow=true 0\n`));
      assert.equal(answer.split('\n').length, 21);
    });
  });

  test('carries bodies both ways', async () => {
    const chunks = Array.from({ length: 64 }, (_, index) => Buffer.alloc(64 * 1024, index));
    const { body } = await call('/echo', { method: 'POST', body: Readable.from(chunks) });
    const received: Buffer[] = [];
    for await (const chunk of body) received.push(chunk as Buffer);
    assert.ok(Buffer.concat(received).equals(Buffer.concat(chunks)));
  });

  test('a reader that has stopped does not stop the others', async () => {
    const stopped = await Promise.all(Array.from({ length: 8 }, () => call('/endless')));
    for (const { body } of stopped) body.pause();
    await new RealClock().sleep(100);
    assert.match(await text((await call('/other')).body), /^\/other 0/);
    for (const { body } of stopped) body.destroy();
  });

  test("a cancelled call aborts the agent's handler", async () => {
    agent.aborted.length = 0;
    const cancel = new AbortController();
    const { body } = await call('/endless', { signal: cancel.signal });
    body.on('error', () => {});
    await once(body, 'data');
    cancel.abort(new Error('enough'));
    await until(() => agent.aborted.includes('/endless'));
  });

  test('an agent that answers before it has read everything leaves the upload whole, and read to its end', async () => {
    const upload = new PassThrough();
    upload.write('the beginning');
    const { body } = await call('/unread', { method: 'POST', body: upload });
    assert.match(await text(body), /^\/unread 0/);
    await until(() => body.closed);
    for (let index = 0; index < 10; index++) {
      if (!upload.write(Buffer.alloc(64 * 1024))) await once(upload, 'drain');
    }
    upload.end();
    await once(upload, 'end');
  });

  test('an upload that breaks off breaks the call off', async () => {
    agent.aborted.length = 0;
    const upload = new PassThrough();
    const { body } = await call('/endless', { method: 'POST', body: upload });
    body.on('error', () => {});
    upload.destroy();
    await until(() => agent.aborted.includes('/endless'));
  });

  test('a client that has gone before its call is nobody’s failure', async () => {
    const { calls } = agent;
    await assert.rejects(call('/late', { signal: AbortSignal.abort() }), { code: 503, message: 'the client has gone' });
    assert.equal(agent.calls, calls);
  });

  test("an agent's error arrives as its Status", async () => {
    const { status, body } = await call('/fail');
    assert.equal(status, 400);
    assert.equal((JSON.parse(await text(body)) as { message: string }).message, 'not like this');
  });

  test('only a node connects under its name', async () => {
    const imposter = await dial(world, agent, { as: 'system:node:n2' });
    await new RealClock().sleep(200);
    assert.equal(imposter.connected, false);
    await imposter.close();
    assert.match(await text((await call('/still')).body), /^\/still/);
  });

  test('calls to a node that is not connected fail', async () => {
    await assert.rejects(world.nodes.call('n9', { method: 'GET', path: '/', headers: {}, signal: never }), {
      reason: 'ServiceUnavailable',
      message: 'node "n9" is not connected',
    });
  });

  test("a pod's log comes through, at the pace of the client, and ends with it", async () => {
    world.registry.add('pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'default' },
      spec: { nodeName: 'n1', containers: [{ name: 'c' }] },
    } as never);
    const client = await world.http2('admin');
    const log = await client.request('/api/v1/namespaces/default/pods/web/log?tailLines=5&pretty=true');
    assert.equal(log.status, 200);
    assert.ok(log.text.startsWith('/containerLogs/default/web/c?tailLines=5 0\n'));
  });

  test('an agent comes back after the server was restarted', async () => {
    const { port } = world.server;
    await world.server.close();
    await until(() => !tunnel.connected);
    const again = await startTestServer({ port, certificates: world.authority, nodes: world.nodes });
    try {
      await until(() => tunnel.connected);
      assert.match(await text((await call('/again')).body), /^\/again/);
    } finally {
      await again.stop();
    }
  });
});

test('both ends notice within 30 s that the other vanished', async () => {
  const clock = new VirtualClock(new RealClock().now());
  const world = await startTestServer({ clock });
  // A proxy that goes deaf: the connection stands, nothing passes.
  const pipes: Socket[] = [];
  const proxy = createTcpServer((near) => {
    const far = connectTcp(world.server.port, '127.0.0.1');
    near.pipe(far).pipe(near);
    pipes.push(near, far);
    for (const socket of [near, far]) socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { certificate, key } = await world.authority.issueClient({ user: 'system:node:n1', groups: ['system:nodes'] });
  const tunnel = new NodeTunnel({
    server: { host: '127.0.0.1', port: (proxy.address() as { port: number }).port },
    node: 'n1',
    credentials: () => ({ authority: world.authority.certificate, certificate, key }),
    handler: new FakeAgent(),
    clock,
    prng: new SeededPrng(1),
    log: silentLogger,
  });
  await tunnel.start();
  await until(() => tunnel.connected && (world.nodes as unknown as { connected: string[] }).connected.length === 1);
  for (const socket of pipes) socket.unpipe().pause();
  await clock.advance(30_000);
  await until(() => !tunnel.connected);
  await until(() => (world.nodes as unknown as { connected: string[] }).connected.length === 0);
  await tunnel.close();
  proxy.close();
  for (const socket of pipes) socket.destroy();
  await world.stop();
});

test('whoever is refused as a node and goes on sending leaves no connection behind', async () => {
  const options = { nodes: new NodeConnectionTable(), authenticators: [], clock: new RealClock(), log: silentLogger };
  const endpoint = new NodeTunnelEndpoint(options);
  const closed = Promise.withResolvers<void>();
  const server = createTcpServer((socket) => {
    socket.once('close', () => closed.resolve());
    const request = { url: '/connect/v1/nodes/n1', headers: {} } as IncomingMessage;
    const connection = { remoteAddress: '', certificate: undefined };
    void endpoint.accept(request, socket as TLSSocket, Buffer.alloc(0), connection);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = connectTcp((server.address() as AddressInfo).port, '127.0.0.1');
  client.on('error', () => {});
  client.write('junk');
  client.resume();
  await once(client, 'close');
  await closed.promise;
  server.close();
});
