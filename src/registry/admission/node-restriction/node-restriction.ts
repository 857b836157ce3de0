/**
 * Upstream's NodeRestriction: what a node writes is its own. The node authorizer asks before the body is read; this plugin asks with the
 * object at hand, so that the two together leave a node whose key was stolen nothing but its own pods.
 *
 * ```
 *  pods            mirrors of its own accord; status, eviction and end of its own      nodes   its own, within bounds
 *  claims/status   how large the volume became                                         leases, csinodes, resourceslices   its own
 *  certificatesigningrequests   for itself          serviceaccounts/token   ../node-tokens.ts
 * ```
 * It looks before anybody changed what the client sent: what a kind's own rules would drop is refused all the same, as upstream.
 */
import { goQuote } from '../../../api/field-error.ts';
import { nodeNameOf } from '../../node-identity.ts';
import type { AdmissionPlugin, AdmissionRequest } from '../admission.ts';
import { checkNodeWrite } from './nodes.ts';
import {
  checkCertificateRequest,
  checkClaimWrite,
  checkCsiNodeWrite,
  checkLeaseWrite,
  checkResourceSliceWrite,
} from './own-objects.ts';
import { checkPodWrite } from './pods.ts';
import { type NodeWrite, refusal } from './refusal.ts';

/** By collection. What stands not here is the authorizer's alone. */
const rules: ReadonlyMap<string, (write: NodeWrite) => void> = new Map([
  ['pods', checkPodWrite],
  ['nodes', checkNodeWrite],
  ['persistentvolumeclaims', checkClaimWrite],
  ['leases.coordination.k8s.io', checkLeaseWrite],
  ['csinodes.storage.k8s.io', checkCsiNodeWrite],
  ['resourceslices.resource.k8s.io', checkResourceSliceWrite],
  ['certificatesigningrequests.certificates.k8s.io', checkCertificateRequest],
]);

export const nodeRestriction: AdmissionPlugin = {
  name: 'NodeRestriction',
  mutate: check,
  // A delete has nothing to change, and comes by here only.
  validate: (request) => (request.operation === 'DELETE' ? check(request) : undefined),
};

/** @throws StatusError Forbidden, NotFound */
function check(request: AdmissionRequest): void {
  const { user } = request.target;
  const node = nodeNameOf(user);
  if (node === undefined) return;
  if (node === '') throw refusal(request, `could not determine node from user ${goQuote(user.name)}`);
  rules.get(request.collection)?.({ node, request });
}
