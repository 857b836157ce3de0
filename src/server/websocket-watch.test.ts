import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { RealClock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import type { WatchSink } from '../registry/request.ts';
import { startTestServer, type TestServer } from './testing.ts';

const collection = '/api/v1/namespaces/default/configmaps';
const path = `${collection}?watch=true&resourceVersion=1`;

const configMap = (name: string, data = '') => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data: { text: data },
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new RealClock().sleep(5);
}

describe('a watch over a WebSocket', () => {
  let world: TestServer;
  let credentials: { cert: string; key: string };

  before(async () => {
    world = await startTestServer();
    const { certificate, key } = await world.authority.issueClient({ user: 'admin', groups: ['system:masters'] });
    credentials = { cert: certificate, key };
  });
  after(() => world.stop());

  function connect(url: string, protocols: string[] = [], headers = {}, secrets: object = credentials): WebSocket {
    const options = { ca: world.authority.certificate, headers, ...secrets };
    return new WebSocket(`wss://127.0.0.1:${world.server.port}${url}`, protocols, options);
  }

  interface Opened {
    readonly socket: WebSocket;
    readonly sink: WatchSink;
    readonly received: { data: Buffer; binary: boolean }[];
  }

  async function open(url = path, protocols: string[] = [], headers = {}): Promise<Opened> {
    const before = world.registry.sinks.length;
    const socket = connect(url, protocols, headers);
    const received: Opened['received'] = [];
    socket.on('message', (data: Buffer, binary) => void received.push({ data, binary }));
    await once(socket, 'open');
    return { socket, sink: world.registry.sinks[before] as WatchSink, received };
  }

  test('sends one text message an event, and a normal close at its end', async () => {
    const { socket, sink, received } = await open();
    const entry = world.registry.add('configmaps', configMap('a'));
    for (const type of ['ADDED', 'MODIFIED', 'DELETED'] as const) sink.event({ type, object: entry.object, entry });
    await until(() => received.length === 3);
    assert.ok(received.every(({ binary }) => !binary));
    const events = received.map(({ data }) => JSON.parse(data.toString()) as { type: string; object: unknown });
    assert.deepEqual(
      events.map(({ type }) => type),
      ['ADDED', 'MODIFIED', 'DELETED'],
    );
    assert.deepEqual(events[0]?.object, entry.object);
    const closed = once(socket, 'close');
    sink.end();
    assert.equal((await closed)[0], 1000);
  });

  test('sends protobuf as binary messages', async () => {
    const { socket, sink, received } = await open(path, [], { accept: 'application/vnd.kubernetes.protobuf' });
    sink.event({ type: 'ADDED', object: configMap('a') });
    await until(() => received.length === 1);
    assert.equal(received[0]?.binary, true);
    socket.terminate();
  });

  test('grants the first subprotocol that is no credential', async () => {
    const offered = ['base64url.bearer.authorization.k8s.io.abc', 'base64.binary.k8s.io', 'binary.k8s.io'];
    const { socket, sink, received } = await open(path, offered);
    assert.equal(socket.protocol, 'base64.binary.k8s.io');
    sink.event({ type: 'ADDED', object: configMap('a') });
    await until(() => received.length === 1);
    assert.match(String(received[0]?.data), /^\{"type":"ADDED"/);
    socket.terminate();
  });

  test('is cancelled when the client goes, politely or not, and takes no notice of what it says', async () => {
    for (const leave of [(socket: WebSocket) => socket.close(), (socket: WebSocket) => socket.terminate()]) {
      const { socket } = await open();
      const { cancelled } = world.registry;
      socket.send('hello');
      leave(socket);
      await until(() => world.registry.cancelled === cancelled + 1);
    }
  });

  test('is dropped when its client falls too far behind', async () => {
    const { socket, sink } = await open();
    socket.pause();
    const { cancelled } = world.registry;
    const entry = world.registry.add('configmaps', configMap('big', 'x'.repeat(4000)));
    for (let sent = 0; sent <= limits.watchBufferEventsMax; sent++) {
      sink.event({ type: 'MODIFIED', object: entry.object, entry });
    }
    await until(() => world.registry.cancelled === cancelled + 1);
    socket.resume();
    socket.on('error', () => {});
    await once(socket, 'close');
  });

  test('delivers a burst in order', async () => {
    const { sink, socket, received } = await open();
    for (let index = 0; index < 5_000; index++) sink.event({ type: 'ADDED', object: configMap(`n${index}`) });
    const closed = once(socket, 'close');
    sink.end();
    await closed;
    const names = received.map(({ data }) => /"name":"(n\d+)"/.exec(data.toString())?.[1]);
    assert.deepEqual(
      names,
      Array.from({ length: 5_000 }, (_, index) => `n${index}`),
    );
  });

  test('answers refusals as ordinary requests', async () => {
    const status = async (socket: WebSocket): Promise<number> => {
      socket.on('error', () => {});
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
      socket.terminate();
      return response.statusCode;
    };
    assert.equal(await status(connect(`${collection}?watch=true&resourceVersionMatch=Exact`)), 422);
    assert.equal(await status(connect(path, [], {}, {})), 403);
    assert.equal(await status(connect(collection)), 200, 'a list is a list');
  });

  test('answers a bad handshake, and forgets the watch', async () => {
    const { cancelled } = world.registry;
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '1',
      'sec-websocket-key': 'x',
    };
    const response = await world.http1(path, { headers }, 'admin', ['system:masters']);
    assert.equal(response.status, 400);
    await until(() => world.registry.cancelled === cancelled + 1);
  });

  test('ends when the server closes', async () => {
    const other = await startTestServer();
    const { certificate, key } = await other.authority.issueClient({ user: 'admin', groups: ['system:masters'] });
    const options = { ca: other.authority.certificate, cert: certificate, key };
    const socket = new WebSocket(`wss://127.0.0.1:${other.server.port}${path}`, options);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    await other.server.close();
    await closed;
    await other.stop();
  });
});
