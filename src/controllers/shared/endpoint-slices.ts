/**
 * What the two loops that write EndpointSlices share: how slices and endpoints are told apart, and how a plan is carried out.
 */

import { isDns1123Subdomain } from '../../api/names.ts';
import type { ObjectReference } from '../../api/schema/types/core-v1.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { endpointSlices } from '../../client/resources.ts';
import { nameOf, namespaceOf, referenceOf, uidOf } from './context.ts';
import { isNamespaceEnding, messageOf } from './refusals.ts';
import type { SliceTracker } from './slice-tracker.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';

/** As upstream's `--max-endpoints-per-slice`. */
export const endpointsPerSliceMax = 100;

export interface SlicePlan {
  /** Without a name. */
  readonly create: readonly EndpointSlice[];
  /** With the version that they replace. */
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

/** An index of slices by the Service that their label names; slices of nobody stand under none. */
export const sliceServiceIndex = 'service';

export const sliceServiceValues = (slice: EndpointSlice): readonly string[] => {
  const key = serviceKeyOf(slice);
  return key === undefined ? [] : [key];
};

export function serviceKeyOf(slice: EndpointSlice): string | undefined {
  const service = slice.metadata?.labels?.[serviceNameLabel];
  return service ? `${namespaceOf(slice)}/${service}` : undefined;
}

export const isManagedBy = (slice: EndpointSlice, manager: string): boolean =>
  slice.metadata?.labels?.[managedByLabel] === manager;

/** Equal for equal sets of ports, in whatever order. */
export function portsKey(ports: readonly EndpointPort[] = []): string {
  const texts = ports.map(({ name = '', protocol = 'TCP', port = null, appProtocol = null }) =>
    JSON.stringify([name, protocol, port, appProtocol]),
  );
  return texts.toSorted().join(',');
}

/** Who an endpoint is, however it does. No part can hold the space between them. */
export function endpointKey({ addresses, hostname = '', targetRef }: Endpoint): string {
  const list = addresses.length === 1 ? addresses[0] : addresses.toSorted().join();
  return `${list} ${hostname} ${targetRef?.namespace ?? ''} ${targetRef?.name ?? ''}`;
}

/**
 * Of two endpoints with one key: do they also say the same? Hints are others' business. Field by field, since a Service with a thousand pods asks it a
 * thousand times at each of their changes.
 */
export function saysTheSame(a: Endpoint, b: Endpoint): boolean {
  const [left, right] = [a.conditions ?? {}, b.conditions ?? {}];
  return (
    a.nodeName === b.nodeName &&
    a.zone === b.zone &&
    isSameTarget(a.targetRef, b.targetRef) &&
    left.ready === right.ready &&
    left.serving === right.serving &&
    left.terminating === right.terminating
  );
}

/** Name and namespace are in the key already; the version of what it refers to is nobody's concern. */
const isSameTarget = (a: ObjectReference | undefined, b: ObjectReference | undefined): boolean =>
  a === b ||
  (a?.uid === b?.uid && a?.kind === b?.kind && a?.apiVersion === b?.apiVersion && a?.fieldPath === b?.fieldPath);

/** What the names of a Service's slices begin with. */
export function slicePrefix(name: string): string {
  const prefix = `${name}-`;
  // What follows makes a dash at the end whole.
  return isDns1123Subdomain(`${prefix}a`).length === 0 ? prefix : name;
}

/**
 * What is to go is filled with what is to come, where both are of one address type, which never changes: one write instead
 * of two, and proxies see no gap. `mayReuse` keeps out what somebody else is about to delete.
 */
export function recycle(plan: SlicePlan, mayReuse: (slice: EndpointSlice) => boolean = () => true): SlicePlan {
  const create = [...plan.create];
  const update = [...plan.update];
  const remove = plan.remove.filter((old) => {
    const at = create.findLastIndex(({ addressType }) => addressType === old.addressType);
    const fresh = create[at];
    if (fresh === undefined || !mayReuse(old)) return true;
    create.splice(at, 1);
    update.push(inPlaceOf(old, fresh));
    return false;
  });
  return { create, update, remove };
}

/** `fresh` under the name, and from the version, of `old`. */
export function inPlaceOf(old: EndpointSlice, fresh: EndpointSlice): EndpointSlice {
  const { generateName: _, ...metadata } = fresh.metadata ?? {};
  const { name = '', uid = '', resourceVersion = '' } = old.metadata ?? {};
  return { ...fresh, metadata: { ...metadata, name, uid, resourceVersion } };
}

/** For messages: `Service default/web`. */
export interface SliceOwner {
  readonly key: string;
  readonly text: string;
  readonly isEnding: boolean;
}

interface SliceWriter {
  readonly client: Client;
  readonly tracker: SliceTracker;
  readonly metrics: { wrote(operation: 'create' | 'update' | 'delete'): void };
}

/** Creations first: an endpoint that moves is known twice for a moment, and never not at all. @throws Error, with upstream's words */
export async function carryOutSlices(
  { client, tracker, metrics }: SliceWriter,
  owner: SliceOwner,
  plan: SlicePlan,
): Promise<void> {
  const { key, text } = owner;
  // Where the owner goes, the garbage collector takes its slices, and must not find new ones.
  for (const slice of owner.isEnding ? [] : plan.create) {
    try {
      tracker.wrote(key, await client.create(endpointSlices, slice));
      metrics.wrote('create');
    } catch (error) {
      if (isNamespaceEnding(error)) return;
      throw failure(`failed to create EndpointSlice for ${text}`, error);
    }
  }
  for (const slice of plan.update) {
    try {
      tracker.wrote(key, await client.update(endpointSlices, slice));
      metrics.wrote('update');
    } catch (error) {
      throw failure(`failed to update ${nameOf(slice)} EndpointSlice for ${text}`, error);
    }
  }
  for (const slice of plan.remove) {
    try {
      await client.delete(endpointSlices, referenceOf(slice), { uid: uidOf(slice) });
      tracker.asksDeletion(key, slice);
      metrics.wrote('delete');
    } catch (error) {
      if (!hasReason(error, 'NotFound', 'Conflict')) {
        throw failure(`failed to delete ${nameOf(slice)} EndpointSlice for ${text}`, error);
      }
    }
  }
}

const failure = (what: string, error: unknown): Error => new Error(`${what}: ${messageOf(error)}`, { cause: error });
