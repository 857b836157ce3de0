/**
 * `GET pods/NAME/log`: finds the pod's node, asks its agent, and passes the bytes on as they come, at the client's pace.
 *
 * The agent does the reading; here are the checks that need only the pod, with upstream's words, and the query's. Whoever
 * ends first, client or agent, ends the other.
 */

import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { forbiddenField, invalidValue, notSupported } from '../api/field-error.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { badRequest, type FieldError, internalError, invalid, StatusError } from '../api/status-error.ts';
import type { NodeConnections, NodeResponse } from '../client/node-api.ts';
import { type AnswerHeaders, closeSignal, type Exchange } from './http/exchange.ts';
import { booleanOf, integerOf } from './queries.ts';
import { logOutput } from './websocket-watch.ts';

/** Resolves when the log was sent, or the client has gone. @throws StatusError before anything was sent */
export async function servePodLog(
  exchange: Exchange,
  nodes: NodeConnections,
  pod: Pod,
  query: URLSearchParams,
  headers: AnswerHeaders,
): Promise<void> {
  const { node, path } = logCall(pod, query);
  const signal = closeSignal(exchange);
  const answer = await nodes.call(node, { method: 'GET', path, headers: {}, signal });
  if (answer.status !== 200) throw await agentError(answer, pod.metadata?.name ?? '');
  const out = logOutput(exchange).stream(200, { ...headers, 'content-type': 'text/plain' });
  try {
    await pipeline(answer.body, out);
  } catch {
    // One of the two broke off: the client must not take half a log for a whole one.
    answer.body.destroy();
    exchange.abort();
  }
}

/** Which agent to ask what. Pure. @throws StatusError BadRequest, Invalid */
export function logCall(pod: Pod, query: URLSearchParams): { readonly node: string; readonly path: string } {
  const options = logOptions(query);
  const name = pod.metadata?.name ?? '';
  const container = chooseContainer(pod, query.get('container') ?? '');
  const node = pod.spec?.nodeName ?? '';
  if (node === '') throw badRequest(`pod ${name} does not have a host assigned`);
  const segments = [pod.metadata?.namespace ?? '', name, container].map(encodeURIComponent);
  const text = options.toString();
  return { node, path: `/containerLogs/${segments.join('/')}${text === '' ? '' : `?${text}`}` };
}

/** @throws StatusError BadRequest, in upstream's words */
export function chooseContainer(pod: Pod, asked: string): string {
  const names = (list: readonly { readonly name: string }[] = []): string[] => list.map(({ name }) => name);
  const containers = names(pod.spec?.containers);
  const initContainers = names(pod.spec?.initContainers);
  const podName = pod.metadata?.name ?? '';
  if (asked !== '') {
    const all = [...containers, ...initContainers, ...names(pod.spec?.ephemeralContainers)];
    if (all.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${podName}`);
  }
  if (containers.length === 1) return containers[0] as string;
  const mustName = `a container name must be specified for pod ${podName}`;
  if (containers.length === 0) throw badRequest(mustName);
  const others = initContainers.length === 0 ? '' : ` or one of the init containers: [${initContainers.join(' ')}]`;
  throw badRequest(`${mustName}, choose one of: [${containers.join(' ')}]${others}`);
}

const switches = ['follow', 'previous', 'timestamps'] as const;

/** The query as the agent gets it: only what is known, in one form. @throws StatusError BadRequest, Invalid */
function logOptions(query: URLSearchParams): URLSearchParams {
  const options = new URLSearchParams();
  for (const name of switches) if (booleanOf(query, name) === true) options.set(name, 'true');
  const numbers = {
    tailLines: integerOf(query, 'tailLines'),
    limitBytes: integerOf(query, 'limitBytes'),
    sinceSeconds: integerOf(query, 'sinceSeconds'),
  };
  for (const [name, value] of Object.entries(numbers)) if (value !== undefined) options.set(name, String(value));
  for (const name of ['sinceTime', 'stream']) if (query.get(name)) options.set(name, query.get(name) as string);
  const errors = optionErrors(numbers, options);
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions', name: '' }, errors);
  return options;
}

function optionErrors(
  {
    tailLines,
    limitBytes,
    sinceSeconds,
  }: Readonly<Record<'tailLines' | 'limitBytes' | 'sinceSeconds', number | undefined>>,
  options: URLSearchParams,
): FieldError[] {
  const errors: FieldError[] = [];
  const sinceTime = options.get('sinceTime');
  const stream = options.get('stream');
  if (tailLines !== undefined && tailLines < 0) {
    errors.push(invalidValue('tailLines', tailLines, 'must be greater than or equal to 0'));
  }
  if (limitBytes !== undefined && limitBytes < 1)
    errors.push(invalidValue('limitBytes', limitBytes, 'must be greater than 0'));
  if (sinceSeconds !== undefined && sinceTime !== null) {
    errors.push(forbiddenField('', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  }
  if (sinceSeconds !== undefined && sinceSeconds < 1) {
    errors.push(invalidValue('sinceSeconds', sinceSeconds, 'must be greater than 0'));
  }
  if (sinceTime !== null && Number.isNaN(Date.parse(sinceTime))) {
    errors.push(invalidValue('sinceTime', sinceTime, 'must be a time in RFC 3339 form'));
  }
  if (stream !== null && !['All', 'Stdout', 'Stderr'].includes(stream)) {
    errors.push(notSupported('stream', stream, ['All', 'Stdout', 'Stderr']));
  }
  // The last lines are counted before it is known whose they are.
  if (stream !== null && stream !== 'All' && tailLines !== undefined) {
    errors.push(forbiddenField('', '`tailLines` and specific `stream` are mutually exclusive for now'));
  }
  return errors;
}

const errorBytesMax = 64 * 1024;

/** What the agent says instead of a log, as the API's error. */
export async function agentError(answer: NodeResponse, pod: string): Promise<StatusError> {
  const text = await readText(answer.body);
  const status = statusIn(text);
  const message = status?.message ?? text.trim();
  if (answer.status === 400) return badRequest(message);
  if (answer.status === 500) return internalError(message);
  if (answer.status === 404)
    return new StatusError(404, 'NotFound', message === '' ? `the log of pod ${pod} was not found` : message, {});
  return new StatusError(
    answer.status,
    'ServiceUnavailable',
    message === '' ? `the agent answered ${answer.status}` : message,
    {},
  );
}

function statusIn(text: string): { readonly message?: string } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'message' in value
      ? (value as { message?: string })
      : undefined;
  } catch {
    return undefined;
  }
}

async function readText(body: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(Buffer.from(chunk as Uint8Array));
    bytes += (chunk as Uint8Array).length;
    if (bytes > errorBytesMax) break;
  }
  return Buffer.concat(chunks).toString('utf8');
}
