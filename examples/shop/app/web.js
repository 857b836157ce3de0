/**
 * The shop's front end: a page made by the server, and a WebSocket that shows orders as they go their way. It asks the API for everything and hears of progress through Redis.
 *
 * Told to end, it finishes its requests and tells browsers to connect again (1012), a few at a time: they find another pod, and not all at once.
 */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocketServer } from 'ws';
import { page } from './page.js';
import { Queue } from './queue.js';
import { bodyOf, closeServer, endsWith, RequestError, sendJson, serve } from './service.js';

const api = process.env.API_URL ?? 'http://api:8080';
const title = process.env.SHOP_TITLE ?? 'The shop';
const apiMsMax = 5000;
/** Within this time all browsers are told to connect elsewhere. */
const leaveMs = 3000;
/** A browser that does not read has no more than this waiting for it. */
const waitingBytesMax = 1_000_000;

const queue = await Queue.open();

async function ask(path, options = {}) {
  const answer = await fetch(`${api}${path}`, { ...options, signal: AbortSignal.timeout(apiMsMax) });
  const value = await answer.json();
  if (!answer.ok) throw new RequestError(answer.status, value.error);
  return value;
}

async function handle(request, response, path) {
  const what = `${request.method} ${path}`;
  if (what === 'GET /orders') return sendJson(response, 200, await ask('/api/orders'));
  if (what === 'POST /orders') {
    return sendJson(response, 201, await ask('/api/orders', { method: 'POST', body: await bodyOf(request) }));
  }
  if (what !== 'GET /') throw new RequestError(404, `there is no ${path}`);
  const [products, orders] = await Promise.all([ask('/api/products'), ask('/api/orders')]);
  const html = page({ title, products, orders, pod: process.env.POD_NAME ?? 'this machine' });
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(html);
}

const server = serve(handle, () => queue.check());
const live = new WebSocketServer({ server, path: '/live', maxPayload: 1000 });

live.on('connection', (socket) => {
  socket.on('error', () => socket.terminate());
});

await queue.listen((text) => {
  for (const socket of live.clients) if (socket.bufferedAmount < waitingBytesMax) socket.send(text);
});

endsWith(async () => {
  const closing = closeServer(server);
  const sockets = [...live.clients];
  for (const socket of sockets) {
    socket.close(1012, 'this server ends, connect again');
    await sleep(leaveMs / sockets.length);
  }
  // Those that did not answer.
  await sleep(500);
  for (const socket of live.clients) socket.terminate();
  await closing;
  queue.close();
});
