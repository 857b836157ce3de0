import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server, ServerCredentials, status } from '@grpc/grpc-js';
import { encodeRequest, grpcHealth, type ServingStatus, servingStatuses } from './grpc-health.ts';

/** A server that tells each service's state; `hangs` gives no answer. */
async function serve(states: Readonly<Record<string, ServingStatus>>): Promise<{ port: number; close: () => void }> {
  const server = new Server();
  const check = {
    path: '/grpc.health.v1.Health/Check',
    requestStream: false,
    responseStream: false,
    requestSerialize: encodeRequest,
    requestDeserialize: (bytes: Buffer) => ({ service: bytes.subarray(2).toString() }),
    responseSerialize: (state: ServingStatus) => Buffer.from([0x08, servingStatuses.indexOf(state)]),
    responseDeserialize: () => 'UNKNOWN',
  };
  const answer = (
    { request: { service } }: { request: { service: string } },
    done: (error: { code: status; details: string } | null, state?: ServingStatus) => void,
  ): void => {
    if (service === 'lost') done({ code: status.NOT_FOUND, details: 'unknown service' });
    else if (service !== 'hangs') done(null, states[service] ?? 'SERVICE_UNKNOWN');
  };
  server.addService({ Check: check }, { Check: answer });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return { port, close: () => server.forceShutdown() };
}

test('a service that serves is healthy; one that does not, hangs or is not there says so', async (t) => {
  const { port, close } = await serve({ '': 'SERVING', cart: 'NOT_SERVING' });
  t.after(close);
  const ask = (service: string, timeoutMs = 5000) => grpcHealth({ host: '127.0.0.1', port, service }, timeoutMs);
  assert.deepEqual(await ask(''), { ok: true, message: '' });
  assert.deepEqual(await ask('cart'), { ok: false, message: 'service unhealthy (responded with "NOT_SERVING")' });
  assert.deepEqual(await ask('other'), { ok: false, message: 'service unhealthy (responded with "SERVICE_UNKNOWN")' });
  assert.equal((await ask('hangs', 500)).message, 'timeout: health rpc did not complete within 0.5s');
  close();
  assert.deepEqual(await ask('', 500), {
    ok: false,
    message: `timeout: failed to connect service "127.0.0.1:${port}" within 0.5s: context deadline exceeded`,
  });
});

test('a server without the health protocol says so, and an error of its own is told with Go’s name for it', async (t) => {
  const { port, close } = await serve({});
  t.after(close);
  const plain = new Server();
  t.after(() => plain.forceShutdown());
  const bound = await new Promise<number>((resolve, reject) => {
    plain.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, at) =>
      error ? reject(error) : resolve(at),
    );
  });
  const unknown = await grpcHealth({ host: '127.0.0.1', port: bound, service: '' }, 5000);
  assert.match(
    unknown.message,
    /^error: this server does not implement the grpc health protocol \(grpc\.health\.v1\.Health\): /,
  );
  const failed = await grpcHealth({ host: '127.0.0.1', port, service: 'lost' }, 5000);
  assert.equal(failed.message, 'error: health rpc probe failed: rpc error: code = NotFound desc = unknown service');
});
