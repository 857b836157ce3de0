import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Stream } from 'node:http2';
import { get as httpsGet } from 'node:https';
import { after, before, describe, test } from 'node:test';
import { formatTime, RealClock } from '../lib/clock.ts';
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

  /** The same, whose past is delivered before the watch has begun. */
  async function openWithPast(events: number): ReturnType<typeof open> {
    let proceed = (): void => {};
    world.registry.afterWatch = (sink) => {
      for (let index = 0; index < events; index++) sink.event({ type: 'ADDED', object: configMap(`n${index}`) });
      proceed();
    };
    const delivered = new Promise<void>((resolve) => {
      proceed = resolve;
    });
    const opened = await open();
    await delivered;
    delete world.registry.afterWatch;
    return opened;
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
    assert.equal(second?.object.columnDefinitions, null);
    assert.equal(second?.object.rows.length, 1);
    stream.close();
  });

  test('shows bookmarks as tables with a version, and the age at the event', async () => {
    const { sink, text, stream } = await open(path, 'application/json;as=Table;v=v1;g=meta.k8s.io');
    sink.event({
      type: 'BOOKMARK',
      object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: '9' } },
    });
    const creationTimestamp = formatTime(new RealClock().now());
    await new RealClock().sleep(1_100);
    sink.event({ type: 'ADDED', object: { ...configMap('a'), metadata: { name: 'a', creationTimestamp } } });
    await until(() => text().split('\n').length === 3);
    const tables = lines(text()) as unknown as {
      object: { kind: string; metadata: { resourceVersion: string }; rows: { cells: unknown[] }[] };
    }[];
    assert.deepEqual([tables[0]?.object.kind, tables[0]?.object.metadata.resourceVersion], ['Table', '9']);
    assert.match(String(tables[1]?.object.rows[0]?.cells[2]), /^[12]s$/);
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

  test('is dropped when what waits for its client holds too many bytes', async () => {
    const { stream, sink } = await open();
    stream.pause();
    const entry = world.registry.add('configmaps', configMap('huge', 'x'.repeat(1024 * 1024)));
    const { cancelled } = world.registry;
    const most = limits.watchBufferBytesMax / entry.json().length + 20;
    let sent = 0;
    while (world.registry.cancelled === cancelled && sent < most) {
      sink.event({ type: 'MODIFIED', object: entry.object, entry });
      sent++;
    }
    assert.equal(world.registry.cancelled, cancelled + 1);
    assert.ok(sent > 20 && sent < limits.watchBufferEventsMax, String(sent));
    stream.resume();
  });

  test('delivers a past that is larger than the bounds, with what happens meanwhile', async () => {
    const { sink, text, stream } = await openWithPast(limits.watchBufferEventsMax + 5_000);
    sink.event({ type: 'ADDED', object: configMap('live') });
    const ended = once(stream, 'end');
    sink.end();
    await ended;
    assert.equal(text().trimEnd().split('\n').length, limits.watchBufferEventsMax + 5_001);
    assert.match(text(), /"name":"live"[^\n]*\n$/);
  });

  test('without a time-out of its own ends after half an hour to an hour', async () => {
    const asked = async (url: string): Promise<number> => {
      const { stream } = await open(url);
      stream.close();
      return (
        (world.registry.calls.at(-1) as { options: { timeoutSeconds: number } } | undefined)?.options.timeoutSeconds ??
        0
      );
    };
    assert.equal(await asked(`${path}&timeoutSeconds=7`), 7);
    const chosen = [await asked(path), await asked(`${path}&timeoutSeconds=0`), await asked(path)];
    for (const seconds of chosen) assert.ok(seconds >= 1_800 && seconds < 3_600, String(seconds));
    assert.equal(new Set(chosen).size, 3);
  });

  test('shows as it is what cannot be shown as asked for', async () => {
    const { sink, text, stream } = await open(path, 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io');
    sink.event({ type: 'ADDED', object: configMap('a') });
    await until(() => text().endsWith('\n'));
    assert.equal(lines(text())[0]?.object.kind, 'ConfigMap');
    stream.close();
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
