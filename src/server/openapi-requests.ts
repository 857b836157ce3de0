/**
 * Serves the OpenAPI documents (`src/api/openapi.ts`), in JSON. A version 3 URL that carries the document's hash may be kept for
 * ever; one with an old hash is sent on to the new one. The protobuf forms are not offered: clients fall back to JSON, or
 * to no validation of their own.
 */
import type { OpenApi, OpenApiDocument } from '../api/openapi.ts';
import { StatusError } from '../api/status-error.ts';
import { type Answer, textAnswer } from './answer.ts';
import type { RequestContext } from './context.ts';
import { preferred } from './negotiation.ts';

/** `segments` follow `openapi`. Undefined where there is no such document. @throws StatusError NotAcceptable */
export function openApiAnswer(
  openApi: OpenApi,
  segments: readonly string[],
  context: RequestContext,
): Answer | undefined {
  const [version, ...rest] = segments;
  if (version === 'v2' && rest.length === 0) return documentAnswer(openApi.v2(), context);
  if (version !== 'v3') return undefined;
  if (rest.length === 0) return documentAnswer(openApi.index(), context);
  const path = rest.join('/');
  const document = openApi.v3(path);
  return document && versionedAnswer(document, path, context);
}

function versionedAnswer(document: OpenApiDocument, path: string, context: RequestContext): Answer {
  const asked = context.query.get('hash');
  if (asked === null || asked === '') return documentAnswer(document, context);
  if (asked === document.hash) return documentAnswer(document, context, 'public, max-age=31536000, immutable');
  return textAnswer(301, '', { location: `/openapi/v3/${path}?hash=${document.hash}` });
}

function documentAnswer(document: OpenApiDocument, { exchange }: RequestContext, cacheControl = 'no-cache'): Answer {
  const { accept } = exchange.headers;
  if (preferred(accept, ['application/json']) === undefined) {
    throw new StatusError(406, 'NotAcceptable', 'only the following media types are accepted: application/json', {});
  }
  const headers = { etag: `"${document.hash}"`, vary: 'Accept', 'cache-control': cacheControl };
  if (exchange.headers['if-none-match'] === headers.etag) return { status: 304, headers, body: [] };
  return { status: 200, headers: { ...headers, 'content-type': 'application/json' }, body: [document.json] };
}
