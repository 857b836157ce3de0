/**
 * OpenID Connect discovery: how somebody else checks service accounts' tokens. Two documents, as upstream: where the keys are, and the
 * keys. They hold for an hour: so long a new key is published before it signs (`key-rotation.ts`).
 *
 * An issuer that is no URL can be found by nobody: there are no documents then, as upstream.
 */
import { limits } from '../../lib/limits.ts';
import type { Answer } from '../answer.ts';
import type { ServiceAccountTokens } from './tokens.ts';

const configurationPath = '/.well-known/openid-configuration';
const keysPath = '/openid/v1/jwks';

/** Undefined: the path is another. */
export async function issuerDiscovery(tokens: ServiceAccountTokens, path: string): Promise<Answer | undefined> {
  const plain = path.endsWith('/') ? path.slice(0, -1) : path;
  if ((plain !== configurationPath && plain !== keysPath) || !isDiscoverable(tokens.issuer)) return undefined;
  if (plain === configurationPath) return document('application/json', configuration(tokens));
  return document('application/jwk-set+json', { keys: await tokens.publicJwks() });
}

function isDiscoverable(issuer: string): boolean {
  const url = URL.parse(issuer);
  return url?.protocol === 'https:' && url.search === '' && url.hash === '';
}

function configuration({ issuer, keys, settings }: ServiceAccountTokens): object {
  return {
    issuer,
    jwks_uri: settings.jwksUri ?? `${issuer.replace(/\/$/, '')}${keysPath}`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(keys.all.map(({ algorithm }) => algorithm))].sort(),
  };
}

function document(contentType: string, value: object): Answer {
  const maxAge = limits.publishedKeysKeptMs / 1000;
  const headers = { 'content-type': contentType, 'cache-control': `public, max-age=${maxAge}` };
  return { status: 200, headers, body: [Buffer.from(JSON.stringify(value))] };
}
