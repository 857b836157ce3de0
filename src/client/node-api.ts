/**
 * What the server asks of a node's agent: logs now; exec, attach, port-forward and stats as they come. Nodes only dial out
 * (ARCHITECTURE.md, D7), so a call travels back over the connection that the agent opened; inside one process it is a
 * function call. Paths are the kubelet's: `/containerLogs/{namespace}/{pod}/{container}?follow=true&tailLines=10`.
 */
import type { Readable } from 'node:stream';

export interface NodeRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Readable;
  /** Aborted when the client has gone. */
  readonly signal: AbortSignal;
}

export interface NodeResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
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
