import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttp } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect, createServer as createTcp, type Server } from 'node:net';
import { Readable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { dialProtocol, parseDialPath } from '../../client/node-proxy.ts';
import { RealClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { OutsideFault } from '../../registry/outside.ts';
import { NodeConnectionTable } from '../node-tunnel.ts';
import { FakeRegistry } from '../testing.ts';
import { OutsideWay } from './outside.ts';
import { type ServingCertificate, servingCertificate } from './testing.ts';

const clock = new RealClock();

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const echo: Answer = (request, response, body) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ url: request.url, body: JSON.parse(body) as object }));
};

interface Listening {
  readonly port: number;
  /** Connections that were ever opened. */
  connections: number;
}

async function listening(t: TestContext, server: Server): Promise<Listening> {
  const told: Listening = { port: 0, connections: 0 };
  server.on('connection', (socket) => {
    told.connections++;
    t.after(() => socket.destroy());
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.after(() => server.close());
  return Object.assign(told, { port: (server.address() as AddressInfo).port });
}

function webhook(t: TestContext, { certificate, key }: ServingCertificate, answer: Answer = echo): Promise<Listening> {
  const server = createServer({ cert: certificate, key }, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => void (body += chunk));
    request.on('end', () => answer(request, response, body));
  });
  return listening(t, server);
}

function world(t: TestContext) {
  const handler = new FakeRegistry();
  const nodes = new NodeConnectionTable();
  const way = new OutsideWay({
    handler: () => handler,
    resources: resourceTable(),
    nodes,
    clock,
    prng: new SeededPrng(1),
  });
  t.after(() => way.close());
  return { handler, nodes, way };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** The message of the fault that the call ends with. */
async function faultOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    assert.ok(error instanceof OutsideFault, String(error));
    return error.message;
  }
  return 'no fault';
}

test('JSON is posted to a URL and its answer read, over one connection that is kept', async (t) => {
  const serving = await servingCertificate(['localhost']);
  const { way } = world(t);
  const server = await webhook(t, serving);
  const target = { url: `https://localhost:${server.port}/validate`, caBundle: base64(serving.authority) };
  for (let turn = 0; turn < 3; turn++) {
    const answer = await way.post(target, { turn }, { timeoutMs: 10_000, tellsTimeout: true });
    assert.deepEqual(answer, { url: '/validate?timeout=10s', body: { turn } });
  }
  assert.equal(server.connections, 1);
});

test('a certificate must be for the name, vouched for by the bundle, and in its time', async (t) => {
  const good = await servingCertificate(['localhost']);
  const other = await servingCertificate(['example.com', 'example.org']);
  const unnamed = await servingCertificate([]);
  const expired = await servingCertificate(['localhost'], { expired: true });
  const cases: readonly (readonly [ServingCertificate, string, RegExp])[] = [
    [good, other.authority, /tls: failed to verify certificate: x509: certificate signed by unknown authority$/],
    [other, other.authority, /x509: certificate is valid for example\.com, example\.org, not localhost$/],
    [unnamed, unnamed.authority, /x509: certificate relies on legacy Common Name field, use SANs instead$/],
    [expired, expired.authority, /x509: certificate has expired or is not yet valid$/],
    [good, 'no certificate', /unable to load root certificates: unable to parse bytes as PEM block$/],
  ];
  for (const [serving, authority, message] of cases) {
    const { way } = world(t);
    const { port } = await webhook(t, serving);
    const target = { url: `https://localhost:${port}/`, caBundle: base64(authority) };
    const fault = await faultOf(way.post(target, {}, { timeoutMs: 5_000 }));
    assert.match(fault, message);
    assert.ok(fault.startsWith(`Post "https://localhost:${port}/": `), fault);
  }
});

test('what hangs ends at its time, and what is no such server is said to be none', async (t) => {
  const serving = await servingCertificate(['localhost']);
  const { way } = world(t);
  const silent = await webhook(t, serving, () => {});
  const plain = await listening(
    t,
    createHttp((_request, response) => response.end('{}')),
  );
  const mute = await listening(t, createTcp());
  const closed = await listening(
    t,
    createTcp((socket) => socket.destroy()),
  );
  const at = ({ port }: Listening) => ({ url: `https://localhost:${port}/a`, caBundle: base64(serving.authority) });
  const ask = (server: Listening) => faultOf(way.post(at(server), {}, { timeoutMs: 200, tellsTimeout: true }));
  const timeout = (server: Listening): string =>
    `Post "https://localhost:${server.port}/a?timeout=200ms": context deadline exceeded`;
  assert.equal(await ask(silent), timeout(silent));
  assert.equal(await ask(mute), timeout(mute));
  assert.match(await ask(plain), /: http: server gave HTTP response to HTTPS client$/);
  assert.match(await ask(closed), /: EOF$/);
  const free = await listening(t, createTcp());
  const gone = createTcp();
  await once(gone.listen(0, '127.0.0.1'), 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  assert.notEqual(port, free.port);
  assert.match(
    await ask({ port, connections: 0 }),
    new RegExp(`: dial tcp localhost:${port}: connect: connection refused$`),
  );
});

test('an answer that is none is told in the words of upstream’s client', async (t) => {
  const serving = await servingCertificate(['localhost']);
  const { way } = world(t);
  const answers: readonly (readonly [number, string, string, string])[] = [
    [404, 'text/plain', '404 page not found', 'the server could not find the requested resource'],
    [500, 'text/plain', 'it broke\n', 'an error on the server ("it broke") has prevented the request from succeeding'],
    [500, 'application/json', '{}', 'an error on the server ("unknown") has prevented the request from succeeding'],
    [503, '', '', 'the server is currently unable to handle the request'],
    [302, 'text/plain', '', 'the server responded with the status code 302 but did not return more information'],
    [200, 'text/plain', '', '0-length response with status code: 200 and content type: text/plain'],
    [
      200,
      '',
      'hello',
      "couldn't get version/kind; json parse error: invalid character 'h' looking for beginning of value",
    ],
    [200, '', '[]', "couldn't get version/kind; json parse error: json: cannot unmarshal into Go value of type struct"],
    [403, 'application/json', '{"kind":"Status","status":"Failure","message":"not you"}', 'not you'],
  ];
  let turn = 0;
  const server = await webhook(t, serving, (_request, response) => {
    const [status, type, body] = answers[turn] ?? [200, '', '{}', ''];
    response.writeHead(status, { location: '/elsewhere', ...(type !== '' && { 'content-type': type }) }).end(body);
  });
  const target = { url: `https://localhost:${server.port}/`, caBundle: base64(serving.authority) };
  for (const [, , , expected] of answers) {
    assert.equal(await faultOf(way.post(target, {}, { timeoutMs: 5_000 })), expected);
    turn++;
  }
  assert.equal(turn, answers.length);
});

test('a storm of calls opens so many connections and no more, and keeps them for the next', async (t) => {
  const serving = await servingCertificate(['localhost']);
  const { way } = world(t);
  const server = await webhook(t, serving);
  const target = { url: `https://localhost:${server.port}/`, caBundle: base64(serving.authority) };
  const storm = () =>
    Promise.all(Array.from({ length: 400 }, (_, turn) => way.post(target, { turn }, { timeoutMs: 60_000 })));
  for (const [turn, answer] of (await storm()).entries()) assert.deepEqual(answer['body'], { turn });
  assert.ok(server.connections <= limits.outsideConnectionsMax, String(server.connections));
  const before = server.connections;
  await storm();
  assert.ok(server.connections <= before + 5, `${server.connections} after ${before}`);
});

test('a call that waits for its turn ends at its time', async (t) => {
  const serving = await servingCertificate(['localhost']);
  const { way } = world(t);
  const silent = await webhook(t, serving, () => {});
  const target = { url: `https://localhost:${silent.port}/`, caBundle: base64(serving.authority) };
  const held = Array.from({ length: limits.outsideConnectionsMax }, () => way.post(target, {}, { timeoutMs: 3_000 }));
  const last = faultOf(way.post(target, {}, { timeoutMs: 100 }));
  assert.match(await last, /context deadline exceeded$/);
  for (const one of await Promise.allSettled(held)) assert.equal(one.status, 'rejected');
});

test('an answer without end is not read to the end', async (t) => {
  const serving = await servingCertificate(['localhost']);
  const { way } = world(t);
  const megabyte = Buffer.alloc(1024 * 1024, ' ');
  const server = await webhook(t, serving, (_request, response) => {
    const more = Readable.from(
      (function* () {
        for (;;) yield megabyte;
      })(),
    );
    response.once('close', () => more.destroy());
    more.on('error', () => {}).pipe(response);
  });
  const target = { url: `https://localhost:${server.port}/`, caBundle: base64(serving.authority) };
  assert.match(await faultOf(way.post(target, {}, { timeoutMs: 20_000 })), /the answer has more than \d+ bytes/);
});

test('a connection that the far end closed meanwhile costs no failure', async (t) => {
  const serving = await servingCertificate(['localhost']);
  const { way } = world(t);
  let turn = 0;
  const server = await webhook(t, serving, (request, response, body) => {
    // The second request over a connection finds it closed.
    if (++turn === 2) return void request.socket.destroy();
    echo(request, response, body);
  });
  const target = { url: `https://localhost:${server.port}/`, caBundle: base64(serving.authority) };
  await way.post(target, { turn: 1 }, { timeoutMs: 5_000 });
  assert.deepEqual(await way.post(target, { turn: 2 }, { timeoutMs: 5_000 }), { url: '/', body: { turn: 2 } });
  assert.equal(server.connections, 2);
});

const service = (more: object = {}): KubeObject =>
  ({
    kind: 'Service',
    metadata: { namespace: 'default', name: 'hook' },
    spec: { ports: [{ name: 'https', port: 443 }], ...more },
  }) as KubeObject;

const slice = (endpoints: readonly object[], port: number): KubeObject =>
  ({
    kind: 'EndpointSlice',
    metadata: { namespace: 'default', name: 'hook-1', labels: { 'kubernetes.io/service-name': 'hook' } },
    endpoints,
    ports: [{ name: 'https', port }],
  }) as KubeObject;

const pod = (name: string, ip: string): KubeObject =>
  ({
    kind: 'Pod',
    metadata: { namespace: 'default', name },
    spec: { nodeName: `node-of-${name}`, containers: [] },
    status: { podIP: ip, podIPs: [{ ip }] },
  }) as KubeObject;

const endpointOf = (name: string, ip: string, ready = true): object => ({
  addresses: [ip],
  conditions: { ready },
  targetRef: { kind: 'Pod', name },
});

test('a Service is reached through the node of one of its ready pods, and proves by its certificate that it is the Service', async (t) => {
  const serving = await servingCertificate(['hook.default.svc']);
  const { way, handler, nodes } = world(t);
  const server = await webhook(t, serving);
  handler.add('services', service());
  handler.add('pods', pod('a', '10.0.0.1'));
  handler.add('pods', pod('b', '10.0.0.2'));
  handler.add('pods', pod('c', '10.0.0.3'));
  handler.add(
    'endpointslices.discovery.k8s.io',
    slice([endpointOf('a', '10.0.0.1'), endpointOf('b', '10.0.0.2'), endpointOf('c', '10.0.0.3', false)], 8443),
  );
  const dialled: object[] = [];
  // Pod a's node is away: every call gets to b.
  nodes.register('node-of-b', {
    handle: async ({ path, upgrade }) => {
      dialled.push({ ...parseDialPath(path), upgrade });
      const connection = connect(server.port, '127.0.0.1');
      return { status: 101, headers: {}, body: Readable.from([]), connection };
    },
  });
  const target = { service: { namespace: 'default', name: 'hook', path: '/v' }, caBundle: base64(serving.authority) };
  for (let turn = 0; turn < 4; turn++) {
    assert.deepEqual(await way.post(target, { turn }, { timeoutMs: 5_000 }), { url: '/v', body: { turn } });
    await way.close();
  }
  const expected = { pod: { namespace: 'default', name: 'b' }, port: 8443, upgrade: dialProtocol };
  assert.deepEqual(dialled, [expected, expected, expected, expected]);
});

test('why a Service cannot be reached is said in upstream’s words', async (t) => {
  const target = { service: { namespace: 'default', name: 'hook' } };
  const cases: readonly (readonly [readonly (readonly [string, KubeObject])[], string])[] = [
    [[], 'service "hook" not found'],
    [[['services', service({ ports: [{ port: 80 }] })]], 'no service port 443 found for service "hook"'],
    [[['services', service()]], 'no endpoints available for service "hook"'],
    [[['services', service({ type: 'Other' })]], 'unsupported service type "Other"'],
    [
      [
        ['services', service()],
        ['pods', pod('a', '10.0.0.1')],
        ['endpointslices.discovery.k8s.io', slice([endpointOf('a', '10.0.0.9'), endpointOf('b', '10.0.0.1')], 1)],
      ],
      'no endpoints available for service "hook"',
    ],
    [
      [
        ['services', service()],
        ['endpointslices.discovery.k8s.io', slice([{ addresses: ['127.0.0.1'] }, { addresses: ['169.254.1.1'] }], 1)],
      ],
      'no endpoints available for service "hook"',
    ],
    [
      [
        ['services', service()],
        ['pods', pod('a', '10.0.0.1')],
        ['endpointslices.discovery.k8s.io', slice([endpointOf('a', '10.0.0.1')], 8443)],
      ],
      'dial tcp 10.0.0.1:8443: node "node-of-a" is not connected',
    ],
  ];
  for (const [objects, message] of cases) {
    const { way, handler } = world(t);
    for (const [collection, object] of objects) handler.add(collection, object);
    const fault = await faultOf(way.post(target, {}, { timeoutMs: 5_000 }));
    assert.equal(fault, `Post "https://hook.default.svc:443/": ${message}`);
  }
});

test('a Service that is another name for somebody outside is dialled there, and checked for its own name', async (t) => {
  const serving = await servingCertificate(['hook.default.svc']);
  const { way, handler } = world(t);
  const server = await webhook(t, serving);
  handler.add('services', service({ type: 'ExternalName', externalName: 'localhost', ports: undefined }));
  const target = {
    service: { namespace: 'default', name: 'hook', port: server.port },
    caBundle: base64(serving.authority),
  };
  assert.deepEqual(await way.post(target, {}, { timeoutMs: 5_000 }), { url: '/', body: {} });
});

test('a Service and a URL of the same name are two places, each with connections of its own', async (t) => {
  const { way } = world(t);
  const service = { name: 'hook', namespace: 'shop', port: 8443 };
  const options = { timeoutMs: 10_000 };
  assert.match(await faultOf(way.post({ service }, {}, options)), /service "hook" not found$/);
  const byName = await faultOf(way.post({ url: 'https://hook.shop.svc:8443/' }, {}, options));
  assert.doesNotMatch(byName, /service "hook" not found/);
});
