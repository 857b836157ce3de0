/**
 * What becomes of bootstrap tokens: which signatures the ConfigMap `cluster-info` bears, and when a token's Secret is removed. Pure.
 *
 * A machine that is to join knows a token and nothing else. By the token it can tell that `cluster-info`, which anybody may read, comes
 * from this cluster: under `jws-kubeconfig-ID` stands a signature of the kubeconfig in it, by the token's secret part (RFC 7515, HS256, the
 * content left away as in its appendix F).
 */
import { createHmac } from 'node:crypto';
import {
  bootstrapTokenSecretPrefix,
  bootstrapTokenSecretType,
  expiryOf,
  secretText,
} from '../../api/bootstrap-token.ts';
import type { ConfigMap, Secret } from '../../api/schema/types/core-v1.ts';

export const signaturePrefix = 'jws-kubeconfig-';
const signedKey = 'kubeconfig';

export function isBootstrapToken({ metadata, type }: Secret): boolean {
  return metadata?.namespace === 'kube-system' && type === bootstrapTokenSecretType;
}

/** The ConfigMap's data with the signatures that it should bear; undefined where it bears them, or has nothing to sign. */
export function signedData(
  { data = {} }: ConfigMap,
  secrets: readonly Secret[],
  nowMs: number,
): Readonly<Record<string, string>> | undefined {
  const content = data[signedKey];
  if (content === undefined) return undefined;
  const unsigned = Object.entries(data).filter(([key]) => !key.startsWith(signaturePrefix));
  const signatures = secrets.flatMap((secret) => {
    const token = signingToken(secret, nowMs);
    return token === undefined
      ? []
      : [[`${signaturePrefix}${token.id}`, detachedSignature(content, token.id, token.secret)] as const];
  });
  const wanted = Object.fromEntries([...unsigned, ...signatures]);
  const isSame =
    Object.keys(wanted).length === Object.keys(data).length &&
    Object.entries(wanted).every(([key, value]) => data[key] === value);
  return isSame ? undefined : wanted;
}

function signingToken(secret: Secret, nowMs: number): { readonly id: string; readonly secret: string } | undefined {
  const id = secretText(secret, 'token-id');
  const secretPart = secretText(secret, 'token-secret');
  if (!isBootstrapToken(secret) || !/^[a-z0-9]{6}$/.test(id) || secretPart === '') return undefined;
  if (secret.metadata?.name !== `${bootstrapTokenSecretPrefix}${id}`) return undefined;
  const isExpired = (expiryOf(secret) ?? Number.POSITIVE_INFINITY) <= nowMs;
  if (isExpired || secretText(secret, 'usage-bootstrap-signing') !== 'true') return undefined;
  return { id, secret: secretPart };
}

/** The header's fields stand in the order in which upstream's library writes them: signatures compare as texts. */
export function detachedSignature(content: string, id: string, secret: string): string {
  const header = Buffer.from(JSON.stringify({ alg: 'HS256', kid: id })).toString('base64url');
  const payload = Buffer.from(content).toString('base64url');
  return `${header}..${createHmac('sha256', secret).update(`${header}.${payload}`).digest('base64url')}`;
}

/** How long the Secret of a token still has (ms): 0 or less, it goes. Undefined: it stays. */
export function leftMs(secret: Secret, nowMs: number): number | undefined {
  const expiryMs = isBootstrapToken(secret) ? expiryOf(secret) : undefined;
  return expiryMs === undefined ? undefined : Math.max(0, expiryMs - nowMs);
}
