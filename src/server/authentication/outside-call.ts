/**
 * One HTTPS request to somebody outside: an issuer of tokens, or a webhook. Bounded in time and in what is read; follows redirects of GETs
 * to HTTPS alone. Errors never hold what was sent.
 */
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';

export interface OutsideTls {
  /** PEM; the system's authorities where absent. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** The name that the certificate must bear, where that is not the host's. */
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export interface OutsideCall {
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly clock: Clock;
  readonly agent: Agent;
  readonly signal?: AbortSignal;
}

export interface OutsideAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

const redirectsMax = 5;

/** Keeps a few connections, with the given trust. Destroy it when nobody calls any more. */
export function outsideAgent(tls: OutsideTls): Agent {
  return new Agent({ ...tls, keepAlive: true, maxSockets: 32, maxFreeSockets: 4 });
}

/** @throws Error that names the host and what went wrong */
export async function callOutside(call: OutsideCall): Promise<OutsideAnswer> {
  let url = new URL(call.url);
  for (let redirects = 0; ; redirects++) {
    const answer = await once(call, url);
    const { location } = answer.headers;
    const moved = [301, 302, 303, 307, 308].includes(answer.status) && location !== undefined;
    if (!moved || (call.method ?? 'GET') !== 'GET') return answer;
    if (redirects === redirectsMax) throw new Error(`${url.host} redirects more than ${redirectsMax} times`);
    url = new URL(location, url);
    if (url.protocol !== 'https:') throw new Error(`${url.host} redirects to an address that is not HTTPS`);
  }
}

function once(
  { method = 'GET', headers = {}, body, clock, agent, signal }: OutsideCall,
  url: URL,
): Promise<OutsideAnswer> {
  return new Promise((resolve, reject) => {
    const length: Record<string, string> =
      body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const sent = request(url, { method, agent, headers: { ...headers, ...length } });
    const timer = clock.after(limits.outsideAnswerMsMax, () =>
      fail(new Error(`no answer within ${limits.outsideAnswerMsMax / 1000} s`)),
    );
    const settle = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', abort);
    };
    const fail = (error: Error): void => {
      settle();
      sent.destroy();
      reject(new Error(`call to ${url.host} failed: ${error.message}`, { cause: error }));
    };
    const abort = (): void => fail(new Error('it is no longer needed'));
    if (signal?.aborted) return abort();
    signal?.addEventListener('abort', abort, { once: true });
    sent.on('error', fail);
    sent.on('response', (response) => {
      readText(response, fail, (text) => {
        settle();
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    sent.end(body);
  });
}

function readText(response: IncomingMessage, fail: (error: Error) => void, done: (text: string) => void): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= limits.outsideAnswerBytesMax) chunks.push(chunk);
    else fail(new Error(`the answer has more than ${limits.outsideAnswerBytesMax} bytes`));
  });
  response.on('error', fail);
  response.on('aborted', () => fail(new Error('the answer broke off')));
  response.on('end', () => {
    if (bytes <= limits.outsideAnswerBytesMax) done(Buffer.concat(chunks).toString('utf8'));
  });
}
