/**
 * Says who asks: `node echo-server.ts NAME tcp:7 udp:7 http:80`. Over TCP and UDP `NAME CLIENT-ADDRESS CLIENT-PORT\n` (TCP then echoes what comes), over
 * HTTP the same as JSON with the request. `:delayMs=N` behind a port: how long an HTTP answer waits. It says `listening` when all do.
 */
import { createSocket } from 'node:dgram';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import process from 'node:process';
import { RealClock } from '../../src/lib/clock.ts';

const [name = '', ...listeners] = process.argv.slice(2);
const clock = new RealClock({ keepsAlive: true });

/** Sockets of both families name IPv4 clients by their mapped addresses. */
const plain = (address = ''): string => address.replace(/^::ffff:(?=\d+\.)/, '');
const says = (address: string | undefined, port: number | undefined): string => `${name} ${plain(address)} ${port}\n`;

function listenTcp(port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.write(says(socket.remoteAddress, socket.remotePort));
    socket.pipe(socket);
  });
  return new Promise((resolve) => server.listen(port, '::', resolve));
}

function listenUdp(port: number): Promise<void> {
  const socket = createSocket({ type: 'udp6', ipv6Only: false });
  socket.on('message', (_message, from) => socket.send(says(from.address, from.port), from.port, from.address));
  return new Promise((resolve) => socket.bind(port, '::', resolve));
}

function listenHttp(port: number, delayMs: number): Promise<void> {
  const server = createHttpServer((request, response) => {
    const { method, url, headers, socket } = request;
    const client = plain(socket.remoteAddress);
    const body = JSON.stringify({ server: name, client, port: socket.remotePort, method, url, headers });
    void clock.sleep(delayMs).then(() => response.setHeader('content-type', 'application/json').end(body));
  });
  return new Promise((resolve) => server.listen(port, '::', resolve));
}

function listen(listener: string): Promise<void> {
  const [kind = '', port, option = ''] = listener.split(':');
  const delayMs = Number(/^delayMs=(\d+)$/.exec(option)?.[1] ?? 0);
  switch (kind) {
    case 'tcp':
      return listenTcp(Number(port));
    case 'udp':
      return listenUdp(Number(port));
    case 'http':
      return listenHttp(Number(port), delayMs);
    default:
      throw new Error(`${listener} is none of tcp:PORT, udp:PORT, http:PORT`);
  }
}

await Promise.all(listeners.map(listen));
console.log('listening');
