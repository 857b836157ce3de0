import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server, ServerCredentials } from '@grpc/grpc-js';
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
    responseSerialize: (status: ServingStatus) => Buffer.from([0x08, servingStatuses.indexOf(status)]),
    responseDeserialize: () => 'UNKNOWN',
  };
  const answer = (
    { request: { service } }: { request: { service: string } },
    done: (error: null, status: ServingStatus) => void,
  ): void => {
    if (service !== 'hangs') done(null, states[service] ?? 'SERVICE_UNKNOWN');
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
  assert.match((await ask('hangs', 50)).message, /did not complete within 50ms/);
  close();
  const gone = await ask('', 2000);
  assert.equal(gone.ok, false);
  assert.notEqual(gone.message, '');
});
