/**
 * Whether a pod may use an image that is on the node already, though its registry asks for credentials (KEP-2535). Pure.
 *
 * A record of each image says with whose credentials it was pulled. A pod may use it that has one of them: the same secret, or another with
 * the same credentials. Any other must pull, so that the registry decides.
 */
import { parseReference } from '../../images/reference.ts';
import type { KubeletConfiguration } from '../kubelet-configuration.ts';
import type { SecretCoordinates } from './pull-credentials.ts';

export interface KnownSecret extends SecretCoordinates {
  readonly credentialHash: string;
}

/** Who may use an image under one of its repositories. */
export interface AccessRecord {
  readonly kubernetesSecrets?: readonly KnownSecret[];
  /** It was pulled without credentials, or with the node's: every pod may. */
  readonly nodePodsAccessible?: true;
}

/** An image of the node, by id, that the agent pulled: who may use it, by repository. */
export interface PulledRecord {
  readonly imageRef: string;
  readonly lastUpdatedMs: number;
  readonly credentialMapping: Readonly<Record<string, AccessRecord>>;
}

export type VerificationPolicy = Pick<
  KubeletConfiguration,
  'imagePullCredentialsVerificationPolicy' | 'preloadedImagesVerificationAllowlist'
>;

/** Beyond it, secrets that are found to be as good are not remembered: many namespaces that come and go must not fill the disk. */
const knownSecretsMax = 100;

/** @param pulledByAgent false: somebody brought it onto the node */
export function mustVerify(policy: VerificationPolicy, image: string, pulledByAgent: boolean): boolean {
  switch (policy.imagePullCredentialsVerificationPolicy) {
    case 'NeverVerify':
      return false;
    case 'NeverVerifyPreloadedImages':
      return pulledByAgent;
    case 'NeverVerifyAllowlistedImages':
      return !isAllowed(policy.preloadedImagesVerificationAllowlist, repositoryOf(image));
    case 'AlwaysVerify':
      return true;
  }
}

/** A row is a repository, or ends with `/*` and stands for all below. */
function isAllowed(allowlist: readonly string[], repository: string): boolean {
  return allowlist.some((row) => {
    if (row.endsWith('/*')) return `${repository}/`.startsWith(row.slice(0, -1)) && repository !== row.slice(0, -2);
    return repository === repositoryOf(row);
  });
}

/** With the registry, without tag and digest: `docker.io/library/nginx`. */
export function repositoryOf(image: string): string {
  const { registry, repository } = parseReference(image);
  return `${registry}/${repository}`;
}

/** `learn`: the pod may use it, and its secret is worth remembering. */
export type Access = { readonly allowed: boolean; readonly learn?: KnownSecret };

export function accessOf(record: AccessRecord | undefined, secrets: readonly KnownSecret[]): Access {
  if (record?.nodePodsAccessible) return { allowed: true };
  const known = record?.kubernetesSecrets ?? [];
  for (const secret of secrets) {
    for (const one of known) {
      const sameHash = one.credentialHash !== '' && one.credentialHash === secret.credentialHash;
      if (!sameHash && !sameSecret(one, secret)) continue;
      if (sameHash && sameSecret(one, secret)) return { allowed: true };
      // A secret that was rotated is as good as before only while there is room to note it, as upstream.
      if (known.length < knownSecretsMax) return { allowed: true, learn: secret };
      if (sameHash) return { allowed: true };
    }
  }
  return { allowed: false };
}

/** @param secret whose credentials opened the registry; undefined: nobody's in particular; null: that is not known */
export function withAccess(
  record: PulledRecord | undefined,
  pulled: { readonly imageRef: string; readonly image: string; readonly nowMs: number },
  secret: KnownSecret | undefined | null,
): PulledRecord {
  const { imageRef, image, nowMs } = pulled;
  const before = record?.credentialMapping ?? {};
  const repository = repositoryOf(image);
  const access = secret === null ? before[repository] : merged(before[repository], secret);
  const credentialMapping = { ...before, ...(access !== undefined && { [repository]: access }) };
  return { imageRef, lastUpdatedMs: nowMs, credentialMapping };
}

function merged(before: AccessRecord | undefined, secret: KnownSecret | undefined): AccessRecord {
  if (secret === undefined || before?.nodePodsAccessible) return { nodePodsAccessible: true };
  const others = (before?.kubernetesSecrets ?? []).filter((one) => !sameSecret(one, secret));
  return { kubernetesSecrets: [...others, secret].toSorted(byName) };
}

function sameSecret(a: SecretCoordinates, b: SecretCoordinates): boolean {
  return a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;
}

function byName(a: SecretCoordinates, b: SecretCoordinates): number {
  const [left, right] = [a, b].map(({ namespace, name, uid }) => `${namespace}/${name}/${uid}`) as [string, string];
  return left < right ? -1 : 1;
}
