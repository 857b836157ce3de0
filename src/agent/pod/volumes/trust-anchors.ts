/** The file of a projected volume that holds the certificates of authorities, as ClusterTrustBundles publish them. */
import { mergedTrustAnchors } from '../../../api/certificates/trust-anchors.ts';
import type { ClusterTrustBundleProjection } from '../../../api/schema/types/core-v1.ts';
import { labelMatcher } from '../../../api/selector.ts';
import type { ObjectSource } from '../../object-source.ts';
import { VolumeError } from '../config-error.ts';

/**
 * One bundle by its name, or all of a signer whose labels fit, each certificate once. Where there is none and that is borne: nothing.
 * @throws VolumeError where there is none
 */
export async function trustAnchors(source: ObjectSource, wanted: ClusterTrustBundleProjection): Promise<Buffer> {
  const { name, optional = false } = wanted;
  const bundles = name === undefined ? await ofSigner(source, wanted) : await named(source, name);
  if (bundles.length > 0 || optional) return Buffer.from(mergedTrustAnchors(bundles));
  if (name !== undefined) throw new VolumeError(`clustertrustbundle.certificates.k8s.io "${name}" not found`);
  throw new VolumeError('combination of signerName and labelSelector matched zero ClusterTrustBundles');
}

async function named(source: ObjectSource, name: string): Promise<string[]> {
  const bundle = await source.trustBundle(name);
  return bundle === undefined ? [] : [bundle.spec.trustBundle];
}

/** Without a selector none fits; an empty one takes all. */
async function ofSigner(source: ObjectSource, wanted: ClusterTrustBundleProjection): Promise<string[]> {
  const labels = labelMatcher(wanted.labelSelector);
  const all = await source.trustBundlesOf(wanted.signerName ?? '');
  return all.filter(({ metadata }) => labels.matches(metadata?.labels ?? {})).map(({ spec }) => spec.trustBundle);
}
