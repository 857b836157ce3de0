/**
 * Who gets in, what they may do, and what a write must be to be stored: the parts that guard the API, put together.
 *
 * ```
 *  who asks?      authenticators: client certificates, tokens, …, and at last the refusal of what nobody knew
 *  may they?      authorizer:     masters, naru's own parts, roles and bindings (RBAC)
 *  may it be so?  admission:      registry/admission/plugins.ts; grants: nobody hands out what they do not hold
 * ```
 * Each list is an order, and the order matters. What runs beside them (indexes that follow the store, files that are read again) are
 * `services`; they start right after the store, before anybody asks.
 */
import type { ResourceTable } from './api/resource-table.ts';
import type { SchemaRegistry } from './api/schema/schema.ts';
import type { Clock } from './lib/clock.ts';
import type { Logger } from './lib/log.ts';
import type { Prng } from './lib/prng.ts';
import type { Service } from './lib/service.ts';
import type { AdmissionPlugin } from './registry/admission/admission.ts';
import { admissionPlugins } from './registry/admission/plugins.ts';
import type { GrantGuard } from './registry/grant-guard.ts';
import type { RequestHandler, VirtualResource } from './registry/request.ts';
import type { Authenticator } from './server/authentication/authentication.ts';
import { defaultAuthenticators } from './server/authentication/authenticators.ts';
import { tokenReviews } from './server/authentication/token-review.ts';
import { accessReviews } from './server/authorization/access-reviews.ts';
import { AuthorizerChain, type Decider, masters, RuleAuthorizer } from './server/authorization/authorization.ts';
import { componentRules } from './server/authorization/builtin-rules.ts';
import { EscalationGuard } from './server/rbac/escalation-guard.ts';
import { indexedDefaults, PolicyBootstrap } from './server/rbac/policy-bootstrap.ts';
import { RbacAuthorizer } from './server/rbac/rbac-authorizer.ts';
import { RbacIndex } from './server/rbac/rbac-index.ts';
import type { SigningKey } from './server/service-accounts/signing-key.ts';
import { tokenRequests } from './server/service-accounts/token-requests.ts';
import { ServiceAccountTokens } from './server/service-accounts/tokens.ts';
import type { Store } from './store/store.ts';

/** Files that say how the API is guarded, by absolute path, under upstream's names; without one, the built-in way holds. */
export interface GuardFiles {
  /** `apiserver.config.k8s.io/v1 AuthenticationConfiguration`: OpenID Connect issuers, and whether anonymous requests are let in. */
  readonly authenticationConfig?: string;
  /** A kubeconfig: where tokens are sent that nobody here knows. */
  readonly authenticationTokenWebhookConfigFile?: string;
  /** `apiserver.config.k8s.io/v1 AuthorizationConfiguration`: which authorizers are asked, in which order. */
  readonly authorizationConfig?: string;
  /** `apiserver.config.k8s.io/v1 AdmissionConfiguration`: settings of admission plugins. */
  readonly admissionControlConfigFile?: string;
}

export interface GuardOptions {
  readonly store: Store;
  readonly schema: SchemaRegistry;
  readonly resources: ResourceTable;
  readonly tokenKey: SigningKey;
  readonly files: GuardFiles;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

export interface Guard {
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Decider;
  readonly grants: GrantGuard;
  readonly admission: readonly AdmissionPlugin[];
  readonly tokens: ServiceAccountTokens;
  /** Reviews and tokens, for the registry. */
  readonly virtualResources: ReadonlyMap<string, VirtualResource>;
  /** To be started right after the store. */
  readonly services: readonly Service[];
  /** To be started last: they write through the registry, and nobody waits for them. */
  background(handler: RequestHandler): readonly Service[];
}

/** @throws Error, one sentence that names the file that cannot be used */
export function makeGuard(options: GuardOptions): Guard {
  const { store, schema, resources, tokenKey, clock, prng, log } = options;
  const tokens = new ServiceAccountTokens({ key: tokenKey, store, clock });
  const index = new RbacIndex(store, indexedDefaults());
  const rbac = new RbacAuthorizer(index);
  const authorizer = new AuthorizerChain([masters, new RuleAuthorizer(componentRules), rbac]);
  return {
    authenticators: defaultAuthenticators(clock, tokens),
    authorizer,
    grants: new EscalationGuard({ authorizer, rbac, index }),
    admission: admissionPlugins({ store, clock, prng, log, authorizer }),
    tokens,
    virtualResources: new Map([
      ...accessReviews({ authorizer, schema }),
      ['serviceaccounts/token', tokenRequests({ tokens, store, schema, clock, prng })] as const,
      ['tokenreviews.authentication.k8s.io', tokenReviews({ tokens, schema })] as const,
    ]),
    services: [index],
    background: (handler) => [new PolicyBootstrap({ handler, index, resources, clock, log })],
  };
}
