/**
 * Asks the cluster for a node's client certificate, and waits until somebody has approved and signed it: a new key, a
 * CertificateSigningRequest, and a look at it now and then. The key never leaves this machine.
 *
 * naru's agent only dials out and serves nothing (ARCHITECTURE.md, D7): it needs no serving certificate, and asks for none.
 */
import { kubeletClientSigner } from '../../api/certificates/signing.ts';
import type {
  CertificateSigningRequest,
  CertificateSigningRequestSpec,
} from '../../api/schema/types/certificates-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { certificateSigningRequests } from '../../client/resources.ts';
import { delayAfter } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';

/** PEM texts. */
export interface ClientIdentity {
  readonly certificate: string;
  readonly key: string;
}

export interface IdentityRequest {
  readonly client: Client;
  readonly node: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** As upstream's: then another request is made, since this one may have been removed. */
const waitMsMax = 15 * 60 * 1000;
const look = { baseMs: 250, maxMs: 10_000 } as const;

/** @throws Error where it is denied, fails, or nobody decides in time; what `signal` aborted with */
export async function requestIdentity({ client, node, clock, signal }: IdentityRequest): Promise<ClientIdentity> {
  const { makeCertificateRequest } = await import('../../api/certificates/make-request.ts');
  const { request, key } = await makeCertificateRequest({
    commonName: `system:node:${node}`,
    organizations: ['system:nodes'],
  });
  const spec: CertificateSigningRequestSpec = {
    request: Buffer.from(request).toString('base64'),
    signerName: kubeletClientSigner,
    usages: ['digital signature', 'client auth'],
  };
  const made = await client.create(certificateSigningRequests, { metadata: { generateName: 'node-csr-' }, spec });
  const name = made.metadata?.name ?? '';
  const deadlineMs = clock.monotonic() + waitMsMax;
  for (let looks = 0; clock.monotonic() < deadlineMs; looks++) {
    const certificate = certificateOf(await find(client, name), name);
    if (certificate !== undefined) return { certificate, key };
    await clock.sleep(delayAfter(looks, look.baseMs, look.maxMs), signal);
  }
  throw new Error(`nobody has approved and signed the certificate request ${name} within 15 minutes`);
}

/** Undefined while the server does not answer. */
async function find(client: Client, name: string): Promise<CertificateSigningRequest | undefined> {
  try {
    return await client.get(certificateSigningRequests, { namespace: '', name });
  } catch (error) {
    if (hasReason(error, 'ServiceUnavailable') || hasReason(error, 'Timeout')) return undefined;
    throw error;
  }
}

function certificateOf(request: CertificateSigningRequest | undefined, name: string): string | undefined {
  const { conditions = [], certificate } = request?.status ?? {};
  const bad = conditions.find(({ type }) => type === 'Denied' || type === 'Failed');
  if (bad !== undefined) {
    const why = [bad.reason, bad.message].filter(Boolean).join(': ');
    const what = bad.type === 'Denied' ? 'was denied' : 'failed';
    throw new Error(`the certificate request ${name} ${what}${why === '' ? '' : `: ${why}`}`);
  }
  return certificate ? Buffer.from(certificate, 'base64').toString() : undefined;
}
