/** The server and the client of the DNS over real sockets of the loopback. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import { type TestContext, test } from 'node:test';
import { type Forwarded, questionBytes } from './questions.ts';
import { type Answerer, DnsServer } from './server.ts';
import { decode, fillZone, makeService, makeSlice, query, shown, testDns } from './testing.ts';
import { exchange, framed } from './upstream.ts';

const web = 'web.shop.svc.cluster.local';

async function serve(t: TestContext, answer?: Answerer): Promise<{ port: number; reports: string[] }> {
  const { resolver, zone } = testDns();
  fillZone(zone);
  zone.putService(makeService('shop/many', { clusterIP: 'None' }));
  zone.putSlice(
    makeSlice(
      'shop/many',
      Array.from({ length: 200 }, (_, index) => ({ ip: `10.42.0.${index}` })),
    ),
  );
  const reports: string[] = [];
  const server = new DnsServer({
    address: '127.0.0.1',
    port: 0,
    answer: answer ?? ((bytes, transport) => resolver.answer(bytes, transport)),
    report: (message) => void reports.push(message),
  });
  await server.start();
  t.after(() => server.close());
  return { port: server.port, reports };
}

const asking = (name: string): Forwarded => ({
  question: questionBytes(name, 1),
  dnssecOk: false,
  checkingDisabled: false,
});

/** Whether or not it failed before. */
function heard(socket: net.Socket, event: 'close' | 'data'): Promise<void> {
  return new Promise((resolve) => socket.once(event, () => resolve()));
}

/** Reads messages out of a connection until there are `count`, or it ends. */
async function messages(socket: net.Socket, count: number): Promise<Buffer[]> {
  let received = Buffer.alloc(0);
  const found: Buffer[] = [];
  for await (const bytes of socket) {
    received = Buffer.concat([received, bytes as Buffer]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      found.push(received.subarray(2, 2 + received.readUInt16BE(0)));
      received = received.subarray(2 + received.readUInt16BE(0));
    }
    if (found.length >= count) break;
  }
  return found;
}

test('our own client asks our own server: by UDP, and by TCP what was cut', async (t) => {
  const { port } = await serve(t);
  const signal = AbortSignal.timeout(5000);
  const server = { address: '127.0.0.1', port };
  const small = await exchange(server, asking(web), signal);
  assert.deepEqual(shown(decode(small.bytes).answers), ['A 10.43.7.7']);
  const large = await exchange(server, asking('many.shop.svc.cluster.local'), signal);
  assert.deepEqual([large.answers.length, large.isTruncated], [200, false]);
});

test('a client hears at once that a port is closed, and nothing after its signal', async (t) => {
  const { port } = await serve(t);
  const free = dgram.createSocket('udp4');
  free.bind(0, '127.0.0.1');
  await once(free, 'listening');
  const closed = free.address().port;
  await new Promise<void>((resolve) => free.close(() => resolve()));
  const server = { address: '127.0.0.1', port: closed };
  await assert.rejects(exchange(server, asking(web), AbortSignal.timeout(5000)), { code: 'ECONNREFUSED' });
  const aborted = AbortSignal.abort(new Error('too late'));
  await assert.rejects(exchange({ ...server, port }, asking(web), aborted), { message: 'too late' });
});

test('several questions on one connection are answered, also in pieces, and after the client has said its last', async (t) => {
  const { port } = await serve(t);
  const socket = net.connect({ host: '127.0.0.1', port });
  const questions = Buffer.concat(Array.from({ length: 200 }, (_, id) => framed(query(web, {}, id))));
  for (let offset = 0; offset < questions.length; offset += 777) socket.write(questions.subarray(offset, offset + 777));
  socket.end();
  const ids = (await messages(socket, 200)).map((bytes) => decode(bytes).id ?? -1);
  assert.deepEqual(
    ids.toSorted((a, b) => a - b),
    Array.from({ length: 200 }, (_, id) => id),
  );
});

test('answers that are known later overtake nothing and are not lost', async (t) => {
  const waiting: (() => void)[] = [];
  const { port } = await serve(t, async (bytes) => {
    if (bytes.readUInt16BE(0) === 1) await new Promise<void>((resolve) => waiting.push(resolve));
    return bytes;
  });
  const socket = net.connect({ host: '127.0.0.1', port });
  t.after(() => socket.destroy());
  socket.write(Buffer.concat([framed(query(web, {}, 1)), framed(query(web, {}, 2))]));
  const [first] = (await once(socket, 'data')) as [Buffer];
  assert.equal(first.readUInt16BE(2), 2);
  waiting[0]?.();
  const [second] = (await once(socket, 'data')) as [Buffer];
  assert.equal(second.readUInt16BE(2), 1);
});

test('who sends what is no question, or too much, is let go; and one address has so many connections', async (t) => {
  const { port } = await serve(t);
  for (const bytes of [Buffer.from([0xff, 0xff, 0]), Buffer.from([0, 0]), framed(Buffer.alloc(5))]) {
    const socket = net.connect({ host: '127.0.0.1', port });
    socket.on('error', () => {});
    socket.write(bytes);
    await heard(socket, 'close');
  }
  const sockets = Array.from({ length: 70 }, () => net.connect({ host: '127.0.0.1', port }));
  t.after(() => sockets.map((socket) => socket.destroy()));
  for (const socket of sockets) {
    socket.on('error', () => {});
    socket.write(framed(query(web)));
  }
  const outcomes = await Promise.all(
    sockets.map((socket) => Promise.race([heard(socket, 'data').then(() => 1), heard(socket, 'close').then(() => 0)])),
  );
  assert.equal(
    outcomes.reduce<number>((sum, one) => sum + one, 0),
    64,
  );
});

test('an address that another program listens on is refused, and nothing stays half open', async (t) => {
  const { port } = await serve(t);
  const second = new DnsServer({ address: '127.0.0.1', port, answer: () => undefined, report: () => {} });
  await assert.rejects(second.start(), { code: 'EADDRINUSE' });
  const blocker = net.createServer();
  blocker.listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  t.after(() => blocker.close());
  const taken = (blocker.address() as net.AddressInfo).port;
  const third = new DnsServer({ address: '127.0.0.1', port: taken, answer: () => undefined, report: () => {} });
  await assert.rejects(third.start(), { code: 'EADDRINUSE' });
  const udp = dgram.createSocket('udp4');
  t.after(() => udp.close());
  udp.bind(taken, '127.0.0.1');
  await once(udp, 'listening');
});
