/**
 * Asks the echo server once: `node echo-client.ts http URL TIMEOUT_MS [HEADERS]`, `tcp "ADDRESS PORT" …`, `udp "ADDRESS PORT FROM" …`; prints what it says.
 * `bulk "ADDRESS PORT BYTES"` sends so much over TCP and prints how much came back; `stream "ADDRESS PORT"` sends a line every 20 ms over one connection
 * until it gets TERM, and prints the longest time (ms) between two answers.
 */
import { createSocket } from 'node:dgram';
import { request } from 'node:http';
import { connect, isIPv6 } from 'node:net';
import process from 'node:process';
import { RealClock } from '../../src/lib/clock.ts';

const [kind = '', what = '', timeoutMs = '3000', more = ''] = process.argv.slice(2);

function end(code: number, text: string): never {
  (code === 0 ? process.stdout : process.stderr).write(`${text}\n`);
  process.exit(code);
}

if (kind !== 'stream') {
  new RealClock({ keepsAlive: true }).after(Number(timeoutMs), () => end(2, `no answer within ${timeoutMs} ms`));
}

function askTcp(): void {
  const [host = '', port] = what.split(' ');
  const socket = connect({ host, port: Number(port) });
  socket.setEncoding('utf8');
  socket.on('error', (error) => end(1, error.message));
  socket.once('data', (text: string) => end(0, text.trim()));
  socket.once('end', () => end(1, 'closed without an answer'));
}

function askUdp(): void {
  const [host = '', port, from] = what.split(' ');
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.on('error', (error) => end(1, error.message));
  socket.once('message', (message) => end(0, message.toString().trim()));
  socket.bind(Number(from ?? 0), () => socket.connect(Number(port), host, () => socket.send('who')));
}

function askHttp(): void {
  const headers = (more === '' ? {} : JSON.parse(more)) as Record<string, string>;
  const asking = request(what, { headers }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    response.on('end', () => end(response.statusCode === 200 ? 0 : 1, text.trim() || `status ${response.statusCode}`));
  });
  asking.on('error', (error) => end(1, error.message));
  asking.end();
}

function sendBulk(): void {
  const [host = '', port, bytes] = what.split(' ');
  let left = Number(bytes);
  const socket = connect({ host, port: Number(port) }, () => socket.write(Buffer.alloc(left)));
  socket.on('error', (error) => end(1, error.message));
  socket.once('data', (first: Buffer) => {
    const take = (chunk: Buffer): void => {
      left -= chunk.length;
      if (left <= 0) end(0, `${bytes}`);
    };
    take(first.subarray(first.indexOf('\n') + 1));
    socket.on('data', take);
  });
}

function stream(): void {
  const clock = new RealClock({ keepsAlive: true });
  const [host = '', port] = what.split(' ');
  let longestMs = 0;
  let lastMs = clock.monotonic();
  const socket = connect({ host, port: Number(port) }, () => console.log('connected'));
  socket.on('error', (error) => end(1, error.message));
  socket.on('end', () => end(1, 'closed by the server'));
  const look = (): void => {
    longestMs = Math.max(longestMs, clock.monotonic() - lastMs);
  };
  socket.on('data', () => {
    look();
    lastMs = clock.monotonic();
  });
  const send = (): void => {
    socket.write('.');
    clock.after(20, send);
  };
  send();
  process.on('SIGTERM', () => {
    look();
    end(0, `longest ${Math.round(longestMs)}`);
  });
}

if (kind === 'stream') stream();
else if (kind === 'bulk') sendBulk();
else if (kind === 'tcp') askTcp();
else if (kind === 'udp') askUdp();
else askHttp();
