/** One request to an ACME authority: over TLS alone, with bounds on time and size, redirects not followed. */
import type { ClientRequest, IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { rootCertificates } from 'node:tls';
import type { Clock } from '../../../lib/clock.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export type HttpRequest = (
  url: string,
  options: { readonly method: string; readonly headers?: Readonly<Record<string, string>>; readonly body?: string },
) => Promise<HttpAnswer>;

const timeoutMs = 30_000;
const bodyBytesMax = 1024 * 1024;

/** `caBundle` (PEM) is trusted beside the authorities that everybody trusts. @throws Error that names the host */
export function httpsRequest(caBundle: string, clock: Clock): HttpRequest {
  const ca = caBundle === '' ? {} : { ca: [...rootCertificates, caBundle] };
  return async (url, { method, headers = {}, body }) => {
    const { protocol, host } = new URL(url);
    try {
      if (protocol !== 'https:') throw new Error('only https is spoken with authorities');
      const length = body !== undefined && { 'Content-Length': Buffer.byteLength(body) };
      const sent = request(url, {
        method,
        headers: { 'User-Agent': 'naru', ...headers, ...length },
        agent: false,
        ...ca,
      });
      const late = new Error(`no answer within ${timeoutMs / 1000} s`);
      const timer = clock.after(timeoutMs, () => sent.destroy(late));
      const answer = answerTo(sent);
      sent.end(body);
      return await answer.finally(() => timer.cancel());
    } catch (error) {
      throw new Error(`${method} to ${host} failed: ${(error as Error).message}`, { cause: error });
    }
  };
}

function answerTo(sent: ClientRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (response) => {
      const parts: Buffer[] = [];
      let size = 0;
      response.on('data', (part: Buffer) => {
        size += part.length;
        if (size > bodyBytesMax) sent.destroy(new Error(`the answer has more than ${bodyBytesMax} bytes`));
        else parts.push(part);
      });
      response.on('error', reject);
      response.on('end', () => {
        const body = Buffer.concat(parts).toString('utf8');
        resolve({ status: response.statusCode ?? 0, headers: headersOf(response.headers), body });
      });
    });
  });
}

function headersOf(headers: IncomingHttpHeaders): ReadonlyMap<string, string> {
  const all = Object.entries(headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')] as const);
  return new Map(all);
}
