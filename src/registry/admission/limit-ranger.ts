/**
 * Upstream's LimitRanger: what a namespace's LimitRanges say of one pod, container or claim. Containers that say nothing get the defaults,
 * and the pod an annotation that says which; then each bound must hold. Several LimitRanges apply in the order of their names, and the
 * first that is broken refuses.
 *
 * A pod's resources never change but by a resize, so that other updates are not looked at; nor is what is on its way out.
 */
import type { Container, LimitRange, Pod, ResourceRequirements } from '../../api/schema/types/core-v1.ts';
import { forbidden } from '../../api/status-error.ts';
import { setPodDefaults } from '../defaults/pod.ts';
import type { Draft } from '../draft.ts';
import type { AdmissionPlugin, AdmissionRequest } from './admission.ts';
import { brokenBounds } from './limit-ranger-bounds.ts';

export const limitRanger: AdmissionPlugin = { name: 'LimitRanger', mutate: setDefaults, validate: checkBounds };

const annotation = 'kubernetes.io/limit-ranger';

function setDefaults(request: AdmissionRequest): void {
  const { collection, draft } = request;
  if (collection !== 'pods' || draft === undefined) return;
  const ranges = rangesFor(request);
  // Resources bring defaults of their own with them; the API fills them in before admission, and the next update would.
  if (ranges.filter((range) => setContainersDefaults(draft, range)).length > 0) setPodDefaults(draft);
}

function checkBounds(request: AdmissionRequest): void {
  const { collection, draft, target } = request;
  if (draft === undefined) return;
  for (const range of rangesFor(request)) {
    const [first, ...more] = brokenBounds(range, collection, draft);
    if (first === undefined) continue;
    const why = more.length === 0 ? first : `[${[first, ...more].join(', ')}]`;
    const { name = '', generateName = '' } = draft.metadata ?? {};
    throw forbidden({ group: '', kind: collection, name: target.name || name || generateName }, why);
  }
}

/** None where the write is not of interest. */
function rangesFor(request: AdmissionRequest): readonly LimitRange[] {
  if (!isOfInterest(request) || request.old?.metadata?.deletionTimestamp !== undefined) return [];
  return request.store.list('limitranges', request.target.namespace).entries.map(({ object }) => object as LimitRange);
}

function isOfInterest({ collection, operation, target }: AdmissionRequest): boolean {
  if (operation === 'DELETE') return false;
  if (collection === 'persistentvolumeclaims') return target.subresource === '';
  if (collection !== 'pods') return false;
  return operation === 'CREATE' ? target.subresource === '' : target.subresource === 'resize';
}

interface Defaults {
  readonly limits: Readonly<Record<string, string>>;
  readonly requests: Readonly<Record<string, string>>;
}

/** True where something was set. */
function setContainersDefaults(pod: Draft<Pod>, { spec }: LimitRange): boolean {
  const items = (spec?.limits ?? []).filter(({ type }) => type === 'Container');
  const defaults: Defaults = {
    limits: Object.assign({}, ...items.map((item) => item.default)),
    requests: Object.assign({}, ...items.map((item) => item.defaultRequest)),
  };
  const notes = [
    ...(pod.spec?.containers ?? []).flatMap((container) => setContainerDefaults(container, defaults, 'container')),
    ...(pod.spec?.initContainers ?? []).flatMap((each) => setContainerDefaults(each, defaults, 'init container')),
  ];
  if (notes.length === 0) return false;
  pod.metadata ??= {};
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${notes.join('; ')}`,
  };
  return true;
}

/** What was set, in the annotation's words. */
function setContainerDefaults(container: Draft<Container>, { limits, requests }: Defaults, kind: string): string[] {
  const resources = { ...container.resources };
  const note = (side: keyof Defaults, defaults: Readonly<Record<string, string>>, word: string): string[] => {
    const set = addMissing(resources, side, defaults);
    return set.length === 0 ? [] : [`${set.join(', ')} ${word} for ${kind} ${container.name}`];
  };
  const notes = [...note('requests', requests, 'request'), ...note('limits', limits, 'limit')];
  if (notes.length > 0) container.resources = resources;
  return notes;
}

/** The names that were missing, in order. */
function addMissing(
  resources: Draft<ResourceRequirements>,
  side: keyof Defaults,
  defaults: Readonly<Record<string, string>>,
): string[] {
  const given = resources[side] ?? {};
  const missing = Object.keys(defaults).filter((name) => !Object.hasOwn(given, name));
  if (missing.length > 0) resources[side] = { ...defaults, ...given };
  return missing.sort();
}
