/**
 * Serves the OpenAPI documents (`src/api/openapi.ts`): version 3 in JSON, version 2 in JSON and in protobuf. A version 3 URL that
 * carries the document's hash may be kept for ever; one with an old hash is sent on to the new one. Version 3 in protobuf
 * is not offered: who asks for it takes JSON too.
 */
import type { OpenApi, OpenApiDocument } from '../api/openapi.ts';
import { StatusError } from '../api/status-error.ts';
import { type Answer, textAnswer } from './answer.ts';
import type { RequestContext } from './context.ts';
import { preferred } from './negotiation.ts';

const json = 'application/json';
const protobuf = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** What kubectl asks for. A media type may have no `@`: upstream answers with the other name, and so do we. */
const protobufAsAsked = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

interface Representation {
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly hash: string;
}

/** `segments` follow `openapi`. Undefined where there is no such document. @throws StatusError NotAcceptable */
export function openApiAnswer(
  openApi: OpenApi,
  segments: readonly string[],
  context: RequestContext,
): Answer | undefined {
  const [version, ...rest] = segments;
  if (version === 'v2' && rest.length === 0) return v2Answer(openApi, context);
  if (version !== 'v3') return undefined;
  if (rest.length === 0) return jsonAnswer(openApi.index(), context);
  const path = rest.join('/');
  const document = openApi.v3(path);
  return document && versionedAnswer(document, path, context);
}

function v2Answer(openApi: OpenApi, context: RequestContext): Answer {
  if (negotiated(context, [json, protobuf, protobufAsAsked]) === json) return jsonAnswer(openApi.v2(), context);
  const document = openApi.v2Protobuf();
  return answerWith({ contentType: protobuf, bytes: document.protobuf, hash: document.hash }, context);
}

function versionedAnswer(document: OpenApiDocument, path: string, context: RequestContext): Answer {
  const asked = context.query.get('hash');
  if (asked === null || asked === '') return jsonAnswer(document, context);
  if (asked === document.hash) return jsonAnswer(document, context, 'public, max-age=31536000, immutable');
  return textAnswer(301, '', { location: `/openapi/v3/${path}?hash=${document.hash}` });
}

function jsonAnswer(document: OpenApiDocument, context: RequestContext, cacheControl?: string): Answer {
  const contentType = negotiated(context, [json]);
  return answerWith({ contentType, bytes: document.json, hash: document.hash }, context, cacheControl);
}

function negotiated<T extends string>({ exchange }: RequestContext, offered: readonly T[]): T {
  const chosen = preferred(exchange.headers.accept, offered);
  if (chosen !== undefined) return chosen;
  const message = `only the following media types are accepted: ${offered.join(', ')}`;
  throw new StatusError(406, 'NotAcceptable', message, {});
}

function answerWith(representation: Representation, { exchange }: RequestContext, cacheControl = 'no-cache'): Answer {
  const { contentType, bytes, hash } = representation;
  const headers = { etag: `"${hash}"`, vary: 'Accept', 'cache-control': cacheControl };
  if (exchange.headers['if-none-match'] === headers.etag) return { status: 304, headers, body: [] };
  return { status: 200, headers: { ...headers, 'content-type': contentType }, body: [bytes] };
}
