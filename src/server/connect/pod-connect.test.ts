import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { type Duplex, duplexPair, Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { NodeTunnel } from '../../agent/tunnel.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { StatusError } from '../../api/status-error.ts';
import type { NodeHandler, NodeRequest, NodeResponse } from '../../client/node-api.ts';
import { RealClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import type { AuthorizationAttributes } from '../../registry/request.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { connectOptions, connectPath, connectQuery } from './connect-path.ts';

const pod = (spec: object): Pod =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web', namespace: 'default' }, spec }) as unknown as Pod;
const one = pod({ nodeName: 'n1', containers: [{ name: 'a' }] });
const ask = (subject: Pod, kind: 'exec' | 'attach' | 'portforward', query: string): string =>
  connectPath(subject, kind, new URLSearchParams(query)).path;

describe('the path to the agent', () => {
  test('carries what was asked for, in the kubelet’s words, and nothing else', () => {
    assert.equal(
      ask(one, 'exec', 'command=sh&command=-c&command=a%26b&stdin=true&stdout=1&stderr=false&tty=true&pretty=1'),
      '/exec/default/web/a?input=1&output=1&tty=1&command=sh&command=-c&command=a%26b',
    );
    assert.equal(ask(one, 'attach', 'stdout=true&stderr=true'), '/attach/default/web/a?output=1&error=1');
    assert.equal(
      ask(one, 'portforward', 'ports=80,443&ports=8080'),
      '/portForward/default/web?port=80&port=443&port=8080',
    );
    assert.equal(ask(one, 'portforward', ''), '/portForward/default/web');
  });

  test('is that of the options that admission let through', () => {
    for (const [kind, text, options] of [
      ['exec', 'command=sh&command=-c&stdin=true&container=a', { command: ['sh', '-c'], stdin: true, container: 'a' }],
      ['attach', 'command=sh&tty=1&stdout=false', { tty: true }],
      ['portforward', 'ports=80,443&ports=8080', { ports: [80, 443, 8080] }],
      ['portforward', '', {}],
    ] as const) {
      const made = connectOptions(kind, new URLSearchParams(text));
      assert.deepEqual(made, options);
      assert.deepEqual(connectOptions(kind, connectQuery(made)), options);
    }
  });

  test('needs a container that there is, a node, and ports that are numbers', () => {
    const two = pod({ nodeName: 'n1', containers: [{ name: 'a' }, { name: 'b' }] });
    assert.throws(() => ask(two, 'exec', ''), {
      code: 400,
      message: 'a container name must be specified for pod web, choose one of: [a b]',
    });
    assert.throws(() => ask(two, 'attach', 'container=x'), { message: 'container x is not valid for pod web' });
    assert.throws(() => ask(pod({ containers: [{ name: 'a' }] }), 'exec', ''), {
      message: 'pod web does not have a host assigned',
    });
    assert.throws(() => ask(one, 'portforward', 'ports=http'), /invalid syntax/);
  });
});

/** Echoes what comes over a connection; refuses on `/attach`. */
class EchoAgent implements NodeHandler {
  readonly requests: NodeRequest[] = [];
  readonly connections: Duplex[] = [];

  async handle(request: NodeRequest): Promise<NodeResponse> {
    this.requests.push(request);
    if (request.path.startsWith('/attach')) {
      return {
        status: 500,
        headers: { 'content-type': 'text/plain' },
        body: Readable.from(['container not found ("a")']),
      };
    }
    const [ours, connection] = duplexPair();
    this.connections.push(ours);
    ours.on('error', () => {});
    ours.pipe(ours);
    return { status: 101, headers: { 'x-stream-protocol-version': 'v4' }, body: Readable.from([]), connection };
  }
}

interface Answer {
  readonly response: IncomingMessage;
  readonly text: string;
  readonly socket: Duplex | undefined;
}

describe('exec, attach and port-forward over HTTP', () => {
  let world: TestServer;
  let tunnel: NodeTunnel;
  let credentials: RequestOptions;
  const agent = new EchoAgent();
  const forbidden: Pick<AuthorizationAttributes, 'verb' | 'resource' | 'subresource'>[] = [];
  const path = '/api/v1/namespaces/default/pods/web';

  before(async () => {
    world = await startTestServer({
      authorizer: {
        decide: (attributes) => ({
          allowed: !forbidden.some(
            ({ verb, subresource }) => verb === attributes.verb && subresource === attributes.subresource,
          ),
          reason: '',
        }),
      },
    });
    world.registry.add('pods', one);
    const { certificate, key } = await world.authority.issueClient({ user: 'admin', groups: ['system:masters'] });
    credentials = { ca: world.authority.certificate, cert: certificate, key };
    const node = await world.authority.issueClient({ user: 'system:node:n1', groups: ['system:nodes'] });
    tunnel = new NodeTunnel({
      server: { host: '127.0.0.1', port: world.server.port },
      node: 'n1',
      credentials: () => ({ authority: world.authority.certificate, certificate: node.certificate, key: node.key }),
      handler: agent,
      clock: new RealClock(),
      prng: new SeededPrng(1),
      log: silentLogger,
    });
    await tunnel.start();
    while (!tunnel.connected) await new RealClock().sleep(5);
  });
  after(async () => {
    await tunnel.close();
    await world.stop();
  });

  function send(
    url: string,
    options: Omit<RequestOptions, 'headers'> & { readonly headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Answer> {
    const headers = { connection: 'Upgrade', upgrade: 'SPDY/3.1', ...options.headers };
    const { port } = world.server;
    return new Promise((resolve, reject) => {
      const request = httpsRequest({
        host: '127.0.0.1',
        port,
        path: url,
        method: 'POST',
        agent: false,
        ...credentials,
        ...options,
        headers,
      });
      request.once('error', reject);
      request.once('upgrade', (response, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        socket.on('error', () => {});
        resolve({ response, text: '', socket });
      });
      request.once('response', (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.once('end', () => resolve({ response, text, socket: undefined }));
      });
      request.end();
    });
  }

  async function echo(socket: Duplex | undefined, data: Buffer): Promise<void> {
    assert.ok(socket);
    socket.write(data);
    const pieces: Buffer[] = [];
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    while (pieces.reduce((sum, { length }) => sum + length, 0) < data.length) await once(socket, 'data');
    assert.ok(Buffer.concat(pieces).equals(data));
  }

  test('become a connection to the agent, through the tunnel, and end with either side', async () => {
    const { response, socket } = await send(`${path}/exec?command=ls&stdout=1`);
    assert.deepEqual(
      [response.statusCode, response.headers.upgrade, response.headers['x-stream-protocol-version']],
      [101, 'SPDY/3.1', 'v4'],
    );
    await echo(socket, Buffer.alloc(3 * 1024 * 1024, 'x'));
    assert.equal(agent.requests.at(-1)?.path, '/exec/default/web/a?output=1&command=ls');
    assert.equal(agent.requests.at(-1)?.upgrade, 'spdy/3.1');
    const closed = once(agent.connections.at(-1) as Duplex, 'close');
    socket?.destroy();
    await closed;
    const { signal } = agent.requests.at(-1) as NodeRequest;
    if (!signal.aborted) await once(signal, 'abort');
    const other = await send(`${path}/exec?command=ls`);
    other.socket?.resume();
    agent.connections.at(-1)?.destroy();
    await once(other.socket as Duplex, 'close');
  });

  test('are as admission let them through, and the client is told its warnings; or not at all', async () => {
    const { registry } = world;
    registry.admitConnect = (options) => ({
      options: { ...options, tty: true },
      warnings: ['mind that', 'and "that"'],
    });
    const { response, socket } = await send(`${path}/exec?command=ls&stdout=1`);
    assert.equal(response.headers['warning'], '299 - "mind that", 299 - "and \\"that\\""');
    assert.equal(agent.requests.at(-1)?.path, '/exec/default/web/a?output=1&tty=1&command=ls');
    socket?.destroy();
    const { length } = agent.requests;
    registry.admitConnect = () => {
      throw new StatusError(403, 'Forbidden', 'admission webhook "x" denied the request: no shells');
    };
    const refused = await send(`${path}/exec?command=ls`);
    assert.equal(refused.response.statusCode, 403);
    assert.match(refused.text, /no shells/);
    // Also of pods that are not there: admission comes first.
    assert.equal((await send('/api/v1/namespaces/default/pods/none/exec?command=ls')).response.statusCode, 403);
    assert.equal(agent.requests.length, length);
    registry.admitConnect = (options) => ({ options, warnings: [] });
  });

  test('bring the frames of a WebSocket one by one, as clients expect that look for more in the socket alone', async () => {
    const { socket } = await send(`${path}/exec?command=ls&stdout=1`, {
      method: 'GET',
      headers: { upgrade: 'websocket', 'sec-websocket-key': 'k', 'sec-websocket-version': '13' },
    });
    assert.ok(socket);
    const frames = ['one', 'two', 'a third'].map((text) => Buffer.from([0x82, text.length, ...Buffer.from(text)]));
    const seen: Buffer[] = [];
    socket.on('data', (piece: Buffer) => seen.push(piece));
    socket.write(Buffer.concat(frames));
    while (Buffer.concat(seen).length < Buffer.concat(frames).length) await once(socket, 'data');
    assert.deepEqual(seen, frames);
    socket.end();
    await once(socket, 'close');
  });

  test('tell the agent nothing of the caller’s credentials', async () => {
    const { socket } = await send(`${path}/portforward`, {
      method: 'GET',
      headers: {
        cookie: 'secret=1',
        upgrade: 'websocket',
        'sec-websocket-key': 'k',
        'sec-websocket-version': '13',
        'sec-websocket-protocol': 'base64url.bearer.authorization.k8s.io.c2VjcmV0, v4.channel.k8s.io',
      },
    });
    socket?.destroy();
    assert.deepEqual(agent.requests.at(-1)?.headers, {
      'sec-websocket-key': 'k',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'v4.channel.k8s.io',
    });
  });

  test('need the right to create, also where the method is GET', async () => {
    forbidden.push({ verb: 'create', resource: 'pods', subresource: 'exec' });
    for (const method of ['GET', 'POST']) {
      const { response, text } = await send(`${path}/exec?command=ls`, { method });
      assert.equal(response.statusCode, 403);
      assert.match(text, /pods \\"web\\" is forbidden: User \\"admin\\" cannot create resource/);
    }
    forbidden.length = 0;
  });

  test('answer an error as ever, and the agent’s refusal in its words', async () => {
    const absent = await send('/api/v1/namespaces/default/pods/none/exec?command=ls');
    assert.equal(absent.response.statusCode, 404);
    assert.match(absent.text, /"reason":"NotFound"/);
    const refused = await send(`${path}/attach?stdout=1`);
    assert.deepEqual(
      [refused.response.statusCode, refused.response.headers['content-type'], refused.text],
      [500, 'text/plain', 'container not found ("a")'],
    );
  });

  test('without an upgrade, and over HTTP/2, are a bad request', async () => {
    const client = await world.http2('admin');
    for (const subresource of ['exec', 'attach', 'portforward']) {
      for (const method of ['GET', 'POST']) {
        const answer = await client.request(`${path}/${subresource}`, { method });
        assert.deepEqual([answer.status, answer.json()['message']], [400, 'Upgrade request required']);
        const other = await world.http1(`${path}/${subresource}`, {
          method,
          headers: { connection: 'Upgrade', upgrade: 'other' },
        });
        assert.deepEqual([other.status, other.json()['message']], [400, 'Upgrade request required']);
      }
    }
    assert.equal((await client.request(`${path}/exec`, { method: 'PUT' })).status, 405);
  });

  test('any request that asks for an upgrade and gets none is answered, and its connection ends', async () => {
    for (const headers of [{ upgrade: 'websocket' }, { upgrade: 'SPDY/3.1' }]) {
      const { response, text } = await send(path, { method: 'GET', headers });
      assert.equal(response.statusCode, 200);
      assert.equal((JSON.parse(text) as Pod).metadata?.name, 'web');
      assert.equal(response.headers.connection, 'close');
    }
  });

  test('a connection without a certificate gets nowhere', async () => {
    const { cert: _cert, key: _key, ...nobody } = credentials;
    const { port } = world.server;
    const request = httpsRequest({
      ...nobody,
      host: '127.0.0.1',
      port,
      path: `${path}/exec`,
      method: 'POST',
      headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', authorization: 'Bearer nonsense' },
    });
    request.end();
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    assert.equal(response.statusCode, 401);
    response.destroy();
  });
});
