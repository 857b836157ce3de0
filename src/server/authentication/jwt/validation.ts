/**
 * What an AuthenticationConfiguration must fulfil, in upstream's words and at upstream's paths; and what is made of a good one: its
 * expressions, compiled. Pure.
 */
import { kubernetesLibraries } from '../../../api/cel/libraries/index.ts';
import { domainPrefixedPathErrors } from '../../../api/domain-prefixed-path.ts';
import { duplicate, forbiddenField, indexPath, invalidValue, required, tooMany } from '../../../api/field-error.ts';
import type { FieldError } from '../../../api/status-error.ts';
import { type CelEnvironment, type CelProgram, celEnvironment } from '../../../lib/cel/environment.ts';
import { claimsType, userType } from './cel-types.ts';
import type {
  AnonymousConfig,
  AuthenticationConfiguration,
  ClaimMappings,
  ClaimValidationRule,
  IssuerConfig,
  JwtAuthenticatorConfig,
  PrefixedClaimOrExpression,
  UserValidationRule,
} from './configuration.ts';
import { issuerErrors } from './issuer-validation.ts';

export interface Rule {
  readonly program: CelProgram;
  readonly message: string;
}

/** One issuer, ready for use. */
export interface JwtRules {
  readonly issuer: IssuerConfig & { readonly url: string; readonly audiences: readonly string[] };
  readonly mappings: ClaimMappings;
  readonly username?: CelProgram;
  readonly groups?: CelProgram;
  readonly uid?: CelProgram;
  readonly extra: readonly { readonly key: string; readonly program: CelProgram }[];
  readonly requiredClaims: ReadonlyMap<string, string>;
  readonly claimRules: readonly Rule[];
  readonly userRules: readonly Rule[];
}

export interface ValidConfiguration {
  readonly errors: readonly FieldError[];
  /** Whole only where there are no errors. */
  readonly jwt: readonly JwtRules[];
}

const authenticatorsMax = 64;

export function validateAuthenticationConfiguration(
  { jwt = [], anonymous }: AuthenticationConfiguration,
  disallowedIssuers: readonly string[],
): ValidConfiguration {
  if (jwt.length > authenticatorsMax) return { errors: [tooMany('jwt', jwt.length, authenticatorsMax)], jwt: [] };
  const errors: FieldError[] = [];
  const rules = jwt.map((authenticator, index) => {
    const path = indexPath('jwt', index);
    const made = validateAuthenticator(authenticator, path, disallowedIssuers, errors);
    const before = jwt.slice(0, index);
    const { url = '', discoveryURL = '' } = authenticator.issuer ?? {};
    if (before.some(({ issuer }) => (issuer?.url ?? '') === url)) errors.push(duplicate(`${path}.issuer.url`, url));
    if (discoveryURL !== '' && before.some(({ issuer }) => issuer?.discoveryURL === discoveryURL))
      errors.push(duplicate(`${path}.issuer.discoveryURL`, discoveryURL));
    return made;
  });
  return { errors: [...errors, ...anonymousErrors(anonymous)], jwt: rules };
}

function anonymousErrors(anonymous: AnonymousConfig | undefined): FieldError[] {
  const { enabled = false, conditions = [] } = anonymous ?? {};
  if (enabled || conditions.length === 0) return [];
  const shown = conditions.map(({ path = '' }) => ({ Path: path }));
  return [invalidValue('anonymous.conditions', shown, 'enabled should be set to true when conditions are defined')];
}

/** May a file that is read again say this? Upstream takes no change of `anonymous` while it runs. */
export function changeErrors(before: AuthenticationConfiguration, after: AuthenticationConfiguration): FieldError[] {
  if (JSON.stringify(before.anonymous ?? null) === JSON.stringify(after.anonymous ?? null)) return [];
  return [forbiddenField('anonymous', 'changed from initial configuration file')];
}

function validateAuthenticator(
  config: JwtAuthenticatorConfig,
  path: string,
  disallowed: readonly string[],
  errors: FieldError[],
): JwtRules {
  const { issuer = {}, claimMappings = {}, claimValidationRules = [], userValidationRules = [] } = config;
  errors.push(...issuerErrors(issuer, `${path}.issuer`, disallowed));
  const claimRules = claimValidationErrors(claimValidationRules, `${path}.claimValidationRules`, errors);
  const programs = mappingPrograms(claimMappings, `${path}.claimMappings`, errors);
  const isEmailUsed = programs.username?.selects('claims', 'email') ?? false;
  const verifiers = [...claimRules.map(({ program }) => program), ...programs.extra.map(({ program }) => program)];
  if (programs.username !== undefined) verifiers.push(programs.username);
  if (isEmailUsed && !verifiers.some((program) => program.selects('claims', 'email_verified'))) {
    errors.push(
      invalidValue(
        `${path}.claimMappings.username.expression`,
        claimMappings.username?.expression ?? '',
        emailUnverified,
      ),
    );
  }
  const userRules = userValidationErrors(userValidationRules, `${path}.userValidationRules`, errors);
  const requiredClaims = new Map(
    claimValidationRules.flatMap(({ claim, requiredValue = '' }) => (claim ? [[claim, requiredValue] as const] : [])),
  );
  const { url = '', audiences = [] } = issuer;
  return {
    issuer: { ...issuer, url, audiences },
    mappings: claimMappings,
    ...programs,
    requiredClaims,
    claimRules,
    userRules,
  };
}

const emailUnverified =
  'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression';

function claimValidationErrors(rules: readonly ClaimValidationRule[], path: string, errors: FieldError[]): Rule[] {
  const claims = new Set<string>();
  const expressions = new Set<string>();
  return rules.flatMap((rule, index) => {
    const { claim = '', requiredValue = '', expression = '', message = '' } = rule;
    const where = indexPath(path, index);
    if (claim !== '' && expression !== '')
      errors.push(invalidValue(where, claim, "claim and expression can't both be set"));
    else if (claim !== '') {
      if (message !== '')
        errors.push(invalidValue(`${where}.message`, message, 'may not be specified when claim is set'));
      if (claims.has(claim)) errors.push(duplicate(`${where}.claim`, claim));
      claims.add(claim);
    } else if (expression === '') errors.push(required(where, 'claim or expression is required'));
    else {
      if (requiredValue !== '')
        errors.push(
          invalidValue(`${where}.requiredValue`, requiredValue, 'may not be specified when expression is set'),
        );
      const program = unrepeated(expression, expressions, `${where}.expression`, errors, claimsCondition);
      if (program !== undefined) return [{ program, message }];
    }
    return [];
  });
}

function userValidationErrors(rules: readonly UserValidationRule[], path: string, errors: FieldError[]): Rule[] {
  const expressions = new Set<string>();
  return rules.flatMap(({ expression = '', message = '' }, index) => {
    const where = `${indexPath(path, index)}.expression`;
    if (expression === '') {
      errors.push(required(where));
      return [];
    }
    const program = unrepeated(expression, expressions, where, errors, userCondition);
    return program === undefined ? [] : [{ program, message }];
  });
}

function unrepeated(
  expression: string,
  seen: Set<string>,
  path: string,
  errors: FieldError[],
  sort: ExpressionSort,
): CelProgram | undefined {
  if (seen.has(expression)) {
    errors.push(duplicate(path, expression));
    return undefined;
  }
  seen.add(expression);
  return compiled(expression, path, errors, sort);
}

type Programs = Pick<JwtRules, 'username' | 'groups' | 'uid' | 'extra'>;

function mappingPrograms(
  { username = {}, groups = {}, uid = {}, extra = [] }: ClaimMappings,
  path: string,
  errors: FieldError[],
): Programs {
  const usernameProgram = prefixedProgram(username, `${path}.username`, true, errors);
  const groupsProgram = prefixedProgram(groups, `${path}.groups`, false, errors);
  let uidProgram: CelProgram | undefined;
  if (uid.claim && uid.expression)
    errors.push(invalidValue(`${path}.uid`, '', "claim and expression can't both be set"));
  else if (uid.expression) uidProgram = compiled(uid.expression, `${path}.uid.expression`, errors, claimsValue);
  return {
    ...(usernameProgram && { username: usernameProgram }),
    ...(groupsProgram && { groups: groupsProgram }),
    ...(uidProgram && { uid: uidProgram }),
    extra: extraPrograms(extra, `${path}.extra`, errors),
  };
}

function prefixedProgram(
  { claim = '', expression = '', prefix }: PrefixedClaimOrExpression,
  path: string,
  isRequired: boolean,
  errors: FieldError[],
): CelProgram | undefined {
  if (claim !== '' && expression !== '') errors.push(invalidValue(path, '', "claim and expression can't both be set"));
  else if (expression !== '') {
    if (prefix !== undefined)
      errors.push(invalidValue(`${path}.prefix`, prefix, 'may not be specified when expression is set'));
    return compiled(expression, `${path}.expression`, errors, claimsValue);
  } else if (claim === '' && isRequired) errors.push(required(path, 'claim or expression is required'));
  else if (claim !== '' && prefix === undefined) {
    const why = 'prefix is required when claim is set. It can be set to an empty string to disable prefixing';
    errors.push(required(`${path}.prefix`, why));
  }
  return undefined;
}

function extraPrograms(
  extra: NonNullable<ClaimMappings['extra']>,
  path: string,
  errors: FieldError[],
): JwtRules['extra'] {
  const keys = new Set<string>();
  return extra.flatMap(({ key = '', valueExpression = '' }, index) => {
    const where = indexPath(path, index);
    errors.push(...extraKeyErrors(key, `${where}.key`));
    if (keys.has(key)) {
      errors.push(duplicate(`${where}.key`, key));
      return [];
    }
    keys.add(key);
    if (valueExpression === '') {
      errors.push(required(`${where}.valueExpression`));
      return [];
    }
    const program = compiled(valueExpression, `${where}.valueExpression`, errors, claimsValue);
    return program === undefined ? [] : [{ key, program }];
  });
}

function extraKeyErrors(key: string, path: string): FieldError[] {
  const errors = domainPrefixedPathErrors(key, path);
  if (key !== key.toLowerCase()) errors.push(invalidValue(path, key, 'must be lowercase'));
  const domain = key.includes('/') ? (key.split('/', 1)[0] ?? '') : '';
  if (/(^|\.)(k8s|kubernetes)\.io$/.test(domain)) {
    const why = 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use';
    errors.push(invalidValue(path, key, why));
  }
  return errors;
}

interface ExpressionSort {
  readonly environment: CelEnvironment;
  /** What it must give; anything where absent. */
  readonly type?: 'bool';
}

const language = { libraries: kubernetesLibraries, escapedNames: true };
const ofClaims = celEnvironment({ variables: { claims: claimsType }, ...language });
const ofUser = celEnvironment({ variables: { user: userType }, ...language });
const claimsValue: ExpressionSort = { environment: ofClaims };
const claimsCondition: ExpressionSort = { environment: ofClaims, type: 'bool' };
const userCondition: ExpressionSort = { environment: ofUser, type: 'bool' };

function compiled(
  expression: string,
  path: string,
  errors: FieldError[],
  { environment, type }: ExpressionSort,
): CelProgram | undefined {
  const outcome = environment.compile(expression);
  if (outcome.kind === 'error') {
    errors.push(invalidValue(path, expression, `compilation failed: ${outcome.error.text}`));
    return undefined;
  }
  const { program } = outcome;
  if (type === undefined || program.type.kind === type) return program;
  errors.push(invalidValue(path, expression, `must evaluate to ${type}`));
  return undefined;
}
