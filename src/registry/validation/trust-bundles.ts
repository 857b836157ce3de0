/**
 * ClusterTrustBundles: certificates of authorities that everybody in the cluster may trust. Upstream's rules and words.
 *
 * Kept true: a bundle holds authorities and nothing else, each once; it never changes hands between signers.
 */
import { pemBlocks } from '../../api/certificates/pem.ts';
import { trustAnchorProblem } from '../../api/certificates/trust-anchors.ts';
import { invalidValue, tooLong } from '../../api/field-error.ts';
import type { ClusterTrustBundle } from '../../api/schema/types/certificates-v1beta1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { limits } from '../../lib/limits.ts';
import { immutable } from './checks.ts';
import { signerNameErrors, trustBundleNameErrors } from './signer-names.ts';

/** `old` is what it replaces: what was stored is not parsed again. */
export function validateTrustBundle({ metadata, spec }: ClusterTrustBundle, old?: ClusterTrustBundle): FieldError[] {
  const signer = spec?.signerName ?? '';
  const name = metadata?.name ?? '';
  const bundle = spec?.trustBundle ?? '';
  return [
    // The name is judged here, since the rule for it looks at the signer.
    ...(name === '' ? [] : trustBundleNameErrors(name, signer)).map((why) => invalidValue('metadata.name', name, why)),
    ...(signer === '' ? [] : signerNameErrors('spec.signerName', signer)),
    ...(bundle === old?.spec?.trustBundle ? [] : anchorErrors(bundle)),
  ];
}

export function validateTrustBundleUpdate({ spec }: ClusterTrustBundle, old: ClusterTrustBundle): FieldError[] {
  const signer = spec?.signerName ?? '';
  return immutable('spec.signerName', signer, signer === (old.spec?.signerName ?? ''));
}

const path = 'spec.trustBundle';
const omitted = '<value omitted>';

function anchorErrors(text: string): FieldError[] {
  if (Buffer.byteLength(text) > limits.trustBundleBytesMax) return [tooLong(path, limits.trustBundleBytesMax)];
  const places = new Map<string, number[]>();
  const errors: FieldError[] = [];
  for (const [index, { type, hasHeaders, bytes }] of pemBlocks(text).entries()) {
    const problem = entryProblem(type, hasHeaders, bytes);
    if (problem !== undefined) errors.push(invalidValue(path, omitted, `entry ${index} ${problem}`));
    const key = bytes.toString('latin1');
    places.set(key, [...(places.get(key) ?? []), index]);
  }
  if (errors.length > 0) return errors;
  if (places.size === 0) return [invalidValue(path, omitted, 'at least one trust anchor must be provided')];
  return [...places.values()]
    .filter((indexes) => indexes.length > 1)
    .map((indexes) => invalidValue(path, omitted, `duplicate trust anchor (indices [${indexes.join(' ')}])`));
}

function entryProblem(type: string, hasHeaders: boolean, bytes: Buffer): string | undefined {
  if (type !== 'CERTIFICATE') return `has bad block type: ${type}`;
  return hasHeaders ? 'has PEM block headers' : trustAnchorProblem(bytes);
}
