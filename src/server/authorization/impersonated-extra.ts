/** The extra fields that constrained impersonation takes: keys are domain-prefixed paths in lower case, with values. Pure. */
import { domainPrefixedPathErrors } from '../../api/domain-prefixed-path.ts';

/** Upstream's texts; undefined where there is nothing wrong. */
export function wantedExtraProblem(extra: ReadonlyMap<string, readonly string[]>): string | undefined {
  for (const [key, values] of extra) {
    if (key === '') return 'impersonating the empty string key in extra is not allowed';
    const errors = domainPrefixedPathErrors(key, 'extra.key');
    if (errors.length > 0) {
      const texts = errors.map(({ field, message }) => `${field}: ${message}`);
      return `impersonating an invalid key in extra is not allowed: ${texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`}`;
    }
    if (key !== key.toLowerCase())
      return `impersonating a non-lowercase key in extra is not allowed: ${JSON.stringify(key)}`;
    if (values.length === 0) return 'impersonating empty values in extra is not allowed';
  }
  return undefined;
}
