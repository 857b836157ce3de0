/**
 * One HTTP probe, as upstream makes it: its own connection, any certificate, redirects followed on the same host only (another host's answer
 * would say nothing of this container: a warning), and of the body no more than a probe's message can show.
 */
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { ProbeResult } from './probe-transport.ts';

export interface HttpProbe {
  readonly scheme: 'http' | 'https';
  readonly host: string;
  readonly port: number;
  /** With its query. */
  readonly path: string;
  /** A name may come more than once. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** `kube-probe/1.36` where absent. */
  readonly userAgent?: string;
}

const redirectsMax = 10;
const bodyBytesMax = 10_240;
const redirectCodes = new Set([301, 302, 303, 307, 308]);

interface Answer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

/** Never rejects. */
export async function httpProbe(probe: HttpProbe, timeoutMs: number): Promise<ProbeResult> {
  const { scheme, host, port, path } = probe;
  const first = new URL(`${scheme}://${net.isIPv6(host) ? `[${host}]` : host}:${port}${path}`);
  const signal = AbortSignal.timeout(timeoutMs);
  const headers = headersOf(probe);
  try {
    let answer = await get(first, headers, signal);
    let url = first;
    for (let redirects = 0; answer.location !== undefined; redirects++) {
      const next = new URL(answer.location, url);
      if (next.hostname !== first.hostname) break;
      if (redirects === redirectsMax) throw new Error(`stopped after ${redirectsMax} redirects`);
      url = next;
      answer = await get(url, headers, signal);
    }
    return verdictOn(answer);
  } catch (error) {
    return { ok: false, message: `Get "${first.href}": ${describe(error as NodeJS.ErrnoException, host, port)}` };
  }
}

function verdictOn({ status, body }: Answer): ProbeResult {
  if (status < 200 || status >= 400) {
    return { ok: false, answered: true, message: `HTTP probe failed with statuscode: ${status}` };
  }
  if (status < 300) return { ok: true, answered: true, message: '' };
  const warning = `Probe terminated redirects, Response body: ${body}`;
  return { ok: true, answered: true, isWarning: true, message: warning };
}

/** The pod's own come first; an `Accept` without a value sends none. */
function headersOf({ headers, userAgent = 'kube-probe/1.36' }: HttpProbe): Record<string, string | string[]> {
  const all: Record<string, string | string[]> = { connection: 'close' };
  for (const [name, value] of headers) {
    const key = name.toLowerCase();
    const before = all[key];
    if (before === undefined || key === 'host' || key === 'connection') all[key] = value;
    else all[key] = [...(Array.isArray(before) ? before : [before]), value];
  }
  all['user-agent'] ??= userAgent;
  all['accept'] ??= '*/*';
  if (all['accept'] === '') delete all['accept'];
  return all;
}

function get(url: URL, headers: Record<string, string | string[]>, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // The certificate is the pod's own affair: a probe asks whether it answers.
    const options = { headers, signal, agent: false as const, rejectUnauthorized: false };
    const request = (url.protocol === 'https:' ? https : http).get(url, options, (response) => {
      const { statusCode: status = 0 } = response;
      const location = redirectCodes.has(status) ? response.headers.location : undefined;
      const chunks: Buffer[] = [];
      let size = 0;
      const end = (): void => {
        resolve({ status, location, body: Buffer.concat(chunks).toString().slice(0, bodyBytesMax) });
        response.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size >= bodyBytesMax) end();
      });
      response.on('end', end);
      response.on('error', reject);
    });
    request.on('error', reject);
  });
}

/** A failed connection, in the words that Go has for it. */
export function describe(error: NodeJS.ErrnoException, host: string, port: number): string {
  const dial = `dial tcp ${net.isIPv6(host) ? `[${host}]` : host}:${port}: connect:`;
  if (error.code === 'ECONNREFUSED') return `${dial} connection refused`;
  if (error.code === 'EHOSTUNREACH') return `${dial} no route to host`;
  if (error.code === 'ECONNRESET') return 'EOF';
  if (error.code !== 'ABORT_ERR' && error.name !== 'TimeoutError') return error.message;
  return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
}
