/** One request to an ACME authority: over TLS alone, with bounds on time and size, redirects not followed. */
import type { ClientRequest } from 'node:http';
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
const linkHeader = 'link';

/** `caBundle` (PEM) is trusted beside the machine's own. @throws Error that names the host */
export function httpsRequest(caBundle: string, clock: Clock): HttpRequest {
  const ca = caBundle === '' ? {} : { ca: [...rootCertificates, caBundle] };
  return (url, { method, headers = {}, body }) =>
    new Promise((resolve, reject) => {
      const { protocol, host } = new URL(url);
      const fail = (error: Error): void => {
        timer.cancel();
        reject(new Error(`${method} to ${host} failed: ${error.message}`, { cause: error }));
      };
      const timer = clock.after(timeoutMs, () => asked?.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
      let asked: ClientRequest | undefined;
      if (protocol !== 'https:') return fail(new Error('only https is spoken with authorities'));
      const sent = request(url, {
        method,
        headers: {
          'User-Agent': 'naru',
          ...headers,
          ...(body !== undefined && { 'Content-Length': Buffer.byteLength(body) }),
        },
        agent: false,
        ...ca,
      });
      asked = sent;
      sent.on('error', fail);
      sent.on('response', (response) => {
        const parts: Buffer[] = [];
        let size = 0;
        response.on('data', (part: Buffer) => {
          size += part.length;
          if (size > bodyBytesMax) sent.destroy(new Error(`the answer has more than ${bodyBytesMax} bytes`));
          else parts.push(part);
        });
        response.on('error', fail);
        response.on('end', () => {
          timer.cancel();
          const all = Object.entries(response.headers).flatMap(([name, value]) =>
            value === undefined
              ? []
              : [[name, Array.isArray(value) ? value.join(name === linkHeader ? ', ' : ',') : value] as const],
          );
          resolve({
            status: response.statusCode ?? 0,
            headers: new Map(all),
            body: Buffer.concat(parts).toString('utf8'),
          });
        });
      });
      sent.end(body);
    });
}
