/** Names such as `acme.io/foo`: keys of the extra fields of users. Pure; texts are upstream's. */
import { invalidValue, required } from './field-error.ts';
import { isDns1123Subdomain, patternMessage } from './names.ts';
import type { FieldError } from './status-error.ts';

const pathPattern = String.raw`[A-Za-z0-9/\-._~%!$&'()*+,;=:]+`;

/** A subdomain, a slash, and what may stand in the path of a URL. */
export function domainPrefixedPathErrors(text: string, path: string): FieldError[] {
  if (text === '') return [required(path)];
  const slash = text.indexOf('/');
  const [domain, rest] = slash < 0 ? ['', ''] : [text.slice(0, slash), text.slice(slash + 1)];
  if (domain === '' || rest === '')
    return [invalidValue(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  const errors = isDns1123Subdomain(domain).map((why) => invalidValue(path, domain, why));
  if (!new RegExp(`^${pathPattern}$`).test(rest))
    errors.push(invalidValue(path, rest, patternMessage('Invalid path', pathPattern)));
  return errors;
}
