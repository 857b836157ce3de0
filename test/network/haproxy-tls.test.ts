/** TLS, connections that are passed on as bytes, and what else lies below requests, with the real HAProxy. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http2 from 'node:http2';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';
import { make } from '../../src/network/gateway/haproxy/testing.ts';
import type { Entry, Plan, Route } from '../../src/network/gateway/plan.ts';
import { eventually } from '../harness.ts';
import { ask, freePort, HaproxyLab, type LabServer, selfSigned } from './haproxy-lab.ts';
import { needsNetwork } from './net-lab.ts';

const [fallback, shop, other] = ['default.test', 'shop.test', 'other.test'].map(selfSigned) as [Pem, Pem, Pem];
type Pem = ReturnType<typeof selfSigned>;

describe('HAProxy and connections', needsNetwork, () => {
  const lab = new HaproxyLab();
  let port = 0;
  let a: LabServer;
  before(async () => {
    port = await freePort();
    a = await lab.server('a');
  });
  after(() => lab.close());

  const plan = (more: Partial<Entry>, ...routes: Route[]): Plan =>
    make.plan(
      [make.entry(port, [make.host('*', ...routes, make.route('/', 'a'))], { protocol: 'https', ...more })],
      [make.backend('a', [make.server(a.port)])],
    );
  const nameSeen = async (serverName: string): Promise<string> => {
    const socket = tls.connect({ port, host: '127.0.0.1', servername: serverName, rejectUnauthorized: false });
    try {
      await once(socket, 'secureConnect');
      return String(socket.getPeerCertificate().subject.CN);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? 'failed';
    } finally {
      socket.destroy();
    }
  };

  test('end TLS by server name; other names get the default, or nothing', async () => {
    const certificates = [
      make.certificate('*', fallback.pem),
      make.certificate('shop.test', shop.pem),
      make.certificate('*.wild.test', other.pem),
    ];
    assert.deepEqual(await lab.apply(plan({ certificates })), []);
    const names = ['shop.test', 'x.wild.test', 'else.test'];
    assert.deepEqual(await Promise.all(names.map(nameSeen)), ['shop.test', 'other.test', 'default.test']);
    const { asked } = await ask(port, { serverName: 'shop.test' });
    assert.equal(asked?.headers['x-forwarded-proto'], 'https');
    await lab.apply(plan({ certificates: certificates.slice(1) }));
    assert.equal(await nameSeen('shop.test'), 'shop.test');
    assert.match(await nameSeen('else.test'), /ERR_SSL|ECONNRESET/);
    await lab.apply(plan({ certificates: [] }));
    assert.match(await nameSeen('shop.test'), /ERR_SSL|ECONNRESET/);
  });

  test('take a renewed certificate without a reload', async () => {
    await lab.apply(plan({ certificates: [make.certificate('shop.test', shop.pem)] }));
    const { generation } = lab.haproxy;
    await lab.apply(plan({ certificates: [make.certificate('shop.test', other.pem)] }));
    assert.equal(await nameSeen('shop.test'), 'other.test');
    assert.equal(lab.haproxy.generation, generation);
  });

  test('pass TLS through by server name, with the client in a PROXY header, beside names that end here', async () => {
    const seen: string[] = [];
    const server = await proxiedTls(other, seen);
    const passThrough = [{ serverName: 'pass.test', targets: [make.target('through')], source: make.source() }];
    const through = make.backend('through', [make.server(server.port)], { protocol: 'tcp', sendProxy: 'v1' });
    const base = plan({ certificates: [make.certificate('shop.test', shop.pem)], passThrough });
    assert.deepEqual(await lab.apply({ ...base, backends: new Map([...base.backends, ['through', through]]) }), []);
    assert.equal(await nameSeen('pass.test'), 'other.test');
    assert.match(seen[0] ?? '', /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 /);
    const { asked } = await ask(port, { serverName: 'shop.test' });
    assert.equal(asked?.headers['x-forwarded-for'], '127.0.0.1');
    server.close();
  });

  test('want a certificate of the client where the name does, and send others away', async () => {
    const guarded = make.certificate('shop.test', shop.pem, {
      clientAuthorities: { pem: other.certificate, isOptional: false },
    });
    await lab.apply(plan({ certificates: [guarded, make.certificate('*', fallback.pem)] }));
    await assert.rejects(ask(port, { serverName: 'shop.test', headers: { host: 'shop.test' } }));
    assert.equal((await ask(port, { serverName: 'else.test', headers: { host: 'shop.test' } })).status, 421);
    assert.equal(
      (await ask(port, { serverName: 'else.test', headers: { host: 'else.test', 'ssl-client-verify': 'SUCCESS' } }))
        .asked?.headers['ssl-client-verify'],
      'NONE',
    );
    const client = { key: other.key, cert: other.certificate };
    const socket = tls.connect({
      port,
      host: '127.0.0.1',
      servername: 'shop.test',
      rejectUnauthorized: false,
      ...client,
    });
    socket.write('GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const part of socket) text += String(part);
    assert.match(text, /"ssl-client-verify":"SUCCESS"/);
    assert.match(text, /"ssl-client-subject-dn":"[^"]*other\.test"/);
  });

  test('speak HTTP/2 to clients, and to servers that want it without TLS', async () => {
    const h2c = http2.createServer((request, response) => response.end(`${request.httpVersion} ${request.url}`));
    h2c.listen(0, '127.0.0.1');
    await once(h2c, 'listening');
    const grpc = make.backend('grpc', [make.server((h2c.address() as AddressInfo).port)], { protocol: 'h2c' });
    const base = plan({ certificates: [make.certificate('*', fallback.pem)] }, make.route('/grpc', 'grpc'));
    await lab.apply({ ...base, backends: new Map([...base.backends, ['grpc', grpc]]) });
    const session = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
    const stream = session.request({ ':path': '/grpc/x', ':authority': 'shop.test' });
    let text = '';
    for await (const part of stream) text += String(part);
    assert.equal(text, '2.0 /grpc/x');
    session.destroy();
    h2c.close();
  });

  test('check the certificates of servers', async () => {
    const secure = await lab.server('secure', undefined, { key: shop.key, cert: shop.certificate });
    const statusWith = async (authorities: string, verifiedName: string): Promise<number> => {
      const tlsOptions = { authorities, serverName: 'shop.test', verifiedNames: [verifiedName] };
      const backend = make.backend('a', [], { protocol: 'https', tls: tlsOptions });
      const entry = make.entry(port, [make.host('*', make.route('/', 'a'))]);
      await lab.apply(make.plan([entry], [backend]));
      await lab.apply(make.plan([entry], [{ ...backend, servers: [make.server(secure.port)] }]));
      return (await ask(port)).status;
    };
    assert.equal(await statusWith(shop.certificate, 'shop.test'), 200);
    assert.equal(await statusWith(other.certificate, 'shop.test'), 503);
    assert.equal(await statusWith(shop.certificate, 'else.test'), 500, 'a name that HAProxy cannot compare');
  });

  test('accept PROXY headers from those who send them', async () => {
    const entry = make.entry(port, [make.host('*', make.route('/', 'a'))], { acceptProxyFrom: ['127.0.0.0/8'] });
    await lab.apply(make.plan([entry], [make.backend('a', [make.server(a.port)])]));
    const socket = connect(port, '127.0.0.1');
    socket.write('PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const part of socket) text += String(part);
    assert.match(text, /"x-forwarded-for":"192\.0\.2\.7"/);
  });
});

describe('HAProxy forwards', needsNetwork, () => {
  const lab = new HaproxyLab();
  let port = 0;
  let a: LabServer;
  let b: LabServer;
  before(async () => {
    port = await freePort();
    [a, b] = [await lab.server('a'), await lab.server('b')];
  });
  after(() => lab.close());

  const both = (): Plan['backends'] =>
    new Map([a, b].map(({ name, port }) => [name, make.backend(name, [make.server(port)])]));
  const apply = async (more: Partial<Route>, backends = both()): Promise<void> => {
    const route = make.route('/', 'a', more);
    assert.deepEqual(await lab.apply({ entries: [make.entry(port, [make.host('*', route)])], backends }), []);
  };
  const forward = (options: NonNullable<Extract<Route['action'], { kind: 'forward' }>['options']>): Partial<Route> => ({
    action: { kind: 'forward', targets: [make.target('a')], options },
  });

  test('by weights, and each target with filters of its own', async () => {
    const filters = [
      { kind: 'requestHeaders', change: { set: [{ name: 'x-b', value: 'yes' }], add: [], remove: [] } },
    ] as const;
    const targets = [
      make.target('a', { weight: 90 }),
      make.target('b', { weight: 10, filters }),
      make.target('gone', { weight: 0 }),
    ];
    await apply({ action: { kind: 'forward', targets } });
    const answers = await Promise.all(Array.from({ length: 600 }, () => ask(port)));
    const ofB = answers.filter(({ asked }) => asked?.server === 'b');
    // Six standard deviations.
    assert.ok(Math.abs(ofB.length - 60) < 45, `${ofB.length} of 600`);
    assert.ok(ofB.every(({ asked }) => asked?.headers['x-b'] === 'yes'));
  });

  test('or answers the share of what leads nowhere with its status', async () => {
    await apply({ action: { kind: 'forward', targets: [make.target('gone', { unresolvedStatus: 500 })] } });
    assert.equal((await ask(port)).status, 500);
    await apply({ action: { kind: 'forward', targets: [make.target('a', { weight: 0 })] } });
    assert.equal((await ask(port)).status, 503);
    await apply({ action: { kind: 'respond', status: 200, body: 'two\nlines %[src]', contentType: 'text/x' } });
    const { body, headers } = await ask(port);
    assert.deepEqual([body, headers['content-type']], ['two\nlines %[src]', 'text/x']);
  });

  test('a copy to another backend, with its body, and nobody waits for it', async () => {
    await apply({ filters: [{ kind: 'mirror', backend: 'b', percent: 100 }] });
    b.asked.length = 0;
    const { asked } = await ask(port, {
      method: 'POST',
      path: '/m?x=1',
      body: 'hello',
      headers: { host: 'h.test', 'content-length': '5' },
    });
    assert.equal(asked?.server, 'a');
    const copy = await eventually('the copy', () => b.asked[0]);
    assert.deepEqual([copy.method, copy.url, copy.body, copy.headers['host']], ['POST', '/m?x=1', 'hello', 'h.test']);
    assert.equal(copy.headers['x-naru-mirror'], undefined);
  });

  test('to the same server by a cookie, also after a reload', async () => {
    const backends: Plan['backends'] = new Map([['a', make.backend('a', [make.server(a.port), make.server(b.port)])]]);
    const cookie = { name: 'route', isSession: false, maxAgeSeconds: 100, sameSite: 'Lax', path: '/x' };
    await apply(forward({ cookie }), backends);
    const first = await ask(port);
    const text = String(first.headers['set-cookie']);
    assert.match(text, /^route=[0-9a-f]+;.*HttpOnly.*Path=\/x.*Max-Age=100.*SameSite=Lax/);
    const headers = { cookie: text.split(';')[0] ?? '' };
    for (let round = 0; round < 3; round++) {
      const again = await Promise.all(Array.from({ length: 6 }, () => ask(port, { headers })));
      assert.ok(again.every(({ asked }) => asked?.server === first.asked?.server));
      await apply({ ...forward({ cookie }), id: `r${round}`, match: make.match(round % 2 ? '/' : '') }, backends);
      await lab.haproxy.stop();
      await apply(forward({ cookie }), backends);
    }
  });

  test('by a hash of a header, whoever is asked', async () => {
    const backends: Plan['backends'] = new Map([['a', make.backend('a', [make.server(a.port), make.server(b.port)])]]);
    await apply(forward({ hash: { kind: 'header', name: 'x-user' } }), backends);
    const serverFor = async (user: string): Promise<string | undefined> =>
      (await ask(port, { headers: { 'x-user': user } })).asked?.server;
    const users = Array.from({ length: 20 }, (_, index) => `user-${index}`);
    const before = await Promise.all(users.map(serverFor));
    assert.equal(new Set(before).size, 2);
    await lab.haproxy.stop();
    await apply(forward({ hash: { kind: 'header', name: 'x-user' } }), backends);
    assert.deepEqual(await Promise.all(users.map(serverFor)), before);
  });

  test('within limits: size, rate, time', async () => {
    await apply(forward({ bodyBytesMax: 10 }));
    assert.equal(
      (await ask(port, { method: 'POST', body: 'x'.repeat(11), headers: { 'content-length': '11' } })).status,
      413,
    );
    assert.equal(
      (await ask(port, { method: 'POST', body: 'x'.repeat(10), headers: { 'content-length': '10' } })).status,
      200,
    );
    await apply(forward({ rateLimit: { perSecond: 1, burst: 5 } }));
    const statuses: number[] = [];
    for (let count = 0; count < 8; count++) statuses.push((await ask(port)).status);
    assert.deepEqual(statuses.slice(0, 5), [200, 200, 200, 200, 200]);
    assert.equal(statuses.at(-1), 503);
    const slow = await lab.server('slow', () => {});
    await apply(forward({ requestTimeoutMs: 200 }), new Map([['a', make.backend('a', [make.server(slow.port)])]]));
    assert.equal((await ask(port)).status, 504);
  });

  test('again where a server fails, if that can do no harm', async () => {
    let count = 0;
    const flaky = await lab.server('flaky', (_, response) => {
      response.statusCode = ++count % 3 === 0 ? 200 : 503;
      response.end('{}');
    });
    const backends = new Map([['a', make.backend('a', [make.server(flaky.port)])]]);
    await apply(forward({ retries: { attempts: 3, statuses: [503] } }), backends);
    assert.equal((await ask(port)).status, 200);
    assert.equal(count, 3);
    assert.equal((await ask(port, { method: 'POST' })).status, 503);
    assert.equal(count, 4);
  });

  test('past a server that is not there', async () => {
    const dead = await freePort();
    await apply({}, new Map([['a', make.backend('a', [make.server(dead), make.server(a.port)])]]));
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(port)));
    assert.ok(answers.every(({ asked }) => asked?.server === 'a'));
  });
});

/** A server of TLS behind a PROXY header, which it notes. */
async function proxiedTls({ key, certificate }: Pem, seen: string[]): Promise<{ port: number; close(): void }> {
  const server = createTcpServer((socket: Socket) => {
    socket.once('readable', () => {
      let header = '';
      while (!header.endsWith('\n')) {
        const byte = socket.read(1) as Buffer | null;
        if (byte === null) break;
        header += byte.toString();
      }
      seen.push(header);
      const secure = new tls.TLSSocket(socket, { isServer: true, key, cert: certificate });
      secure.on('error', () => {});
    });
    socket.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}
