/**
 * Which fields a field selector may name, for each resource as it is served: upstream's conversions of field labels, as rules and a
 * table of what breaks them. How a field is read from an object is the strategy's (`Strategy.fields`); what stands here is
 * who may name it, by which name, and what is said to a name that is none.
 *
 * - A kind whose strategy lists fields takes those, `metadata.name` and, within namespaces, `metadata.namespace`.
 * - So does every custom resource.
 * - All others take the two of metadata, wherever they live.
 */
import { goQuote } from '../api/field-error.ts';
import { groupResource } from '../api/resources.ts';
import { badRequest } from '../api/status-error.ts';
import type { ServedResource } from './served-resource.ts';
import type { FieldReader } from './strategy.ts';

interface Exception {
  /** Other names for the strategy's fields. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Fields of the strategy that this version does not name so. */
  readonly hidden?: ReadonlySet<string>;
  readonly unsupported?: (label: string) => string;
}

const referenceFields = ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'];

/** By group-resource as asked for, not as stored. */
const exceptions: Readonly<Record<string, Exception>> = {
  // Clients of long ago say so.
  pods: { aliases: { 'spec.host': 'spec.nodeName' } },
  'events.events.k8s.io': {
    aliases: {
      ...Object.fromEntries(referenceFields.map((name) => [`regarding.${name}`, `involvedObject.${name}`])),
      reportingController: 'reportingComponent',
    },
    hidden: new Set([...referenceFields.map((name) => `involvedObject.${name}`), 'reportingComponent', 'source']),
  },
  'jobs.batch': { unsupported: (label) => `field label ${goQuote(label)} not supported for Job` },
  'resourceslices.resource.k8s.io': {
    unsupported: (label) => `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${label}`,
  },
};

const metadataFields: Readonly<Record<string, FieldReader>> = {
  'metadata.name': ({ metadata }) => metadata?.name ?? '',
  'metadata.namespace': ({ metadata }) => metadata?.namespace ?? '',
};

export interface SelectableField {
  /** The strategy's name for it. */
  readonly name: string;
  readonly read: FieldReader;
}

/** @throws StatusError BadRequest where `label` is none */
export function selectableField(served: ServedResource, label: string): SelectableField {
  const { aliases, hidden } = exceptions[groupResource(served.info)] ?? {};
  const name = aliases !== undefined && Object.hasOwn(aliases, label) ? (aliases[label] as string) : label;
  const read = hidden?.has(label) ? undefined : readerOf(served, name);
  if (read === undefined) throw badRequest(unsupported(served, label));
  return { name, read };
}

function readerOf({ info, strategy, custom }: ServedResource, name: string): FieldReader | undefined {
  const { fields } = strategy;
  if (Object.hasOwn(metadataFields, name)) {
    const listed = fields !== undefined || custom;
    return name === 'metadata.namespace' && listed && !info.namespaced ? undefined : metadataFields[name];
  }
  return fields !== undefined && Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function unsupported({ info, strategy, custom }: ServedResource, label: string): string {
  const exception = exceptions[groupResource(info)]?.unsupported;
  if (exception !== undefined) return exception(label);
  if (strategy.fields !== undefined || custom) return `field label not supported: ${label}`;
  return `${goQuote(label)} is not a known field selector: only "metadata.name", "metadata.namespace"`;
}
