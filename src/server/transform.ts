/**
 * Objects as clients ask to see them instead: `Table` (what `kubectl get` prints) and `PartialObjectMetadata` (what
 * controllers that read only metadata watch). Pure; which columns a kind has is `src/api/table`'s.
 */
import type { KubeObject } from '../api/object.ts';
import type { ResourceInfo } from '../api/resources.ts';
import type { ListMeta } from '../api/schema/types/meta-v1.ts';
import { badRequest, StatusError } from '../api/status-error.ts';
import { type PrintOptions, partialObject, printTable } from '../api/table/print-table.ts';
import type { ListResult } from '../registry/request.ts';
import type { Negotiated } from './negotiation.ts';

export type TableRequest = Omit<PrintOptions, 'metadata' | 'metaVersion'>;

export interface TransformRequest extends Negotiated {
  readonly table: TableRequest;
}

const includes: readonly string[] = ['Metadata', 'Object', 'None'] satisfies PrintOptions['includeObject'][];

/** The query says what rows carry: for those who ask for a table. @throws StatusError BadRequest */
export function tableRequest(query: URLSearchParams, subresource: string, nowMs: number): TableRequest {
  const includeObject = (query.get('includeObject') || 'Metadata') as NonNullable<TableRequest['includeObject']>;
  return { includeObject, now: nowMs, ...(subresource !== '' && { subresource }) };
}

/** To be asked before a watch begins, where later is too late. @throws StatusError BadRequest */
export function checkTransform({ as, table: { includeObject = 'Metadata' } }: TransformRequest): void {
  if (as !== 'Table' || includes.includes(includeObject)) return;
  const why = `includeObject: Invalid value: ${JSON.stringify(includeObject)}: must be 'Metadata', 'Object', 'None', or empty`;
  throw badRequest(`Unable to convert to Table as requested: ${why}`);
}

/** @throws StatusError BadRequest, NotAcceptable */
export function transformObject(info: ResourceInfo, object: KubeObject, request: TransformRequest): object {
  // A Status tells what happened; it is no object of the resource.
  if (request.as === undefined || object.kind === 'Status') return object;
  if (request.as === 'Table') return tableOf(info, [object], versionOf(object), request);
  if (request.as === 'PartialObjectMetadata') return partialObject(object, request.metaVersion);
  throw notAcceptable(
    `you requested PartialObjectMetadataList, but the requested object is not a list (${goName(info)})`,
  );
}

/** @throws StatusError BadRequest, NotAcceptable */
export function transformList(info: ResourceInfo, result: ListResult, request: TransformRequest): object {
  if (request.as === 'Table') return tableOf(info, result.objects, listMetadata(result), request);
  if (request.as === 'PartialObjectMetadata') {
    throw notAcceptable(
      `you requested PartialObjectMetadata, but the requested object is a list (${goName(info)}List)`,
    );
  }
  return {
    kind: 'PartialObjectMetadataList',
    apiVersion: `meta.k8s.io/${request.metaVersion}`,
    metadata: listMetadata(result),
    items: result.objects.map((object) => partialObject(object, request.metaVersion)),
  };
}

/** `*core.Pod`: the type that holds the object upstream, which names it so in errors. */
function goName({ group, kind }: ResourceInfo): string {
  return `*${group === '' ? 'core' : group.split('.', 1)[0]}.${kind}`;
}

function notAcceptable(message: string): StatusError {
  return new StatusError(406, 'NotAcceptable', message);
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
  request: TransformRequest,
): object {
  checkTransform(request);
  const { table, metaVersion } = request;
  const customColumns = info.definition?.columns;
  return printTable(info, objects, { ...table, ...(customColumns && { customColumns }), metadata, metaVersion });
}
