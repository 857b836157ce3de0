/**
 * The second server of story B: speaks TLS itself, and believes the PROXY header (version 1) in front of it about who asks.
 *
 *   second-machine.ts KEY CERTIFICATE PORT
 */
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import process from 'node:process';
import tls from 'node:tls';

const [keyFile = '', certificateFile = '', port = ''] = process.argv.slice(2);
const options = { isServer: true, key: readFileSync(keyFile), cert: readFileSync(certificateFile) };
/** The longest that the protocol's first version allows. */
const headerBytesMax = 107;

function readHeader(socket: Socket): string {
  let header = '';
  while (!header.endsWith('\n') && header.length < headerBytesMax) {
    const byte = socket.read(1) as Buffer | null;
    if (byte === null) break;
    header += byte.toString();
  }
  return header.trim();
}

createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.once('readable', () => {
    const [, , client = ''] = readHeader(socket).split(' ');
    const secure = new tls.TLSSocket(socket, options);
    secure.on('error', () => socket.destroy());
    secure.once('data', () => {
      const body = JSON.stringify({ server: 'second', client });
      secure.end(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`);
    });
  });
}).listen(Number(port));
