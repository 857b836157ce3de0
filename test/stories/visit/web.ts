/**
 * The story's application, in a container: answers GET and POST, and echoes what WebSockets say. Told to end, it closes its doors at once, finishes what it
 * has, and keeps its WebSockets as long as it may: what well-behaved programs do, and all that they can.
 */
import { createHash } from 'node:crypto';
import http, { type IncomingMessage } from 'node:http';
import os from 'node:os';
import process from 'node:process';
import { FrameReader, textFrame } from './frames.ts';

/** Which key of a third party this process was started with, without showing it. */
const key = createHash('sha256')
  .update(process.env['API_KEY'] ?? '')
  .digest('hex')
  .slice(0, 8);

const server = http.createServer((request, response) => {
  let bytes = 0;
  request.on('data', (chunk: Buffer) => (bytes += chunk.length));
  request.on('end', () => {
    const answer = JSON.stringify({ pod: os.hostname(), method: request.method, bytes, key });
    const delayMs = request.url === '/slow' ? 300 : request.url === '/healthz' ? 0 : 10;
    setTimeout(() => response.end(answer), delayMs);
  });
});

/** RFC 6455, section 1.3. */
const acceptance = ({ headers }: IncomingMessage): string =>
  createHash('sha1').update(`${headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');

server.on('upgrade', (request: IncomingMessage, socket, begun) => {
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
  socket.write([...head, `Sec-WebSocket-Accept: ${acceptance(request)}`, '', ''].join('\r\n'));
  socket.write(textFrame(os.hostname(), false));
  const reader = new FrameReader();
  const hear = (chunk: Buffer): void => {
    for (const text of reader.push(chunk)) socket.write(textFrame(text, false));
  };
  hear(begun);
  socket.on('data', hear);
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.end());
});

process.once('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});
server.listen(8080);
