/**
 * From the claims of a token that was found good to a user, or to why not, by the issuer's rules. Pure. Texts are upstream's.
 *
 * Distributed claims (OpenID Connect Core 5.6.2) are not fetched: groups that are elsewhere are no groups here.
 */
import type { CelProgram, CelVariables } from '../../../lib/cel/environment.ts';
import type { UserInfo } from '../../../registry/request.ts';
import { claimsValue, userValue } from './cel-types.ts';
import type { PrefixedClaimOrExpression } from './configuration.ts';
import type { JwtRules, Rule } from './validation.ts';

export type Claims = Readonly<Record<string, unknown>>;

/** What is wrong with the token: for the log and for TokenReviews. */
export class ClaimError extends Error {
  override name = 'ClaimError';
}

/** @throws ClaimError */
export function userOfClaims(claims: Claims, rules: JwtRules): UserInfo {
  const name = username(claims, rules);
  const groups = groupsOf(claims, rules);
  const uid = uidOf(claims, rules);
  const extra = extraOf(claims, rules);
  checkRequired(claims, rules.requiredClaims);
  checkRules(rules.claimRules, { claims: claimsValue(claims) }, 'claim validation expression');
  const user = { username: name, uid, groups, extra };
  checkRules(rules.userRules, { user: userValue(user) }, 'user info validation rule');
  return { name, groups, ...(uid !== '' && { uid }), ...(Object.keys(extra).length > 0 && { extra }) };
}

function has(claims: Claims, name: string): boolean {
  return Object.hasOwn(claims, name);
}

/** @throws ClaimError that begins with `what` */
function textClaim(claims: Claims, name: string, what: string): string {
  const value = has(claims, name) ? claims[name] : undefined;
  if (value === undefined) throw new ClaimError(`${what}: claim not present`);
  // Go leaves the text empty for null.
  if (value === null) return '';
  if (typeof value === 'string') return value;
  throw new ClaimError(`${what}: json: cannot unmarshal ${goKind(value)} into Go value of type string`);
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** @throws ClaimError */
function evaluated(program: CelProgram, variables: CelVariables, what: string): unknown {
  const result = program.evaluate(variables);
  if (result.kind === 'value') return result.value;
  throw new ClaimError(
    `oidc: error evaluating ${what}: expression '${program.expression}' resulted in error: ${result.message}`,
  );
}

/** @throws ClaimError */
function evaluatedText(program: CelProgram, claims: Claims, sort: string): string {
  const what = `${sort} claim expression`;
  const value = evaluated(program, { claims: () => claimsValue(claims) }, what);
  if (typeof value === 'string') return value;
  throw new ClaimError(`oidc: error evaluating ${what}: ${what} must return a string`);
}

function username(claims: Claims, { username: program, mappings }: JwtRules): string {
  if (program !== undefined) {
    const name = evaluatedText(program, claims, 'username');
    if (name === '') throw new ClaimError('oidc: empty username via CEL expression is not allowed');
    return name;
  }
  const { claim = '', prefix = '' } = mappings.username ?? {};
  const name = textClaim(claims, claim, `oidc: parse username claims ${JSON.stringify(claim)}`);
  if (claim === 'email') checkEmail(claims);
  return `${prefix}${name}`;
}

/** Where the issuer says whether it verified the address, it must have. */
function checkEmail(claims: Claims): void {
  if (!has(claims, 'email_verified')) return;
  const verified = claims['email_verified'];
  if (typeof verified !== 'boolean' && verified !== null) {
    const why = `json: cannot unmarshal ${goKind(verified)} into Go value of type bool`;
    throw new ClaimError(`oidc: parse 'email_verified' claim: ${why}`);
  }
  if (verified !== true) throw new ClaimError('oidc: email not verified');
}

function groupsOf(claims: Claims, { groups: program, mappings }: JwtRules): readonly string[] {
  const { claim = '', prefix = '' }: PrefixedClaimOrExpression = mappings.groups ?? {};
  if (claim !== '' && has(claims, claim)) return groupsClaim(claims[claim], claim).map((group) => `${prefix}${group}`);
  if (program === undefined) return [];
  return textList(
    evaluated(program, { claims: () => claimsValue(claims) }, 'group claim expression'),
    'oidc: error evaluating group claim expression',
  );
}

/** One group may stand without a list. */
function groupsClaim(value: unknown, claim: string): readonly string[] {
  if (value === null) return [];
  if (typeof value === 'string') return [value];
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  const why = `json: cannot unmarshal ${goKind(value)} into Go value of type string`;
  throw new ClaimError(`oidc: parse groups claim ${JSON.stringify(claim)}: ${why}`);
}

function uidOf(claims: Claims, { uid: program, mappings }: JwtRules): string {
  const claim = mappings.uid?.claim ?? '';
  if (claim !== '') return textClaim(claims, claim, `oidc: parse uid claim ${JSON.stringify(claim)}`);
  return program === undefined ? '' : evaluatedText(program, claims, 'uid');
}

const credentialId = 'authentication.kubernetes.io/credential-id';

function extraOf(claims: Claims, { extra }: JwtRules): Record<string, readonly string[]> {
  const jti = has(claims, 'jti') ? claims['jti'] : undefined;
  const values: Record<string, readonly string[]> =
    typeof jti === 'string' && jti !== '' ? { [credentialId]: [`JTI=${jti}`] } : {};
  for (const { key, program } of extra) {
    const what = `oidc: error evaluating extra claim expression: ${program.expression}`;
    const list = textList(evaluated(program, { claims: () => claimsValue(claims) }, 'extra claim expression'), what);
    if (list.length > 0) values[key] = list;
  }
  return values;
}

/** A text is a list of one; empty ones are as absent. @throws ClaimError */
function textList(value: unknown, what: string): readonly string[] {
  if (value === null) return [];
  const list: unknown = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(list) || !list.every((each) => typeof each === 'string'))
    throw new ClaimError(`${what}: expression must return a string or a list of strings`);
  return list.filter((text) => text !== '');
}

function checkRequired(claims: Claims, wanted: ReadonlyMap<string, string>): void {
  for (const [claim, value] of wanted) {
    if (!has(claims, claim)) throw new ClaimError(`oidc: required claim ${claim} not present in ID token`);
    const found = textClaim(claims, claim, `oidc: parse claim ${claim}`);
    if (found !== value)
      throw new ClaimError(`oidc: required claim ${claim} value does not match. Got = ${found}, want = ${value}`);
  }
}

function checkRules(rules: readonly Rule[], variables: CelVariables, what: string): void {
  for (const { program, message } of rules) {
    const value = evaluated(program, variables, what);
    if (typeof value !== 'boolean')
      throw new ClaimError(`oidc: error evaluating ${what}: validation expression must return a boolean`);
    if (value) continue;
    const why = `validation expression '${program.expression}' failed: ${message}`;
    throw new ClaimError(`oidc: error evaluating ${what}: ${why}`);
  }
}
