/**
 * A visitor who comes to ADDRESS by a name, over TLS: says whose certificate was shown, and what was answered, as a line of JSON.
 *
 *   by-name.ts ADDRESS NAME
 */
import process from 'node:process';
import tls from 'node:tls';

const [address = '', name = ''] = process.argv.slice(2);
const socket = tls.connect({ host: address, port: 443, servername: name, rejectUnauthorized: false }, () => {
  socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
});
const certificate = (): string => String(socket.getPeerCertificate().subject.CN);
let shown = '';
let text = '';
socket.setTimeout(10_000, () => socket.destroy(new Error('no answer')));
socket.once('secureConnect', () => (shown = certificate()));
socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
socket.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
socket.on('end', () => {
  const status = Number(text.split(' ', 2)[1]);
  console.log(JSON.stringify({ shown, status, body: text.split('\r\n\r\n')[1] ?? '' }));
});
