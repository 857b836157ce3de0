/**
 * Signs what was approved, one loop for each of the cluster's own signers (upstream's csrsigning-…). What breaks the signer's rules is
 * marked `Failed`, for good. The key is not here: the authority makes the certificates.
 */
import type { CertificateRequest } from '../../api/certificates/certificate-request.ts';
import {
  type CertificateSigner,
  clientSigner,
  kubeletClientSigner,
  kubeletServingSigner,
  legacySigner,
} from '../../api/certificates/signing.ts';
import type { CertificateSigningRequest } from '../../api/schema/types/certificates-v1.ts';
import { ControlLoop, done } from '../../client/controller.ts';
import { certificateSigningRequests } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { type ControllerContext, contextFor, nameOf } from '../shared/context.ts';
import { conditionOf, isIssued, requestedIn, withCondition } from './requests.ts';
import { signingRules } from './rules.ts';

/** Upstream's names of the loops. */
const loops: Readonly<Record<string, string>> = {
  'csrsigning-kubelet-serving': kubeletServingSigner,
  'csrsigning-kubelet-client': kubeletClientSigner,
  'csrsigning-kube-apiserver-client': clientSigner,
  'csrsigning-legacy-unknown': legacySigner,
};

export type SigningPlan =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'sign'; readonly request: CertificateRequest }
  | { readonly kind: 'fail'; readonly message: string };

/** Pure. */
export function decideSigning(request: CertificateSigningRequest, signerName: string): SigningPlan {
  const nothing: SigningPlan = { kind: 'nothing' };
  if (request.spec.signerName !== signerName || isIssued(request)) return nothing;
  if (conditionOf(request, 'Approved') === undefined) return nothing;
  if (conditionOf(request, 'Denied') !== undefined || conditionOf(request, 'Failed') !== undefined) return nothing;
  const requested = requestedIn(request);
  const message = signingRules[signerName]?.(requested, request.spec.usages ?? []);
  return message === undefined ? { kind: 'sign', request: requested } : { kind: 'fail', message };
}

export function certificateSigners(context: ControllerContext, signer: CertificateSigner): Service[] {
  return Object.entries(loops).map(([name, signerName]) => signerLoop(context, signer, name, signerName));
}

function signerLoop(context: ControllerContext, signer: CertificateSigner, name: string, signerName: string): Service {
  const own = contextFor(context, 'certificate-controller');
  const requests = context.informers.informer(certificateSigningRequests);
  const write = (request: CertificateSigningRequest): Promise<CertificateSigningRequest> =>
    own.client.update(certificateSigningRequests, request, { subresource: 'status' });
  const loop = new ControlLoop({
    ...own,
    name,
    informers: [requests],
    reconcile: async (key) => {
      const request = requests.cache.byKey(key);
      if (request === undefined) return done;
      const plan = decideSigning(request, signerName);
      if (plan.kind === 'fail') await write(failed(request, plan.message));
      if (plan.kind === 'sign') await write(await signed(signer, request, plan.request));
      return done;
    },
  });
  const enqueue = (request: CertificateSigningRequest): void => {
    if (request.spec.signerName === signerName) loop.queue.add(nameOf(request));
  };
  requests.addHandler({ added: enqueue, updated: enqueue });
  return loop;
}

async function signed(
  signer: CertificateSigner,
  object: CertificateSigningRequest,
  request: CertificateRequest,
): Promise<CertificateSigningRequest> {
  const { usages = [], expirationSeconds } = object.spec;
  const pem = await signer.sign({ request, usages, ...(expirationSeconds !== undefined && { expirationSeconds }) });
  return { ...object, status: { ...object.status, certificate: Buffer.from(pem).toString('base64') } };
}

function failed(request: CertificateSigningRequest, message: string): CertificateSigningRequest {
  return withCondition(request, { type: 'Failed', status: 'True', reason: 'SignerValidationFailure', message });
}
