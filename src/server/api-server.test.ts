import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { gunzipSync } from 'node:zlib';
import { RealClock, VirtualClock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import { type Http2Client, startTestServer, type TestServer } from './testing.ts';

const pods = '/api/v1/namespaces/default/pods';

function pod(name: string, extra: object = {}) {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', ...extra } };
}

/** What a call was given that is data: the questions that it may ask stand for themselves. */
const dataOf = (options: unknown): unknown => JSON.parse(JSON.stringify(options ?? null));

describe('the API server', () => {
  let world: TestServer;
  let admin: Http2Client;

  before(async () => {
    world = await startTestServer();
    admin = await world.http2('admin');
  });
  after(() => world.stop());
  beforeEach(() => {
    world.registry.calls.length = 0;
    world.registry.warnings = [];
  });

  test('sends a stored object with its own bytes, over HTTP/2 and HTTP/1.1 alike', async () => {
    const entry = world.registry.add('pods', pod('web'));
    const overHttp2 = await admin.request(`${pods}/web`);
    const overHttp1 = await world.http1(`${pods}/web`);
    for (const { status, headers, body } of [overHttp2, overHttp1]) {
      assert.equal(status, 200);
      assert.equal(headers['content-type'], 'application/json');
      assert.match(headers['audit-id'] ?? '', /^[0-9a-f-]{36}$/);
      assert.equal(body.toString(), `${entry.json().toString()}\n`);
    }
    const { target } = world.registry.calls[0] ?? {};
    assert.deepEqual([target?.namespace, target?.name, target?.user.name], ['default', 'web', 'admin']);
    assert.deepEqual(target?.user.groups, ['system:masters', 'system:authenticated']);
  });

  test('joins stored bytes to a list', async () => {
    world.registry.add('configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'x' } });
    world.registry.add('configmaps', { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b', namespace: 'y' } });
    const all = (await admin.request('/api/v1/configmaps')).json();
    assert.equal(all['kind'], 'ConfigMapList');
    assert.equal((all['items'] as object[]).length, 2);
    const one = (await admin.request('/api/v1/namespaces/y/configmaps?limit=5&labelSelector=a%3Db')).json();
    assert.equal((one['items'] as object[]).length, 1);
    assert.deepEqual(world.registry.calls[1]?.options, { limit: 5, labelSelector: 'a=b' });
  });

  test('answers what is not there with a Status', async () => {
    const missing = await admin.request(`${pods}/none`);
    assert.equal(missing.status, 404);
    assert.equal(missing.json()['message'], 'pods "none" not found');
    const unknown = await admin.request('/api/v1/gadgets');
    assert.equal(unknown.status, 404);
    assert.equal(unknown.json()['message'], 'the server could not find the requested resource');
    const elsewhere = await admin.request('/nothing/here');
    assert.deepEqual([elsewhere.status, elsewhere.text], [404, '404 page not found\n']);
    const nodesInNamespace = await admin.request('/api/v1/namespaces/default/nodes');
    assert.equal(nodesInNamespace.status, 404);
  });

  test('refuses methods where they make no sense', async () => {
    for (const [method, path] of [
      ['POST', `${pods}/web`],
      ['PUT', pods],
      ['POST', '/api/v1/pods'],
      ['DELETE', '/api/v1/pods'],
      ['POST', '/version'],
    ] as const) {
      const { status, json } = await admin.request(path, { method, body: '{}' });
      assert.equal(status, 405, `${method} ${path}`);
      assert.equal(json()['reason'], 'MethodNotAllowed');
    }
  });

  test('creates from JSON and YAML, says 201, and passes warnings on', async () => {
    world.registry.warnings = ['spec.old is "deprecated"\nsince ever'];
    const fromJson = await admin.request(`${pods}?fieldManager=me&dryRun=All`, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(pod('j')),
    });
    assert.equal(fromJson.status, 201);
    assert.equal(fromJson.headers['warning'], '299 - "spec.old is \\"deprecated\\" since ever"');
    const fromYaml = await admin.request(pods, {
      method: 'POST',
      headers: { 'content-type': 'application/yaml' },
      body: 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: y\n  name: z\n  namespace: default\n',
    });
    assert.equal(fromYaml.status, 201);
    const [json, yaml] = world.registry.calls;
    assert.deepEqual(dataOf(json?.options), { fieldManager: 'me', dryRun: true, duplicateFields: [] });
    assert.deepEqual(yaml?.body, pod('z'));
    assert.deepEqual(dataOf(yaml?.options), {
      duplicateFields: ['yaml: unmarshal errors:\n  line 5: key "name" already set in map'],
    });
  });

  test('refuses bodies of unknown form, broken ones, and large ones', async () => {
    const post = (headers: Record<string, string>, body: string | Buffer) =>
      admin.request(pods, { method: 'POST', headers, body });
    const cbor = await post({ 'content-type': 'application/cbor' }, '\xd9\xd9\xf7');
    assert.deepEqual([cbor.status, cbor.json()['reason']], [415, 'UnsupportedMediaType']);
    assert.equal((await post({}, '{"a":')).status, 400);
    assert.equal((await post({}, '[]')).status, 400);
    const large = Buffer.alloc(limits.requestBodyBytesMax + 1, 0x20);
    const tooLarge = await post({}, large);
    assert.deepEqual([tooLarge.status, tooLarge.json()['reason']], [413, 'RequestEntityTooLarge']);
    const tooLarge1 = await world.http1(pods, {
      method: 'POST',
      headers: { 'content-length': large.length },
      body: large,
    });
    assert.equal(tooLarge1.status, 413);
    const review = Buffer.alloc(limits.unstoredBodyBytesMax + 1, 0x20);
    const reviews = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    assert.equal(
      (await admin.request(reviews, { method: 'POST', body: review })).status,
      413,
      'what is not stored is small',
    );
    assert.equal(world.registry.calls.length, 0);
  });

  test('tells patches apart by content type', async () => {
    world.registry.add('pods', pod('web'));
    const patch = (type: string, body: string, query = '') =>
      admin.request(`${pods}/web${query}`, { method: 'PATCH', headers: { 'content-type': type }, body });
    assert.equal((await patch('application/merge-patch+json', '{"a":1}')).status, 200);
    assert.equal((await patch('application/apply-patch+yaml', 'a: 1', '?fieldManager=m&force=true')).status, 200);
    assert.deepEqual(
      world.registry.calls.map(({ verb, body, options }) => ({ verb, body, options: dataOf(options) })),
      [
        {
          verb: 'patch application/merge-patch+json',
          body: { a: 1 },
          options: { duplicateFields: [] },
        },
        {
          verb: 'patch application/apply-patch+yaml',
          body: { a: 1 },
          options: { fieldManager: 'm', force: true, duplicateFields: [] },
        },
      ],
    );
    const unnamed = await patch('application/apply-patch+yaml', 'a: 1');
    assert.equal(
      unnamed.json()['message'],
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
    );
    assert.equal((await patch('application/json', '{}')).status, 415);
  });

  test('a change that would create asks for that permission, too', async () => {
    const volume = { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'v' } };
    world.registry.add('persistentvolumes', volume);
    const put = async (client: Http2Client): Promise<() => Promise<void>> => {
      const url = '/api/v1/persistentvolumes/v';
      assert.equal((await client.request(url, { method: 'PUT', body: JSON.stringify(volume) })).status, 200);
      const { options } = world.registry.calls.at(-1) ?? assert.fail('no call');
      return (options as { mayCreate: () => Promise<void> }).mayCreate;
    };
    await (await put(admin))();
    const scheduler = await put(await world.http2('system:kube-scheduler', ['system:authenticated']));
    await assert.rejects(scheduler(), {
      code: 403,
      message:
        'persistentvolumes "v" is forbidden: User "system:kube-scheduler" cannot create resource "persistentvolumes" in API group "" at the cluster scope',
    });
  });

  test('reads DeleteOptions from the body and from the query', async () => {
    await admin.request(`${pods}/a?gracePeriodSeconds=3`, { method: 'DELETE' });
    await admin.request(`${pods}/a`, {
      method: 'DELETE',
      body: '{"kind":"DeleteOptions","propagationPolicy":"Orphan","preconditions":{"uid":"u"}}',
    });
    await admin.request(`${pods}?labelSelector=x`, { method: 'DELETE' });
    assert.deepEqual(
      world.registry.calls.map(({ verb, options }) => [verb, options]),
      [
        ['delete', { gracePeriodSeconds: 3 }],
        ['delete', { propagationPolicy: 'Orphan', preconditions: { uid: 'u' } }],
        ['deletecollection', { list: { labelSelector: 'x' }, options: {} }],
      ],
    );
  });

  test('answers in the form that was asked for', async () => {
    world.registry.add('pods', pod('web', { labels: { a: 'b' } }));
    const get = (accept: string, path = `${pods}/web`) => admin.request(path, { headers: { accept } });
    const yaml = await get('application/yaml');
    assert.equal(yaml.headers['content-type'], 'application/yaml');
    assert.match(yaml.text, /^kind: Pod$/m);
    const partial = (await get('application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1')).json();
    assert.deepEqual(
      [partial['kind'], partial['apiVersion'], partial['spec']],
      ['PartialObjectMetadata', 'meta.k8s.io/v1', undefined],
    );
    const partials = (await get('application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', pods)).json();
    assert.equal(partials['kind'], 'PartialObjectMetadataList');
    const table = (await get('application/json;as=Table;v=v1;g=meta.k8s.io,application/json', pods)).json();
    assert.deepEqual([table['kind'], table['apiVersion']], ['Table', 'meta.k8s.io/v1']);
    assert.equal((await get('application/cbor')).status, 406);
    assert.equal((await get('application/vnd.kubernetes.protobuf,application/json')).status, 200);
    assert.match((await admin.request(`${pods}/web?pretty=true`)).text, /^{\n {2}"apiVersion"/);
    assert.match((await admin.request(`${pods}/web`, { headers: { 'user-agent': 'curl/8' } })).text, /^{\n/);
  });

  test('compresses what is large, where the client takes gzip', async () => {
    for (let i = 0; i < 400; i++) {
      world.registry.add('secrets', {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: `s${i}`, namespace: 'big', annotations: { text: 'x'.repeat(2000) } },
      });
    }
    const path = '/api/v1/namespaces/big/secrets';
    const plain = await admin.request(path);
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(Number(plain.headers['content-length']), plain.body.length);
    const packed = await admin.request(path, { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.ok(packed.body.length < plain.body.length / 4);
    assert.deepEqual(gunzipSync(packed.body), plain.body);
    assert.deepEqual((await world.http1(path)).body, plain.body);
  });

  test('knows its callers: certificates, nobody, and what it cannot accept', async () => {
    const nobody = await world.http2();
    assert.equal((await nobody.request('/healthz')).text, 'ok');
    assert.match((await nobody.request('/version')).text, /"gitVersion": "v1\.36\.0\+naru-/);
    const refused = await nobody.request(pods);
    assert.equal(refused.status, 403);
    assert.equal(
      refused.json()['message'],
      'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "default"',
    );
    const path = await nobody.request('/api');
    assert.equal(path.json()['message'], 'forbidden: User "system:anonymous" cannot get path "/api"');
    const token = await nobody.request('/healthz', { headers: { authorization: 'Bearer abc' } });
    assert.deepEqual([token.status, token.json()['message']], [401, 'Unauthorized']);
    const other = await startTestServer();
    try {
      const { certificate, key } = await other.authority.issueClient({ user: 'admin', groups: ['system:masters'] });
      const stranger = await admin.request('/healthz', { headers: {} });
      assert.equal(stranger.status, 200);
      const { http2Client } = await import('./testing.ts');
      const imposter = http2Client(world.server.address, { ca: world.authority.certificate, cert: certificate, key });
      assert.equal((await imposter.request('/healthz')).status, 401);
      imposter.close();
    } finally {
      await other.stop();
    }
  });

  test('lets administrators act as others, and nobody else', async () => {
    const as = { 'impersonate-user': 'jane', 'impersonate-group': 'dev' };
    const jane = await admin.request(pods, { headers: as });
    assert.equal(jane.status, 403);
    assert.match(jane.text, /User \\"jane\\" cannot list/);
    const user = await world.http2('eve', []);
    const refused = await user.request(pods, {
      headers: { 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' },
    });
    assert.match(refused.text, /User \\"eve\\" cannot impersonate-on:user-info:list resource \\"pods\\"/);
  });

  test('takes hundreds of headers over HTTP/2, too', async () => {
    const many = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`x-${index}`, 'a']));
    assert.equal((await admin.request(pods, { headers: many })).status, 200);
  });

  test('serves discovery, plain and aggregated, with 304', async () => {
    const plain = (await admin.request('/api')).json();
    assert.deepEqual([plain['kind'], plain['versions']], ['APIVersions', ['v1']]);
    assert.equal((await admin.request('/apis/apps/v1')).json()['kind'], 'APIResourceList');
    assert.equal((await admin.request('/apis/nothing.example')).status, 404);
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
    const aggregated = await admin.request('/apis', { headers: { accept } });
    assert.equal(aggregated.headers['content-type'], accept.split(',')[0]);
    assert.equal(aggregated.json()['kind'], 'APIGroupDiscoveryList');
    const again = await admin.request('/apis', { headers: { accept, 'if-none-match': aggregated.headers['etag'] } });
    assert.deepEqual([again.status, again.body.length], [304, 0]);
    const again1 = await world.http1('/apis', { headers: { accept, 'if-none-match': aggregated.headers['etag'] } });
    assert.deepEqual([again1.status, again1.body.length], [304, 0]);
  });

  test('serves OpenAPI, and lets clients keep what has a hash', async () => {
    const index = (await admin.request('/openapi/v3')).json() as {
      paths: Record<string, { serverRelativeURL: string }>;
    };
    const url = index.paths['apis/apps/v1']?.serverRelativeURL ?? '';
    assert.match(url, /^\/openapi\/v3\/apis\/apps\/v1\?hash=/);
    const document = await admin.request(url);
    assert.match(document.headers['cache-control'] ?? '', /immutable/);
    assert.equal((document.json() as { openapi: string }).openapi.split('.')[0], '3');
    const moved = await admin.request('/openapi/v3/apis/apps/v1?hash=OLD');
    assert.deepEqual([moved.status, moved.headers['location']], [301, url]);
    const again = await admin.request(url, { headers: { 'if-none-match': document.headers['etag'] } });
    assert.equal(again.status, 304);
    assert.equal(((await admin.request('/openapi/v2')).json() as { swagger: string }).swagger, '2.0');
    assert.equal((await admin.request('/openapi/v3/apis/none/v1')).status, 404);
  });

  test('serves OpenAPI v2 in protobuf to those who want it, each form with its own tag', async () => {
    const get = (accept: string, more: Record<string, string> = {}) =>
      admin.request('/openapi/v2', { headers: { accept, ...more } });
    const proto = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
    const asked = await get('application/com.github.proto-openapi.spec.v2@v1.0+protobuf');
    assert.deepEqual([asked.status, asked.headers['content-type']], [200, proto]);
    assert.deepEqual(asked.body.subarray(0, 5), Buffer.from('\n\x032.0'));
    const packed = await get(`${proto};q=0.9,application/json;q=0.1`, { 'accept-encoding': 'gzip' });
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.deepEqual(gunzipSync(packed.body), asked.body);
    const etag = asked.headers['etag'] ?? '';
    const again = await get(proto, { 'if-none-match': etag });
    assert.deepEqual([again.status, again.body.length], [304, 0]);
    for (const accept of ['application/json', '*/*', `application/json,${proto}`]) {
      const json = await get(accept, { 'if-none-match': etag });
      assert.deepEqual([json.status, json.headers['content-type']], [200, 'application/json']);
    }
    assert.equal((await get('application/com.github.proto-openapi.spec.v3@v1.0+protobuf')).status, 406);
  });

  test('tells its health', async () => {
    assert.equal((await admin.request('/readyz?verbose')).text, '[+]ping ok\n[+]shutdown ok\nreadyz check passed\n');
    assert.equal((await admin.request('/livez/ping')).text, 'ok');
    assert.equal((await admin.request('/livez/none')).status, 404);
    const head = await world.http1('/healthz', { method: 'HEAD' });
    assert.deepEqual([head.status, head.body.length], [200, 0]);
  });

  test('turns requests away above the bound, but never administrators', async () => {
    let open!: () => void;
    world.registry.gate = new Promise((resolve) => {
      open = resolve;
    });
    const node = await world.http2('system:node:n1', ['system:nodes']);
    const waiting = Array.from({ length: limits.readOnlyRequestsInFlightMax }, () => admin.request(`${pods}/web`));
    while (world.registry.calls.length < limits.readOnlyRequestsInFlightMax)
      await new Promise((resolve) => setImmediate(resolve));
    const refused = await node.request('/api/v1/pods?fieldSelector=spec.nodeName%3Dn1');
    assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '1']);
    const other = await world.http2('admin');
    const allowed = other.request(`${pods}/web`);
    open();
    assert.equal((await allowed).status, 200);
    for (const { status } of await Promise.all(waiting)) assert.equal(status, 200);
  });

  test('lets a request finish that is under way when it closes', async () => {
    const other = await startTestServer();
    other.registry.add('pods', pod('web'));
    const gate = Promise.withResolvers<void>();
    other.registry.gate = gate.promise;
    const client = await other.http2('admin');
    const answer = client.request(`${pods}/web`);
    while (other.registry.calls.length === 0) await new Promise((resolve) => setImmediate(resolve));
    const closed = other.server.close();
    gate.resolve();
    assert.equal((await answer).status, 200);
    await closed;
    await other.stop();
  });

  test('renews its certificate without a restart, before the old one ends', async () => {
    const clock = new VirtualClock(new RealClock().now());
    const other = await startTestServer({ clock });
    const serial = async (): Promise<string> => {
      const socket = connectTls({ port: other.server.port, host: '127.0.0.1', rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const first = await serial();
    const hourMs = 60 * 60 * 1000;
    // Looking at a certificate, and making one, takes real time, not the clock's.
    const hours = async (count: number): Promise<void> => {
      for (let hour = 0; hour < count; hour++) {
        await clock.advance(hourMs);
        await new RealClock().sleep(10);
      }
    };
    await clock.advance(59 * 24 * hourMs);
    await hours(2);
    assert.equal(await serial(), first);
    await clock.advance(24 * hourMs);
    while ((await serial()) === first) await hours(1);
    await other.stop();
  });

  test('says in one sentence that its port is taken', async () => {
    const occupant = createServer().listen(0, '127.0.0.1');
    await once(occupant, 'listening');
    const { port } = occupant.address() as AddressInfo;
    await assert.rejects(startTestServer({ port }), {
      message: `port ${port} is in use by another program; choose another with --port N, or 0 for a free one`,
    });
    occupant.close();
  });
});
