/**
 * What every process of the shop does: it logs lines of JSON, answers probes, and ends in order. Told to end (SIGTERM), it takes no new work, finishes what it has begun, and
 * leaves; after `endMsMax` it leaves anyway, before the pod's grace period is over.
 */
import { createServer } from 'node:http';
import process from 'node:process';

const endMsMax = 20_000;

export function log(message, fields = {}) {
  console.log(JSON.stringify({ time: new Date().toISOString(), message, pod: process.env.POD_NAME, ...fields }));
}

// From the first moment: the first process of a container is not ended by a signal that it does not handle.
let finish = async () => {};
let isEnding = false;
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, () => void leave());

async function leave() {
  if (isEnding) return;
  isEnding = true;
  log('ending');
  setTimeout(() => process.exit(1), endMsMax).unref();
  await finish();
  log('ended');
  process.exit(0);
}

/** @param end finishes what was begun */
export function endsWith(end) {
  finish = end;
}

/** Stops listening and waits for the requests under way; connections that only wait for a next request are closed. */
export function closeServer(server) {
  return new Promise((resolve) => {
    server.close(resolve);
    server.closeIdleConnections();
  });
}

/**
 * A server whose handler may throw, with the two probes: `/healthz` says that the process runs, `/readyz` that it can work.
 * @param isReady throws where it cannot
 */
export function serve(handler, isReady) {
  const server = createServer((request, response) => {
    // Connections are kept for the next request, but not by a server that ends.
    if (!server.listening) response.setHeader('connection', 'close');
    answer(request, response, handler, isReady).catch((error) => {
      log('request failed', { url: request.url, error: error.message });
      if (!response.headersSent)
        sendJson(response, error.status ?? 500, { error: error.status ? error.message : 'the shop has a problem' });
      else response.destroy();
    });
  });
  server.listen(Number(process.env.PORT ?? 8080), () => log('listening', { port: server.address().port }));
  return server;
}

async function answer(request, response, handler, isReady) {
  const { pathname } = new URL(request.url, 'http://shop');
  if (pathname === '/healthz') return sendJson(response, 200, { ok: true });
  if (pathname !== '/readyz') return handler(request, response, pathname);
  try {
    await isReady();
    sendJson(response, 200, { ok: true });
  } catch (error) {
    sendJson(response, 503, { error: error.message });
  }
}

export function sendJson(response, status, value) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
}

const bodyBytesMax = 10_000;

/** An error that the client made: `status` is what it gets. */
export class RequestError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export async function bodyOf(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new RequestError(413, 'that is too much');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
