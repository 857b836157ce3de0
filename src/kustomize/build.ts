/**
 * `kustomize build`: a folder with a kustomization.yaml becomes objects. Bases first, then generators, components, and the changes in
 * kustomize's order; hashes and references at the very end, over everything together.
 *
 * ```
 *   resources → generators → components → patches → namespace → names → labels → annotations → JSON patches → replicas → images → replacements
 *   for each folder, from the inside out;                                       then once: hashes → references → order
 * ```
 */
import type { JsonObject, KubeObject } from '../api/object.ts';
import { deepCopy } from '../api/patch/json-tree.ts';
import { documentsOf, isRecord, objectsOf } from '../manifests/parse.ts';
import { ManifestError, type SourceObject } from '../manifests/source-object.ts';
import { findKustomization, type KustomizationFile, openEntry, readInside } from './folder.ts';
import { generate } from './generate.ts';
import { type Kustomization, type Patch, type Replacement, readKustomization } from './kustomization.ts';
import { addAffixes, addHashes, setNamespace } from './names.ts';
import { ordered } from './order.ts';
import { applyPatch } from './patches.ts';
import { followNames } from './references.ts';
import { replace } from './replacements.ts';
import { identityOf, Resource, Resources } from './resource.ts';
import { addAnnotations, addLabels, setImages, setReplicas } from './simple-changes.ts';

export interface Built {
  readonly objects: readonly SourceObject[];
  readonly notes: readonly string[];
}

/** How deep bases may stand on bases. */
const depthMax = 64;
/** How many of them are built, each time that one is named: two that each name two further ones multiply soon. At it: refused. */
const foldersMax = 1000;

/** @param shown the folder as its user named it @throws ManifestError */
export async function buildKustomization(folder: string, shown = folder): Promise<Built> {
  const build = new Build();
  const resources = new Resources();
  const { kustomization, file } = await build.folder(folder, shown, resources, []);
  addHashes(resources.all);
  followNames(resources.all);
  const objects = ordered(resources.all.filter(isMeantForCluster), kustomization.sortOptions, file);
  return {
    objects: objects.map(({ object, from }) => ({ object: object as KubeObject, from })),
    notes: build.notes,
  };
}

const localOnly = 'config.kubernetes.io/local-config';

function isMeantForCluster({ metadata }: Resource): boolean {
  const { annotations } = metadata;
  return !isRecord(annotations) || annotations[localOnly] === undefined || annotations[localOnly] === 'false';
}

interface Loaded {
  readonly kustomization: Kustomization;
  readonly file: string;
}

class Build {
  readonly notes: string[] = [];
  #folders = 0;

  /** @param above folders that led here: one that comes again is a circle */
  async folder(
    folder: string,
    shown: string,
    resources: Resources,
    above: readonly string[],
    isComponent = false,
  ): Promise<Loaded> {
    const found = await findKustomization(folder, shown);
    if (found === undefined) throw new ManifestError(`${shown} has no kustomization.yaml`);
    if (above.includes(found.folder))
      throw new ManifestError(`${found.shown} stands on itself: ${[...above, found.folder].join(' -> ')}`);
    if (above.length >= depthMax) throw new ManifestError(`${found.shown} stands on more than ${depthMax} others`);
    if (++this.#folders > foldersMax) {
      throw new ManifestError(
        `${found.shown}: more than ${foldersMax} folders stand on each other, counted as often as they are named`,
      );
    }
    const { kustomization, notes } = readKustomization(found.bytes, found.shown);
    this.notes.push(...notes);
    if (isComponent !== (kustomization.kind === 'Component')) throw wrongKind(found, isComponent);
    const path = [...above, found.folder];
    for (const name of kustomization.resources) await this.#resource(name, found, resources, path);
    await generate(resources, kustomization, (name) => readInside(found.folder, name, found.shown), found.shown);
    for (const name of kustomization.components) await this.#component(name, found, resources, path);
    await this.#change(kustomization, found, resources);
    return { kustomization, file: found.shown };
  }

  async #resource(
    name: string,
    found: KustomizationFile,
    resources: Resources,
    above: readonly string[],
  ): Promise<void> {
    const entry = await openEntry(found.folder, name, found.shown);
    if (entry.kind === 'file') {
      for (const { object, from } of objectsOf(entry.bytes, entry.shown)) addObject(resources, object, from);
      return;
    }
    const inner = new Resources();
    await this.folder(entry.folder, entry.shown, inner, above);
    for (const resource of inner.all) resources.add(resource);
  }

  async #component(
    name: string,
    found: KustomizationFile,
    resources: Resources,
    above: readonly string[],
  ): Promise<void> {
    const entry = await openEntry(found.folder, name, found.shown);
    if (entry.kind === 'file') throw new ManifestError(`${found.shown}: the component ${name} must be a folder`);
    await this.folder(entry.folder, entry.shown, resources, above, true);
  }

  async #change(kustomization: Kustomization, found: KustomizationFile, resources: Resources): Promise<void> {
    const file = found.shown;
    for (const text of kustomization.patchesStrategicMerge) {
      await this.#patch(
        /\n|:\s/.test(text) ? { patch: text } : { path: text },
        found,
        resources,
        'patchesStrategicMerge',
      );
    }
    for (const patch of kustomization.patches) await this.#patch(patch, found, resources, 'patches');
    setNamespace(resources.all, kustomization.namespace);
    addAffixes(resources.all, kustomization.namePrefix, kustomization.nameSuffix);
    addLabels(resources.all, kustomization);
    addAnnotations(resources.all, kustomization.commonAnnotations);
    for (const patch of kustomization.patchesJson6902) await this.#patch(patch, found, resources, 'patchesJson6902');
    setReplicas(resources.all, kustomization, file);
    setImages(resources.all, kustomization, file);
    for (const each of kustomization.replacements) await this.#replacement(each, found, resources);
  }

  async #patch(patch: Patch, found: KustomizationFile, resources: Resources, field: string): Promise<void> {
    const where = patch.path === undefined ? `${found.shown}, ${field}` : `${found.shown}, ${patch.path}`;
    const inline = patch.patch?.trim() ?? '';
    if ((inline === '') === (patch.path === undefined)) {
      throw new ManifestError(`${where}: a patch has either path (a file) or patch (the text itself)`);
    }
    const source = patch.path === undefined ? inline : await readInside(found.folder, patch.path, found.shown);
    applyPatch(resources, patch, source.toString(), where);
  }

  async #replacement(replacement: Replacement, found: KustomizationFile, resources: Resources): Promise<void> {
    if (replacement.path === undefined) {
      replace(resources.all, replacement, `${found.shown}, replacements`);
      return;
    }
    const where = `${found.shown}, ${replacement.path}`;
    const bytes = await readInside(found.folder, replacement.path, found.shown);
    for (const { value } of documentsOf(bytes, where)) {
      for (const each of Array.isArray(value) ? value : [value]) replace(resources.all, each as Replacement, where);
    }
  }
}

function wrongKind(found: KustomizationFile, isComponent: boolean): ManifestError {
  return new ManifestError(
    isComponent
      ? `${found.shown} is no component (kind: Component, apiVersion: kustomize.config.k8s.io/v1alpha1); name it under resources`
      : `${found.shown} is a component; name it under components`,
  );
}

function addObject(resources: Resources, object: KubeObject, from: string): void {
  const copy = deepCopy(object as unknown as JsonObject) as JsonObject;
  const { group, kind } = identityOf(copy);
  if (group === 'kustomize.config.k8s.io') {
    throw new ManifestError(`${from} is a ${kind}, no resource; name its folder instead`);
  }
  const resource = new Resource(copy, from);
  if (resource.id.name === '' && copy['metadata'] !== undefined && resource.metadata['generateName'] === undefined) {
    throw new ManifestError(`${from}: the ${kind} has no metadata.name`);
  }
  resources.add(resource);
}
