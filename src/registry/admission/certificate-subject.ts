/** Upstream's CertificateSubjectRestriction: nobody asks the cluster's own signer of clients for a certificate of `system:masters`. */
import { parseCertificateRequest } from '../../api/certificates/certificate-request.ts';
import type { CertificateSigningRequest } from '../../api/schema/types/certificates-v1.ts';
import { forbidden } from '../../api/status-error.ts';
import type { Draft } from '../draft.ts';
import type { AdmissionRequest } from './admission.ts';

const signer = 'kubernetes.io/kube-apiserver-client';
const masters = 'system:masters';

/** Runs after the kind's own rules: what is asked here is a request that can be read. */
export function certificateSubject({ operation, collection, target, draft }: AdmissionRequest): void {
  if (operation !== 'CREATE' || collection !== 'certificatesigningrequests.certificates.k8s.io') return;
  const { metadata, spec } = (draft ?? {}) as Partial<Draft<CertificateSigningRequest>>;
  if (target.subresource !== '' || spec?.signerName !== signer) return;
  const { organizations } = parseCertificateRequest(Buffer.from(spec.request, 'base64'));
  if (!organizations.includes(masters)) return;
  const subject = { group: target.resource.group, kind: target.resource.resource, name: metadata?.name ?? '' };
  throw forbidden(subject, `use of ${signer} signer with ${masters} group is not allowed`);
}
