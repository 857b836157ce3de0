/**
 * Approves what nodes ask for, where the policy says that they may have it without anybody looking (upstream's csrapproving).
 *
 * ```
 *  who asks           what for                        permission: create certificatesigningrequests/…
 *  the node itself    a new certificate of its own    selfnodeclient
 *  anybody            the certificate of a node       nodeclient
 * ```
 * A request that looks right but may not be approved waits: for a person, or for the policy to change.
 */
import { kubeletClientSigner } from '../../api/certificates/signing.ts';
import type { SubjectAccessReviewSpec } from '../../api/schema/types/authorization-v1.ts';
import type { CertificateSigningRequest } from '../../api/schema/types/certificates-v1.ts';
import { after, ControlLoop, done } from '../../client/controller.ts';
import { certificateSigningRequests, subjectAccessReviews } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { type ControllerContext, contextFor, createdMs, nameOf } from '../shared/context.ts';
import { conditionOf, isIssued, requestedIn, withCondition } from './requests.ts';
import { kubeletClientProblem } from './rules.ts';

/** How long until the policy is asked again about a request that it did not allow: as long as the request has waited, within bounds. */
const askAgainMs = { least: 5_000, most: 1_000_000 } as const;

interface Approval {
  /** What whoever asks must be allowed to create. */
  readonly permission: 'selfnodeclient' | 'nodeclient';
  readonly message: string;
}

const self: Approval = {
  permission: 'selfnodeclient',
  message: 'Auto approving self kubelet client certificate after SubjectAccessReview.',
};
const other: Approval = {
  permission: 'nodeclient',
  message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
};

/** The ways in which a request may be approved by itself, the narrowest first. Pure. */
export function approvalsFor(request: CertificateSigningRequest): readonly Approval[] {
  const { signerName, usages = [], username } = request.spec;
  const isDecided = conditionOf(request, 'Approved') ?? conditionOf(request, 'Denied');
  if (isIssued(request) || isDecided !== undefined || signerName !== kubeletClientSigner) return [];
  const requested = requestedIn(request);
  if (kubeletClientProblem(requested, usages) !== undefined) return [];
  return requested.commonName === username ? [self, other] : [other];
}

export function certificateApprover(context: ControllerContext): Service {
  const own = contextFor(context, 'certificate-controller');
  const requests = context.informers.informer(certificateSigningRequests);
  const isAllowed = async (request: CertificateSigningRequest, { permission }: Approval): Promise<boolean> => {
    const { status } = await own.client.create(subjectAccessReviews, { spec: question(request, permission) });
    return status?.allowed === true;
  };
  const loop = new ControlLoop({
    ...own,
    name: 'csrapproving',
    informers: [requests],
    reconcile: async (key) => {
      const request = requests.cache.byKey(key);
      const approvals = request === undefined ? [] : approvalsFor(request);
      for (const approval of approvals) {
        if (request === undefined || !(await isAllowed(request, approval))) continue;
        await own.client.update(certificateSigningRequests, approved(request, approval), { subresource: 'approval' });
        return done;
      }
      if (request === undefined || approvals.length === 0) return done;
      const waitedMs = own.clock.now() - createdMs(request);
      return after(Math.min(Math.max(waitedMs, askAgainMs.least), askAgainMs.most));
    },
  });
  const enqueue = (request: CertificateSigningRequest): void => loop.queue.add(nameOf(request));
  requests.addHandler({ added: enqueue, updated: enqueue });
  return loop;
}

function approved(request: CertificateSigningRequest, { message }: Approval): CertificateSigningRequest {
  return withCondition(request, { type: 'Approved', status: 'True', reason: 'AutoApproved', message });
}

function question({ spec }: CertificateSigningRequest, subresource: string): SubjectAccessReviewSpec {
  const { username, uid, groups, extra } = spec;
  return {
    ...(username !== undefined && { user: username }),
    ...(uid !== undefined && { uid }),
    ...(groups !== undefined && { groups }),
    ...(extra !== undefined && { extra }),
    resourceAttributes: {
      group: 'certificates.k8s.io',
      resource: 'certificatesigningrequests',
      subresource,
      verb: 'create',
    },
  };
}
