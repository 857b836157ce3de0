import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import type { StatusError } from '../../api/status-error.ts';
import { type Clock, RealClock, settle, VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Connection } from './connection.ts';
import { Http1Exchange } from './http1-exchange.ts';

/** A server that takes bodies of 1 KiB, and says why it does not take a larger one. */
async function startServer(clock: Clock = new RealClock()): Promise<{ port: number; close: () => void }> {
  const server = http.createServer((request, response) => {
    const exchange = new Http1Exchange(request, response, {} as Connection, { draining: false, clock });
    exchange.body(1024).then(
      () => exchange.respond(200, {}, 'taken'),
      (error: StatusError) => exchange.respond(error.code, {}, error.message),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { port, close: () => server.close() };
}

/** As blocking clients do: sends all, and only then reads. */
function post(port: number, bytes: number, framing: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }).pause();
    let text = '';
    socket.once('error', reject);
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.once('end', () => resolve(text.split('\r\n').at(0) ?? ''));
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${framing}\r\n\r\n`);
    let left = bytes;
    const send = (): void => {
      if (left <= 0) return void socket.resume();
      left -= 1 << 20;
      socket.write(Buffer.alloc(1 << 20), send);
    };
    send();
  });
}

test('a client that is refused while it sends reads why, once it has sent all', async (t) => {
  const { port, close } = await startServer();
  t.after(close);
  const bytes = limits.droppedBodyBytesMax / 2;
  const line = await post(port, bytes, `Content-Length: ${bytes}`);
  assert.equal(line, 'HTTP/1.1 413 Payload Too Large');
});

test('one that sends on and on is cut off', async (t) => {
  const { port, close } = await startServer();
  t.after(close);
  const sent = await new Promise<number>((resolve) => {
    const request = http.request({ host: '127.0.0.1', port, method: 'POST', agent: false });
    let bytes = 0;
    const send = (): void => {
      while (!request.destroyed && bytes < 64 * limits.droppedBodyBytesMax) {
        bytes += 1 << 20;
        if (!request.write(Buffer.alloc(1 << 20))) return void request.once('drain', send);
      }
      resolve(bytes);
    };
    request.once('error', () => resolve(bytes));
    request.once('response', (response) => response.resume());
    request.once('close', () => resolve(bytes));
    send();
  });
  assert.ok(sent < 8 * limits.droppedBodyBytesMax, `${sent} bytes`);
});

test('one that promises a body and sends nothing is cut off, too', { timeout: 10_000 }, async (t) => {
  const clock = new VirtualClock();
  const { port, close } = await startServer(clock);
  t.after(close);
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', () => {});
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n');
  const closed = once(socket, 'close');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1.1 413/);
  await settle();
  await clock.advance(limits.droppedBodyMsMax);
  await closed;
});
