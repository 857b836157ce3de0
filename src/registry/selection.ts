/**
 * Which objects a list or watch is about: namespace, name, labels and fields, as one test. Which fields may be named is in
 * `field-labels.ts`. Names and namespaces are read from keys, so that objects are looked at only where they must be.
 */
import type { KubeObject } from '../api/object.ts';
import { type FieldRequirement, parseFieldSelector, parseLabelSelector } from '../api/selector.ts';
import { badRequest } from '../api/status-error.ts';
import type { Entry } from '../store/store.ts';
import { selectableField } from './field-labels.ts';
import type { ListOptions, RequestTarget } from './request.ts';
import { type ServedResource, workedOn } from './served-resource.ts';

export interface Selection {
  /** Empty for all. */
  readonly namespace: string;
  /** Where just one name can match. */
  readonly name: string | undefined;
  /** Just one key can match: name and, where there are namespaces, namespace. */
  readonly single: boolean;
  /** An equality that the store can tell without looking at each object's whole. */
  readonly field: { readonly path: readonly string[]; readonly value: string } | undefined;
  /** Takes everything in its namespace. */
  readonly everything: boolean;
  /** `takes` looks at objects of a custom kind in the version asked for: `prepareEntries` comes before. */
  readonly looksAtForms: boolean;
  takes(entry: Entry): boolean;
}

/** @throws StatusError BadRequest */
export function selectionOf(served: ServedResource, target: RequestTarget, options: ListOptions): Selection {
  const labels = options.labelSelector ? parseLabelSelector(options.labelSelector) : undefined;
  const terms = (options.fieldSelector ? parseFieldSelector(options.fieldSelector) : []).map((term) =>
    termOf(served, term),
  );
  const { namespaced } = served.info;
  const name = nameOf(target, terms);
  const namespace = namespaced ? target.namespace || (exactValue(terms, 'metadata.namespace') ?? '') : '';
  const checks = terms.map((term) => checkOf(served, term));
  if (labels?.kind === 'requirements') checks.push(({ object }) => labels.matches(object.metadata?.labels));
  return {
    namespace,
    name,
    single: name !== undefined && (!namespaced || namespace !== ''),
    field: indexedField(served, terms),
    looksAtForms: served.forms !== undefined && terms.some(({ field }) => !field.startsWith('metadata.')),
    everything: checks.length === 0 && name === undefined,
    takes: (entry) => (name === undefined || entry.key.name === name) && checks.every((check) => check(entry)),
  };
}

interface Term extends FieldRequirement {
  readonly read: (object: KubeObject) => string;
}

type Check = (entry: Entry) => boolean;

function termOf(served: ServedResource, { field: label, operator, value }: FieldRequirement): Term {
  const { name, read } = selectableField(served, label);
  return { field: name, operator, value, read };
}

function exactValue(terms: readonly Term[], field: string): string | undefined {
  return terms.find((term) => term.field === field && term.operator === '=')?.value || undefined;
}

/** A watch may name its object in the URL; a selector beside that must say the same. */
function nameOf({ name }: RequestTarget, terms: readonly Term[]): string | undefined {
  const selected = exactValue(terms, 'metadata.name');
  if (name === '') return selected;
  if (terms.length > 0 && selected !== name) {
    throw badRequest("fieldSelector metadata.name doesn't match requested name");
  }
  return name;
}

function checkOf(served: ServedResource, { field, operator, value, read }: Term): Check {
  const wanted = operator === '=';
  if (field === 'metadata.name') return ({ key }) => (key.name === value) === wanted;
  if (field === 'metadata.namespace') return ({ key }) => (key.namespace === value) === wanted;
  return (entry) => (read(workedOn(served, entry)) === value) === wanted;
}

/** Each node watches its own pods: the one selector that the store indexes. An unset name is no value there. */
function indexedField(served: ServedResource, terms: readonly Term[]): Selection['field'] {
  if (served.collection !== 'pods') return undefined;
  const value = exactValue(terms, 'spec.nodeName');
  return value === undefined ? undefined : { path: ['spec', 'nodeName'], value };
}
