/**
 * The server as plain HTTP clients see it, without any Kubernetes library: HTTP/1.1 and HTTP/2, connections that are kept, who is who,
 * content types, compressed and chunked answers, and requests that no well-behaved client would send.
 */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import https from 'node:https';
import { buffer } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type Connection, eventually, TestCluster } from '../harness.ts';

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Without the client's certificate. */
  readonly anonymous?: boolean;
}

const json = { 'content-type': 'application/json' };
const configMaps = '/api/v1/namespaces/default/configmaps';
const parsed = (answer: Answer): Record<string, unknown> =>
  JSON.parse(answer.body.toString()) as Record<string, unknown>;

describe('the API over HTTP', { timeout: 60_000 }, () => {
  let cluster: TestCluster;
  let connection: Connection;
  let agent: https.Agent;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '1');
    connection = cluster.connection;
    agent = new https.Agent({ ...identity(), keepAlive: true, maxSockets: 1 });
  });
  after(async () => {
    agent.destroy();
    await TestCluster.closeAll();
  });

  const identity = () => ({ ca: connection.authority, cert: connection.certificate, key: connection.key });

  function request(
    path: string,
    { method = 'GET', headers = {}, anonymous = false }: Ask,
  ): import('node:http').ClientRequest {
    const trust = anonymous ? { ca: connection.authority, agent: false } : { agent };
    return https.request(new URL(path, connection.server), { method, headers, ...trust });
  }

  function ask(path: string, options: Ask = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(path, options);
      outgoing.once('error', reject);
      outgoing.once('response', (response) => {
        const { statusCode: status = 0, headers } = response;
        buffer(response).then((body) => resolve({ status, headers, body }), reject);
      });
      outgoing.end(options.body);
    });
  }

  const create = (name: string) =>
    ask(configMaps, { method: 'POST', headers: json, body: JSON.stringify({ metadata: { name } }) });

  test('one connection serves many requests, whatever their outcome', async () => {
    const sockets = new Set<unknown>();
    agent.on('free', (socket) => sockets.add(socket));
    for (const path of ['/version', '/api', '/apis', '/nope', '/api/v1/nodes', `${configMaps}/nope`]) await ask(path);
    assert.equal(sockets.size, 1);
  });

  test('an answer ends with a line break, names its type and length, and carries an audit id', async () => {
    const made = await create('plain');
    assert.equal(made.status, 201);
    assert.equal(made.headers['content-type'], 'application/json');
    assert.equal(Number(made.headers['content-length']), made.body.length);
    assert.match(String(made.headers['audit-id']), /^[0-9a-f-]{36}$/);
    assert.equal(made.headers['cache-control'], 'no-cache, private');
    const missing = await ask(`${configMaps}/nope`);
    assert.deepEqual([missing.status, parsed(missing)['reason']], [404, 'NotFound']);
    assert.equal(missing.body.at(-1), 10);
  });

  test('HEAD, OPTIONS and unknown methods', async () => {
    const unknown = await ask(configMaps, { method: 'PROPFIND' });
    assert.deepEqual([unknown.status, parsed(unknown)['kind']], [405, 'Status']);
    const wrong = await ask('/version', { method: 'POST' });
    assert.ok([403, 404, 405].includes(wrong.status), String(wrong.status));
  });

  test('what a client accepts decides the form, and what is not there is refused', async () => {
    const form = async (accept: string, path = configMaps) => {
      const { status, headers, body } = await ask(path, { headers: { accept } });
      return [status, headers['content-type'], body.subarray(0, 4).toString('latin1')] as const;
    };
    assert.deepEqual((await form('*/*')).slice(0, 2), [200, 'application/json']);
    assert.deepEqual((await form('application/*')).slice(0, 2), [200, 'application/json']);
    assert.deepEqual((await form('application/yaml')).slice(0, 2), [200, 'application/yaml']);
    assert.deepEqual(await form('application/vnd.kubernetes.protobuf'), [
      200,
      'application/vnd.kubernetes.protobuf',
      'k8s\0',
    ]);
    assert.equal((await form('application/vnd.unheard, application/json;q=0.5'))[1], 'application/json');
    assert.equal((await form('text/html'))[0], 406);
    const table = await ask(configMaps, {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' },
    });
    assert.equal(parsed(table)['kind'], 'Table');
    const partial = await ask(configMaps, {
      headers: { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' },
    });
    assert.equal(parsed(partial)['kind'], 'PartialObjectMetadataList');
    const discovery = await ask('/apis', {
      headers: { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' },
    });
    assert.equal(parsed(discovery)['kind'], 'APIGroupDiscoveryList');
    assert.equal(parsed(await ask('/apis'))['kind'], 'APIGroupList');
  });

  test('a body says what it is, in JSON, YAML, or not at all', async () => {
    const post = (body: string, headers: Record<string, string>) => ask(configMaps, { method: 'POST', headers, body });
    const yaml = await post('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-yaml}\n', {
      'content-type': 'application/yaml',
    });
    assert.equal(yaml.status, 201, yaml.body.toString());
    const charset = await post('{"metadata":{"name":"of-charset"}}', {
      'content-type': 'application/json; charset=utf-8',
    });
    assert.equal(charset.status, 201, charset.body.toString());
    assert.equal((await post('{"metadata":{"name":"of-nothing"}}', {})).status, 201);
    const text = await post('{}', { 'content-type': 'text/plain' });
    assert.deepEqual([text.status, parsed(text)['reason']], [415, 'UnsupportedMediaType']);
    const broken = await post('{"metadata":', json);
    assert.deepEqual([broken.status, parsed(broken)['reason']], [400, 'BadRequest']);
    assert.equal((await post('[]', json)).status, 400);
    assert.equal((await post('', json)).status, 400);
    const large = await post(JSON.stringify({ metadata: { name: 'large' }, data: { a: 'x'.repeat(4 << 20) } }), json);
    assert.deepEqual([large.status, parsed(large)['reason']], [413, 'RequestEntityTooLarge']);
    assert.equal((await ask('/readyz')).status, 200, 'the next request is served');
  });

  test('who asks is known by a certificate or a token; nobody may look at health and version only', async () => {
    const anonymous = async (path: string, headers: Record<string, string> = {}) =>
      ask(path, { anonymous: true, headers });
    for (const path of ['/version', '/healthz', '/readyz', '/livez'])
      assert.equal((await anonymous(path)).status, 200, path);
    const refused = await anonymous('/api/v1/pods');
    assert.equal(refused.status, 403);
    assert.match(String(parsed(refused)['message']), /User "system:anonymous" cannot list resource "pods"/);
    const wrong = await anonymous('/api/v1/pods', { authorization: 'Bearer wrong' });
    assert.deepEqual([wrong.status, parsed(wrong)['reason']], [401, 'Unauthorized']);

    const review = { method: 'POST', headers: json, body: '{}' };
    const issued = await ask('/api/v1/namespaces/default/serviceaccounts/default/token', review);
    assert.equal(issued.status, 201, issued.body.toString());
    const { token } = parsed(issued)['status'] as { token: string };
    const whoami = await ask('/apis/authentication.k8s.io/v1/selfsubjectreviews', {
      ...review,
      anonymous: true,
      headers: { ...json, authorization: `Bearer ${token}` },
    });
    const { userInfo } = parsed(whoami)['status'] as { userInfo: { username: string } };
    assert.equal(userInfo.username, 'system:serviceaccount:default:default');
  });

  test('large answers are compressed for whom it helps', async () => {
    const { headers, body } = await ask('/openapi/v2', { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(headers['content-encoding'], 'gzip');
    assert.match(gunzipSync(body).subarray(0, 40).toString(), /"swagger":"2\.0"/);
    assert.equal((await ask('/openapi/v2')).headers['content-encoding'], undefined);
  });

  test('a watch is a line of JSON for each event, sent at once, over one answer that ends at its time', async () => {
    const lines: string[] = [];
    let ended = false;
    const watching = https.request(
      new URL(`${configMaps}?watch=true&timeoutSeconds=3&fieldSelector=metadata.name%3Dseen`, connection.server),
      { ...identity(), agent: false },
      (response) => {
        assert.equal(response.headers['transfer-encoding'], 'chunked');
        assert.equal(response.headers['content-type'], 'application/json');
        let rest = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          const parts = (rest + chunk).split('\n');
          rest = parts.pop() ?? '';
          lines.push(...parts);
        });
        response.once('end', () => (ended = true));
      },
    );
    watching.end();
    await create('unseen');
    await create('seen');
    await eventually('the event, before the end', () => lines.length === 1 && !ended);
    await ask(`${configMaps}/seen`, { method: 'DELETE' });
    await eventually('the end', () => ended);
    const types = lines.map((line) => (JSON.parse(line) as { type: string }).type);
    assert.deepEqual(types, ['ADDED', 'DELETED']);
  });

  test('over HTTP/2, many at once on one connection, watches among them', async () => {
    const session = http2.connect(connection.server, identity());
    const get = (path: string) =>
      new Promise<[number, string]>((resolve, reject) => {
        const stream = session.request({ ':path': path, accept: 'application/json' });
        let status = 0;
        let text = '';
        stream.once('response', (headers) => (status = Number(headers[':status'])));
        stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        stream.once('error', reject);
        stream.once('end', () => resolve([status, text]));
      });
    try {
      const watches = Array.from({ length: 20 }, () =>
        get(`${configMaps}?watch=true&timeoutSeconds=1&resourceVersion=0`),
      );
      const lists = await Promise.all(Array.from({ length: 100 }, () => get(configMaps)));
      assert.ok(lists.every(([status, text]) => status === 200 && text.startsWith('{"kind":"ConfigMapList"')));
      assert.equal((await get('/api/v1/nodes/nope'))[0], 404);
      for (const [status, text] of await Promise.all(watches)) {
        assert.equal(status, 200);
        assert.match(text, /^\{"type":"ADDED"/);
      }
    } finally {
      session.close();
    }
  });

  test('impersonation takes rights away', async () => {
    const as = (user: string, more: Record<string, string> = {}) =>
      ask('/api/v1/nodes', { headers: { 'impersonate-user': user, ...more } });
    assert.equal((await as('jane')).status, 403);
    assert.equal((await as('jane', { 'impersonate-group': 'system:masters' })).status, 200);
  });

  test('what is refused by its form is refused in words: queries, paths, names', async () => {
    const refusals: readonly (readonly [path: string, status: number])[] = [
      [`${configMaps}?labelSelector=a%20in%20b`, 400],
      [`${configMaps}?fieldSelector=data.a%3Db`, 400],
      [`${configMaps}?limit=many`, 400],
      [`${configMaps}?resourceVersion=x`, 400],
      [`${configMaps}?continue=x&limit=1`, 400],
      [`${configMaps}?watch=true&resourceVersion=x`, 400],
      ['/api/v2/pods', 404],
      ['/apis/apps/v1beta1/deployments', 404],
      ['/api/v1/podz', 404],
      ['/api/v1/namespaces/default/pods/a/b/c', 404],
    ];
    for (const [path, status] of refusals) {
      const answer = await ask(path);
      assert.equal(answer.status, status, `${path}: ${answer.body.toString()}`);
    }
    assert.equal((await ask('/readyz')).status, 200);
  });
});
