/**
 * Pods, written by a node: it creates only mirrors of pods that it runs of its own accord, which refer to nothing in the API; it ends and
 * evicts its own, and says how its own are.
 */
import { goQuote } from '../../../api/field-error.ts';
import { apiReference } from '../../../api/object-references.ts';
import type { Node, Pod } from '../../../api/schema/types/core-v1.ts';
import { notFound } from '../../../api/status-error.ts';
import { sameJson } from '../../draft.ts';
import { mirrorAnnotation } from '../../validation/pod-annotations.ts';
import { type NodeWrite, nameOf, refusal } from './refusal.ts';
import { sameContent } from './same-content.ts';

/** @throws StatusError Forbidden, NotFound */
export function checkPodWrite(write: NodeWrite): void {
  const { subresource } = write.request.target;
  if (subresource === '') checkPod(write);
  else if (subresource === 'status') checkStatus(write);
  else if (subresource === 'eviction') checkEviction(write);
  else {
    const why = `unexpected pod subresource ${goQuote(subresource)}, only 'status' and 'eviction' are allowed`;
    throw refusal(write.request, why);
  }
}

function checkPod(write: NodeWrite): void {
  const { node, request } = write;
  const { operation } = request;
  if (operation === 'CREATE') return checkMirror(write, request.draft as Pod);
  if (operation === 'UPDATE') {
    const why = `unexpected operation "UPDATE", node ${goQuote(node)} can only create and delete mirror pods`;
    throw refusal(request, why);
  }
  if ((request.old as Pod).spec?.nodeName === node) return;
  throw refusal(request, `node ${goQuote(node)} can only delete pods with spec.nodeName set to itself`);
}

function checkMirror(write: NodeWrite, pod: Pod): void {
  const { node, request } = write;
  const who = `node ${goQuote(node)}`;
  if (pod.metadata?.annotations?.[mirrorAnnotation] === undefined) {
    const lacks = `pod does not have ${goQuote(mirrorAnnotation)} annotation`;
    throw refusal(request, `${lacks}, ${who} can only create mirror pods`);
  }
  if (pod.spec?.nodeName !== node) {
    throw refusal(request, `${who} can only create pods with spec.nodeName set to itself`);
  }
  checkOwner(write, pod);
  const referred = apiReference(pod);
  if (referred !== undefined) throw refusal(request, `${who} can not create pods that reference ${referred}`);
}

/** One owner: the node itself, as it is now. */
function checkOwner({ node, request }: NodeWrite, { metadata }: Pod): void {
  const can = `node ${goQuote(node)} can only create pods with`;
  const owners = metadata?.ownerReferences ?? [];
  const [owner] = owners;
  if (owners.length > 1) throw refusal(request, `${can} a single owner reference set to itself`);
  if (owner?.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
    throw refusal(request, `${can} an owner reference set to itself`);
  }
  if (owner.controller !== true) throw refusal(request, `${can} a controller owner reference set to itself`);
  if (owner.blockOwnerDeletion === true) {
    throw refusal(request, `node ${goQuote(node)} must not set blockOwnerDeletion on an owner reference`);
  }
  const self: Node | undefined = request.store.get({ collection: 'nodes', namespace: '', name: node })?.object;
  if (self === undefined) throw notFound({ group: '', kind: 'nodes', name: node });
  const uid = self.metadata?.uid ?? '';
  if (owner.uid !== uid) throw refusal(request, `node ${node} UID mismatch: expected ${owner.uid} got ${uid}`);
}

function checkStatus({ node, request }: NodeWrite): void {
  const who = `node ${goQuote(node)}`;
  const [old, pod] = [request.old as Pod, request.draft as Pod];
  if (old.spec?.nodeName !== node) {
    throw refusal(request, `${who} can only update pod status for pods with spec.nodeName set to itself`);
  }
  if (!sameJson(old.metadata?.labels ?? {}, pod.metadata?.labels ?? {})) {
    throw refusal(request, `${who} cannot update labels through pod status`);
  }
  // Upstream writes it so.
  if (!sameContent(old.status?.resourceClaimStatuses, pod.status?.resourceClaimStatuses)) {
    throw refusal(request, `${who} cannot update resource claim statues`);
  }
  if (!sameContent(old.status?.extendedResourceClaimStatus, pod.status?.extendedResourceClaimStatus)) {
    throw refusal(request, `${who} cannot update extended resource claim status`);
  }
}

function checkEviction({ node, request }: NodeWrite): void {
  const name = nameOf(request);
  const { namespace } = request.target;
  const pod: Pod | undefined = request.store.get({ collection: 'pods', namespace, name })?.object;
  if (pod === undefined) throw notFound({ group: '', kind: 'pods', name });
  if (pod.spec?.nodeName === node) return;
  throw refusal(request, `node ${node} can only evict pods with spec.nodeName set to itself`);
}
