/** What the loops about CertificateSigningRequests ask of one: how it stands, and what it asks for. Pure. */
import { type CertificateRequest, parseCertificateRequest } from '../../api/certificates/certificate-request.ts';
import type {
  CertificateSigningRequest,
  CertificateSigningRequestCondition,
} from '../../api/schema/types/certificates-v1.ts';

export function conditionOf(
  { status }: CertificateSigningRequest,
  type: string,
): CertificateSigningRequestCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

export const isIssued = ({ status }: CertificateSigningRequest): boolean => Boolean(status?.certificate);

/** What was stored has been validated: it can be read. @throws Error where it was written before that was so */
export function requestedIn({ spec }: CertificateSigningRequest): CertificateRequest {
  return parseCertificateRequest(Buffer.from(spec.request, 'base64'));
}

/** With one condition more; the API server writes the times. */
export function withCondition(
  request: CertificateSigningRequest,
  condition: CertificateSigningRequestCondition,
): CertificateSigningRequest {
  const conditions = [...(request.status?.conditions ?? []), condition];
  return { ...request, status: { ...request.status, conditions } };
}
