/**
 * An object on its way through a build, with what it was called before: patches, replacements and references name objects by any name that
 * they had.
 */
import type { JsonObject } from '../api/object.ts';
import { setKey } from '../api/patch/json-tree.ts';
import { resourceTable } from '../api/resource-table.ts';
import { isRecord } from '../manifests/parse.ts';
import { ManifestError } from '../manifests/source-object.ts';

export interface Id {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export class Resource {
  object: JsonObject;
  readonly from: string;
  /** Oldest first; empty where nothing changed. */
  readonly previous: Id[] = [];
  /** In the order in which they were put on, for telling apart what was made of one base. */
  readonly affixes: string[] = [];
  /** Its name gets its content's hash. */
  needsHash = false;

  constructor(object: JsonObject, from: string) {
    this.object = object;
    this.from = from;
  }

  get id(): Id {
    return {
      ...identityOf(this.object),
      namespace: text(this.metadata['namespace']),
      name: text(this.metadata['name']),
    };
  }

  /** All names that it had, and has. */
  get ids(): readonly Id[] {
    return [...this.previous, this.id];
  }

  /** Made where it is missing: whoever asks may write into it. */
  get metadata(): JsonObject {
    const { metadata } = this.object;
    if (isRecord(metadata)) return metadata;
    const made: JsonObject = {};
    setKey(this.object, 'metadata', made);
    return made;
  }

  get isClusterScoped(): boolean {
    return isClusterScoped(this.id);
  }

  /** Before its name or namespace changes. */
  remember(): void {
    this.previous.push(this.id);
  }
}

export const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export function identityOf(object: JsonObject): { group: string; version: string; kind: string } {
  const apiVersion = text(object['apiVersion']);
  const slash = apiVersion.indexOf('/');
  const [group, version] = slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
  return { group, version, kind: text(object['kind']) };
}

/** Kinds that nobody knows here are taken as namespaced. */
export function isClusterScoped({ group, version, kind }: Pick<Id, 'group' | 'version' | 'kind'>): boolean {
  return resourceTable().byKind({ group, version, kind })?.namespaced === false;
}

export const sameId = (a: Id, b: Id): boolean =>
  a.group === b.group && a.version === b.version && a.kind === b.kind && a.name === b.name && sameNamespace(a, b);

/** No namespace and `default` are one. */
export const sameNamespace = (a: Id, b: Id): boolean => (a.namespace || 'default') === (b.namespace || 'default');

export const shownId = ({ group, version, kind, namespace, name }: Id): string =>
  `${kind} ${namespace === '' ? '' : `${namespace}/`}${name} (${group === '' ? '' : `${group}/`}${version})`;

/** Objects of one build, in order. No two have the same id. */
export class Resources {
  readonly all: Resource[] = [];

  /** @throws ManifestError where such an object is there already */
  add(resource: Resource): void {
    const { id } = resource;
    // What the server names is never the same.
    const other = id.name === '' ? undefined : this.all.find((one) => sameId(one.id, id));
    if (other !== undefined) {
      throw new ManifestError(`${shownId(id)} is there twice: in ${other.from} and in ${resource.from}`);
    }
    this.all.push(resource);
  }

  /** Those that have, or had, this id. */
  matching(id: Id): Resource[] {
    return this.all.filter((resource) => resource.ids.some((one) => sameId(one, id)));
  }

  remove(resource: Resource): void {
    this.all.splice(this.all.indexOf(resource), 1);
  }
}
