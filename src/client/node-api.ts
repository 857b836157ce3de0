/**
 * What the server asks of a node's agent: logs, exec, attach, port-forward. Nodes only dial out
 * (ARCHITECTURE.md, D7), so a call travels back over the connection that the agent opened; inside one process it is a
 * function call. Paths are the kubelet's: `/containerLogs/{namespace}/{pod}/{container}?follow=true&tailLines=10`.
 */
import type { Duplex, Readable } from 'node:stream';

export interface NodeRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Readable;
  /** The protocol that the client wants to speak instead of HTTP, in lower case. The answer may then be a connection. */
  readonly upgrade?: string;
  /** Aborted when the call is over: the client has gone, or has the whole answer. */
  readonly signal: AbortSignal;
}

export interface NodeResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
  /**
   * With status 101, to a request for an upgrade: from here on, bytes of the new protocol in both directions, for whoever asked to join with
   * the client. `body` is empty then.
   */
  readonly connection?: Duplex;
}

/** The agent's end. */
export interface NodeHandler {
  handle(request: NodeRequest): Promise<NodeResponse>;
}

/** The server's end: the agents that are connected now. */
export interface NodeConnections {
  /** @throws StatusError ServiceUnavailable where the node is not connected */
  call(node: string, request: NodeRequest): Promise<NodeResponse>;
  /** Makes an agent reachable; calling the result withdraws it. A second registration of a node replaces the first. */
  register(node: string, handler: NodeHandler): () => void;
}

/**
 * How an agent's connection becomes the server's way to it: `GET tunnelPath(node)` with `Upgrade: naru-node`, answered by 101;
 * then HTTP/2 on the same connection, with the agent as its server.
 */
export const tunnelProtocol = 'naru-node';

const tunnelPrefix = '/connect/v1/nodes/';

export function tunnelPath(node: string): string {
  return `${tunnelPrefix}${encodeURIComponent(node)}`;
}

/** The node that a tunnel's URL names; empty where it is none. */
export function tunnelNode(url: string): string {
  if (!url.startsWith(tunnelPrefix)) return '';
  try {
    return decodeURIComponent(url.slice(tunnelPrefix.length));
  } catch {
    return '';
  }
}

/**
 * An upgrade inside the tunnel, where HTTP/2 knows neither `Upgrade` nor 101: the request's stream carries this header with the
 * protocol's name; an answer that carries it is the 101, and the stream, in both directions, the connection.
 */
export const tunnelUpgradeHeader = 'naru-upgrade';

/**
 * Both ends' HTTP/2. A stream's window lets an upload run at full speed over a slow link. The connection's is so large that
 * readers who have stopped reading (each holds at most one stream's window) cannot stop the others.
 */
export const tunnelHttp2 = {
  streamWindowBytes: 1024 * 1024,
  connectionWindowBytes: 2 ** 31 - 1,
  streamsMax: 10_000,
  /** Node's bound on what one session may queue (MB); its default of 10 would refuse streams when logs flow. */
  sessionMemoryMegabytesMax: 1024,
  pingIntervalMs: 10_000,
  pingAnswerMsMax: 10_000,
} as const;
