/** Invariants of every object, whatever its kind: versions, identity, deletion, ownership. */
import type { KubeObject } from '../../../api/object.ts';
import type { OwnerReference } from '../../../api/schema/types/meta-v1.ts';
import type { StoreEvent } from '../../../store/store.ts';
import { before, type Checker, named, uidOf } from './checker.ts';

export function objectCheckers(startRevision: number): readonly Checker[] {
  return [versions(startRevision), identity(), deletion(), ownership()];
}

/** Every revision is seen once, in order, without a gap; objects carry theirs; a change follows the version that stood there. */
export function versions(startRevision: number): Checker {
  let last = startRevision;
  const current = new Map<string, number>();
  const check = ({ entry, previous, revision }: StoreEvent): string | undefined => {
    const { collection, namespace, name } = entry.key;
    const key = `${collection}/${namespace}/${name}`;
    if (revision !== last + 1) return `revision ${revision} followed ${last}`;
    last = revision;
    const version = entry.object.metadata?.resourceVersion;
    if (version !== String(revision)) return `${key} has resourceVersion ${version} at revision ${revision}`;
    const known = current.get(key);
    if (previous?.revision !== known)
      return `${key} changed from revision ${previous?.revision}, but stood at ${known}`;
    return undefined;
  };
  return {
    name: 'resource versions rise one by one',
    check: (event) => {
      const problem = check(event);
      const { collection, namespace, name } = event.entry.key;
      const key = `${collection}/${namespace}/${name}`;
      if (event.type === 'deleted') current.delete(key);
      else current.set(key, event.revision);
      return problem;
    },
  };
}

/** A uid is one object's for ever: it never changes under a name, and never comes back. */
export function identity(): Checker {
  const live = new Set<string>();
  const dead = new Set<string>();
  return {
    name: 'an object keeps its identity',
    check: (event) => {
      const object = event.entry.object;
      const uid = uidOf(object);
      const old = before(event);
      if (uid === '') return `${named(event)} has no uid`;
      if (dead.has(uid)) return `${named(event)} came back after it was deleted`;
      if (old !== undefined && uidOf(old) !== uid) return `${named(event)} had the uid ${uidOf(old)}`;
      if (old !== undefined && old.metadata?.creationTimestamp !== object.metadata?.creationTimestamp) {
        return `${named(event)} changed its creationTimestamp`;
      }
      if (old === undefined && live.has(uid)) return `${named(event)} has the uid of another object`;
      live.add(uid);
      if (event.type === 'deleted') dead.add(uid);
      return undefined;
    },
  };
}

/** A deletion is never taken back or put off, and finalizers are waited for. */
export function deletion(): Checker {
  return {
    name: 'a deletion is final',
    check: (event) => {
      const old = before(event);
      const was = old?.metadata?.deletionTimestamp;
      if (event.type === 'deleted') {
        const held = (old?.metadata?.finalizers?.length ?? 0) > 0;
        return held && was === undefined ? `${named(event)} went although finalizers held it` : undefined;
      }
      const now = event.entry.object.metadata?.deletionTimestamp;
      if (was === undefined) return undefined;
      if (now === undefined) return `${named(event)} lost its deletionTimestamp`;
      if (Date.parse(now) > Date.parse(was)) return `${named(event)} has its deletion put off from ${was} to ${now}`;
      return newFinalizers(event.entry.object, old);
    },
  };
}

/** Those of the garbage collector may come with a second deletion. */
const deletionFinalizers = new Set(['foregroundDeletion', 'orphan']);

function newFinalizers(object: KubeObject, old: KubeObject | undefined): string | undefined {
  const known = new Set(old?.metadata?.finalizers ?? []);
  const added = (object.metadata?.finalizers ?? []).find((name) => !known.has(name) && !deletionFinalizers.has(name));
  return added === undefined ? undefined : `an object that is being deleted got the finalizer ${added}`;
}

/** Owner references name what existed, by its right name and kind; one at most is the controller. */
export function ownership(): Checker {
  const known = new Map<string, { readonly kind: string; readonly name: string; readonly namespace: string }>();
  return {
    name: 'owners are objects that existed',
    check: (event) => {
      const { object, key } = event.entry;
      known.set(uidOf(object), { kind: object.kind ?? '', name: key.name, namespace: key.namespace });
      if (event.type === 'deleted') return undefined;
      const references = object.metadata?.ownerReferences ?? [];
      if (references.filter(({ controller }) => controller).length > 1) return `${named(event)} has two controllers`;
      const wrong = references.find((reference) => !matches(reference, key.namespace));
      return wrong && `${named(event)} names an owner that never was: ${wrong.kind} ${wrong.name} (${wrong.uid})`;
    },
  };

  function matches({ uid, kind, name }: OwnerReference, namespace: string): boolean {
    const owner = known.get(uid);
    if (owner === undefined || owner.kind !== kind || owner.name !== name) return false;
    return owner.namespace === '' || owner.namespace === namespace;
  }
}
