/** A path that the agent itself answers, and the forms of its answers. */
import { Readable } from 'node:stream';
import { StatusError } from '../../api/status-error.ts';
import type { NodeRequest, NodeResponse } from '../../client/node-api.ts';
import { metricsContentType } from '../metrics/exposition.ts';

export interface RouteRequest {
  readonly request: NodeRequest;
  /** Without the query, decoded nowhere. */
  readonly path: string;
  readonly query: URLSearchParams;
}

export interface Route {
  /** The path; with a slash at its end, all below it, too. A slash more at the end of a request makes no difference. */
  readonly path: string;
  /** @throws StatusError */
  readonly answer: (request: RouteRequest) => Promise<NodeResponse>;
}

/** The most exact of `routes`; undefined where none fits. */
export function findRoute(routes: readonly Route[], path: string): Route | undefined {
  const plain = withoutSlash(path);
  const exact = routes.find((route) => withoutSlash(route.path) === plain);
  return exact ?? routes.find((route) => route.path.endsWith('/') && path.startsWith(route.path));
}

const withoutSlash = (path: string): string => (path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);

/** @throws StatusError for everything but reading */
export function checkReads({ method }: NodeRequest): void {
  if (method === 'GET' || method === 'HEAD') return;
  throw new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
}

export const notServed = (): StatusError => new StatusError(404, 'NotFound', 'the node does not serve this path', {});

export function textAnswer(
  body: Readable | string,
  contentType = 'text/plain; charset=utf-8',
  status = 200,
): NodeResponse {
  const stream = typeof body === 'string' ? Readable.from([Buffer.from(body)]) : body;
  return { status, headers: { 'content-type': contentType }, body: stream };
}

export const jsonAnswer = (value: unknown): NodeResponse =>
  textAnswer(`${JSON.stringify(value, undefined, 1)}\n`, 'application/json');

export const metricsAnswer = (text: string): NodeResponse => textAnswer(text, metricsContentType);
