/** What the `issuer` of an AuthenticationConfiguration must fulfil, in upstream's words. Pure. */
import { X509Certificate } from 'node:crypto';
import { duplicate, indexPath, invalidValue, required } from '../../../api/field-error.ts';
import type { FieldError } from '../../../api/status-error.ts';
import type { IssuerConfig } from './configuration.ts';

/** `disallowed`: issuers that nobody outside may speak for. */
export function issuerErrors(issuer: IssuerConfig, path: string, disallowed: readonly string[]): FieldError[] {
  const { url = '', discoveryURL = '', certificateAuthority = '', egressSelectorType = '' } = issuer;
  const errors = url === '' ? [required(`${path}.url`)] : urlErrors(url, `${path}.url`, disallowed);
  if (discoveryURL !== '') {
    if (url !== '' && url.replace(/\/+$/, '') === discoveryURL.replace(/\/+$/, ''))
      errors.push(invalidValue(`${path}.discoveryURL`, discoveryURL, 'discoveryURL must be different from URL'));
    errors.push(...urlErrors(discoveryURL, `${path}.discoveryURL`, []));
  }
  errors.push(...audienceErrors(issuer, path));
  const problem = certificateAuthority === '' ? undefined : certificateProblem(certificateAuthority);
  if (problem !== undefined) errors.push(invalidValue(`${path}.certificateAuthority`, '<omitted>', problem));
  if (egressSelectorType !== '')
    errors.push(invalidValue(`${path}.egressSelectorType`, egressSelectorType, egressProblem(egressSelectorType)));
  return errors;
}

/** No egress selector is ever configured here, so that none can be used. */
function egressProblem(type: string): string {
  if (type !== 'controlplane' && type !== 'cluster') return 'egress selector must be either controlplane or cluster';
  return `egress lookup for "${type}" is not configured`;
}

function urlErrors(text: string, path: string, disallowed: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  if (disallowed.includes(text)) {
    const list = `[${[...disallowed].sort().join(' ')}]`;
    errors.push(invalidValue(path, text, `URL must not overlap with disallowed issuers: ${list}`));
  }
  // The parts are looked at as they are written: JavaScript's URL would put some of them right.
  const [, scheme = '', authority = '', query = '', fragment = ''] =
    /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?[^?#]*(\?[^#]*)?(#.*)?$/is.exec(text) ?? [];
  if (scheme.toLowerCase() === 'https' && !URL.canParse(text))
    return [...errors, invalidValue(path, text, `parse ${JSON.stringify(text)}: invalid URL`)];
  if (scheme.toLowerCase() !== 'https') errors.push(invalidValue(path, text, 'URL scheme must be https'));
  if (authority.includes('@')) errors.push(invalidValue(path, text, 'URL must not contain a username or password'));
  if (query.length > 1) errors.push(invalidValue(path, text, 'URL must not contain a query'));
  if (fragment.length > 1) errors.push(invalidValue(path, text, 'URL must not contain a fragment'));
  return errors;
}

function audienceErrors({ audiences = [], audienceMatchPolicy = '' }: IssuerConfig, path: string): FieldError[] {
  if (audiences.length === 0) {
    const where = `${path}.audiences`;
    return [required(where, `at least one ${where} is required`)];
  }
  const errors: FieldError[] = [];
  for (const [index, audience] of audiences.entries()) {
    const where = indexPath(`${path}.audiences`, index);
    if (audience === '') errors.push(required(where));
    if (audiences.indexOf(audience) < index) errors.push(duplicate(where, audience));
  }
  const wrong = (why: string): number =>
    errors.push(invalidValue(`${path}.audienceMatchPolicy`, audienceMatchPolicy, why));
  if (audiences.length > 1 && audienceMatchPolicy !== 'MatchAny')
    wrong('audienceMatchPolicy must be MatchAny for multiple audiences');
  if (audiences.length === 1 && audienceMatchPolicy !== '' && audienceMatchPolicy !== 'MatchAny')
    wrong('audienceMatchPolicy must be empty or MatchAny for single audience');
  return errors;
}

function certificateProblem(pem: string): string | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  if (blocks === null) return 'data does not contain any valid RSA or ECDSA certificates';
  try {
    const certificates = blocks.map((block) => new X509Certificate(block));
    return certificates.length > 0 ? undefined : 'no certificate';
  } catch (error) {
    return (error as Error).message;
  }
}
