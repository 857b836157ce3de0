/**
 * What is right: no fault of the server's own, and each refusal a Status that a client can read, in the form that it asked for, with
 * upstream's code and reason.
 */

import { parse } from 'yaml';
import type { JsonObject } from '../../src/api/object.ts';
import { decodeEnveloped } from '../../src/api/protobuf/envelope.ts';
import { parseYaml } from '../../src/api/yaml.ts';
import { limits } from '../../src/lib/limits.ts';
import { isVerdict } from './make/extensions.ts';
import type { FuzzRequest } from './make/request.ts';
import type { Received } from './send/answer.ts';

/** Upstream's reasons, and the codes that they come with. */
const codes: Readonly<Record<string, readonly number[]>> = {
  BadRequest: [400],
  Unauthorized: [401],
  Forbidden: [403],
  NotFound: [404],
  MethodNotAllowed: [405],
  NotAcceptable: [406],
  AlreadyExists: [409],
  Conflict: [409],
  Gone: [410],
  Expired: [410],
  RequestEntityTooLarge: [413],
  UnsupportedMediaType: [415],
  Invalid: [422],
  TooManyRequests: [429],
  ServiceUnavailable: [503],
  Timeout: [504],
  InternalError: [500],
};

/** The only faults that are the client's: what upstream answers so, and why. */
const allowedFaults: readonly {
  readonly status: number;
  readonly when: (request: FuzzRequest, received: Received) => boolean;
}[] = [
  // A resource version that lies ahead of the server's.
  { status: 504, when: ({ path }) => /[?&]resourceVersion=/.test(path) },
  // The client's own deadline.
  { status: 504, when: ({ path }) => /[?&]timeout=/.test(path) },
  // A webhook that fails closed, and nobody answers there.
  { status: 500, when: (_request, { body }) => isVerdict(body.toString()) },
  // The way leads through a node or a pod, and there is none.
  { status: 503, when: ({ path }) => /\/(proxy|log|exec|attach|portforward)\b/.test(path) },
];

/** Answers whose bodies are somebody else's, or no object's. */
const isPlain = ({ headers }: Received): boolean => (headers['content-type'] ?? '').startsWith('text/plain');

/** Proxies pass on where to go; a document whose hash is another has moved. */
const redirected = /\/proxy\b|^\/openapi\/v3\/.*[?&]hash=/;

/** The first thing that is wrong; undefined where nothing is. */
export function faultOf(request: FuzzRequest, received: Received): string | undefined {
  const { status, problem, cut } = received;
  if (problem !== '') return isHttpRefusal(request, received) ? undefined : `no answer: ${problem}`;
  if (status >= 500 && !allowedFaults.some((each) => each.status === status && each.when(request, received))) {
    return `a fault of the server's: ${status}`;
  }
  if (status < 200) return status === 101 && cut ? undefined : `status ${status}`;
  if (status < 400) return status < 300 || redirected.test(request.path) ? undefined : `status ${status}`;
  if (request.method === 'HEAD' || isHttpRefusal(request, received)) return undefined;
  return isPlain(received) ? faultOfText(request, received) : faultOfStatus(request, received);
}

const methods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'M-SEARCH',
]);

/** What HTTP itself does not allow is refused before anybody thinks of Kubernetes. */
function isHttpRefusal({ method, transport, path, headers }: FuzzRequest, { status, body }: Received): boolean {
  if (transport !== 'http1') return !methods.has(method);
  const isOdd = !methods.has(method) || !/^[\x21-\x7e]*$/.test(path) || headers['upgrade'] !== undefined;
  return isOdd && body.length === 0 && (status === 0 || status === 400);
}

/** Upstream, too, says these in plain text: there is no such page, and what is no object's. */
function faultOfText({ path }: FuzzRequest, { status, body }: Received): string | undefined {
  const isKnown =
    status === 404 ||
    (status === 400 && path.includes('/proxy')) ||
    /^\/(healthz|livez|readyz|metrics|openapi)/.test(path);
  return isKnown ? undefined : `plain text with status ${status}: ${body.toString().slice(0, 200)}`;
}

const forms: Readonly<Record<string, string>> = {
  'application/json': 'application/json',
  'application/yaml': 'application/yaml',
  'application/vnd.kubernetes.protobuf': 'application/vnd.kubernetes.protobuf',
};

function faultOfStatus({ headers }: FuzzRequest, received: Received): string | undefined {
  const type = received.headers['content-type']?.split(';')[0] ?? '';
  const wanted = forms[headers['accept'] ?? 'application/json'];
  if (wanted !== undefined && type !== wanted) return `${type} where ${wanted} was asked for`;
  let status: JsonObject;
  try {
    status = readObject(type, received.body);
  } catch (error) {
    return `an answer that cannot be read: ${String(error)}`;
  }
  return faultIn(status, received.status);
}

function faultIn({ kind, apiVersion, status, code, reason, message }: JsonObject, sent: number): string | undefined {
  if (kind !== 'Status' || apiVersion !== 'v1' || status !== 'Failure') return `${JSON.stringify(kind)} is no Status`;
  if (code !== sent) return `code ${JSON.stringify(code)} with status ${sent}`;
  if (typeof reason !== 'string' || !codes[reason]?.includes(sent))
    return `reason ${JSON.stringify(reason)} with status ${sent}`;
  return typeof message === 'string' && message !== '' ? undefined : 'no message';
}

/** @throws Error where it cannot be read */
export function readObject(type: string, body: Buffer): JsonObject {
  switch (type) {
    case 'application/yaml':
      // What is longer than the server reads, it may still write: a refusal repeats what it refuses.
      return (body.length > limits.yamlCharactersMax ? parse(body.toString()) : parseYaml(body).value) as JsonObject;
    case 'application/vnd.kubernetes.protobuf':
      return decodeEnveloped(body, { apiVersion: 'v1', kind: 'Status' });
    case 'application/json':
      return JSON.parse(body.toString()) as JsonObject;
    default:
      throw new Error(`of type ${JSON.stringify(type)}: ${body.toString().slice(0, 200)}`);
  }
}
