/**
 * Names of other objects, brought up to date after those were renamed. Which object a name means is found among all that were ever called
 * so, of the right kind, in the same namespace; where several are left, the one that got the same prefixes and suffixes.
 */
import type { JsonObject, JsonValue } from '../api/object.ts';
import { setKey } from '../api/patch/json-tree.ts';
import { isRecord } from '../manifests/parse.ts';
import { ManifestError } from '../manifests/source-object.ts';
import { changeAt, isMeantFor } from './field-path.ts';
import { type NameReference, nameReferences } from './field-specs.ts';
import { type Resource, sameNamespace, shownId, text } from './resource.ts';

/** @throws ManifestError where a name could mean several objects */
export function followNames(resources: readonly Resource[]): void {
  const renamed = resources.filter(({ previous }) => previous.length > 0);
  if (renamed.length === 0) return;
  for (const referrer of resources) {
    for (const reference of nameReferences) {
      for (const field of reference.fields.filter((spec) => isMeantFor(spec, referrer.id))) {
        const follow = new Follower(referrer, reference, field.path, renamed);
        changeAt(referrer.object, field.path, (value) => follow.value(value));
      }
    }
  }
}

class Follower {
  readonly #referrer: Resource;
  readonly #reference: NameReference;
  readonly #path: string;
  readonly #renamed: readonly Resource[];

  constructor(referrer: Resource, reference: NameReference, path: string, renamed: readonly Resource[]) {
    this.#referrer = referrer;
    this.#reference = reference;
    this.#path = path;
    this.#renamed = renamed;
  }

  /** A name, an object with `name` and `namespace`, or a list of either. */
  value(value: JsonValue | undefined): JsonValue | undefined {
    if (typeof value === 'string') return this.#find(value, this.#renamed)?.id.name;
    if (Array.isArray(value)) return value.map((item) => this.value(item) ?? item);
    if (isRecord(value)) this.#mapping(value);
    return undefined;
  }

  #mapping(value: JsonObject): void {
    const { name, namespace } = value;
    if (typeof name !== 'string') return;
    if (this.#reference.kind === 'ServiceAccount' && value['kind'] !== undefined && value['kind'] !== 'ServiceAccount')
      return;
    const found = this.#find(
      name,
      this.#renamed.filter((one) => namespace === undefined || wasIn(one, text(namespace))),
    );
    if (found === undefined) return;
    setKey(value, 'name', found.id.name);
    if (found.id.namespace !== '') setKey(value, 'namespace', found.id.namespace);
  }

  #find(name: string, candidates: readonly Resource[]): Resource | undefined {
    const named = candidates.filter((one) => one.previous.some((id) => id.name === name && this.#isOfKind(id)));
    const near = named.filter((one) => this.#isNear(one));
    if (near.length <= 1) return near[0];
    const related = near.filter((one) => one.affixes.join() === this.#referrer.affixes.join());
    if (related.length <= 1) return related[0];
    const [first] = related;
    if (related.every((one) => one.id.name === first?.id.name)) return first;
    throw new ManifestError(
      `${this.#referrer.from}: "${name}" at ${this.#path} of ${shownId(this.#referrer.id)} may mean several objects: ${related
        .map((one) => shownId(one.id))
        .join(', ')}`,
    );
  }

  #isOfKind({ kind, group }: { readonly kind: string; readonly group: string }): boolean {
    if (this.#path === 'roleRef/name') {
      const role = this.#referrer.object['roleRef'];
      if (isRecord(role) && role['kind'] !== undefined && role['kind'] !== kind) return false;
    }
    return kind === this.#reference.kind && (this.#reference.group ?? group) === group;
  }

  /** Accounts may be named from other namespaces, and what stands outside of them from everywhere. */
  #isNear(target: Resource): boolean {
    if (this.#referrer.isClusterScoped || target.isClusterScoped || target.id.kind === 'ServiceAccount') return true;
    return sameNamespace(this.#referrer.id, target.id);
  }
}

const wasIn = (resource: Resource, namespace: string): boolean =>
  resource.ids.some((id) => (id.namespace || 'default') === (namespace || 'default'));
