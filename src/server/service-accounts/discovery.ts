/**
 * OpenID Connect discovery: how somebody else checks service accounts' tokens. Two documents, as upstream: where the keys are, and the
 * keys.
 */
import type { Answer } from '../answer.ts';
import type { ServiceAccountTokens } from './tokens.ts';

const configurationPath = '/.well-known/openid-configuration';
const keysPath = '/openid/v1/jwks';

/** Undefined: the path is another. */
export async function issuerDiscovery(tokens: ServiceAccountTokens, path: string): Promise<Answer | undefined> {
  const plain = path.endsWith('/') ? path.slice(0, -1) : path;
  if (plain === configurationPath) return document('application/json', configuration(tokens));
  if (plain === keysPath) return document('application/jwk-set+json', { keys: [await tokens.publicJwk()] });
  return undefined;
}

function configuration({ issuer, key }: ServiceAccountTokens): object {
  return {
    issuer,
    jwks_uri: `${issuer}${keysPath}`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [key.algorithm],
  };
}

function document(contentType: string, value: object): Answer {
  const headers = { 'content-type': contentType, 'cache-control': 'public, max-age=3600' };
  return { status: 200, headers, body: [Buffer.from(JSON.stringify(value))] };
}
