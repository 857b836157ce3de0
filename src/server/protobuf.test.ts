/** Kubernetes' protobuf over the wire: bodies, objects, lists, errors, watches. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import type { JsonObject } from '../api/object.ts';
import { decodeEnveloped, encodeEnveloped, protobufMediaType } from '../api/protobuf/envelope.ts';
import { WireReader } from '../api/protobuf/wire.ts';
import { RealClock } from '../lib/clock.ts';
import { type Http2Client, type Response, startTestServer, type TestServer } from './testing.ts';

const pods = '/api/v1/namespaces/default/pods';
const bodyHeaders = { 'content-type': protobufMediaType, accept: protobufMediaType };
const nothing = { apiVersion: '', kind: '' };

const configMap = (name: string): JsonObject => ({
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: { name, namespace: 'default' },
  data: { text: name },
});

function enveloped(object: JsonObject): Buffer {
  const bytes = encodeEnveloped(object);
  assert.ok(bytes);
  return bytes;
}

function objectOf(response: Response): JsonObject {
  assert.equal(response.headers['content-type'], protobufMediaType);
  return decodeEnveloped(response.body, nothing);
}

describe('protobuf', () => {
  let world: TestServer;
  let admin: Http2Client;

  before(async () => {
    world = await startTestServer();
    admin = await world.http2('admin');
  });
  after(() => world.stop());

  const get = (path: string, accept = protobufMediaType) => admin.request(path, { headers: { accept } });

  test('goes in and comes out as the same object', async () => {
    const object = configMap('in');
    const path = '/api/v1/namespaces/default/configmaps';
    const created = await admin.request(path, { method: 'POST', headers: bodyHeaders, body: enveloped(object) });
    assert.equal(created.status, 201);
    assert.deepEqual(world.registry.calls.at(-1)?.body, object);
    const { metadata, ...rest } = objectOf(created);
    assert.deepEqual(
      [rest, (metadata as JsonObject)['name']],
      [{ kind: 'ConfigMap', apiVersion: 'v1', data: { text: 'in' } }, 'in'],
    );
    assert.deepEqual(objectOf(await get(`${path}/in`)), objectOf(created));
  });

  test('a subresource takes its own kind, and a delete its options', async () => {
    const scale = {
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name: 'web' },
      spec: { replicas: 3 },
      status: { replicas: 0 },
    };
    const path = '/apis/apps/v1/namespaces/default/deployments/web';
    await admin.request(`${path}/scale`, { method: 'PUT', headers: bodyHeaders, body: enveloped(scale) });
    assert.deepEqual(world.registry.calls.at(-1)?.body, scale);
    const options = {
      kind: 'DeleteOptions',
      apiVersion: 'apps/v1',
      gracePeriodSeconds: 0,
      preconditions: { uid: 'u' },
    };
    const gone = await admin.request(path, { method: 'DELETE', headers: bodyHeaders, body: enveloped(options) });
    assert.deepEqual(world.registry.calls.at(-1)?.options, { gracePeriodSeconds: 0, preconditions: { uid: 'u' } });
    assert.equal(objectOf(gone)['status'], 'Success');
  });

  test('a body that is none is refused, in protobuf', async () => {
    const refused = await admin.request(pods, { method: 'POST', headers: bodyHeaders, body: 'k8s\0\x0a\x09' });
    assert.equal(refused.status, 400);
    assert.deepEqual(
      [objectOf(refused)['reason'], objectOf(refused)['message']],
      ['BadRequest', 'the object provided is unrecognized (must be of type Pod): unexpected EOF (6b3873000a09)'],
    );
  });

  test('a list is joined from the stored messages', async () => {
    world.registry.add('secrets', { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'a', namespace: 'default' } });
    world.registry.add('secrets', { kind: 'Secret', apiVersion: 'v1', metadata: { name: 'b', namespace: 'default' } });
    const list = objectOf(await get('/api/v1/secrets'));
    assert.equal(list['kind'], 'SecretList');
    assert.deepEqual(
      (list['items'] as { metadata: JsonObject }[]).map(({ metadata }) => metadata['name']),
      ['a', 'b'],
    );
  });

  test('errors, partial objects and discovery have a form too', async () => {
    assert.deepEqual(objectOf(await get(`${pods}/none`))['code'], 404);
    world.registry.add('pods', { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'p', namespace: 'default' } });
    const partial = `${protobufMediaType};as=PartialObjectMetadata;g=meta.k8s.io;v=v1`;
    const { kind, apiVersion } = objectOf(await get(`${pods}/p`, partial));
    assert.deepEqual([kind, apiVersion], ['PartialObjectMetadata', 'meta.k8s.io/v1']);
    for (const [path, kind] of [
      ['/api', 'APIVersions'],
      ['/apis', 'APIGroupList'],
      ['/apis/apps', 'APIGroup'],
      ['/apis/apps/v1', 'APIResourceList'],
    ] as const) {
      assert.equal(objectOf(await get(path))['kind'], kind);
    }
  });

  test('what has no form comes as JSON where that will do, and is 406 where not', async () => {
    const table = `${protobufMediaType};as=Table;g=meta.k8s.io;v=v1`;
    assert.equal((await get(pods, table)).status, 406);
    assert.equal((await get(pods, `${table},application/json`)).headers['content-type'], 'application/json');
  });

  test('a watch is a sequence of frames with their lengths', async () => {
    const path = '/api/v1/namespaces/default/configmaps?watch=true&resourceVersion=1';
    const before = world.registry.sinks.length;
    const stream = admin.session.request({
      ':path': path,
      accept: `${protobufMediaType};stream=watch,application/json`,
    });
    const [head] = (await once(stream, 'response')) as [Record<string, string>];
    assert.equal(head['content-type'], `${protobufMediaType};stream=watch`);
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    const sink = world.registry.sinks[before];
    assert.ok(sink);
    const entry = world.registry.add('configmaps', configMap('watched'));
    sink.event({ type: 'ADDED', object: entry.object, entry });
    sink.event({
      type: 'BOOKMARK',
      object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: '9' } },
    });
    sink.event({ type: 'ERROR', object: { kind: 'Status', apiVersion: 'v1', code: 410 } as object });
    while (framesOf(Buffer.concat(chunks)).length < 3) await new RealClock().sleep(5);
    stream.close();
    assert.deepEqual(
      framesOf(Buffer.concat(chunks)).map(({ type, object }) => [type, object['kind']]),
      [
        ['ADDED', 'ConfigMap'],
        ['BOOKMARK', 'ConfigMap'],
        ['ERROR', 'Status'],
      ],
    );
  });
});

interface FramedEvent {
  readonly type: string;
  readonly object: JsonObject;
}

function framesOf(bytes: Buffer): FramedEvent[] {
  const events: FramedEvent[] = [];
  for (let at = 0; at + 4 <= bytes.length; ) {
    const end = at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    events.push(eventOf(new WireReader(bytes.subarray(at + 4, end))));
    at = end;
  }
  return events;
}

function eventOf(reader: WireReader): FramedEvent {
  assert.ok(reader.nextField());
  const type = reader.string();
  assert.ok(reader.nextField());
  reader.enter('Object');
  assert.ok(reader.nextField());
  return { type, object: decodeEnveloped(reader.bytes(), nothing) };
}
