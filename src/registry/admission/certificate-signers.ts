/**
 * Upstream's CertificateApproval, CertificateSigning and ClusterTrustBundleAttest: who may act for a signer. RBAC says who may write to
 * `/approval` or `/status` at all; here it is asked whether they may do so for the signer that the object names.
 *
 * ```
 *  what is written                              verb on signers.certificates.k8s.io
 *  certificatesigningrequests/approval          approve
 *  …/status, certificate or conditions          sign
 *  clustertrustbundles with a signerName        attest
 * ```
 * The verb may be held for the signer by its name (`example.com/web`) or for all of its domain (`example.com/*`).
 */
import { goQuote } from '../../api/field-error.ts';
import type { CertificateSigningRequest } from '../../api/schema/types/certificates-v1.ts';
import type { ClusterTrustBundle } from '../../api/schema/types/certificates-v1beta1.ts';
import { forbidden } from '../../api/status-error.ts';
import { type ObjectDraft, sameJson } from '../draft.ts';
import type { AuthorizationAttributes, Authorizer, UserInfo } from '../request.ts';
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts';

type Verb = 'approve' | 'sign' | 'attest';

interface Guarded {
  readonly name: string;
  readonly verb: Verb;
  /** What upstream says the user is not permitted to do. */
  readonly what: string;
  /** Whose permission the write needs; undefined: nobody's. */
  signerOf(request: AdmissionRequest): string | undefined;
}

const requests = 'certificatesigningrequests.certificates.k8s.io';

const guarded: readonly Guarded[] = [
  { name: 'CertificateApproval', verb: 'approve', what: 'approve requests with', signerOf: approvedSigner },
  { name: 'CertificateSigning', verb: 'sign', what: 'sign requests with', signerOf: signingSigner },
  { name: 'ClusterTrustBundleAttest', verb: 'attest', what: 'attest for', signerOf: attestedSigner },
];

/** In upstream's order. `authorizer` absent: everybody may. */
export function certificateSigners(authorizer: Authorizer | undefined): AdmissionPlugin[] {
  return guarded.map((rule) => ({
    name: rule.name,
    async validate(request) {
      const signer = rule.signerOf(request);
      if (authorizer === undefined || signer === undefined) return;
      if (await mayActFor(authorizer, request.target.user, rule.verb, signer)) return;
      throw forbidden(subjectOf(request), `user not permitted to ${rule.what} signerName ${goQuote(signer)}`);
    },
  }));
}

function subjectOf({ target, draft }: AdmissionRequest) {
  const { group, resource } = target.resource;
  return { group, kind: resource, name: target.name || (draft?.metadata?.name ?? '') };
}

/** The old object's, here and below: nobody gets past by naming another signer on the way. */
function approvedSigner({ operation, collection, target, old }: AdmissionRequest): string | undefined {
  if (operation !== 'UPDATE' || collection !== requests || target.subresource !== 'approval') return undefined;
  return (old as CertificateSigningRequest | undefined)?.spec?.signerName ?? '';
}

function signingSigner({ operation, collection, target, draft, old }: AdmissionRequest): string | undefined {
  if (operation !== 'UPDATE' || collection !== requests || target.subresource !== 'status') return undefined;
  const now = (draft as CertificateSigningRequest | undefined)?.status;
  const { spec, status: before } = (old ?? {}) as Partial<CertificateSigningRequest>;
  const sameCertificate = (now?.certificate ?? '') === (before?.certificate ?? '');
  if (sameCertificate && sameJson(now?.conditions ?? [], before?.conditions ?? [])) return undefined;
  return spec?.signerName ?? '';
}

function attestedSigner({ operation, collection, draft, old }: AdmissionRequest): string | undefined {
  if (operation === 'DELETE' || collection !== 'clustertrustbundles.certificates.k8s.io') return undefined;
  const signer = (draft as ClusterTrustBundle | undefined)?.spec?.signerName;
  if (!signer || (draft !== undefined && old !== undefined && changesOwnersAlone(draft, old))) return undefined;
  return signer;
}

/** What the garbage collector does to an object is no statement about its content. */
function changesOwnersAlone(draft: ObjectDraft, old: object): boolean {
  return sameJson(withoutOwners(draft), withoutOwners(old as ObjectDraft));
}

function withoutOwners({ metadata, ...content }: ObjectDraft): object {
  const { ownerReferences: _owners, finalizers: _finalizers, managedFields: _fields, ...rest } = metadata ?? {};
  return { ...content, metadata: rest };
}

async function mayActFor(authorizer: Authorizer, user: UserInfo, verb: Verb, signer: string): Promise<boolean> {
  if ((await authorizer.decide(attributes(user, verb, signer))).allowed) return true;
  const [domain = ''] = signer.split('/');
  return (await authorizer.decide(attributes(user, verb, `${domain}/*`))).allowed;
}

const attributes = (user: UserInfo, verb: Verb, name: string): AuthorizationAttributes => ({
  user,
  verb,
  group: 'certificates.k8s.io',
  version: '*',
  resource: 'signers',
  subresource: '',
  namespace: '',
  name,
  path: '',
});
