/** What else a node writes: the status of claims, its lease, its CSINode, its resource slices, requests for its certificates. */
import { parseCertificateRequest } from '../../../api/certificates/certificate-request.ts';
import { goQuote } from '../../../api/field-error.ts';
import type { KubeObject } from '../../../api/object.ts';
import type { CertificateSigningRequest } from '../../../api/schema/types/certificates-v1.ts';
import type { PersistentVolumeClaim } from '../../../api/schema/types/core-v1.ts';
import type { ResourceSlice } from '../../../api/schema/types/resource-v1.ts';
import { type NodeWrite, nameOf, refusal } from './refusal.ts';
import { differing, sameContent } from './same-content.ts';

/** Of a claim's status a node says how large its volume became. @throws StatusError Forbidden */
export function checkClaimWrite({ node, request }: NodeWrite): void {
  const { target, operation, draft, old } = request;
  if (target.subresource !== 'status') throw refusal(request, 'may only update PVC status');
  if (operation !== 'UPDATE') throw refusal(request, `unexpected operation ${goQuote(operation)}`);
  const [before, after] = [steadyPart(old as PersistentVolumeClaim), steadyPart(draft as PersistentVolumeClaim)];
  if (sameContent(before, after)) return;
  const what = 'is not allowed to update fields other than status.quantity and status.conditions';
  throw refusal(request, `node ${goQuote(node)} ${what}: ${differing(before, after).join(', ')}`);
}

/** What changes with every write, and is nobody's. */
const versionFields: readonly string[] = ['resourceVersion', 'managedFields'];
const sizeFields: readonly string[] = ['capacity', 'conditions', 'allocatedResources', 'allocatedResourceStatuses'];

/** All that a node may not change, part by part. */
function steadyPart({ metadata, spec, status }: PersistentVolumeClaim): Readonly<Record<string, unknown>> {
  const { labels = {}, annotations = {} } = metadata ?? {};
  const steady = { ...metadata, labels: sorted(labels), annotations: sorted(annotations) };
  return { ...partsOf('metadata', steady, versionFields), spec, ...partsOf('status', status ?? {}, sizeFields) };
}

/** As a list: a key without a value is a key. */
function sorted(labels: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(labels).sort(([left], [right]) => (left < right ? -1 : 1));
}

function partsOf(prefix: string, fields: object, without: readonly string[]): Record<string, unknown> {
  const kept = Object.entries(fields).filter(([name]) => !without.includes(name));
  return Object.fromEntries(kept.map(([name, value]) => [`${prefix}.${name}`, value]));
}

const leaseNamespace = 'kube-node-lease';

/** @throws StatusError Forbidden */
export function checkLeaseWrite({ node, request }: NodeWrite): void {
  if (request.target.namespace !== leaseNamespace) {
    throw refusal(request, `can only access leases in the ${goQuote(leaseNamespace)} system namespace`);
  }
  if (nameOf(request) === node) return;
  throw refusal(request, 'can only access node lease with the same name as the requesting node');
}

/** @throws StatusError Forbidden */
export function checkCsiNodeWrite({ node, request }: NodeWrite): void {
  if (nameOf(request) === node) return;
  throw refusal(request, 'can only access CSINode with the same name as the requesting node');
}

/** Changes are the authorizer's to judge: it knows whose slice it is. @throws StatusError Forbidden */
export function checkResourceSliceWrite({ node, request }: NodeWrite): void {
  const { operation, draft, old } = request;
  if (operation === 'UPDATE') return;
  const slice: (KubeObject & Partial<ResourceSlice>) | undefined = operation === 'CREATE' ? draft : old;
  if (slice?.spec?.nodeName === node) return;
  const verb = operation === 'CREATE' ? 'create' : 'delete';
  throw refusal(request, `can only ${verb} ResourceSlice with the same NodeName as the requesting node`);
}

const nodeSigners: readonly string[] = ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet'];

/** Whatever else must hold of such a request, its signer sees to. @throws StatusError Forbidden */
export function checkCertificateRequest({ node, request }: NodeWrite): void {
  const { spec } = (request.draft ?? {}) as Partial<CertificateSigningRequest>;
  if (request.operation !== 'CREATE' || !nodeSigners.includes(spec?.signerName ?? '')) return;
  if (commonNameOf(request, spec?.request) === `system:node:${node}`) return;
  throw refusal(request, `can only create a node CSR with CN=system:node:${node}`);
}

function commonNameOf(request: NodeWrite['request'], base64: string | undefined): string {
  try {
    return parseCertificateRequest(Buffer.from(base64 ?? '', 'base64')).commonName;
  } catch (error) {
    throw refusal(request, `unable to parse csr: ${error instanceof Error ? error.message : String(error)}`);
  }
}
