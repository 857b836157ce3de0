/**
 * Connections to the API servers that extend this one: kept by Service and trust, closed when no APIService names them any more, and small
 * requests of this server's own over them.
 *
 * Kept true: they are called with the front proxy's certificate; whatever one of them does, a request ends within its time and reads no more
 * than its bound; redirects are not followed.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { UserInfo } from '../../registry/request.ts';
import { remoteHeaderPairs } from '../authentication/remote-headers.ts';
import { callText } from '../outside/go-errors.ts';
import { OutsideAgent } from '../outside/outside-agent.ts';
import { DialFault, type ServiceDialer } from '../outside/service-dialer.ts';
import { NoEndpoints } from '../outside/service-endpoints.ts';
import type { RemoteApi } from './api-service-index.ts';
import type { FrontProxy } from './front-proxy.ts';

export interface ExtensionServersOptions {
  /** Asked at the first call. */
  readonly dialer: () => ServiceDialer;
  readonly frontProxy: FrontProxy;
  readonly clock: Clock;
}

/** Which server, and how it is trusted. */
export type Extension = Pick<RemoteApi, 'service' | 'caBundle' | 'insecure'>;

export interface ExtensionAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface ExtensionCall {
  /** GET where absent. */
  readonly method?: 'GET' | 'DELETE';
  readonly path: string;
  /** JSON. */
  readonly body?: string;
  /** Whom it is from; this server itself where absent. */
  readonly user?: UserInfo;
  readonly headers?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly bytesMax: number;
}

const keptConnectionsMax = 64;

/** This server itself, when it looks what there is. */
const aggregator: UserInfo = { name: 'system:kube-aggregator', groups: ['system:masters'] };

export const originOf = ({ service: { name, namespace, port } }: Extension): string =>
  `https://${name}.${namespace}.svc:${port}`;

export const hostOf = ({ service: { name, namespace } }: Extension): string => `${name}.${namespace}.svc`;

export class ExtensionServers {
  readonly #options: ExtensionServersOptions;
  readonly #agents = new Map<string, OutsideAgent>();

  constructor(options: ExtensionServersOptions) {
    this.#options = options;
  }

  agentFor(extension: Extension): OutsideAgent {
    const key = keyOf(extension);
    const known = this.#agents.get(key);
    if (known !== undefined) return known;
    const { dialer, frontProxy, clock } = this.#options;
    const { service, caBundle, insecure } = extension;
    const made = new OutsideAgent({
      clock,
      keptMax: keptConnectionsMax,
      dial: (signal) => dialer().dial(service, signal),
      trust: {
        servername: hostOf(extension),
        insecure,
        ...(caBundle !== '' && { ca: Buffer.from(caBundle, 'base64').toString('utf8') }),
        client: () => frontProxy.clientCertificate(),
      },
    });
    this.#agents.set(key, made);
    return made;
  }

  /** One request of this server's own. @throws Error, worded as Go's client words it */
  async call(extension: Extension, call: ExtensionCall): Promise<ExtensionAnswer> {
    const deadline = new AbortController();
    const timer = this.#options.clock.after(call.timeoutMs, () => deadline.abort());
    try {
      return await callOnce(this.agentFor(extension), extension, call, deadline.signal);
    } catch (error) {
      const why = deadline.signal.aborted ? 'context deadline exceeded' : reasonOf(error);
      const verb = call.method === 'DELETE' ? 'Delete' : 'Get';
      throw new Error(`${verb} ${JSON.stringify(originOf(extension) + call.path)}: ${why}`, { cause: error });
    } finally {
      timer.cancel();
    }
  }

  /** Lets go of servers that are not among these any more: requests under way to them break off. */
  keepOnly(extensions: readonly Extension[]): void {
    const kept = new Set(extensions.flatMap((each) => [keyOf(each), keyOf({ ...each, caBundle: '', insecure: true })]));
    for (const [key, agent] of this.#agents) {
      if (kept.has(key)) continue;
      this.#agents.delete(key);
      agent.destroy();
    }
  }

  close(): void {
    this.keepOnly([]);
  }
}

function keyOf({ service: { namespace, name, port }, caBundle, insecure }: Extension): string {
  return [namespace, name, port, insecure, caBundle].join('\n');
}

export function reasonOf(error: unknown): string {
  if (error instanceof DialFault || error instanceof NoEndpoints) return error.message;
  return error instanceof Error ? callText(error) : String(error);
}

function callOnce(
  agent: OutsideAgent,
  extension: Extension,
  { method = 'GET', path, headers = {}, body, user = aggregator, bytesMax }: ExtensionCall,
  signal: AbortSignal,
): Promise<ExtensionAnswer> {
  return new Promise((resolve, reject) => {
    const remote: Record<string, string[]> = {};
    for (const [name, value] of remoteHeaderPairs(user)) remote[name] = [...(remote[name] ?? []), value];
    const sent = request({
      agent,
      method,
      path,
      signal,
      host: hostOf(extension),
      headers: {
        accept: 'application/json',
        'user-agent': 'kube-aggregator',
        ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        ...headers,
        ...remote,
      },
    });
    const fail = (error: Error): void => {
      sent.destroy();
      reject(error);
    };
    sent.on('error', fail);
    // A request whose connection does not stand yet would tell of it only when that does.
    signal.addEventListener('abort', () => fail(signal.reason as Error), { once: true });
    sent.on('response', (response) => {
      const { statusCode: status = 0, headers: answered } = response;
      bodyOf(response, bytesMax).then((read) => resolve({ status, headers: answered, body: read }), fail);
    });
    sent.end(body);
  });
}

async function bodyOf(response: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new DialFault(`the answer has more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Of a look at whether a server is there: its answer's beginning is enough. */
export const availabilityCall = (api: RemoteApi): ExtensionCall => ({
  path: `/apis/${api.group}/${api.version}`,
  timeoutMs: 5_000,
  bytesMax: limits.extensionDiscoveryBytesMax,
});
