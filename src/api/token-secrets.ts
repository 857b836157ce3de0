/**
 * Names around Secrets that hold tokens of service accounts, for those who check the tokens and for those who look after the Secrets.
 * Days are written as upstream does, in UTC.
 */
export const tokenSecretType = 'kubernetes.io/service-account-token';
export const accountNameAnnotation = 'kubernetes.io/service-account.name';
export const accountUidAnnotation = 'kubernetes.io/service-account.uid';

/** A day; on the Secret of a token: it was shown on that day, and not since. */
export const lastUsedLabel = 'kubernetes.io/legacy-token-last-used';
/** A day; on the Secret of a token: it is not accepted any more. */
export const invalidSinceLabel = 'kubernetes.io/legacy-token-invalid-since';

/** The ConfigMap whose key `since` is the day since which uses are noted. */
export const tokenTracking = {
  namespace: 'kube-system',
  name: 'kube-apiserver-legacy-service-account-token-tracking',
} as const;

export const dayMs = 24 * 60 * 60 * 1000;

/** `2026-11-21`. */
export const dayOf = (epochMs: number): string => new Date(epochMs).toISOString().slice(0, 10);

export const isDay = (text: string | undefined): text is string =>
  text !== undefined && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));
