/** What the Secret of a bootstrap token says. Pure; used by the authenticator and by the control loops. */
import type { Secret } from './schema/types/core-v1.ts';

export const bootstrapTokenSecretType = 'bootstrap.kubernetes.io/token';
export const bootstrapTokenSecretPrefix = 'bootstrap-token-';

/** The text under `key`; empty where there is none. */
export function secretText({ data }: Secret, key: string): string {
  return Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
}

/** When it ends (ms); undefined: never. What is no time has passed, as upstream. */
export function expiryOf(secret: Secret): number | undefined {
  const text = secretText(secret, 'expiration');
  if (text === '') return undefined;
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text);
  const ms = isTime ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? Number.NEGATIVE_INFINITY : ms;
}

const groupPattern = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;

/** Undefined where one of the extra groups is none that a bootstrap token may give. */
export function bootstrapTokenGroups(secret: Secret): readonly string[] | undefined {
  const extra = secretText(secret, 'auth-extra-groups');
  const groups = extra === '' ? [] : extra.split(',');
  if (!groups.every((group) => groupPattern.test(group))) return undefined;
  return [...new Set(['system:bootstrappers', ...groups])].sort();
}
