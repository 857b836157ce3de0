/**
 * exec, attach and port-forward on this node: finds the container, takes the client's connection over, and keeps the sessions, each of
 * which ends with its client, its program, or the node's agent.
 *
 * ```
 *  request ─▶ which pod, is it running ─▶ which protocol ─▶ 101 ─▶ session ─▶ the end
 *            └──────── refused before the 101: HTTP ────────┘      └─ after it: a Status on the error channel
 * ```
 * Kept true: what can be refused is refused before the 101; sessions are bounded; nothing that passes through is written to the log.
 */
import { type Duplex, Readable } from 'node:stream';
import { badRequest, internalError, StatusError } from '../../api/status-error.ts';
import type { NodeRequest, NodeResponse } from '../../client/node-api.ts';
import type { Clock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import { Gate } from '../gate.ts';
import type { PodWorkers } from '../pod/pod-workers.ts';
import type { ContainerStatus, PodIdentity, Runtime, SandboxStatus } from '../runtime.ts';
import { Bridge } from './bridge.ts';
import { connectionPair } from './connection-pair.ts';
import {
  type PortForwardOptions,
  portForwardProtocol,
  portForwardTunnelProtocol,
  portOf,
  SpdyPortForward,
} from './port-forward.ts';
import { ChannelPortForward, forwardedPortsMax, portForwardChannelProtocols } from './port-forward-channels.ts';
import type { RemoteClient } from './remote-client.ts';
import type { Session, TerminalSize } from './session.ts';
import { SpdyClient, spdyProtocols } from './spdy-client.ts';
import {
  NegotiationError,
  negotiate,
  offered,
  parseStreamingRequest,
  type StreamingRequest,
  upgradeOf,
} from './streaming-request.ts';
import { acceptWebSocket, WebSocketTunnel } from './websocket.ts';
import { remoteCommandProtocols, WebSocketClient } from './websocket-client.ts';

export interface StreamingServerOptions {
  readonly pods: PodWorkers;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What runs between a client and a pod. */
interface Streaming {
  run(): Promise<void>;
  /** Ends it, and tells the client why where its protocol can. */
  stop(reason: string): void;
  destroy(): void;
}

interface Accepted {
  readonly streaming: Streaming;
  readonly headers: Readonly<Record<string, string>>;
  readonly connection: Duplex;
}

/** How long the clients of a node that stops have to take their farewell. */
const farewellMsMax = 1_000;

export class StreamingServer implements Service {
  readonly name = 'streaming';
  readonly #options: StreamingServerOptions;
  readonly #running = new Map<Streaming, Promise<void>>();
  readonly #starts = new Map<string, { readonly gate: Gate; users: number }>();
  #isClosing = false;

  constructor(options: StreamingServerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#isClosing = false;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    const all = [...this.#running];
    if (all.length === 0) return;
    for (const [streaming] of all) streaming.stop('the node is shutting down');
    const late = new AbortController();
    const ended = Promise.all(all.map(([, end]) => end));
    await Promise.race([ended, this.#options.clock.sleep(farewellMsMax, late.signal).catch(() => {})]);
    late.abort();
    this.destroy();
    await ended;
  }

  destroy(): void {
    for (const streaming of this.#running.keys()) streaming.destroy();
  }

  /** How many are open now. */
  get count(): number {
    return this.#running.size;
  }

  /** Never rejects: a refusal is text, as the kubelet's. */
  async handle(request: NodeRequest): Promise<NodeResponse> {
    try {
      return await this.#handle(request);
    } catch (error) {
      return refusal(error);
    }
  }

  async #handle(request: NodeRequest): Promise<NodeResponse> {
    const asked = parseStreamingRequest(request.path);
    if (asked === undefined) throw new StatusError(404, 'NotFound', '404 page not found', {});
    if (this.#isClosing) throw new StatusError(503, 'ServiceUnavailable', 'the node is shutting down', {});
    if (this.#running.size >= limits.streamingSessionsMax) throw tooMany();
    const accepted = await this.#accept(request, asked);
    request.signal.addEventListener('abort', () => void accepted.connection.destroy(), { once: true });
    if (request.signal.aborted) accepted.connection.destroy();
    this.#keep(accepted.streaming, asked);
    const { headers, connection } = accepted;
    return { status: 101, headers, body: Readable.from([]), connection };
  }

  #keep(streaming: Streaming, { kind, namespace, pod, container }: StreamingRequest): void {
    const { log } = this.#options;
    log.info('streaming session opened', { kind, namespace, pod, container });
    const end = streaming
      .run()
      .catch((error: unknown) => log.error('a streaming session failed', { kind, namespace, pod, container, error }))
      .finally(() => {
        this.#running.delete(streaming);
        log.info('streaming session ended', { kind, namespace, pod, container });
      });
    this.#running.set(streaming, end);
  }

  async #accept(request: NodeRequest, asked: StreamingRequest): Promise<Accepted> {
    const worker = this.#options.pods.find({ namespace: asked.namespace, name: asked.pod });
    if (worker === undefined) throw new StatusError(404, 'NotFound', 'pod does not exist', {});
    const { identity } = worker;
    const { runtime } = this.#options;
    const { containers, sandboxes } = await runtime.state(identity.uid);
    if (runtime.noStreams !== undefined) throw badRequest(runtime.noStreams);
    if (asked.kind === 'portForward') return this.#portForward(request, asked, identity, sandboxes);
    return this.#remoteCommand(request, asked, runningContainer(containers, asked.container));
  }

  #remoteCommand(request: NodeRequest, asked: StreamingRequest, container: ContainerStatus): Accepted {
    const { clock } = this.#options;
    const { options } = asked;
    const open = (size: TerminalSize | undefined): Promise<Session> => this.#open(asked, container, size);
    const bridged = (client: RemoteClient): Streaming => new Bridge(client, { clock, tty: options.tty, open });
    const upgrade = upgradeOf(request);
    if (upgrade === 'websocket') {
      const protocol = negotiate(offered(request, upgrade), remoteCommandProtocols);
      const { webSocket, headers, connection } = acceptWebSocket(request.headers, protocol);
      return { streaming: bridged(new WebSocketClient(webSocket, protocol, options)), headers, connection };
    }
    // Clients of old name no version, and mean the first.
    const protocol = negotiate(offered(request, upgrade), [...spdyProtocols, '']);
    const [ours, connection] = connectionPair();
    const client = new SpdyClient(ours, protocol, options, clock);
    return { streaming: bridged(client), headers: spdyHeaders(protocol), connection };
  }

  async #open(asked: StreamingRequest, { id }: ContainerStatus, size: TerminalSize | undefined): Promise<Session> {
    const { runtime } = this.#options;
    const { kind, command, options } = asked;
    if (kind === 'attach') return runtime.attach(id, options);
    const sized = size === undefined ? options : { ...options, size };
    return this.#startGate(id, () => runtime.openExec(id, command, sized));
  }

  /** Of one container at a time only some. */
  async #startGate<T>(container: string, task: () => Promise<T>): Promise<T> {
    const entry = this.#starts.get(container) ?? { gate: new Gate(limits.execStartsPerPodMax), users: 0 };
    this.#starts.set(container, entry);
    entry.users++;
    try {
      return await entry.gate.run(task);
    } finally {
      if (--entry.users === 0) this.#starts.delete(container);
    }
  }

  #portForward(
    request: NodeRequest,
    asked: StreamingRequest,
    identity: PodIdentity,
    sandboxes: readonly SandboxStatus[],
  ): Accepted {
    const sandbox = sandboxes.filter(({ ready }) => ready).toSorted((a, b) => b.attempt - a.attempt)[0];
    if (sandbox === undefined) throw new StatusError(500, 'InternalError', 'the pod is not running', {});
    const { clock, runtime } = this.#options;
    const dial = (port: number): Promise<Duplex> => runtime.dialPod(sandbox.id, port);
    const options = { clock, dial, pod: `${identity.name}, uid ${identity.uid}` };
    const upgrade = upgradeOf(request);
    if (upgrade === 'websocket') return webSocketPortForward(request, asked, options);
    const protocol = negotiate(offered(request, upgrade), [portForwardProtocol, '']) || portForwardProtocol;
    const [ours, connection] = connectionPair();
    return { streaming: new SpdyPortForward(ours, options), headers: spdyHeaders(protocol), connection };
  }
}

function webSocketPortForward(request: NodeRequest, asked: StreamingRequest, options: PortForwardOptions): Accepted {
  const known = [portForwardTunnelProtocol, ...portForwardChannelProtocols, ''];
  const protocol = negotiate(offered(request, 'websocket'), known);
  const ports = protocol === portForwardTunnelProtocol ? [] : forwardedPorts(asked.ports);
  const { webSocket, headers, connection } = acceptWebSocket(request.headers, protocol);
  const streaming =
    protocol === portForwardTunnelProtocol
      ? new SpdyPortForward(new WebSocketTunnel(webSocket), options)
      : new ChannelPortForward(webSocket, protocol, ports, options);
  return { streaming, headers, connection };
}

/** @throws StatusError BadRequest, in the kubelet's words */
function forwardedPorts(texts: readonly string[]): number[] {
  const ports = texts.flatMap((text) => text.split(',')).map((text) => ({ text, port: portOf(text) }));
  if (ports.length === 0) throw badRequest('query parameter "port" is required');
  const wrong = ports.find(({ port }) => port === 0);
  if (wrong !== undefined) throw badRequest(`unable to parse ${JSON.stringify(wrong.text)} as a port`);
  if (ports.length > forwardedPortsMax) throw badRequest(`at most ${forwardedPortsMax} ports can be forwarded at once`);
  return ports.map(({ port }) => port);
}

function runningContainer(containers: readonly ContainerStatus[], name: string): ContainerStatus {
  const running = containers.filter((container) => container.name === name && container.state === 'running');
  const newest = running.toSorted((a, b) => b.attempt - a.attempt)[0];
  if (newest !== undefined) return newest;
  throw new StatusError(500, 'InternalError', `container not found ("${name}")`, {});
}

function spdyHeaders(protocol: string): Readonly<Record<string, string>> {
  return protocol === '' ? {} : { 'x-stream-protocol-version': protocol };
}

const tooMany = (): StatusError =>
  new StatusError(503, 'ServiceUnavailable', 'too many sessions are open on this node; please try again later', {});

/**
 * Text, as the kubelet's. Clients try to read it as YAML first: what would be an object by accident (`one: other`), and an empty error to
 * them, goes as a Status.
 */
function refusal(error: unknown): NodeResponse {
  const status = error instanceof StatusError ? error : internalError(error);
  const message = error instanceof Error ? error.message : String(error);
  const isText = !message.includes(': ');
  const type = isText ? 'text/plain' : 'application/json';
  const text = isText ? message : JSON.stringify(status.toStatus());
  const accepted =
    error instanceof NegotiationError ? { 'x-accepted-stream-protocol-versions': error.accepted.join(', ') } : {};
  return {
    status: status.code,
    headers: { 'content-type': type, ...accepted },
    body: Readable.from([Buffer.from(text)]),
  };
}
