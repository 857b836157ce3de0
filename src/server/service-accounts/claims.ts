/**
 * What a service account's token says, and whether it still holds. Pure, save for looks into the store; signatures are
 * `tokens.ts`'s, tokens that never end `legacy-claims.ts`'s.
 *
 * Kept true: a token ends with its service account and with the pod, secret or node that it is bound to: with the very one, by uid,
 * at most a minute after it is to be deleted.
 */
import type { KubeObject } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { UserInfo } from '../../registry/request.ts';
import type { Store } from '../../store/store.ts';

export interface Reference {
  readonly name: string;
  readonly uid?: string;
}

/** The private claim `kubernetes.io`. */
export interface KubernetesClaims {
  readonly namespace: string;
  readonly node?: Reference;
  readonly pod?: Reference;
  readonly secret?: Reference;
  readonly serviceaccount: Reference;
  readonly warnafter?: number;
}

/** Times in seconds since the epoch. */
export interface TokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly nbf: number;
  readonly jti?: string;
  readonly 'kubernetes.io': KubernetesClaims;
}

/** How far clocks may differ, and how long what is to be deleted still counts (seconds), as upstream. */
const leewaySeconds = 60;

/** Undefined: it is none of ours, or not well-formed. One that names no audience is for `implicitAudiences`. */
export function claimsOf(payload: unknown, implicitAudiences: readonly string[]): TokenClaims | undefined {
  const { iss, sub, aud = [], exp, iat, nbf, jti, ...rest } = (payload ?? {}) as Record<string, unknown>;
  const own = rest['kubernetes.io'] as Partial<KubernetesClaims> | undefined;
  const audiences = typeof aud === 'string' ? [aud] : aud;
  if (typeof iss !== 'string' || typeof sub !== 'string' || !isTexts(audiences)) return undefined;
  if (typeof exp !== 'number' || typeof iat !== 'number' || typeof nbf !== 'number') return undefined;
  if (typeof own?.namespace !== 'string' || typeof own.serviceaccount?.name !== 'string') return undefined;
  const id = typeof jti === 'string' ? { jti } : {};
  const named = audiences.length > 0 ? audiences : implicitAudiences;
  return { iss, sub, aud: named, exp, iat, nbf, ...id, 'kubernetes.io': own as KubernetesClaims };
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** Why the token is not for any of `audiences`; undefined where it is. */
export function audienceProblem(named: readonly string[], audiences: readonly string[]): string | undefined {
  if (named.some((audience) => audiences.includes(audience))) return undefined;
  return `token audiences ${quoted(named)} is invalid for the target audiences ${quoted(audiences)}`;
}

/** Why the token does not hold at `nowMs`; undefined where it does. */
export function timeProblem({ exp, nbf, iat }: TokenClaims, nowMs: number): string | undefined {
  const now = nowMs / 1000;
  if (now < nbf - leewaySeconds) return 'service account token is not valid yet';
  if (now > exp + leewaySeconds) return 'service account token has expired';
  return now < iat - leewaySeconds ? 'service account token is issued in the future' : undefined;
}

/** How long ago the token should have been renewed, as the audit log tells it; undefined where it is fresh. */
export function staleness(claims: TokenClaims, nowMs: number): string | undefined {
  const { warnafter = 0 } = claims['kubernetes.io'];
  const seconds = Math.floor(nowMs / 1000) - warnafter;
  if (warnafter === 0 || nowMs <= warnafter * 1000) return undefined;
  return `subject: ${claims.sub}, seconds after warning threshold: ${seconds}`;
}

const quoted = (texts: readonly string[]): string => `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`;

/** Why what the token stands for is gone; undefined where it is there. */
export function existenceProblem(claims: TokenClaims, store: Pick<Store, 'get'>, nowMs: number): string | undefined {
  const { namespace, serviceaccount, secret, pod, node } = claims['kubernetes.io'];
  const find = (collection: string, within: string, name: string) =>
    store.get({ collection, namespace: within, name })?.object;
  const account = find('serviceaccounts', namespace, serviceaccount.name);
  if (account === undefined) return `serviceaccounts "${serviceaccount.name}" not found`;
  const uid = account.metadata?.uid ?? '';
  if (uid !== serviceaccount.uid) return `service account UID (${uid}) does not match claim (${serviceaccount.uid})`;
  if (isGone(account, nowMs)) return `service account ${namespace}/${serviceaccount.name} has been deleted`;
  const bound = (what: string, reference: Reference, object: KubeObject | undefined): string | undefined => {
    if (object === undefined) return invalidated;
    if (object.metadata?.uid !== reference.uid) {
      const claimed = `service account ${what} ref claim (${reference.uid})`;
      return `${what} UID (${object.metadata?.uid}) does not match ${claimed}`;
    }
    return isGone(object, nowMs) ? invalidated : undefined;
  };
  if (secret !== undefined) return bound('secret', secret, find('secrets', namespace, secret.name));
  if (pod !== undefined) return bound('pod', pod, find('pods', namespace, pod.name));
  return node === undefined ? undefined : bound('node', node, find('nodes', '', node.name));
}

const invalidated = 'service account token has been invalidated';

function isGone({ metadata }: KubeObject, nowMs: number): boolean {
  const { deletionTimestamp } = metadata ?? {};
  return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) < nowMs - leewaySeconds * 1000;
}

export const serviceAccountUser = (namespace: string, name: string): string =>
  `system:serviceaccount:${namespace}:${name}`;

export function userOf(claims: TokenClaims): UserInfo {
  const { namespace, serviceaccount, pod, node } = claims['kubernetes.io'];
  const extra: Record<string, readonly string[]> = {};
  const add = (name: string, value: string | undefined): void => {
    if (value) extra[`authentication.kubernetes.io/${name}`] = [value];
  };
  add('credential-id', claims.jti && credentialIdOf(claims.jti));
  add('node-name', node?.name);
  if (node?.name) add('node-uid', node.uid);
  if (pod?.name && pod.uid) {
    add('pod-name', pod.name);
    add('pod-uid', pod.uid);
  }
  return accountUser(namespace, serviceaccount.name, serviceaccount.uid, extra);
}

/** What the audit log calls a token by. */
export const credentialIdOf = (tokenId: string): string => `JTI=${tokenId}`;

export function accountUser(
  namespace: string,
  name: string,
  uid: string | undefined,
  extra: Readonly<Record<string, readonly string[]>> = {},
): UserInfo {
  return {
    name: serviceAccountUser(namespace, name),
    ...(uid && { uid }),
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

/** What a token is made from. */
export interface TokenSubject {
  readonly account: KubeObject;
  readonly pod?: Pod;
  readonly secret?: KubeObject;
  /** The node that the token is bound to, or that its pod is on. */
  readonly node?: Reference;
}

export interface TokenTerms {
  readonly issuer: string;
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  /** 0: none. */
  readonly warnAfterSeconds: number;
  readonly id: string;
  readonly nowMs: number;
}

export function newClaims({ account, pod, secret, node }: TokenSubject, terms: TokenTerms): TokenClaims {
  const now = Math.floor(terms.nowMs / 1000);
  const { namespace = '', name = '' } = account.metadata ?? {};
  return {
    iss: terms.issuer,
    sub: serviceAccountUser(namespace, name),
    aud: terms.audiences,
    exp: now + terms.expirationSeconds,
    iat: now,
    nbf: now,
    jti: terms.id,
    'kubernetes.io': {
      namespace,
      ...(node && { node }),
      ...(pod && { pod: referenceTo(pod) }),
      ...(secret && { secret: referenceTo(secret) }),
      serviceaccount: referenceTo(account),
      ...(terms.warnAfterSeconds > 0 && { warnafter: now + terms.warnAfterSeconds }),
    },
  };
}

export function referenceTo({ metadata }: KubeObject): Reference {
  const { name = '', uid } = metadata ?? {};
  return { name, ...(uid && { uid }) };
}
