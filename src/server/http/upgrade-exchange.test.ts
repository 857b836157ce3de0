import assert from 'node:assert/strict';
import http from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { test } from 'node:test';
import { drained } from '../answer.ts';
import type { Connection } from './connection.ts';
import { UpgradeExchange } from './upgrade-exchange.ts';

const piece = Buffer.alloc(1 << 20, 'x');
const pieces = 16;

/** Answers in pieces, as long lists are, and says when all were written. */
async function startServer(): Promise<{ port: number; written: Promise<void>; close: () => void }> {
  const server = http.createServer();
  const written = new Promise<void>((resolve, reject) => {
    server.on('upgrade', (request, socket, head) => {
      const exchange = UpgradeExchange.from(request, socket, head, {} as Connection);
      const send = async (): Promise<void> => {
        const out = exchange.stream(200, { 'content-length': String(piece.length * pieces) });
        for (let count = 0; count < pieces; count++) if (!out.write(piece)) await drained(out);
        out.end();
      };
      send().then(resolve, reject);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, written, close: () => server.close() };
}

test('a long answer to who asked for another protocol comes whole, and then the connection ends', async (t) => {
  const { port, written, close } = await startServer();
  t.after(close);
  const socket = connect({ host: '127.0.0.1', port });
  let bytes = 0;
  const ended = new Promise((resolve) => socket.once('end', resolve));
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await Promise.all([written, ended]);
  assert.ok(bytes > piece.length * pieces, `${bytes} bytes`);
});

test('where the client goes away in the middle, the answer is given up', async (t) => {
  const { port, written, close } = await startServer();
  t.after(close);
  const socket = connect({ host: '127.0.0.1', port });
  socket.once('data', () => socket.destroy());
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
  await written;
});
