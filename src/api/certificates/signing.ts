/** The names of the cluster's own signers, and what those who decide about requests may ask of the authority that holds the key. */
import type { CertificateRequest } from './certificate-request.ts';

export const kubeletClientSigner = 'kubernetes.io/kube-apiserver-client-kubelet';
export const kubeletServingSigner = 'kubernetes.io/kubelet-serving';
export const clientSigner = 'kubernetes.io/kube-apiserver-client';
export const legacySigner = 'kubernetes.io/legacy-unknown';
/** It signs no requests: what it has signed is told by a ClusterTrustBundle. */
export const apiServingSigner = 'kubernetes.io/kube-apiserver-serving';

export interface SigningOrder {
  readonly request: CertificateRequest;
  /** As in a CertificateSigningRequest: `client auth`. */
  readonly usages: readonly string[];
  /** How long it should be good; as long as the authority allows where absent. */
  readonly expirationSeconds?: number;
}

export interface CertificateSigner {
  /** The certificate in PEM. */
  sign(order: SigningOrder): Promise<string>;
}
