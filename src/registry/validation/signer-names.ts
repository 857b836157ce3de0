/**
 * Names of signers (`example.com/web`), and of the ClusterTrustBundles that belong to one (`example.com:web:2026`). Upstream's rules and
 * words.
 */
import { goQuote, invalidValue, required, tooLong } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../api/names.ts';
import type { FieldError } from '../../api/status-error.ts';

const domainBytesMax = 253;
/** A domain, and below it a namespace and a name. */
const signerBytesMax = domainBytesMax + 1 + 63 + 1 + 253;

export function signerNameErrors(path: string, signer: string): FieldError[] {
  if (signer === '') return [required(path)];
  const [domain = '', name, ...rest] = signer.split('/');
  if (name === undefined || rest.length > 0) {
    const why = "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [invalidValue(path, signer, why)];
  }
  const errors = Buffer.byteLength(domain) > domainBytesMax ? [tooLong(path, domainBytesMax)] : [];
  errors.push(...labelErrors(path, domain, isDns1123Label));
  if (!domain.includes('.')) {
    errors.push(invalidValue(path, domain, 'should be a domain with at least two segments separated by dots'));
  }
  errors.push(...labelErrors(path, name, isDns1123Subdomain));
  if (Buffer.byteLength(signer) > signerBytesMax) errors.push(tooLong(path, signerBytesMax));
  return errors;
}

/** Of the first bad label alone: the others would say the same. */
function labelErrors(path: string, text: string, rule: (label: string) => string[]): FieldError[] {
  const bad = text.split('.').find((label) => rule(label).length > 0);
  if (bad === undefined) return [];
  return rule(bad).map((message) => invalidValue(path, text, `validating label ${goQuote(bad)}: ${message}`));
}

/** What is wrong with the name of a bundle; `signer` is empty for one that belongs to none. */
export function trustBundleNameErrors(name: string, signer: string): string[] {
  if (signer === '') {
    return name.includes(':')
      ? ['ClusterTrustBundle without signer name must not have ":" in its name']
      : isDns1123Subdomain(name);
  }
  const prefix = `${signer.replaceAll('/', ':')}:`;
  if (name.startsWith(prefix)) return isDns1123Subdomain(name.slice(prefix.length));
  return [`ClusterTrustBundle for signerName ${signer} must be named with prefix ${prefix}`];
}

/** Whose bundle a name says it is; empty: nobody's. */
export function signerOfTrustBundle(name: string): string {
  const end = name.lastIndexOf(':');
  return end < 0 ? '' : name.slice(0, end).replaceAll(':', '/');
}
