/**
 * The story's visitors: so many requests a second, and so many WebSockets that are there all the time. Nothing is tried twice. Writes a line of JSON for
 * each failure, for each WebSocket that ended, and every second the totals; ends when it is told to.
 *
 *   visitors.ts --url http://10.90.0.11 [--url …] [--host web.test] [--rate 200] [--sockets 50] [--fresh]      --fresh: a connection for each request
 */
import http from 'node:http';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { FrameReader, textFrame } from './frames.ts';

const { values } = parseArgs({
  options: {
    url: { type: 'string', multiple: true, default: [] },
    host: { type: 'string' },
    rate: { type: 'string', default: '0' },
    sockets: { type: 'string', default: '0' },
    fresh: { type: 'boolean', default: false },
  },
});
const urls = values.url;
const headers = values.host === undefined ? {} : { host: values.host };
const rate = Number(values.rate);
const pool = new http.Agent({ keepAlive: true });
/** Longer, and the visitor has gone away. */
const answerMsMax = 15_000;
const tickMs = 5;
const pingMs = 500;
const sleepMsMax = 2000;
const crowdMax = 20;

const totals = { sent: 0, answered: 0, failed: 0, sockets: 0 };
const pods = new Set<string>();
/** When the last answer came that named this key. */
const keys = new Map<string, number>();
const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

function failed(what: string, sentAtMs: number, error: string): void {
  totals.failed++;
  say({ kind: 'failed', what, sentAtMs, atMs: Date.now(), error });
}

const urlAt = (index: number, path: string): URL => new URL(path, urls[index % urls.length]);

/** What the nth visitor asks for, in turns: most keep their connection. */
const wishes = [
  { method: 'GET', path: '/', keeps: true },
  { method: 'GET', path: '/', keeps: false },
  { method: 'POST', path: '/', keeps: true },
  { method: 'GET', path: '/slow', keeps: true },
  { method: 'POST', path: '/', keeps: false },
  { method: 'GET', path: '/', keeps: true },
] as const;
const body = Buffer.alloc(2000, 'x');

function visit(index: number): void {
  const { method, path, keeps: mayKeep } = wishes[index % wishes.length] ?? wishes[0];
  const keeps = mayKeep && !values.fresh;
  const url = urlAt(index, path);
  const what = `${method} ${url.href} ${keeps ? 'kept' : 'fresh'}`;
  const sent = method === 'POST' ? body : Buffer.alloc(0);
  const sentAtMs = Date.now();
  totals.sent++;
  let isOver = false;
  const over = (error?: string): void => {
    if (isOver) return;
    isOver = true;
    if (error === undefined) totals.answered++;
    else failed(what, sentAtMs, error);
  };
  const request = http.request(
    url,
    { method, headers: { ...headers, 'content-length': sent.length }, agent: keeps ? pool : false },
    (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('end', () => over(complaint(response.statusCode, text, method, sent.length)));
      response.on('error', (error) => over(`the answer broke off: ${error.message}`));
    },
  );
  request.setTimeout(answerMsMax, () => request.destroy(new Error(`no answer within ${answerMsMax} ms`)));
  request.on('error', (error) => over(`${error.message}${request.reusedSocket ? ' (on a kept connection)' : ''}`));
  request.end(sent);
}

function complaint(status: number | undefined, text: string, method: string, bytes: number): string | undefined {
  if (status !== 200) return `status ${status}: ${text.slice(0, 100)}`;
  try {
    const answer = JSON.parse(text) as { pod: string; method: string; bytes: number; key: string };
    pods.add(answer.pod);
    keys.set(answer.key, Date.now());
    if (answer.method === method && answer.bytes === bytes) return undefined;
  } catch {}
  return `not our answer: ${text.slice(0, 100)}`;
}

function openSocket(index: number): void {
  const openedAtMs = Date.now();
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': Buffer.alloc(16, index).toString('base64'),
  };
  const url = urlAt(index, '/');
  const again = (): void => void setTimeout(() => openSocket(index), 50);
  const refused = (error: string): void => {
    failed(`WebSocket ${url.href}`, openedAtMs, error);
    again();
  };
  const request = http.request(url, { headers: { ...headers, ...upgrade }, agent: false });
  request.setTimeout(answerMsMax, () => request.destroy(new Error(`no answer within ${answerMsMax} ms`)));
  request.once('response', (response) => {
    response.resume();
    refused(`status ${response.statusCode}`);
  });
  request.once('error', (error) => refused(error.message));
  request.once('upgrade', (_, socket, head) => {
    socket.setTimeout(0);
    totals.sockets++;
    const reader = new FrameReader();
    let pod = '';
    let unanswered = 0;
    const ping = setInterval(() => {
      // Counted by what was said, so that a visitor who slept listens first.
      if (++unanswered * pingMs > answerMsMax) socket.destroy(new Error('it fell silent'));
      else socket.write(textFrame('still here', true));
    }, pingMs);
    let why = 'closed';
    const heard = (chunk: Buffer): void => {
      unanswered = 0;
      for (const text of reader.push(chunk)) if (pod === '') pod = text;
    };
    // What came together with the answer.
    heard(head);
    socket.on('data', heard);
    socket.on('error', (error) => (why = error.message));
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      clearInterval(ping);
      totals.sockets--;
      say({ kind: 'ended', pod, openedAtMs, atMs: Date.now(), why });
      again();
    });
  });
  request.end();
}

const startMs = performance.now();
let next = 0;
let tickedAtMs = startMs;
setInterval(() => {
  const nowMs = performance.now();
  // Who sleeps sees nothing: whoever reads this should know.
  if (nowMs - tickedAtMs > sleepMsMax) say({ kind: 'slept', atMs: Date.now(), ms: Math.round(nowMs - tickedAtMs) });
  tickedAtMs = nowMs;
  const due = Math.floor(((nowMs - startMs) * rate) / 1000);
  // Those of a time that was slept through do not come all at once.
  for (next = Math.max(next, due - crowdMax); next < due; next++) visit(next);
}, tickMs);
for (let index = 0; index < Number(values.sockets); index++) openSocket(index);
const tellTotals = (): void => say({ kind: 'totals', ...totals, pods: pods.size, keys: Object.fromEntries(keys) });
setInterval(tellTotals, 1000);
process.once('SIGTERM', () => {
  tellTotals();
  process.exit(0);
});
