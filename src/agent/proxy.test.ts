import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { encodeHead, proxyHeadName, proxyPath } from '../client/node-proxy.ts';
import { RealClock } from '../lib/clock.ts';
import { NodeProxy } from './proxy.ts';

test('a program that switches protocols without having been asked gets its connection closed', async (t) => {
  const sockets: Socket[] = [];
  const program = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'),
    );
  });
  await once(program.listen(0, '127.0.0.1'), 'listening');
  t.after(() => program.close());
  const { port } = program.address() as AddressInfo;
  const pods = { find: () => undefined };
  const proxy = new NodeProxy({ pods, addresses: ['127.0.0.1'], clock: new RealClock() });
  const call = proxy.handle({
    method: 'GET',
    path: proxyPath({ scheme: 'http', port }, '/'),
    headers: { [proxyHeadName]: encodeHead([['host', 'x']]) },
    signal: new AbortController().signal,
  });
  await assert.rejects(call, { code: 503, message: /malformed HTTP response: 101 Switching Protocols/ });
  const [socket] = sockets;
  if (socket?.closed === false) await once(socket, 'close');
});
