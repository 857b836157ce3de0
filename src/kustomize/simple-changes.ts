/** Labels, annotations, images and replica counts. */
import type { JsonValue } from '../api/object.ts';
import { setKey } from '../api/patch/json-tree.ts';
import { compile } from '../lib/re2/program.ts';
import { Tester } from '../lib/re2/tester.ts';
import { isRecord } from '../manifests/parse.ts';
import { ManifestError } from '../manifests/source-object.ts';
import { changeAt, type FieldSpec, isMeantFor } from './field-path.ts';
import {
  annotationFields,
  claimLabels,
  imageVolumeFields,
  ownLabels,
  replicaFields,
  selectorLabels,
  templateLabels,
} from './field-specs.ts';
import type { Image, Kustomization, LabelSet } from './kustomization.ts';
import type { Resource } from './resource.ts';

type Texts = Readonly<Record<string, string>>;

export function addLabels(resources: readonly Resource[], { labels, commonLabels }: Kustomization): void {
  for (const set of labels) mergeTexts(resources, set.pairs, [...(set.fields ?? []), ...labelFields(set)]);
  if (commonLabels !== undefined) mergeTexts(resources, commonLabels, labelFields({ includeSelectors: true }));
}

function labelFields(set: Omit<LabelSet, 'pairs'>): readonly FieldSpec[] {
  if (set.includeSelectors === true) return [...selectorLabels, ...ownLabels, ...templateLabels, ...claimLabels];
  return [
    ...ownLabels,
    ...(set.includeTemplates === true ? templateLabels : []),
    ...(set.includeVolumeClaimTemplates === true ? claimLabels : []),
  ];
}

export function addAnnotations(resources: readonly Resource[], annotations: Texts | undefined): void {
  if (annotations !== undefined) mergeTexts(resources, annotations, annotationFields);
}

function mergeTexts(resources: readonly Resource[], texts: Texts | undefined, fields: readonly FieldSpec[]): void {
  for (const { object, id } of resources) {
    for (const spec of fields.filter((field) => isMeantFor(field, id))) {
      changeAt(object, spec.path, (current) => ({ ...(isRecord(current) ? current : {}), ...texts }), spec.create);
    }
  }
}

export function setReplicas(resources: readonly Resource[], { replicas }: Kustomization, file: string): void {
  for (const { name, count } of replicas) {
    const found = resources.filter(
      (resource) =>
        resource.ids.some((id) => id.name === name) && replicaFields.some((field) => isMeantFor(field, resource.id)),
    );
    if (found.length === 0) {
      throw new ManifestError(
        `${file}: replicas names ${name}, but there is no Deployment, ReplicaSet, StatefulSet or ReplicationController of that name`,
      );
    }
    for (const { object } of found) changeAt(object, 'spec/replicas', () => count, true);
  }
}

export function setImages(resources: readonly Resource[], { images }: Kustomization, file: string): void {
  for (const image of images) {
    const change = imageChange(image, file);
    for (const { object, id } of resources) {
      if (id.kind === 'CustomResourceDefinition') continue;
      for (const { path } of imageVolumeFields) changeAt(object, path, change);
      inContainers(object, change);
    }
  }
}

/** Lists called `containers` or `initContainers`, wherever they stand: custom kinds have them, too. */
function inContainers(value: JsonValue, change: (current: JsonValue | undefined) => JsonValue | undefined): void {
  if (Array.isArray(value)) {
    for (const item of value) inContainers(item, change);
    return;
  }
  if (!isRecord(value)) return;
  for (const [key, child] of Object.entries(value)) {
    const holdsContainers = (key === 'containers' || key === 'initContainers') && Array.isArray(child);
    if (holdsContainers) for (const container of child) changeImage(container, change);
    inContainers(child, change);
  }
}

function changeImage(container: JsonValue, change: (current: JsonValue) => JsonValue | undefined): void {
  if (!isRecord(container) || typeof container['image'] !== 'string') return;
  const changed = change(container['image']);
  if (changed !== undefined) setKey(container, 'image', changed);
}

/** The name may be a pattern, as upstream takes it. */
function imageChange(image: Image, file: string): (current: JsonValue | undefined) => string | undefined {
  if (image.name === undefined) throw new ManifestError(`${file}: an entry of images has no name`);
  const tail = '(:[a-zA-Z0-9_.{}-]*)?(@sha256:[a-zA-Z0-9_.{}-]*)?';
  const tester = new Tester(compile(`^${image.name}${tail}$`));
  return (current) => {
    if (typeof current !== 'string' || !tester.test(current)) return undefined;
    return changedImage(current, image);
  };
}

/** A new tag or digest takes the place of both old ones. */
function changedImage(current: string, { newName, newTag = '', digest = '', tagSuffix = '' }: Image): string {
  const [beforeDigest = '', oldDigest = ''] = current.split('@');
  const colon = beforeDigest.indexOf(':', beforeDigest.lastIndexOf('/') + 1);
  const name = newName || (colon < 0 ? beforeDigest : beforeDigest.slice(0, colon));
  const oldTag = colon < 0 ? '' : beforeDigest.slice(colon + 1);
  const isNew = newTag !== '' || digest !== '';
  const tag = isNew ? newTag : `${oldTag}${oldTag === '' ? '' : tagSuffix}`;
  const sum = isNew ? digest : oldDigest;
  return `${name}${tag === '' ? '' : `:${tag}`}${sum === '' ? '' : `@${sum}`}`;
}
