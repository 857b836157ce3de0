/** Prefixes, suffixes, namespaces and content hashes: everything that changes what objects are called. References follow in `references.ts`. */
import type { JsonValue } from '../api/object.ts';
import { setKey } from '../api/patch/json-tree.ts';
import { isRecord } from '../manifests/parse.ts';
import { changeAt, isMeantFor } from './field-path.ts';
import { fixedNames, namespaceFields } from './field-specs.ts';
import { contentHash } from './hash.ts';
import type { Resource } from './resource.ts';

export function addAffixes(resources: readonly Resource[], prefix = '', suffix = ''): void {
  for (const [affix, place] of [
    [prefix, 'before'],
    [suffix, 'after'],
  ] as const) {
    if (affix === '') continue;
    for (const resource of resources.filter((one) => !hasFixedName(one))) {
      const { name } = resource.id;
      resource.affixes.push(`${place} ${affix}`);
      rename(resource, place === 'before' ? affix + name : name + affix);
    }
  }
}

export function addHashes(resources: readonly Resource[]): void {
  for (const resource of resources.filter(({ needsHash }) => needsHash)) {
    rename(resource, `${resource.id.name}-${contentHash(resource.object)}`);
  }
}

function rename(resource: Resource, name: string): void {
  resource.remember();
  setKey(resource.metadata, 'name', name);
}

const hasFixedName = (resource: Resource): boolean =>
  fixedNames.some(({ kind, group }) => resource.id.kind === kind && resource.id.group === group);

export function setNamespace(resources: readonly Resource[], namespace = ''): void {
  if (namespace === '') return;
  for (const resource of resources) {
    const { id, object } = resource;
    if (!resource.isClusterScoped && id.namespace !== namespace) {
      resource.remember();
      setKey(resource.metadata, 'namespace', namespace);
    }
    for (const spec of namespaceFields.filter((field) => isMeantFor(field, id))) {
      if (spec.path === 'metadata/name') resource.remember();
      changeAt(object, spec.path, () => namespace, spec.create);
    }
    if (id.kind === 'RoleBinding' || id.kind === 'ClusterRoleBinding')
      nameDefaultAccounts(object['subjects'], namespace);
  }
}

/** Subjects called `default` are the namespace's own account; others follow the ServiceAccount that they name. */
function nameDefaultAccounts(subjects: JsonValue | undefined, namespace: string): void {
  if (!Array.isArray(subjects)) return;
  for (const subject of subjects) {
    if (isRecord(subject) && subject['name'] === 'default') setKey(subject, 'namespace', namespace);
  }
}
