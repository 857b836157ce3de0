import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { RealClock } from '../../lib/clock.ts';
import { CertificateAuthority } from '../certificates/certificate-authority.ts';
import type { Exchange } from './exchange.ts';
import { listen } from './listener.ts';

const times = { headersMsMax: 300, idleMsMax: 300, checkIntervalMs: 50 };
const noCheck = { rejectUnauthorized: false } as const;

async function startListener(t: TestContext, exchange: (exchange: Exchange) => void): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'naru-listener-'));
  const clock = new RealClock();
  const authority = await CertificateAuthority.open({ folder, clock });
  const certificate = await authority.servingCertificate(['127.0.0.1']);
  const clientAuthority = authority.certificate;
  const options = { certificate, clientAuthority, exchange, upgrades: [], times, clock };
  const listener = await listen('127.0.0.1', 0, options);
  t.after(async () => {
    listener.destroy();
    await listener.close();
    await rm(folder, { recursive: true });
  });
  return listener.port;
}

test('a connection over which no whole request comes is closed', { timeout: 10_000 }, async (t) => {
  const port = await startListener(t, () => {});
  for (const sent of ['', 'GET /version HTTP/1.1\r\nHost: x\r\n']) {
    const socket = connect({ port, host: '127.0.0.1', ...noCheck }).resume();
    socket.on('error', () => {});
    socket.write(sent);
    await once(socket, 'close');
  }
});

test('over HTTP/2, too, but not while a request is under way', { timeout: 10_000 }, async (t) => {
  const exchanges: Exchange[] = [];
  const port = await startListener(t, (exchange) => void exchanges.push(exchange));
  const session = connectHttp2(`https://127.0.0.1:${port}`, noCheck);
  const stream = session.request({ ':path': '/watch' });
  const answered = once(stream, 'response');
  await new RealClock({ keepsAlive: true }).sleep(3 * times.idleMsMax);
  exchanges[0]?.respond(200, {}, 'late');
  const [head] = (await answered) as [Record<string, unknown>];
  assert.equal(head[':status'], 200);
  stream.resume();
  await once(session, 'close');
});
