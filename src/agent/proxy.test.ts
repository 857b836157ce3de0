import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { dialPath, dialProtocol, encodeHead, proxyHeadName, proxyPath } from '../client/node-proxy.ts';
import { RealClock } from '../lib/clock.ts';
import type { PodWorker } from './pod/pod-worker.ts';
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

test('a pod’s port is dialled for the API, at the address that the runtime tells, and no other’s', async (t) => {
  const program = createServer((socket) => void socket.on('error', () => {}).pipe(socket));
  const [host] = Object.values(networkInterfaces())
    .flat()
    .filter((each) => each?.family === 'IPv4' && !each.internal)
    .map((each) => each?.address);
  if (host === undefined) return t.skip('this machine has no address but its loopback');
  await once(program.listen(0, host), 'listening');
  t.after(() => program.close());
  const { port } = program.address() as AddressInfo;
  const worker = { status: { podIP: host } } as PodWorker;
  const local = { status: { podIP: '127.0.0.1' } } as PodWorker;
  const find = ({ name }: { readonly name: string }) => ({ a: worker, local })[name];
  const proxy = new NodeProxy({ pods: { find }, addresses: ['192.0.2.1'], clock: new RealClock() });
  const dial = (name: string, to: number, upgrade = dialProtocol) =>
    proxy.handle({
      method: 'GET',
      path: dialPath({ pod: { namespace: 'default', name }, port: to }),
      headers: {},
      upgrade,
      signal: new AbortController().signal,
    });
  const { connection } = await dial('a', port);
  connection?.write('hello');
  const [answer] = (await once(connection as Duplex, 'data')) as [Buffer];
  assert.equal(answer.toString(), 'hello');
  connection?.destroy();
  await assert.rejects(dial('b', port), { code: 404, message: 'pods "b" not found' });
  await assert.rejects(dial('local', port), { code: 400, message: 'address not allowed' });
  await assert.rejects(dial('a', port, 'websocket'), { code: 404 });
  program.close();
  const simulated = new NodeProxy({ pods: { find }, addresses: [], clock: new RealClock() });
  const path = dialPath({ pod: { namespace: 'default', name: 'a' }, port });
  const signal = new AbortController().signal;
  await assert.rejects(
    async () => simulated.handle({ method: 'GET', path, headers: {}, upgrade: dialProtocol, signal }),
    { code: 503, message: `dial tcp ${host}:${port}: the node is simulated` },
  );
});
