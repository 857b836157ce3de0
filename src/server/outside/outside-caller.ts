/**
 * Calls webhooks: one POST of JSON to a URL or a Service, one JSON answer.
 *
 * Kept true: a call ends within its time and reads no more than `answerBytesMax`; redirects are not followed; one target that
 * hangs has connections of its own, so that it keeps nobody from another; nothing is made before the first call.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { parseJson } from '../../api/decode-json.ts';
import type { JsonObject } from '../../api/object.ts';
import { StatusError } from '../../api/status-error.ts';
import { goDuration } from '../../lib/go-duration.ts';
import { limits } from '../../lib/limits.ts';
import { Slots } from '../../lib/slots.ts';
import { type OutsideCaller, OutsideFault, type OutsideOptions, type OutsideTarget } from '../../registry/outside.ts';
import { answerProblem } from './answer-problem.ts';
import { callText, isClosedBefore } from './go-errors.ts';
import { OutsideAgent } from './outside-agent.ts';
import { DialFault, type ServiceDialer, type ServiceDialerOptions } from './service-dialer.ts';
import { NoEndpoints } from './service-endpoints.ts';

interface Target {
  readonly agent: OutsideAgent;
  /** Calls at a time: each has a connection. */
  readonly slots: Slots;
}

/** Where a target is, as its URL is written. */
interface Place {
  readonly origin: string;
  readonly host: string;
  readonly path: string;
  readonly servername: string;
}

export interface OutsideCallerOptions extends Pick<ServiceDialerOptions, 'clock'> {
  readonly dialer: ServiceDialer;
}

export class HttpsOutsideCaller implements OutsideCaller {
  readonly #options: OutsideCallerOptions;
  /** By origin and authorities, the one used last at the end. */
  readonly #targets = new Map<string, Target>();

  constructor(options: OutsideCallerOptions) {
    this.#options = options;
  }

  async post(target: OutsideTarget, body: JsonObject, options: OutsideOptions): Promise<JsonObject> {
    const place = placeOf(target, options);
    const url = `${place.origin}${place.path}`;
    const { agent, slots } = this.#targetFor(target, place);
    const text = JSON.stringify(body);
    const deadline = new AbortController();
    const timer = this.#options.clock.after(options.timeoutMs, () => deadline.abort());
    try {
      const { answerBytesMax = limits.webhookAnswerBytesMax } = options;
      const call = { place, agent, text, answerBytesMax, signal: deadline.signal };
      return await slots.run(call.signal, () => this.#send(call));
    } catch (error) {
      if (deadline.signal.aborted) {
        throw new OutsideFault(`Post ${JSON.stringify(url)}: context deadline exceeded`, {
          isTimeout: true,
          cause: error,
        });
      }
      if (error instanceof OutsideFault) throw error;
      throw new OutsideFault(`Post ${JSON.stringify(url)}: ${reasonOf(error)}`, { cause: error });
    } finally {
      timer.cancel();
    }
  }

  /** Ends all connections. */
  close(): void {
    for (const { agent } of this.#targets.values()) agent.destroy();
    this.#targets.clear();
  }

  #targetFor(target: OutsideTarget, place: Place): Target {
    // A URL may name what a Service is called, and is somewhere else.
    const kind = target.service === undefined ? 'url' : 'service';
    const key = `${kind}\n${place.origin}\n${target.caBundle ?? ''}`;
    const known = this.#targets.get(key);
    const found = known ?? { agent: this.#newAgent(target, place), slots: new Slots(limits.outsideConnectionsMax) };
    this.#targets.delete(key);
    this.#targets.set(key, found);
    if (this.#targets.size > limits.outsideTargetsMax) {
      const [oldest] = this.#targets.keys();
      this.#targets.get(oldest as string)?.agent.destroy();
      this.#targets.delete(oldest as string);
    }
    return found;
  }

  #newAgent({ service, url = '', caBundle }: OutsideTarget, { servername }: Place): OutsideAgent {
    const { dialer, clock } = this.#options;
    const ca = caBundle ? Buffer.from(caBundle, 'base64').toString('utf8') : undefined;
    const trust = { servername, ca };
    const options = { trust, clock, keptMax: limits.outsideConnectionsMax };
    if (service !== undefined) {
      const reference = { namespace: service.namespace, name: service.name, port: service.port ?? 443 };
      return new OutsideAgent({ ...options, dial: (signal) => dialer.dial(reference, signal) });
    }
    const { port } = new URL(url);
    const number = port === '' ? 443 : Number(port);
    return new OutsideAgent({ ...options, dial: (signal) => dialer.dialAddress(servername, number, signal) });
  }

  /** A connection that was kept may have been closed at the far end just now: then once more, on another, and so may that. */
  async #send(call: Call): Promise<JsonObject> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await once(call);
      } catch (error) {
        if (!(error instanceof StaleConnection) || attempt === attemptsMax) throw error;
      }
    }
  }
}

/** @throws OutsideFault where it is no URL */
function placeOf({ service, url = '' }: OutsideTarget, { tellsTimeout, timeoutMs }: OutsideOptions): Place {
  const query = tellsTimeout ? `timeout=${goDuration(timeoutMs)}` : '';
  if (service !== undefined) {
    const servername = `${service.name}.${service.namespace}.svc`;
    const host = `${servername}:${service.port ?? 443}`;
    return { origin: `https://${host}`, host, path: withQuery(pathOf(service.path), query), servername };
  }
  const parsed = URL.parse(url);
  if (parsed?.protocol !== 'https:') throw new OutsideFault(`Unparsable URL: ${url}`);
  const servername = parsed.hostname.replace(/^\[(.*)\]$/, '$1');
  const path = withQuery(`${parsed.pathname}${parsed.search}`, query);
  return { origin: `https://${parsed.host}`, host: parsed.host, path, servername };
}

const pathOf = (path = '/'): string => encodeURI(path.startsWith('/') ? path : `/${path}`);

function withQuery(path: string, query: string): string {
  if (query === '') return path;
  return `${path}${path.includes('?') ? '&' : '?'}${query}`;
}

interface Call {
  readonly place: Place;
  readonly agent: OutsideAgent;
  readonly text: string;
  readonly answerBytesMax: number;
  readonly signal: AbortSignal;
}

const attemptsMax = 4;

/** Nothing of an answer came over a connection that had been used before. */
class StaleConnection extends Error {
  constructor(cause: unknown) {
    super('EOF', { cause });
  }
}

async function once({ place, agent, text, answerBytesMax, signal }: Call): Promise<JsonObject> {
  const { response, body } = await new Promise<{ response: IncomingMessage; body: Buffer }>((resolve, reject) => {
    const sent: ClientRequest = request(
      {
        agent,
        method: 'POST',
        host: place.servername,
        path: place.path,
        signal,
        headers: {
          host: place.host,
          accept: 'application/json, */*',
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
          'user-agent': 'kube-apiserver-admission',
        },
      },
      (response) => {
        readBody(response, answerBytesMax).then((body) => resolve({ response, body }), fail);
      },
    );
    const fail = (error: Error): void => {
      sent.destroy();
      const isStale = sent.reusedSocket && isClosedBefore(error);
      reject(isStale && !signal.aborted ? new StaleConnection(error) : error);
    };
    sent.on('error', fail);
    // A request whose connection does not stand yet would tell of it only when that does.
    signal.addEventListener('abort', () => fail(signal.reason as Error), { once: true });
    sent.end(text);
  });
  return objectOf(response, body);
}

async function readBody(response: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new OutsideFault(`the answer has more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** @throws OutsideFault */
function objectOf(response: IncomingMessage, body: Buffer): JsonObject {
  const problem = answerProblem({
    method: 'POST',
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'] ?? '',
    body,
  });
  if (problem !== undefined) throw new OutsideFault(problem);
  try {
    const { value } = parseJson(body);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw new OutsideFault(`couldn't get version/kind; json parse error: ${reasonOf(error)}`, { cause: error });
  }
  throw new OutsideFault(
    "couldn't get version/kind; json parse error: json: cannot unmarshal into Go value of type struct",
  );
}

function reasonOf(error: unknown): string {
  if (error instanceof DialFault || error instanceof NoEndpoints || error instanceof StatusError) return error.message;
  return error instanceof Error ? callText(error) : String(error);
}
