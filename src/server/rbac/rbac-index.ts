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
  /** Of its role in the index: made once, and not with each check. */
  readonly roleKey: string;
}

export interface IndexedObject {
  readonly key: StoreKey;
  readonly object: KubeObject;
}

/** Of one kind, by name, then by namespace; `''` for what holds everywhere. */
type Subjects = Map<string, Map<string, BoundRole[]>>;

export class RbacIndex implements Service {
  readonly name = 'rbac index';
  readonly #store: Store;
  /** By name. Service accounts are users. */
  readonly #users: Subjects = new Map();
  readonly #groups: Subjects = new Map();
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
    return this.#rules.get(roleKeyOf(kind, name, namespace));
  }

  rulesOfBound({ roleKey }: BoundRole): readonly PolicyRule[] | undefined {
    return this.#rules.get(roleKey);
  }

  #someOf(name: string, groups: readonly string[], namespace: string, visit: (bound: BoundRole) => boolean): boolean {
    if (this.#users.get(name)?.get(namespace)?.some(visit)) return true;
    for (const one of groups) if (this.#groups.get(one)?.get(namespace)?.some(visit)) return true;
    return false;
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
    else for (const bound of boundRoles(key, object)) this.#bind(bound);
  }

  #remove(key: StoreKey, object: KubeObject): void {
    if (isRole(key)) this.#rules.delete(`${key.namespace}/${key.name}`);
    else for (const bound of boundRoles(key, object)) this.#unbind(bound);
  }

  #bind({ subjectName, ...bound }: IndexedRole): void {
    const subjects = this.#subjectsOf(bound.subject);
    const byNamespace = subjects.get(subjectName) ?? new Map<string, BoundRole[]>();
    subjects.set(subjectName, byNamespace);
    const list = byNamespace.get(bound.namespace);
    if (list === undefined) byNamespace.set(bound.namespace, [bound]);
    else list.push(bound);
  }

  #unbind({ subjectName, subject, namespace, source }: IndexedRole): void {
    const subjects = this.#subjectsOf(subject);
    const byNamespace = subjects.get(subjectName);
    const left = (byNamespace?.get(namespace) ?? []).filter((bound) => bound.source !== source);
    if (left.length > 0) byNamespace?.set(namespace, left);
    else byNamespace?.delete(namespace);
    if (byNamespace?.size === 0) subjects.delete(subjectName);
  }

  #subjectsOf({ kind }: Subject): Subjects {
    return kind === 'Group' ? this.#groups : this.#users;
  }
}

function isRole({ collection }: StoreKey): boolean {
  return roleCollections.some((one) => one === collection);
}

function textOf({ collection, namespace, name }: StoreKey): string {
  return `${collection}/${namespace}/${name}`;
}

interface IndexedRole extends BoundRole {
  /** The user or the group that asks. */
  readonly subjectName: string;
}

/** Each subject once, whose first mention counts. */
function boundRoles({ namespace, name }: StoreKey, object: KubeObject): Iterable<IndexedRole> {
  const { roleRef, subjects = [] } = object as RoleBinding | ClusterRoleBinding;
  const source = namespace === '' ? `ClusterRoleBinding "${name}"` : `RoleBinding "${name}/${namespace}"`;
  const roleKey = roleKeyOf(roleRef.kind, roleRef.name, namespace);
  const bound = new Map<string, IndexedRole>();
  for (const subject of subjects) {
    const subjectName = subjectNameOf(subject, namespace);
    const text = `${subject.kind === 'Group' ? 'Group' : 'User'}:${subjectName}`;
    if (subjectName === undefined || bound.has(text)) continue;
    bound.set(text, { source, subject, roleRef, namespace, roleKey, subjectName });
  }
  return bound.values();
}

function roleKeyOf(kind: string, name: string, namespace: string): string {
  return kind === 'ClusterRole' ? `/${name}` : `${namespace}/${name}`;
}

/** Undefined: it stands for nobody. A service account is the user that its tokens name. */
function subjectNameOf({ kind, name, namespace }: Subject, bindingNamespace: string): string | undefined {
  if (kind === 'User' || kind === 'Group') return name;
  const home = namespace || bindingNamespace;
  return kind !== 'ServiceAccount' || home === '' ? undefined : `system:serviceaccount:${home}:${name}`;
}
