/**
 * Which certificates the cluster's own signers make: the rules that Kubernetes documents for each signer, and upstream's words for what
 * breaks one. Pure.
 */
import type { CertificateRequest } from '../../api/certificates/certificate-request.ts';
import {
  clientSigner,
  kubeletClientSigner,
  kubeletServingSigner,
  legacySigner,
} from '../../api/certificates/signing.ts';

/** What is wrong with a request; undefined: nothing. */
export type SigningRule = (request: CertificateRequest, usages: readonly string[]) => string | undefined;

export const signingRules: Readonly<Record<string, SigningRule>> = {
  [clientSigner]: (_request, usages) => clientUsageProblem(usages),
  [kubeletClientSigner]: kubeletClientProblem,
  [kubeletServingSigner]: kubeletServingProblem,
  // Old requests alone: new ones cannot name it.
  [legacySigner]: () => undefined,
};

const optionalClientUsages: readonly string[] = ['digital signature', 'key encipherment'];

function clientUsageProblem(usages: readonly string[]): string | undefined {
  const wrong = usages.find((usage) => usage !== 'client auth' && !optionalClientUsages.includes(usage));
  if (wrong !== undefined) return `invalid usage for client certificate: ${wrong}`;
  return usages.includes('client auth') ? undefined : 'missing required usage for client certificate: client auth';
}

const nodesGroup = 'system:nodes';
const nodePrefix = 'system:node:';

/** Also what the approver knows the requests of nodes by. */
export function kubeletClientProblem(request: CertificateRequest, usages: readonly string[]): string | undefined {
  const { dnsNames, emailAddresses, ipAddresses, uris } = request;
  if (!isOfNodes(request)) return 'subject organization is not system:nodes';
  if (dnsNames.length > 0) return 'DNS subjectAltNames are not allowed';
  if (emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (ipAddresses.length > 0) return 'IP subjectAltNames are not allowed';
  if (uris.length > 0) return 'URI subjectAltNames are not allowed';
  if (!request.commonName.startsWith(nodePrefix)) return 'subject common name does not begin with system:node:';
  return nodeUsageProblem(usages, 'client auth');
}

function kubeletServingProblem(request: CertificateRequest, usages: readonly string[]): string | undefined {
  const { dnsNames, emailAddresses, ipAddresses, uris } = request;
  if (!isOfNodes(request)) return 'subject organization is not system:nodes';
  if (dnsNames.length + ipAddresses.length === 0) return 'DNS or IP subjectAltName is required';
  if (emailAddresses.length > 0) return 'Email subjectAltNames are not allowed';
  if (uris.length > 0) return 'URI subjectAltNames are not allowed';
  const problem = nodeUsageProblem(usages, 'server auth');
  if (problem !== undefined) return problem;
  return request.commonName.startsWith(nodePrefix) ? undefined : 'subject common name does not begin with system:node:';
}

const isOfNodes = ({ organizations }: CertificateRequest): boolean =>
  organizations.length === 1 && organizations[0] === nodesGroup;

/** Only keys of the kind RSA encipher keys: others leave that out. */
function nodeUsageProblem(usages: readonly string[], purpose: string): string | undefined {
  const wanted = [purpose, 'digital signature', 'key encipherment'].sort();
  const given = new Set(usages).add('key encipherment');
  if (given.size === wanted.length && wanted.every((usage) => given.has(usage))) return undefined;
  return `usages did not match [${wanted.join(' ')}]`;
}
