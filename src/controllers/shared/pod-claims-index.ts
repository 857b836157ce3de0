/** For the informer of pods: pods by the keys of the ResourceClaims that they name so far. */
import { claimNamesOf } from '../../api/pod-resource-claims.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { namespaceOf } from './context.ts';

export const podsByResourceClaim = 'resource claims';

export function resourceClaimKeysOf(pod: Pod): readonly string[] {
  const names = claimNamesOf(pod);
  return names.length === 0 ? names : names.map((name) => `${namespaceOf(pod)}/${name}`);
}
