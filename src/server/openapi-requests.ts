/**
 * Serves the OpenAPI documents (`src/api/openapi.ts`), versions 2 and 3, in JSON and in protobuf. A version 3 URL that carries
 * the document's hash may be kept for ever; one with an old hash is sent on to the new one.
 */

import { type OpenApiForm, type Pause, protobufHashOf } from '../api/openapi/kept-documents.ts';
import type { OpenApi, OpenApiDocument } from '../api/openapi.ts';
import { StatusError } from '../api/status-error.ts';
import { type Answer, textAnswer } from './answer.ts';
import type { RequestContext } from './context.ts';
import type { AnswerHeaders } from './http/exchange.ts';
import { preferred } from './negotiation.ts';

const json = 'application/json';

/**
 * A media type may have no `@`, though clients ask with it: upstream answers with the other name, and so do we.
 */
const protobufTypes = {
  v2: [
    'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
    'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  ],
  v3: [
    'application/com.github.proto-openapi.spec.v3.v1.0+protobuf',
    'application/com.github.proto-openapi.spec.v3@v1.0+protobuf',
  ],
} as const;

const yearMs = 365 * 24 * 60 * 60 * 1000;

/** A request and when it came. */
export interface OpenApiContext extends Pick<RequestContext, 'exchange' | 'query'> {
  readonly nowMs: number;
  readonly pause: Pause;
}

/** Its bytes are costly for custom kinds: not asked for where the client has them. */
interface Representation {
  readonly contentType: string;
  readonly document: OpenApiDocument;
  readonly form: OpenApiForm;
  readonly hash: string;
}

/** `segments` follow `openapi`. Undefined where there is no such document. @throws StatusError NotAcceptable */
export async function openApiAnswer(
  openApi: OpenApi,
  segments: readonly string[],
  context: OpenApiContext,
): Promise<Answer | undefined> {
  const [version, ...rest] = segments;
  if (version === 'v2' && rest.length === 0) return v2Answer(openApi, context);
  if (version !== 'v3') return undefined;
  if (rest.length === 0) return indexAnswer(openApi, context);
  const path = rest.join('/');
  const document = openApi.v3(path);
  return document && versionedAnswer(document, path, context);
}

function v2Answer(openApi: OpenApi, context: OpenApiContext): Promise<Answer> {
  const [protobuf, ...asked] = protobufTypes.v2;
  const document = openApi.v2();
  if (negotiated(context, [json, protobuf, ...asked]) === json) return answerWith(jsonOf(document), context);
  return answerWith({ contentType: protobuf, document, form: 'protobuf', hash: protobufHashOf(document) }, context);
}

/** There is nothing to choose: upstream sends it whatever is asked for. */
function indexAnswer(openApi: OpenApi, context: OpenApiContext): Promise<Answer> {
  return answerWith(jsonOf(openApi.index()), context);
}

async function versionedAnswer(document: OpenApiDocument, path: string, context: OpenApiContext): Promise<Answer> {
  const [protobuf, ...asked] = protobufTypes.v3;
  const type = negotiated(context, [json, protobuf, ...asked]);
  const hash = context.query.get('hash') ?? '';
  if (hash !== '' && hash !== document.hash) {
    const location = `/openapi/v3/${path}?hash=${document.hash}`;
    return textAnswer(301, '', { location, vary: 'Accept' });
  }
  const headers = hash === '' ? {} : immutable(context);
  if (type === json) return answerWith(jsonOf(document), context, headers);
  return answerWith({ contentType: protobuf, document, form: 'protobuf', hash: document.hash }, context, headers);
}

/** What has its hash in its URL never changes. */
function immutable({ nowMs }: OpenApiContext): AnswerHeaders {
  return { 'cache-control': 'public, immutable', expires: new Date(nowMs + yearMs).toUTCString() };
}

function jsonOf(document: OpenApiDocument): Representation {
  return { contentType: json, document, form: 'json', hash: document.hash };
}

function negotiated<T extends string>({ exchange }: OpenApiContext, offered: readonly T[]): T {
  const chosen = preferred(exchange.headers.accept, offered);
  if (chosen !== undefined) return chosen;
  const message = `only the following media types are accepted: ${offered.join(', ')}`;
  throw new StatusError(406, 'NotAcceptable', message, {});
}

async function answerWith(
  { contentType, document, form, hash }: Representation,
  { exchange, pause }: OpenApiContext,
  more: AnswerHeaders = {},
): Promise<Answer> {
  const headers = { etag: `"${hash}"`, vary: 'Accept', 'cache-control': 'no-cache, private', ...more };
  if (exchange.headers['if-none-match'] === headers.etag) return { status: 304, headers, body: [] };
  const bytes = await document.read(form, pause);
  return { status: 200, headers: { ...headers, 'content-type': contentType }, body: [bytes] };
}
