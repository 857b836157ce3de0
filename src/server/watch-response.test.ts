import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Stream } from 'node:http2';
import { get as httpsGet } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { RealClock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import type { WatchSink } from '../registry/request.ts';
import { type Http2Client, startTestServer, type TestServer } from './testing.ts';

const path = '/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=1';

const configMap = (name: string, data = '') => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data: { text: data },
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new RealClock().sleep(5);
}

describe('a watch', () => {
  let world: TestServer;
  let admin: Http2Client;

  before(async () => {
    world = await startTestServer();
    admin = await world.http2('admin');
  });
  after(() => world.stop());

  /** A watch over HTTP/2, its sink, and what arrived so far. */
  async function open(
    url = path,
    accept = 'application/json',
  ): Promise<{ stream: ClientHttp2Stream; sink: WatchSink; text: () => string }> {
    const before = world.registry.sinks.length;
    const stream = admin.session.request({ ':path': url, accept });
    stream.on('error', () => {});
    await once(stream, 'response');
    let received = '';
    stream.on('data', (chunk: Buffer) => {
      received += chunk.toString();
    });
    return { stream, sink: world.registry.sinks[before] as WatchSink, text: () => received };
  }

  const lines = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; object: { kind: string } });

  test('sends its head at once and one event a line, with the stored bytes', async () => {
    const { stream, sink, text } = await open();
    const entry = world.registry.add('configmaps', configMap('a'));
    sink.event({ type: 'ADDED', object: entry.object, entry });
    sink.event({
      type: 'BOOKMARK',
      object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: '9' } },
    });
    await until(() => text().endsWith('"9"}}}\n'));
    assert.equal(text().split('\n')[0], `{"type":"ADDED","object":${entry.json().toString()}}`);
    const ended = once(stream, 'end');
    sink.end();
    await ended;
  });

  test('is cancelled in the registry when the client goes', async () => {
    const { stream } = await open();
    const { cancelled } = world.registry;
    stream.close();
    await until(() => world.registry.cancelled === cancelled + 1);
  });

  test('shows tables, with columns in the first only', async () => {
    const { sink, text, stream } = await open(path, 'application/json;as=Table;v=v1;g=meta.k8s.io');
    for (const name of ['a', 'b']) sink.event({ type: 'ADDED', object: configMap(name) });
    await until(() => text().split('\n').length === 3);
    const [first, second] = lines(text()) as unknown as {
      object: { kind: string; columnDefinitions: unknown; rows: unknown[] };
    }[];
    assert.equal(first?.object.kind, 'Table');
    assert.ok(Array.isArray(first?.object.columnDefinitions));
    assert.deepEqual(second?.object.columnDefinitions, []);
    assert.equal(second?.object.rows.length, 1);
    stream.close();
  });

  test('works over HTTP/1.1 and in the old form of its URL', async () => {
    const { certificate, key } = await world.authority.issueClient({ user: 'admin', groups: ['system:masters'] });
    const before = world.registry.sinks.length;
    const request = httpsGet({
      port: world.server.port,
      host: '127.0.0.1',
      path: '/api/v1/watch/namespaces/default/configmaps',
      ca: world.authority.certificate,
      cert: certificate,
      key,
      agent: false,
    });
    const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream];
    const entry = world.registry.add('configmaps', configMap('h1'));
    world.registry.sinks[before]?.event({ type: 'ADDED', object: entry.object, entry });
    const [chunk] = (await once(response, 'data')) as [Buffer];
    assert.equal(lines(chunk.toString())[0]?.type, 'ADDED');
    const { cancelled } = world.registry;
    request.destroy();
    await until(() => world.registry.cancelled === cancelled + 1);
  });

  test('is dropped when its client falls too far behind, and not before', async () => {
    const { stream, sink } = await open();
    stream.pause();
    const entry = world.registry.add('configmaps', configMap('big', 'x'.repeat(4000)));
    const event = { type: 'MODIFIED' as const, object: entry.object, entry };
    let closed = false;
    stream.once('close', () => {
      closed = true;
    });
    const { cancelled } = world.registry;
    for (let sent = 0; sent < limits.watchBufferEventsMax; sent++) sink.event(event);
    await new RealClock().sleep(50);
    assert.equal(world.registry.cancelled, cancelled);
    for (let sent = 0; sent < limits.watchBufferEventsMax; sent++) sink.event(event);
    assert.equal(world.registry.cancelled, cancelled + 1);
    stream.resume();
    await until(() => closed);
    assert.notEqual(stream.rstCode, 0);
  });

  test('delivers a burst far larger than any buffer, whole and in order', async () => {
    const { stream, sink, text } = await open();
    const count = 9_000;
    for (let index = 0; index < count; index++) {
      sink.event({ type: 'ADDED', object: configMap(`n${index}`, 'y'.repeat(500)) });
    }
    const ended = once(stream, 'end');
    sink.end();
    await ended;
    const names = text()
      .trimEnd()
      .split('\n')
      .map((line) => /"name":"(n\d+)"/.exec(line)?.[1]);
    assert.deepEqual(
      names,
      Array.from({ length: count }, (_, index) => `n${index}`),
    );
  });

  test('refuses YAML and bad options with a Status', async () => {
    assert.equal((await admin.request(path, { headers: { accept: 'application/yaml' } })).status, 406);
    const bad = await admin.request(`${path}&timeoutSeconds=soon`);
    assert.deepEqual([bad.status, bad.json()['message']], [400, 'strconv.ParseInt: parsing "soon": invalid syntax']);
  });

  test('ends when the server closes', async () => {
    const other = await startTestServer();
    const client = await other.http2('admin');
    const stream = client.session.request({ ':path': path });
    await once(stream, 'response');
    stream.resume();
    const ended = once(stream, 'end');
    await other.server.close();
    await ended;
    await other.stop();
  });
});
