/**
 * Publishes the authority that the API server's certificate can be checked by, as the ClusterTrustBundle of the signer
 * `kubernetes.io/kube-apiserver-serving`. The name carries the content's hash, so that a new authority is a new bundle; what else stands
 * under that signer is removed.
 */
import { createHash } from 'node:crypto';
import { apiServingSigner } from '../../api/certificates/signing.ts';
import type { ClusterTrustBundle } from '../../api/schema/types/certificates-v1beta1.ts';
import { hasReason } from '../../api/status-error.ts';
import { ControlLoop, done } from '../../client/controller.ts';
import { clusterTrustBundles } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { type ControllerContext, contextFor, nameOf, referenceOf } from '../shared/context.ts';

/** There is one thing to keep right. */
const onlyKey = 'bundle';

export function trustBundleName(signer: string, certificates: string): string {
  const hash = createHash('sha256').update(certificates).digest().subarray(0, 12).toString('hex');
  return `${signer.replaceAll('/', ':')}:${hash}`;
}

export interface BundlePlan {
  readonly create?: ClusterTrustBundle;
  readonly update?: ClusterTrustBundle;
  readonly remove: readonly ClusterTrustBundle[];
}

/** Pure. */
export function decideBundle(certificates: string, all: Iterable<ClusterTrustBundle>): BundlePlan {
  const name = trustBundleName(apiServingSigner, certificates);
  const ours = [...all].filter(({ spec }) => spec.signerName === apiServingSigner);
  const standing = ours.find((bundle) => nameOf(bundle) === name);
  const remove = ours.filter((bundle) => bundle !== standing);
  const spec = { signerName: apiServingSigner, trustBundle: certificates };
  if (standing === undefined) return { create: { metadata: { name }, spec }, remove };
  return standing.spec.trustBundle === certificates ? { remove } : { update: { ...standing, spec }, remove };
}

export function trustBundlePublisher(context: ControllerContext): Service {
  const own = contextFor(context, 'kube-apiserver-serving-clustertrustbundle-publisher');
  const bundles = context.informers.informer(clusterTrustBundles);
  const loop = new ControlLoop({
    ...own,
    name: 'kube-apiserver-serving-clustertrustbundle-publisher',
    informers: [bundles],
    begin: () => loop.queue.add(onlyKey),
    reconcile: async () => {
      const { create, update, remove } = decideBundle(context.rootCa, bundles.cache.list());
      if (create !== undefined) await own.client.create(clusterTrustBundles, create).catch(unless('AlreadyExists'));
      if (update !== undefined) await own.client.update(clusterTrustBundles, update);
      for (const bundle of remove) {
        await own.client.delete(clusterTrustBundles, referenceOf(bundle)).catch(unless('NotFound'));
      }
      return done;
    },
  });
  const wake = ({ spec }: ClusterTrustBundle): void => {
    if (spec.signerName === apiServingSigner) loop.queue.add(onlyKey);
  };
  bundles.addHandler({ added: wake, updated: wake, deleted: wake });
  return loop;
}

function unless(reason: 'AlreadyExists' | 'NotFound'): (error: unknown) => void {
  return (error) => {
    if (!hasReason(error, reason)) throw error;
  };
}
