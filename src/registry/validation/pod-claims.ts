/** Devices that a pod claims: by a claim's name, or made from a template. */
import { duplicate, forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../api/names.ts';
import type { PodResourceClaim } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach } from './checks.ts';
import { internalForm } from './internal-form.ts';

export function claimNamesOf(claims: readonly PodResourceClaim[] | undefined): ReadonlySet<string> {
  return new Set((claims ?? []).map(({ name }) => name).filter(Boolean));
}

export function validatePodClaims(path: string, claims: readonly PodResourceClaim[], isMirror: boolean): FieldError[] {
  const seen = new Set<string>();
  return claims.flatMap((claim, index) => {
    if (isMirror) return [forbiddenField('[]', 'static pods do not support resource claims')];
    return validatePodClaim(`${path}[${index}]`, claim, seen);
  });
}

function validatePodClaim(path: string, claim: PodResourceClaim, seen: Set<string>): FieldError[] {
  const errors = validateName(`${path}.name`, claim.name, seen);
  const { resourceClaimName, resourceClaimTemplateName } = claim;
  const given = [resourceClaimName, resourceClaimTemplateName].filter((name) => name !== undefined).length;
  if (given > 1) {
    const detail = 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified';
    errors.push(invalidValue(path, shown(claim), detail));
  }
  if (given === 0) {
    const detail = 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`';
    errors.push(invalidValue(path, shown(claim), detail));
  }
  for (const field of ['resourceClaimName', 'resourceClaimTemplateName'] as const) {
    const name = claim[field];
    if (name !== undefined) errors.push(...invalidEach(`${path}.${field}`, name, isDns1123Subdomain(name)));
  }
  return errors;
}

function validateName(path: string, name: string | undefined, seen: Set<string>): FieldError[] {
  if (!name) return [required(path)];
  if (seen.has(name)) return [duplicate(path, name)];
  seen.add(name);
  return invalidEach(path, name, isDns1123Label(name));
}

function shown(claim: PodResourceClaim): object {
  return internalForm(claim, [
    ['name', ''],
    ['resourceClaimName', null],
    ['resourceClaimTemplateName', null],
  ]);
}
