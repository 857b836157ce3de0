/**
 * `apiserver.config.k8s.io` AuthenticationConfiguration: which issuers' tokens are good, and whether anonymous requests are let in. Here are
 * its form and its strict decoding; what it must fulfil is `validation.ts`'s.
 */
import { DecodeError } from '../../../api/decode-error.ts';
import { parseYaml } from '../../../api/yaml.ts';
import { type ConfigShape, checkShape } from '../../authorization/config-shape.ts';

export interface AuthenticationConfiguration {
  readonly jwt?: readonly JwtAuthenticatorConfig[];
  readonly anonymous?: AnonymousConfig;
}

export interface AnonymousConfig {
  readonly enabled?: boolean;
  readonly conditions?: readonly { readonly path?: string }[];
}

export interface JwtAuthenticatorConfig {
  readonly issuer?: IssuerConfig;
  readonly claimValidationRules?: readonly ClaimValidationRule[];
  readonly claimMappings?: ClaimMappings;
  readonly userValidationRules?: readonly UserValidationRule[];
}

export interface IssuerConfig {
  readonly url?: string;
  readonly discoveryURL?: string;
  /** PEM. */
  readonly certificateAuthority?: string;
  readonly audiences?: readonly string[];
  readonly audienceMatchPolicy?: string;
  readonly egressSelectorType?: string;
}

export interface ClaimValidationRule {
  readonly claim?: string;
  readonly requiredValue?: string;
  readonly expression?: string;
  readonly message?: string;
}

export interface UserValidationRule {
  readonly expression?: string;
  readonly message?: string;
}

export interface ClaimOrExpression {
  readonly claim?: string;
  readonly expression?: string;
}

export interface PrefixedClaimOrExpression extends ClaimOrExpression {
  /** Absent is not empty: one has to be chosen. */
  readonly prefix?: string;
}

export interface ClaimMappings {
  readonly username?: PrefixedClaimOrExpression;
  readonly groups?: PrefixedClaimOrExpression;
  readonly uid?: ClaimOrExpression;
  readonly extra?: readonly { readonly key?: string; readonly valueExpression?: string }[];
}

const claimOrExpression: ConfigShape = { claim: 'string', expression: 'string' };
const prefixedClaimOrExpression: ConfigShape = { ...claimOrExpression, prefix: 'string' };

const shape: ConfigShape = {
  apiVersion: 'string',
  kind: 'string',
  jwt: [
    {
      issuer: {
        url: 'string',
        discoveryURL: 'string',
        certificateAuthority: 'string',
        audiences: ['string'],
        audienceMatchPolicy: 'string',
        egressSelectorType: 'string',
      },
      claimValidationRules: [{ claim: 'string', requiredValue: 'string', expression: 'string', message: 'string' }],
      claimMappings: {
        username: prefixedClaimOrExpression,
        groups: prefixedClaimOrExpression,
        uid: claimOrExpression,
        extra: [{ key: 'string', valueExpression: 'string' }],
      },
      userValidationRules: [{ expression: 'string', message: 'string' }],
    },
  ],
  anonymous: { enabled: 'boolean', conditions: [{ path: 'string' }] },
};

const versions = ['v1', 'v1beta1', 'v1alpha1'].map((version) => `apiserver.config.k8s.io/${version}`);

/** @throws Error, in upstream's words as far as they say something */
export function decodeAuthenticationConfiguration(text: string): AuthenticationConfiguration {
  if (text === '') throw new Error('empty config data');
  const { value, duplicates } = parsed(text);
  const { apiVersion, kind } = (value ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof kind !== 'string' || kind === '') throw new Error("Object 'Kind' is missing");
  if (typeof apiVersion !== 'string' || apiVersion === '') throw new Error("Object 'apiVersion' is missing");
  if (kind !== 'AuthenticationConfiguration' || !versions.includes(apiVersion))
    throw new Error(
      `no kind "${kind}" is registered for version "${apiVersion}"; ${versions[0]} AuthenticationConfiguration is expected`,
    );
  return checkShape<AuthenticationConfiguration>(value, shape, duplicates);
}

function parsed(text: string): ReturnType<typeof parseYaml> {
  try {
    return parseYaml(text);
  } catch (error) {
    throw error instanceof DecodeError ? new Error(error.message, { cause: error }) : error;
  }
}
