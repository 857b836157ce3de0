/**
 * Who gets in, what they may do, and what a write must be to be stored: the parts that guard the API, put together.
 *
 * ```
 *  who asks?      authenticators: client certificates, tokens, …, and at last the refusal of what nobody knew
 *  may they?      authorizer:     masters; then those that a file names, or nodes and roles and bindings (RBAC)
 *  may it be so?  admission:      registry/admission/plugins.ts; grants: nobody hands out what they do not hold, nor devices unasked
 * ```
 * Each list is an order, and the order matters. What runs beside them (indexes that follow the store, files that are read again) are
 * `services`; they start right after the store, before anybody asks.
 */
import type { ResourceTable } from './api/resource-table.ts';
import type { SchemaRegistry } from './api/schema/schema.ts';
import type { Clock } from './lib/clock.ts';
import type { Logger } from './lib/log.ts';
import { MetricRegistry } from './lib/metrics.ts';
import type { Prng } from './lib/prng.ts';
import type { Service } from './lib/service.ts';
import type { AdmissionPlugin } from './registry/admission/admission.ts';
import { AdmissionConfiguration } from './registry/admission/configuration.ts';
import { admissionPlugins } from './registry/admission/plugins.ts';
import { allGuards, type GrantGuard } from './registry/grant-guard.ts';
import type { OutsideCaller } from './registry/outside.ts';
import type { RequestHandler, VirtualResource } from './registry/request.ts';
import type { Authenticator } from './server/authentication/authentication.ts';
import { authenticatorsOf } from './server/authentication/authenticators.ts';
import { BootstrapTokens } from './server/authentication/bootstrap-tokens.ts';
import { JwtAuthenticators } from './server/authentication/jwt/jwt-authenticators.ts';
import { RemovedNodes } from './server/authentication/removed-nodes.ts';
import { forAudiences, TokenUnion } from './server/authentication/token-authenticators.ts';
import { tokenReviews } from './server/authentication/token-review.ts';
import { WebhookTokens } from './server/authentication/webhook-tokens.ts';
import { accessReviews } from './server/authorization/access-reviews.ts';
import type { Decider } from './server/authorization/authorization.ts';
import { AuthorizationMetrics } from './server/authorization/authorization-metrics.ts';
import { ClaimStatusGuard } from './server/authorization/claim-status-guard.ts';
import {
  ConfiguredAuthorizer,
  defaultAuthorizer,
  type StandingAuthorizers,
} from './server/authorization/configured-authorizer.ts';
import { PolicyParamGuard } from './server/authorization/policy-param-guard.ts';
import { storeAuthorization } from './server/authorization/store-authorization.ts';
import type { HealthCheck } from './server/health.ts';
import { EscalationGuard } from './server/rbac/escalation-guard.ts';
import { PolicyBootstrap } from './server/rbac/policy-bootstrap.ts';
import { LegacyTokenUse } from './server/service-accounts/legacy-token-use.ts';
import type { SigningKeys } from './server/service-accounts/signing-key.ts';
import { TokenMetrics } from './server/service-accounts/token-metrics.ts';
import { tokenRequests } from './server/service-accounts/token-requests.ts';
import { ServiceAccountTokens, type TokenSettings } from './server/service-accounts/tokens.ts';
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
  /** `apiserver.config.k8s.io/v1 EncryptionConfiguration`: how values are sealed on disk; naru's own, in the home, where absent. */
  readonly encryptionProviderConfig?: string;
}

export interface GuardOptions {
  readonly store: Store;
  readonly schema: SchemaRegistry;
  readonly resources: ResourceTable;
  readonly tokenKeys: SigningKeys;
  readonly tokenSettings?: TokenSettings | undefined;
  readonly files: GuardFiles;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  /** What is counted goes here. */
  readonly metrics?: MetricRegistry;
  /** How webhooks are called. */
  readonly outside?: OutsideCaller;
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
  readonly healthChecks: readonly HealthCheck[];
  /** To be started last: they write through the registry, and nobody waits for them. */
  background(handler: RequestHandler): readonly Service[];
}

/** @throws Error, one sentence that names the file that cannot be used */
export function makeGuard(options: GuardOptions): Guard {
  const { store, schema, resources, tokenKeys, tokenSettings, files, clock, prng, log, metrics, outside } = options;
  const legacyUse = new LegacyTokenUse({ store, resources, clock, log });
  const tokens = new ServiceAccountTokens({
    keys: tokenKeys,
    ...(tokenSettings && { settings: tokenSettings }),
    store,
    clock,
    legacyUse: (secret) => legacyUse.used(secret),
    metrics: metrics && new TokenMetrics(metrics),
  });
  const authentication = authenticationOf(options, tokens);
  const standing = storeAuthorization(store);
  const { rbac, index } = standing;
  const { authorizer, services } = authorizationOf(options, standing);
  let policy: PolicyBootstrap | undefined;
  const configuration = AdmissionConfiguration.read(files.admissionControlConfigFile);
  return {
    authenticators: authentication.authenticators,
    authorizer,
    grants: allGuards([
      new EscalationGuard({ authorizer, rbac, index }),
      new ClaimStatusGuard(authorizer),
      new PolicyParamGuard({ authorizer, resources, store }),
    ]),
    admission: admissionPlugins({ store, clock, prng, log, authorizer, configuration, metrics, outside }),
    tokens,
    virtualResources: new Map([
      ...accessReviews({ authorizer, schema }),
      ['serviceaccounts/token', tokenRequests({ tokens, store, schema, clock, prng })] as const,
      ['tokenreviews.authentication.k8s.io', tokenReviews({ tokens: authentication.tokens, schema })] as const,
    ]),
    services: [...standing.services, ...services, ...authentication.services],
    healthChecks: [
      { name: 'poststarthook/rbac/bootstrap-roles', check: () => (policy?.isDone ? undefined : 'not finished') },
    ],
    background: (handler) => {
      policy = new PolicyBootstrap({ handler, index, resources, clock, log });
      return [policy, legacyUse.service(handler)];
    },
  };
}

interface Authentication {
  readonly authenticators: readonly Authenticator[];
  /** All sorts of tokens, for TokenReviews, too. */
  readonly tokens: TokenUnion;
  readonly services: readonly Service[];
}

/** Local tokens are looked for before somebody outside is asked. */
function authenticationOf(options: GuardOptions, own: ServiceAccountTokens): Authentication {
  const { store, files, clock, prng, log, metrics } = options;
  const { audiences, issuers: disallowedIssuers } = own;
  const { authenticationConfig: file, authenticationTokenWebhookConfigFile: webhookFile } = files;
  const jwt = file === undefined ? undefined : new JwtAuthenticators({ file, disallowedIssuers, clock, log, metrics });
  const webhook =
    webhookFile === undefined ? undefined : new WebhookTokens({ file: webhookFile, audiences, clock, prng, log });
  const tokens = new TokenUnion(audiences, [
    own,
    forAudiences(audiences, new BootstrapTokens({ store, clock, log })),
    ...(jwt === undefined ? [] : [forAudiences(audiences, jwt)]),
    ...(webhook === undefined ? [] : [webhook]),
  ]);
  const services = [jwt, webhook].filter((service) => service !== undefined);
  const authenticators = authenticatorsOf(clock, tokens, jwt?.anonymous).map((each) => new RemovedNodes(each, store));
  return { authenticators, tokens, services };
}

/** Those that a file names; without one, nodes and roles. */
function authorizationOf(
  { files, clock, prng, log, metrics: registry = new MetricRegistry() }: GuardOptions,
  standing: StandingAuthorizers,
): { readonly authorizer: Decider; readonly services: readonly Service[] } {
  const metrics = new AuthorizationMetrics(registry);
  const file = files.authorizationConfig;
  if (file === undefined) return { authorizer: defaultAuthorizer(standing, metrics), services: [] };
  const configured = new ConfiguredAuthorizer({ file, standing, metrics, clock, prng, log });
  return { authorizer: configured, services: [configured] };
}
