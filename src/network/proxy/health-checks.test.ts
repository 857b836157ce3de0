import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { silentLogger } from '../../lib/log.ts';
import { HealthChecks } from './health-checks.ts';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function ask(port: number): Promise<{ status: number; weight: string | null; body: unknown }> {
  for (let tries = 0; ; tries++) {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`).catch((error: unknown) => {
      if (tries > 100) throw error;
    });
    if (response === undefined) continue;
    const weight = response.headers.get('x-load-balancing-endpoint-weight');
    return { status: response.status, weight, body: await response.json() };
  }
}

test('a health check says how many endpoints are here, until its Service wants none', async () => {
  const checks = new HealthChecks({ log: silentLogger, address: '127.0.0.1', failed: (_, why) => assert.fail(why) });
  const port = await freePort();
  checks.set('default/web', { service: 'default/web', port, localEndpoints: 2 });
  const service = { namespace: 'default', name: 'web' };
  assert.deepEqual(await ask(port), {
    status: 200,
    weight: '2',
    body: { service, localEndpoints: 2, serviceProxyHealthy: true },
  });
  checks.set('default/web', { service: 'default/web', port, localEndpoints: 0 });
  assert.deepEqual(await ask(port), {
    status: 503,
    weight: '0',
    body: { service, localEndpoints: 0, serviceProxyHealthy: true },
  });
  checks.set('default/web', undefined);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  checks.close();
});

test('a port that is taken is told with its Service, and tried again when the Service changes', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const failed: string[] = [];
  let tell = (): void => {};
  const checks = new HealthChecks({
    log: silentLogger,
    address: '127.0.0.1',
    failed: ({ service }, why) => {
      failed.push(`${service}: ${why}`);
      tell();
    },
  });
  const told = new Promise<void>((resolve) => (tell = resolve));
  checks.set('default/web', { service: 'default/web', port, localEndpoints: 1 });
  await told;
  assert.match(failed[0] ?? '', /^default\/web: listen EADDRINUSE/);
  other.close();
  await once(other, 'close');
  checks.set('default/web', { service: 'default/web', port, localEndpoints: 1 });
  assert.equal((await ask(port)).status, 200);
  checks.close();
});

test('who opens many connections to a health check does not use up those of the agent', async (context) => {
  const checks = new HealthChecks({ log: silentLogger, address: '127.0.0.1', failed: (_, why) => assert.fail(why) });
  const port = await freePort();
  checks.set('default/web', { service: 'default/web', port, localEndpoints: 1 });
  await ask(port);
  const sockets = Array.from({ length: 200 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    checks.close();
  });
  const ends = await Promise.race([
    Promise.all(sockets.slice(150).map((socket) => once(socket, 'close'))),
    once(sockets[0] as (typeof sockets)[number], 'close').then(() => 'the first'),
  ]);
  assert.notEqual(ends, 'the first');
});
