/**
 * Bootstrap tokens (`abcdef.0123456789abcdef`): a machine that joins shows one before it has a certificate. What they are lies in Secrets of
 * kube-system (kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens); the loops that sign with them and remove old ones are
 * in `controllers/bootstrap-tokens/`, what the Secrets say in `api/bootstrap-token.ts`.
 */
import { timingSafeEqual } from 'node:crypto';
import {
  bootstrapTokenGroups,
  bootstrapTokenSecretPrefix,
  bootstrapTokenSecretType,
  expiryOf,
  secretText,
} from '../../api/bootstrap-token.ts';
import type { Secret } from '../../api/schema/types/core-v1.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Store } from '../../store/store.ts';
import { type Authentication, absent, type TokenAuthenticator } from './authentication.ts';

export interface BootstrapTokensOptions {
  readonly store: Pick<Store, 'get'>;
  readonly clock: Clock;
  readonly log: Logger;
}

const tokenPattern = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

export class BootstrapTokens implements TokenAuthenticator {
  readonly #options: BootstrapTokensOptions;

  constructor(options: BootstrapTokensOptions) {
    this.#options = options;
  }

  /** `absent` also where the Secret does not hold: who tries learns nothing. */
  authenticateToken(token: string): Authentication {
    const [, id, secretPart] = tokenPattern.exec(token) ?? [];
    if (id === undefined || secretPart === undefined) return absent;
    const name = `${bootstrapTokenSecretPrefix}${id}`;
    const entry = this.#options.store.get({ collection: 'secrets', namespace: 'kube-system', name });
    if (entry === undefined) return absent;
    const secret = entry.object as Secret;
    const problem = problemOf(secret, id, secretPart, this.#options.clock.now());
    const groups = bootstrapTokenGroups(secret);
    if (problem === undefined && groups !== undefined)
      return { kind: 'user', user: { name: `system:bootstrap:${id}`, groups } };
    const why = problem ?? 'has an invalid value for key auth-extra-groups';
    this.#options.log.debug('bootstrap token was refused', { secret: name, why });
    return absent;
  }
}

/** Why the Secret does not make this token good. */
function problemOf(secret: Secret, id: string, secretPart: string, nowMs: number): string | undefined {
  if (secret.metadata?.deletionTimestamp !== undefined) return 'is deleted and awaiting removal';
  if (secret.type !== bootstrapTokenSecretType) return 'has an invalid type';
  if (!same(secretText(secret, 'token-secret'), secretPart)) return 'has another value for key token-secret';
  if (secretText(secret, 'token-id') !== id) return 'has another value for key token-id';
  const expiry = expiryOf(secret);
  if (expiry !== undefined && expiry <= nowMs) return 'has expired';
  return secretText(secret, 'usage-bootstrap-authentication') === 'true'
    ? undefined
    : 'is not marked usage-bootstrap-authentication=true';
}

/** In a time that does not tell how much of them is the same. */
function same(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
