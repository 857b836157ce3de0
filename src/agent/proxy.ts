/**
 * The node's end of the API's proxy: sends a request on to a program in one of this node's pods, or on the node itself, and brings its
 * answer back as it comes.
 *
 * Kept true: only addresses of this node and of pods that it runs itself are dialled, as the runtime tells them and not as the API
 * does: nobody gets elsewhere by writing an address into a pod's status. Certificates of pods are not checked, as upstream.
 */
import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { notFound, StatusError } from '../api/status-error.ts';
import type { NodeHandler, NodeRequest, NodeResponse } from '../client/node-api.ts';
import {
  type DialTarget,
  decodeHead,
  dialProtocol,
  encodeHead,
  type HeaderPairs,
  isProxyable,
  type ProxyTarget,
  parseDialPath,
  parseProxyPath,
  proxyHeadName,
  withoutHopHeaders,
} from '../client/node-proxy.ts';
import type { Clock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import type { PodWorkers } from './pod/pod-workers.ts';

export interface NodeProxyOptions {
  readonly pods: Pick<PodWorkers, 'find'>;
  /** The node's own addresses; empty where nothing on it can be reached, as on a simulated one. */
  readonly addresses: readonly string[];
  readonly clock: Clock;
}

export class NodeProxy implements NodeHandler {
  readonly #options: NodeProxyOptions;

  constructor(options: NodeProxyOptions) {
    this.#options = options;
  }

  /** @throws StatusError NotFound, BadRequest, ServiceUnavailable */
  async handle(request: NodeRequest): Promise<NodeResponse> {
    const dialled = request.upgrade === dialProtocol ? parseDialPath(request.path) : undefined;
    if (dialled !== undefined) return dial(this.#options, request, dialled);
    const target = parseProxyPath(request.path);
    const head = decodeHead(request.headers[proxyHeadName]);
    if (target !== undefined && head !== undefined) return pass(this.#options, request, target, head);
    throw new StatusError(404, 'NotFound', 'the node does not serve this path', {});
  }
}

/** A bare connection to a port of one of this node's pods. */
function dial(options: NodeProxyOptions, { signal }: NodeRequest, target: DialTarget): Promise<NodeResponse> {
  const { port } = target;
  const host = addressOf(options, target);
  if (options.addresses.length === 0) throw refusedDial(`dial tcp ${show(host, port)}: the node is simulated`);
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(refusedDial(describe(error, host, port)));
    const socket = net.connect({ host, port, noDelay: true, keepAlive: true, signal });
    const timedOut = Object.assign(new Error('the dial took too long'), { code: 'ETIMEDOUT' });
    const late = options.clock.after(limits.dialMsMax, () => socket.destroy(timedOut));
    socket.once('close', () => late.cancel());
    socket.on('error', fail);
    socket.once('connect', () => {
      late.cancel();
      resolve({ status: 101, headers: {}, body: Readable.from([]), connection: socket });
    });
  });
}

const refusedDial = (why: string): StatusError => new StatusError(503, 'ServiceUnavailable', why);

type Target = ProxyTarget & { readonly rest: string };

function pass(
  options: NodeProxyOptions,
  request: NodeRequest,
  target: Target,
  head: HeaderPairs,
): Promise<NodeResponse> {
  const host = addressOf(options, target);
  if (options.addresses.length === 0)
    throw unreachable(`nothing listens at ${show(host, target.port)}: the node is simulated`);
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => reject(unreachable(describe(error, host, target.port)));
    const out = send(request, target, host, head, fail);
    const timedOut = Object.assign(new Error('the dial took too long'), { code: 'ETIMEDOUT' });
    const late = options.clock.after(limits.dialMsMax, () => out.destroy(timedOut));
    out.once('socket', (socket) => socket.once('connect', () => late.cancel()));
    out.once('close', () => late.cancel());
    out.on('error', fail);
    out.once('response', (response) => resolve(answerOf(response)));
    out.once('upgrade', (response, socket, first) => {
      if (request.upgrade !== undefined) return resolve(switched(response, socket, first));
      socket.destroy();
      reject(unreachable('malformed HTTP response: 101 Switching Protocols, without having been asked to'));
    });
  });
}

function addressOf({ pods, addresses }: NodeProxyOptions, { pod }: Pick<ProxyTarget, 'pod'>): string {
  if (pod === undefined) return addresses[0] ?? '';
  const worker = pods.find(pod);
  if (worker === undefined) throw notFound({ group: '', kind: 'pods', name: pod.name });
  const address = worker.status.podIP ?? '';
  if (!isProxyable(address)) throw new StatusError(400, 'BadRequest', 'address not allowed');
  return address;
}

function send(
  request: NodeRequest,
  target: Target,
  host: string,
  head: HeaderPairs,
  fail: (error: Error) => void,
): ClientRequest {
  const options: RequestOptions & { readonly rejectUnauthorized: boolean } = {
    host,
    port: target.port,
    path: target.rest,
    method: request.method,
    headers: head.flat(),
    agent: false,
    setHost: false,
    rejectUnauthorized: false,
    signal: request.signal,
  };
  const out = (target.scheme === 'https' ? https : http).request(options);
  const hasBody = head.some(([name]) => ['content-length', 'transfer-encoding'].includes(name.toLowerCase()));
  if (request.upgrade !== undefined || request.body === undefined || !hasBody) {
    request.body?.resume();
    out.end();
  } else {
    request.body.on('error', fail);
    // Not a pipeline: a program that answers and closes before it has read everything has answered all the same.
    request.body.pipe(out);
  }
  return out;
}

function answerOf(response: IncomingMessage): NodeResponse {
  return { status: response.statusCode ?? 502, headers: headOf(withoutHopHeaders(pairsOf(response))), body: response };
}

function switched(response: IncomingMessage, connection: Duplex, first: Buffer): NodeResponse {
  if (first.length > 0) connection.unshift(first);
  connection.on('error', () => {});
  return { status: 101, headers: headOf(pairsOf(response)), body: Readable.from([]), connection };
}

const headOf = (pairs: HeaderPairs): Readonly<Record<string, string>> => ({ [proxyHeadName]: encodeHead(pairs) });

function pairsOf({ rawHeaders }: IncomingMessage): HeaderPairs {
  const pairs: [string, string][] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) pairs.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? '']);
  return pairs;
}

const show = (host: string, port: number): string => (net.isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`);

const unreachable = (why: string): StatusError =>
  new StatusError(503, 'ServiceUnavailable', `error trying to reach service: ${why}`);

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

/** In the words in which upstream's users know these. */
function describe(error: NodeJS.ErrnoException, host: string, port: number): string {
  const reason = reasons[error.code ?? ''];
  if (reason !== undefined) return `dial tcp ${show(host, port)}: ${reason}`;
  if (error.code === 'ECONNRESET') return 'EOF';
  return error.code?.startsWith('HPE_') ? `malformed HTTP response: ${error.message}` : error.message;
}
