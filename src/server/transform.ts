/**
 * Objects as clients ask to see them instead: `Table` (what `kubectl get` prints) and `PartialObjectMetadata` (what
 * controllers that read only metadata watch). Pure; which columns a kind has is `src/api/table`'s.
 */
import type { KubeObject } from '../api/object.ts';
import type { ResourceInfo } from '../api/resources.ts';
import type { ListMeta } from '../api/schema/types/meta-v1.ts';
import { badRequest } from '../api/status-error.ts';
import { type PrintOptions, partialObject, printTable } from '../api/table/print-table.ts';
import type { ListResult } from '../registry/request.ts';
import type { Negotiated } from './negotiation.ts';

export type TableRequest = Omit<PrintOptions, 'metadata'>;

export interface TransformRequest extends Negotiated {
  readonly table: TableRequest;
}

/** @throws StatusError BadRequest */
export function tableRequest(query: URLSearchParams, subresource: string, nowMs: number): TableRequest {
  const includeObject = query.get('includeObject') || 'Metadata';
  if (includeObject !== 'None' && includeObject !== 'Metadata' && includeObject !== 'Object') {
    throw badRequest(`unrecognized includeObject value: ${JSON.stringify(includeObject)}`);
  }
  return { includeObject, now: nowMs, ...(subresource !== '' && { subresource }) };
}

export function transformObject(info: ResourceInfo, object: KubeObject, request: TransformRequest): object {
  if (request.as === 'Table') return tableOf(info, [object], versionOf(object), request);
  if (request.as === undefined) return object;
  if (request.as === 'PartialObjectMetadata') return partial(object, request.metaVersion);
  throw badRequest('you must request PartialObjectMetadata, not PartialObjectMetadataList, for a single object');
}

export function transformList(info: ResourceInfo, result: ListResult, request: TransformRequest): object {
  if (request.as === 'Table') return tableOf(info, result.objects, listMetadata(result), request);
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${request.metaVersion}`,
    metadata: listMetadata(result),
    items: result.objects.map((object) => partial(object, request.metaVersion)),
  };
}

/** `metadata` of a list, as `metav1.ListMeta` leaves out what is empty. */
export function listMetadata(result: ListResult): ListMeta {
  return {
    resourceVersion: result.resourceVersion,
    ...(result.continue !== '' && { continue: result.continue }),
    ...(result.remainingItemCount !== undefined && { remainingItemCount: result.remainingItemCount }),
  };
}

function versionOf(object: KubeObject): ListMeta {
  return { resourceVersion: object.metadata?.resourceVersion ?? '' };
}

function tableOf(
  info: ResourceInfo,
  objects: readonly KubeObject[],
  metadata: ListMeta,
  { table, metaVersion }: TransformRequest,
): object {
  const printed = printTable(info, objects, { ...table, metadata });
  return metaVersion === 'v1' ? printed : { ...printed, apiVersion: `meta.k8s.io/${metaVersion}` };
}

function partial(object: KubeObject, metaVersion: string): object {
  return { ...partialObject(object), apiVersion: `meta.k8s.io/${metaVersion}` };
}
