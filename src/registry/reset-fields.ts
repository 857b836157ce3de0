/**
 * What a request cannot change, so that nobody comes to own it by sending it: the status on the main resource, the spec on
 * `/status`, and the exceptions that upstream's kinds make. The prepare steps in `parts.ts` and the strategies bring these
 * fields back from the stored object; these tables say which they are.
 */
import { FieldPattern } from '../api/apply/field-pattern.ts';
import { FieldSet } from '../api/apply/field-set.ts';
import type { ServedResource } from './served-resource.ts';

type Path = readonly string[];

const spec: Path = ['spec'];
const status: Path = ['status'];
const metadata: Path = ['metadata'];
/** By `COLLECTION/SUBRESOURCE`, in place of the general rule. */
const exceptions: Readonly<Record<string, readonly Path[]>> = {
  'pods/status': [spec, ['metadata', 'deletionTimestamp'], ['metadata', 'ownerReferences']],
  // Said below.
  'pods/resize': [],
  'pods/ephemeralcontainers': [],
  'deployments.apps/status': [spec, ['metadata', 'labels']],
  'namespaces/finalize': [status],
  'certificatesigningrequests.certificates.k8s.io/': [spec, status],
  'certificatesigningrequests.certificates.k8s.io/status': [spec, ['status', 'conditions']],
  'certificatesigningrequests.certificates.k8s.io/approval': [spec, ['status', 'certificate']],
};

/** The parts that are small: all that a request to them can change. */
const small: Readonly<Record<string, FieldPattern | undefined>> = {
  'pods/resize': new FieldPattern(
    ['containers', 'initContainers'].flatMap((list) =>
      ['resources', 'resizePolicy'].map((field) => ['spec', list, '*', field]),
    ),
  ),
  'pods/ephemeralcontainers': new FieldPattern([['spec', 'ephemeralContainers']]),
};

/** Undefined: the request may change everything but what `resetFieldsOf` says. */
export function onlyFieldsOf({ collection }: ServedResource, subresource: string): FieldPattern | undefined {
  return subresource === '' ? undefined : small[`${collection}/${subresource}`];
}

const known = new WeakMap<ServedResource, Map<string, FieldSet | undefined>>();

/** Undefined: the request may change everything. */
export function resetFieldsOf(served: ServedResource, subresource: string): FieldSet | undefined {
  let sets = known.get(served);
  if (sets === undefined) known.set(served, (sets = new Map()));
  if (!sets.has(subresource)) sets.set(subresource, makeSet(resetPaths(served, subresource)));
  return sets.get(subresource);
}

function makeSet(paths: readonly Path[]): FieldSet | undefined {
  return paths.length === 0 ? undefined : FieldSet.of(paths);
}

/** Pure. */
export function resetPaths(served: ServedResource, subresource: string): readonly Path[] {
  const exception = exceptions[`${served.collection}/${subresource}`];
  if (exception !== undefined) return exception;
  if (subresource === '') return served.hasStatus ? [status] : [];
  if (subresource !== 'status') return [];
  const keepsMetadata = served.custom || served.strategy.statusKeepsMetadata === true;
  return keepsMetadata ? [spec, metadata] : [spec];
}
