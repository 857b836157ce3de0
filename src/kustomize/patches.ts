/**
 * Patches: strategic merge for kinds that are known here, merge by key for others, or JSON patch (RFC 6902). A patch without a target is
 * for the object that it names; `$patch: delete` takes the object away.
 */
import type { JsonObject, JsonValue } from '../api/object.ts';
import { applyJsonPatch } from '../api/patch/json-patch.ts';
import { deepCopy, setKey } from '../api/patch/json-tree.ts';
import { applyMergePatch } from '../api/patch/merge-patch.ts';
import { applyStrategicMergePatch } from '../api/patch/strategic-merge.ts';
import { builtinSchema } from '../api/schema/load.ts';
import { documentsOf, isRecord } from '../manifests/parse.ts';
import { ManifestError } from '../manifests/source-object.ts';
import type { Patch } from './kustomization.ts';
import { identityOf, Resource, type Resources, shownId } from './resource.ts';
import { selects } from './select.ts';

/** @param where the patch's own file and place @throws ManifestError */
export function applyPatch(resources: Resources, patch: Patch, source: string, where: string): void {
  const documents = documentsOf(source, where).map(({ value }) => value);
  if (documents.length === 0) throw new ManifestError(`${where}: the patch is empty`);
  for (const document of documents) {
    if (Array.isArray(document)) applyOperations(resources, patch, document, where);
    else if (isRecord(document)) mergePatch(resources, patch, document, where);
    else
      throw new ManifestError(`${where}: a patch is an object (strategic merge) or a list of operations (JSON patch)`);
  }
}

function applyOperations(resources: Resources, { target }: Patch, operations: JsonValue[], where: string): void {
  if (target === undefined) throw new ManifestError(`${where}: a JSON patch needs a target, which says what it is for`);
  for (const resource of resources.all.filter(selects(target, where))) {
    change(resource, where, () => applyJsonPatch(resource.object, operations), { allowNameChange: true });
  }
}

function mergePatch(resources: Resources, patch: Patch, body: JsonObject, where: string): void {
  const targets =
    patch.target === undefined ? [namedBy(resources, body, where)] : resources.all.filter(selects(patch.target, where));
  for (const resource of targets) {
    if (body['$patch'] === 'delete') resources.remove(resource);
    else change(resource, where, () => merged(resource, body), patch.options ?? {});
  }
}

function namedBy(resources: Resources, body: JsonObject, where: string): Resource {
  const { id } = new Resource(deepCopy(body) as JsonObject, where);
  if (id.kind === '' || id.name === '') {
    throw new ManifestError(
      `${where}: a patch names its object by apiVersion, kind and metadata.name, or has a target`,
    );
  }
  const found = resources.matching(id);
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new ManifestError(
      `${where}: the patch is for ${shownId(id)}, ${found.length > 1 ? 'which may be several objects' : 'which is not among the resources'}`,
    );
  }
  return first;
}

function merged(resource: Resource, body: JsonObject): JsonObject {
  const type = builtinSchema().kind(identityOf(resource.object));
  return type === undefined
    ? applyMergePatch(resource.object, body)
    : applyStrategicMergePatch(resource.object, body, type);
}

/** What an object is called stays, unless the patch says otherwise on purpose. */
function change(
  resource: Resource,
  where: string,
  make: () => JsonObject,
  options: NonNullable<Patch['options']>,
): void {
  const before = resource.id;
  let changed: JsonObject;
  try {
    changed = deepCopy(make()) as JsonObject;
  } catch (error) {
    throw new ManifestError(`${where}: the patch does not apply to ${shownId(before)}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  resource.remember();
  const { apiVersion, kind } = resource.object;
  resource.object = changed;
  const isOperations = options.allowNameChange === true;
  if (!isOperations) setKey(resource.metadata, 'name', before.name);
  if (!isOperations && before.namespace !== '') setKey(resource.metadata, 'namespace', before.namespace);
  if (options.allowKindChange !== true && !isOperations) {
    for (const [field, value] of Object.entries({ apiVersion, kind }))
      if (value !== undefined) setKey(changed, field, value);
  }
  const { id } = resource;
  if (id.name === before.name && id.namespace === before.namespace && id.kind === before.kind) resource.previous.pop();
}
