/**
 * What upstream's suite has its agnhost image for, as far as a node's tests need it; runs in a container, and imports nothing but Node.js.
 * It notes each request on its output, and answers: `/echo?msg=…` with the message; `/dial?host=…&port=…&request=…` with what another
 * server says; `/redirect?loc=…` with a redirect as Go writes it; `/healthz` well, until HEALTHY_MS after the start; all else well.
 * On GRPC_PORT it is a healthy gRPC service.
 */
import { readFileSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import http2, { type ServerHttp2Stream } from 'node:http2';
import https from 'node:https';
import process from 'node:process';

const { PORT = '8080', GRPC_PORT, HEALTHY_MS = '1000000', TLS_FOLDER } = process.env;
const isHealthy = (): boolean => process.uptime() * 1000 < Number(HEALTHY_MS);

function dial(url: string, response: ServerResponse): void {
  http
    .get(url, (answer) => {
      answer.resume();
      response.end(`${answer.statusCode}`);
    })
    .on('error', (error) => response.writeHead(502).end(error.message));
}

function answer({ method, url = '/' }: IncomingMessage, response: ServerResponse): void {
  console.log(`${method} ${url}`);
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const asked = (name: string): string => searchParams.get(name) ?? '';
  switch (pathname) {
    case '/echo':
      response.end(asked('msg'));
      return;
    case '/dial':
      dial(`http://${asked('host')}:${asked('port')}/${asked('request')}`, response);
      return;
    case '/redirect':
      response.writeHead(302, { location: asked('loc') }).end(`<a href="${asked('loc')}">Found</a>.\n\n`);
      return;
    case '/healthz':
      response.writeHead(isHealthy() ? 200 : 500).end();
      return;
    default:
      response.end('ok');
  }
}

/** `grpc.health.v1.Health/Check`: a frame with a message whose field 1 is SERVING. */
function healthService(port: number): void {
  const serving = Buffer.from([0, 0, 0, 0, 2, 0x08, 1]);
  const server = http2.createServer();
  server.on('stream', (stream: ServerHttp2Stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(serving);
  });
  server.listen(port);
}

const tls = (folder: string) => ({ cert: readFileSync(`${folder}/tls.crt`), key: readFileSync(`${folder}/tls.key`) });
const server = TLS_FOLDER === undefined ? http.createServer(answer) : https.createServer(tls(TLS_FOLDER), answer);
server.listen(Number(PORT));
if (GRPC_PORT !== undefined) healthService(Number(GRPC_PORT));
process.once('SIGTERM', () => process.exit(0));
