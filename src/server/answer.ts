/**
 * A whole answer as a value, and the one place that puts it on the wire: joined or piece by piece, compressed or not.
 *
 * Small answers go out in one write. Large ones (a list of 100,000 pods) are sent in pieces with back-pressure, so that a slow
 * client costs its share of the buffers and not a copy of the list.
 */
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { AnswerHeaders, Exchange } from './http/exchange.ts';
import { acceptsGzip } from './negotiation.ts';

export interface Answer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  /** Pieces of one body, in order; stored objects' own bytes among them. */
  readonly body: readonly Uint8Array[];
}

const gzipThresholdBytes = 128 * 1024;
const pieceBytes = 256 * 1024;

const gzipAsync = promisify(gzip);

export const textAnswer = (status: number, text: string, headers: AnswerHeaders = {}): Answer => ({
  status,
  headers: { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff', ...headers },
  body: [Buffer.from(text)],
});

/** A document that has one form only, indented, with no line break at its end: as upstream sends these. */
export const rawJsonAnswer = (value: object): Answer => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: [Buffer.from(JSON.stringify(value, null, 2))],
});

/** Resolves when the answer was handed to the connection, or the client has gone. */
export async function sendAnswer(exchange: Exchange, answer: Answer, common: AnswerHeaders): Promise<void> {
  const headers = { ...common, ...answer.headers };
  const { warning } = common;
  if (warning !== undefined) headers['warning'] = [warning, answer.headers['warning'] ?? []].flat();
  const bytes = lengthOf(answer.body);
  if (bytes <= gzipThresholdBytes) return exchange.respond(answer.status, headers, joined(answer.body, bytes));
  const vary = {
    ...headers,
    vary: [headers['vary'], 'Accept-Encoding'].filter((each) => each !== undefined).join(', '),
  };
  if (acceptsGzip(exchange.headers['accept-encoding'])) return sendCompressed(exchange, answer, vary, bytes);
  await sendPieces(exchange, answer, vary, bytes);
}

async function sendCompressed(
  exchange: Exchange,
  answer: Answer,
  headers: AnswerHeaders,
  bytes: number,
): Promise<void> {
  // Level 1: twice as fast as the default for a tenth more bytes; off the main thread.
  const body = await gzipAsync(joined(answer.body, bytes), { level: constants.Z_BEST_SPEED });
  exchange.respond(answer.status, { ...headers, 'content-encoding': 'gzip' }, body);
}

async function sendPieces(exchange: Exchange, answer: Answer, headers: AnswerHeaders, bytes: number): Promise<void> {
  if (exchange.method === 'HEAD')
    return exchange.respond(answer.status, { ...headers, 'content-length': String(bytes) }, '');
  const out = exchange.stream(answer.status, { ...headers, 'content-length': String(bytes) });
  for (const piece of pieces(answer.body)) {
    if (out.destroyed) return;
    if (!out.write(piece)) await drained(out);
  }
  out.end();
}

/** Resolves too when the stream is closed instead. Plain listeners: `events.once` with a signal costs an `AbortError` for each call. */
export function drained(out: Writable): Promise<void> {
  if (out.destroyed || !out.writableNeedDrain) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      out.off('drain', done).off('close', done);
      resolve();
    };
    out.on('drain', done).on('close', done);
  });
}

function* pieces(body: readonly Uint8Array[]): Generator<Uint8Array> {
  let group: Uint8Array[] = [];
  let bytes = 0;
  for (const part of body) {
    group.push(part);
    bytes += part.length;
    if (bytes < pieceBytes) continue;
    yield joined(group, bytes);
    group = [];
    bytes = 0;
  }
  if (bytes > 0) yield joined(group, bytes);
}

export function lengthOf(body: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const part of body) bytes += part.length;
  return bytes;
}

export function joined(body: readonly Uint8Array[], bytes = lengthOf(body)): Uint8Array {
  return body.length === 1 ? (body[0] as Uint8Array) : Buffer.concat(body, bytes);
}
