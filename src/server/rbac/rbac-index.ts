/**
 * Who is bound to which role, ready for a check: bindings by subject and namespace, roles by name.
 *
 * ```
 *  store ──watch──▶ roles:    namespace/name ─▶ rules
 *                   bindings: subject ─▶ namespace ('' everywhere) ─▶ bound role
 *  request ─▶ its user and groups are the only subjects looked at, whatever else is bound
 * ```
 * Kept true: the index changes in the same turn in which a write becomes visible (the store tells watchers synchronously), so the next
 * request sees it. Until the default policy is written, its objects hold from memory wherever the store has none of that name.
 */
import type { KubeObject } from '../../api/object.ts';
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  RoleBinding,
  RoleRef,
  Subject,
} from '../../api/schema/types/rbac-v1.ts';
import type { Service } from '../../lib/service.ts';
import type { UserInfo } from '../../registry/request.ts';
import type { Store, StoreEvent, StoreKey, StoreWatch } from '../../store/store.ts';

const group = 'rbac.authorization.k8s.io';
export const roleCollections = [`clusterroles.${group}`, `roles.${group}`] as const;
export const bindingCollections = [`clusterrolebindings.${group}`, `rolebindings.${group}`] as const;

/** One subject's share in one binding. */
export interface BoundRole {
  /** `ClusterRoleBinding "x"`, `RoleBinding "x/namespace"`. */
  readonly source: string;
  readonly subject: Subject;
  readonly roleRef: RoleRef;
  /** Of the binding; empty where it holds everywhere. */
  readonly namespace: string;
}

export interface IndexedObject {
  readonly key: StoreKey;
  readonly object: KubeObject;
}

const nothing: readonly BoundRole[] = [];

export class RbacIndex implements Service {
  readonly name = 'rbac index';
  readonly #store: Store;
  /** By `kind:name`. */
  readonly #subjects = new Map<string, Map<string, BoundRole[]>>();
  readonly #rules = new Map<string, readonly PolicyRule[]>();
  /** Defaults that the store does not hold yet, by their text. */
  readonly #fromMemory = new Map<string, IndexedObject>();
  #watches: StoreWatch[] = [];

  constructor(store: Store, defaults: readonly IndexedObject[] = []) {
    this.#store = store;
    for (const one of defaults) this.#fromMemory.set(textOf(one.key), one);
  }

  async start(): Promise<void> {
    for (const collection of [...roleCollections, ...bindingCollections]) {
      for (const { key, object } of this.#store.list(collection).entries) {
        this.#fromMemory.delete(textOf(key));
        this.#put(key, object);
      }
      this.#watches.push(this.#store.watch({ collection }, { event: (event) => this.#changed(event) }));
    }
    for (const { key, object } of this.#fromMemory.values()) this.#put(key, object);
  }

  async close(): Promise<void> {
    for (const watch of this.#watches) watch.cancel();
    this.#watches = [];
  }

  /** The defaults are written, or stay away because somebody removed them: from now on only the store counts. */
  forgetDefaults(): void {
    for (const { key, object } of this.#fromMemory.values()) this.#remove(key, object);
    this.#fromMemory.clear();
  }

  /** What binds `user`, first everywhere, then in `namespace`, until `visit` says true. */
  someBinding({ name, groups }: UserInfo, namespace: string, visit: (bound: BoundRole) => boolean): boolean {
    if (this.#someOf(name, groups, '', visit)) return true;
    return namespace !== '' && this.#someOf(name, groups, namespace, visit);
  }

  /** Undefined: there is no such role. `namespace` is the binding's. */
  rulesOf({ kind, name }: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    return this.#rules.get(kind === 'ClusterRole' ? `/${name}` : `${namespace}/${name}`);
  }

  #someOf(name: string, groups: readonly string[], namespace: string, visit: (bound: BoundRole) => boolean): boolean {
    if (this.#boundTo(`User:${name}`, namespace).some(visit)) return true;
    for (const one of groups) if (this.#boundTo(`Group:${one}`, namespace).some(visit)) return true;
    return false;
  }

  #boundTo(subject: string, namespace: string): readonly BoundRole[] {
    return this.#subjects.get(subject)?.get(namespace) ?? nothing;
  }

  #changed({ type, entry, previous }: StoreEvent): void {
    const text = textOf(entry.key);
    const fromMemory = this.#fromMemory.get(text);
    this.#fromMemory.delete(text);
    const before = previous?.object ?? fromMemory?.object;
    if (before !== undefined) this.#remove(entry.key, before);
    if (type !== 'deleted') this.#put(entry.key, entry.object);
  }

  #put(key: StoreKey, object: KubeObject): void {
    if (isRole(key)) this.#rules.set(`${key.namespace}/${key.name}`, (object as ClusterRole).rules ?? []);
    else for (const [subject, bound] of boundRoles(key, object)) this.#bind(subject, bound);
  }

  #remove(key: StoreKey, object: KubeObject): void {
    if (isRole(key)) this.#rules.delete(`${key.namespace}/${key.name}`);
    else for (const [subject, { source }] of boundRoles(key, object)) this.#unbind(subject, key.namespace, source);
  }

  #bind(subject: string, bound: BoundRole): void {
    const byNamespace = this.#subjects.get(subject) ?? new Map<string, BoundRole[]>();
    this.#subjects.set(subject, byNamespace);
    const list = byNamespace.get(bound.namespace);
    if (list === undefined) byNamespace.set(bound.namespace, [bound]);
    else list.push(bound);
  }

  #unbind(subject: string, namespace: string, source: string): void {
    const byNamespace = this.#subjects.get(subject);
    const left = (byNamespace?.get(namespace) ?? []).filter((bound) => bound.source !== source);
    if (left.length > 0) byNamespace?.set(namespace, left);
    else byNamespace?.delete(namespace);
    if (byNamespace?.size === 0) this.#subjects.delete(subject);
  }
}

function isRole({ collection }: StoreKey): boolean {
  return roleCollections.some((one) => one === collection);
}

function textOf({ collection, namespace, name }: StoreKey): string {
  return `${collection}/${namespace}/${name}`;
}

/** Each subject once, whose first mention counts. */
function boundRoles({ namespace, name }: StoreKey, object: KubeObject): Map<string, BoundRole> {
  const { roleRef, subjects = [] } = object as RoleBinding | ClusterRoleBinding;
  const source = namespace === '' ? `ClusterRoleBinding "${name}"` : `RoleBinding "${name}/${namespace}"`;
  const bound = new Map<string, BoundRole>();
  for (const subject of subjects) {
    const text = subjectText(subject, namespace);
    if (text !== undefined && !bound.has(text)) bound.set(text, { source, subject, roleRef, namespace });
  }
  return bound;
}

/** Undefined: it stands for nobody. A service account is the user that its tokens name. */
function subjectText({ kind, name, namespace }: Subject, bindingNamespace: string): string | undefined {
  if (kind !== 'ServiceAccount') return `${kind}:${name}`;
  const home = namespace || bindingNamespace;
  return home === '' ? undefined : `User:system:serviceaccount:${home}:${name}`;
}
