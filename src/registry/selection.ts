/**
 * Which objects a list or watch is about: namespace, name, labels and fields, as one test. A field selector names only fields
 * that the kind's strategy lists, beside `metadata.name` and `metadata.namespace`.
 */
import type { KubeObject } from '../api/object.ts';
import { type FieldRequirement, type LabelMatcher, parseFieldSelector, parseLabelSelector } from '../api/selector.ts';
import { badRequest } from '../api/status-error.ts';
import type { ListOptions, RequestTarget } from './request.ts';
import type { ServedResource } from './served-resource.ts';
import type { FieldReader } from './strategy.ts';

export interface Selection {
  /** Empty for all. */
  readonly namespace: string;
  /** Where just one name can match. */
  readonly name: string | undefined;
  /** An equality that the store can tell without looking at each object's whole. */
  readonly field: { readonly path: readonly string[]; readonly value: string } | undefined;
  /** Takes everything in its namespace. */
  readonly everything: boolean;
  /** Objects in their stored version. */
  matches(object: KubeObject): boolean;
}

/** @throws StatusError BadRequest */
export function selectionOf(served: ServedResource, target: RequestTarget, options: ListOptions): Selection {
  const labels = options.labelSelector ? parseLabelSelector(options.labelSelector) : undefined;
  const requirements = options.fieldSelector ? parseFieldSelector(options.fieldSelector) : [];
  const checks = requirements.map((requirement) => checkOf(served, requirement));
  const name =
    target.name || requirements.find(({ field, operator }) => field === 'metadata.name' && operator === '=')?.value;
  return {
    namespace: served.info.namespaced ? target.namespace : '',
    name: name || undefined,
    field: indexedField(served, requirements),
    everything: labels === undefined && checks.length === 0 && !name,
    matches: (object) => matchesAll(object, name, labels, checks),
  };
}

type Check = (object: KubeObject) => boolean;

function matchesAll(
  object: KubeObject,
  name: string | undefined,
  labels: LabelMatcher | undefined,
  checks: readonly Check[],
): boolean {
  if (name && object.metadata?.name !== name) return false;
  if (labels && !labels.matches(object.metadata?.labels)) return false;
  return checks.every((check) => check(object));
}

const metadataFields: Readonly<Record<string, FieldReader>> = {
  'metadata.name': ({ metadata }) => metadata?.name ?? '',
  'metadata.namespace': ({ metadata }) => metadata?.namespace ?? '',
};

function checkOf({ strategy }: ServedResource, { field, operator, value }: FieldRequirement): Check {
  const read = metadataFields[field] ?? strategy.fields?.[field];
  if (read === undefined) throw badRequest(unknownField(strategy.fields, field));
  return operator === '=' ? (object) => read(object) === value : (object) => read(object) !== value;
}

function unknownField(fields: object | undefined, field: string): string {
  if (fields) return `field label not supported: ${field}`;
  return `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
}

/** Each node watches its own pods: the one selector that the store indexes. An unset name is no value there. */
function indexedField(served: ServedResource, requirements: readonly FieldRequirement[]): Selection['field'] {
  if (served.collection !== 'pods') return undefined;
  const found = requirements.find(({ field, operator }) => field === 'spec.nodeName' && operator === '=');
  return found?.value ? { path: ['spec', 'nodeName'], value: found.value } : undefined;
}
