/** Which agent to ask, and by which of its paths: the API's options become the kubelet's. Pure; the errors are upstream's. */
import type { JsonObject } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { badRequest } from '../../api/status-error.ts';
import { chooseContainer } from '../pod-log.ts';
import { booleanOf, integerOf } from '../queries.ts';

export type ConnectSubresource = 'exec' | 'attach' | 'portforward';

const kinds: Readonly<Record<ConnectSubresource, string>> = {
  exec: 'exec',
  attach: 'attach',
  portforward: 'portForward',
};

export function isConnectSubresource(name: string): name is ConnectSubresource {
  return Object.hasOwn(kinds, name);
}

/** `PodExecOptions` and their like, as admission is asked about them. @throws StatusError BadRequest */
export function connectOptions(subresource: ConnectSubresource, query: URLSearchParams): JsonObject {
  // Each must be a number; which ones are ports is the agent's to say.
  if (subresource === 'portforward') return portsOf(query);
  const container = query.get('container');
  const command = subresource === 'exec' ? query.getAll('command') : [];
  return {
    ...Object.fromEntries(Object.keys(streams).flatMap((name) => (booleanOf(query, name) ? [[name, true]] : []))),
    ...(container && { container }),
    ...(command.length > 0 && { command }),
  };
}

function portsOf(query: URLSearchParams): JsonObject {
  const texts = query.getAll('ports').flatMap((text) => text.split(','));
  const ports = texts.map((port) => integerOf(new URLSearchParams({ port }), 'port') ?? 0);
  return ports.length > 0 ? { ports } : {};
}

type ConnectOption = string | number | boolean;

/** The way back, for options that admission may have changed. */
export function connectQuery(options: JsonObject): URLSearchParams {
  const query = new URLSearchParams();
  for (const name of ['container', 'command', 'ports', ...Object.keys(streams)]) {
    const value = options[name] as ConnectOption | readonly ConnectOption[] | undefined;
    for (const each of value === undefined ? [] : [value].flat()) query.append(name, String(each));
  }
  return query;
}

/** @throws StatusError BadRequest */
export function connectPath(
  pod: Pod,
  subresource: ConnectSubresource,
  query: URLSearchParams,
): { readonly node: string; readonly path: string } {
  const { name = '', namespace = '' } = pod.metadata ?? {};
  const isForward = subresource === 'portforward';
  const container = isForward ? [] : [chooseContainer(pod, query.get('container') ?? '')];
  const node = pod.spec?.nodeName ?? '';
  if (node === '') throw badRequest(`pod ${name} does not have a host assigned`);
  const segments = [kinds[subresource], namespace, name, ...container].map(encodeURIComponent);
  const options = isForward ? forwardOptions(query) : streamOptions(query);
  const text = options.toString();
  return { node, path: `/${segments.join('/')}${text === '' ? '' : `?${text}`}` };
}

/** The API's names, and the kubelet's. */
const streams = { stdin: 'input', stdout: 'output', stderr: 'error', tty: 'tty' } as const;

function streamOptions(query: URLSearchParams): URLSearchParams {
  const options = new URLSearchParams();
  for (const [ours, theirs] of Object.entries(streams)) if (booleanOf(query, ours) === true) options.set(theirs, '1');
  for (const word of query.getAll('command')) options.append('command', word);
  return options;
}

function forwardOptions(query: URLSearchParams): URLSearchParams {
  const options = new URLSearchParams();
  const ports = query.getAll('ports').flatMap((text) => text.split(','));
  // Each must be a number; which ones are ports is the agent's to say.
  for (const port of ports) options.append('port', String(integerOf(new URLSearchParams({ port }), 'port')));
  return options;
}
