/**
 * The garbage collector: deletes what belongs to nobody any more, and ends deletions that orphan or wait for dependents.
 *
 * It holds no graph of its own. Every deletable resource has an informer (shared with the other loops), indexed by the uids of owners; an
 * owner is looked up by its reference, a dependent by that index:
 * ```
 *   dependent ── ownerReference {apiVersion, kind, name, uid} ──▶ cache of that kind, by name: same uid?
 *   dependent ◀── index "owner" under the uid ───────────────── owner
 * ```
 * Before something is deleted because its owner is absent, the server is asked: a cache may lag, and a deletion cannot be taken back.
 * Deletions name uid and version of what was decided on. Resources that come and go (custom ones) are looked for every few seconds.
 * Events are left out, as upstream's: they have no owners, and there are many.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import { apiVersionOf, groupResource, type ResourceInfo } from '../../api/resources.ts';
import type { OwnerReference } from '../../api/schema/types/meta-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Resource } from '../../client/client.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { Informer } from '../../client/informer.ts';
import { resourceOf } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { storedResources } from '../shared/api-resources.ts';
import {
  type ControllerContext,
  contextFor,
  isDeleting,
  type LoopContext,
  namespaceOf,
  referenceOf,
  uidOf,
} from '../shared/context.ts';
import {
  awaitsDependents,
  blocks,
  decideOwned,
  foregroundFinalizer,
  hasFinalizer,
  isOfInterest,
  isOrphaning,
  type OwnerState,
  orphanFinalizer,
  type Verdict,
} from './decide.ts';

const ownerIndex = 'owner';
const resyncMs = 5000;
const resyncKey = 'resources';
/** The oldest are forgotten beyond it, and looked for again. */
const goneMax = 1000;
/** As upstream. */
const absentMax = 500;

/** A resource that the collector follows. */
interface Source {
  readonly info: ResourceInfo;
  readonly resource: Resource<KubeObject>;
  readonly informer: Informer<KubeObject>;
}

/** An object and where it stands. */
interface Item {
  readonly source: Source;
  readonly object: KubeObject;
}

export function garbageCollector(context: ControllerContext): Service {
  return new GarbageCollector(contextFor(context, 'generic-garbage-collector', 'garbage-collector-controller')).loop;
}

class GarbageCollector {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  /** By group and resource: `deployments.apps`. */
  readonly #sources = new Map<string, Source>();
  /** From `apps/v1/Deployment` (any version that is served) to the source's name. */
  #kinds = new Map<string, { readonly name: string; readonly info: ResourceInfo }>();
  /** The rows that were read last, and the names of what is followed by them. */
  #read: readonly ResourceInfo[] = [];
  #followed: ReadonlySet<string> = new Set();
  /** Uids of owners that were seen to go: they need not be looked for in other namespaces. */
  readonly #gone = new Set<string>();
  /** Owners that the server did not know: a uid never comes back, so the next of hundreds of dependents need not ask again. */
  readonly #absent = new Set<string>();

  constructor(context: LoopContext) {
    this.#context = context;
    this.#followResources();
    this.loop = new ControlLoop({
      ...context,
      name: 'garbage-collector',
      workers: 20,
      informers: [...this.#sources.values()].map(({ informer }) => informer),
      reconcile: (key) => this.#reconcile(key),
      begin: () => this.#begin(),
    });
  }

  /** What is there is looked at once all caches have synced; then what changes. */
  #begin(): void {
    for (const source of this.#sources.values()) this.#listen(source);
    this.loop.queue.addAfter(resyncKey, resyncMs);
  }

  #listen(source: Source): void {
    source.informer.addHandler({
      added: (object) => this.#changed({ source, object }),
      updated: (object, previous) => {
        this.#changed({ source, object });
        if (awaitsDependents(object) && !awaitsDependents(previous)) this.#wakeDependents(uidOf(object));
        if (object.metadata?.ownerReferences !== previous.metadata?.ownerReferences) this.#wakeOwners(previous);
      },
      deleted: (object) => {
        this.#noteGone(uidOf(object));
        this.#wakeDependents(uidOf(object));
        this.#wakeOwners(object);
      },
    });
  }

  #changed({ source, object }: Item): void {
    if (isOfInterest(object)) this.loop.queue.add(keyOf(source, object));
  }

  #noteGone(uid: string): void {
    if (this.#dependentsOf(uid).length === 0) return;
    note(this.#gone, uid, goneMax);
  }

  #wakeDependents(uid: string): void {
    for (const { source, object } of this.#dependentsOf(uid)) this.loop.queue.add(keyOf(source, object));
  }

  /** Owners that wait for their dependents have one less, or one that blocks no more. */
  #wakeOwners(dependent: KubeObject): void {
    for (const reference of dependent.metadata?.ownerReferences ?? []) {
      const owner = this.#cached(reference, namespaceOf(dependent));
      if (owner !== undefined && awaitsDependents(owner.object)) this.loop.queue.add(keyOf(owner.source, owner.object));
    }
  }

  #dependentsOf(uid: string): readonly Item[] {
    return [...this.#sources.values()].flatMap((source) =>
      source.informer.cache.byIndex(ownerIndex, uid).map((object) => ({ source, object })),
    );
  }

  /** The owner as the cache shows it; undefined where it shows none, or another. */
  #cached({ apiVersion, kind, name, uid }: OwnerReference, namespace: string): Item | undefined {
    const source = this.#sources.get(this.#kinds.get(`${apiVersion}/${kind}`)?.name ?? '');
    const object = source?.informer.cache.get({ namespace: source.info.namespaced ? namespace : '', name });
    return source !== undefined && object !== undefined && uidOf(object) === uid ? { source, object } : undefined;
  }

  async #reconcile(key: string): Promise<Outcome> {
    if (key === resyncKey) return this.#resync();
    const bar = key.indexOf('|');
    const source = this.#sources.get(key.slice(0, bar));
    const found = source?.informer.cache.byKey(key.slice(bar + 1));
    if (source === undefined || found === undefined) return done;
    await this.#collect({ source, object: found });
    return done;
  }

  async #collect(item: Item): Promise<void> {
    if (isOrphaning(item.object)) return this.#orphanDependents(item);
    if (awaitsDependents(item.object)) return this.#finishForeground(item);
    if (isDeleting(item.object)) return;
    const owners = await this.#ownersOf(item);
    const hasDependents =
      owners.some(({ state }) => state === 'waiting') && this.#dependentsOf(uidOf(item.object)).length > 0;
    await this.#carryOut(item, decideOwned({ object: item.object, owners, hasDependents }));
  }

  async #ownersOf({ source, object }: Item): Promise<{ reference: OwnerReference; state: OwnerState }[]> {
    const owners: { reference: OwnerReference; state: OwnerState }[] = [];
    for (const reference of object.metadata?.ownerReferences ?? []) {
      owners.push({ reference, state: await this.#stateOf(reference, source, object) });
    }
    return owners;
  }

  async #stateOf(reference: OwnerReference, source: Source, dependent: KubeObject): Promise<OwnerState> {
    const cached = this.#cached(reference, namespaceOf(dependent));
    if (cached !== undefined) return awaitsDependents(cached.object) ? 'waiting' : 'solid';
    const name = `${reference.apiVersion}/${reference.kind}`;
    // A kind that came since the last look: its objects have dependents sooner than that.
    if (!this.#kinds.has(name)) await this.#resync();
    const kind = this.#kinds.get(name);
    if (kind === undefined) throw new Error(`nobody serves owners of kind ${reference.apiVersion}/${reference.kind}`);
    if (kind.info.namespaced) this.#tellIfElsewhere(reference, source, dependent);
    if (kind.info.namespaced && !source.info.namespaced) return 'unnameable';
    return this.#ask(kind.info, reference, namespaceOf(dependent));
  }

  /** An owner that is there, but in another namespace, owns nothing here: its user should know why the object goes, or never will. */
  #tellIfElsewhere(reference: OwnerReference, { resource }: Source, dependent: KubeObject): void {
    const { apiVersion, kind, name, uid } = reference;
    const owners = this.#sources.get(this.#kinds.get(`${apiVersion}/${kind}`)?.name ?? '')?.informer.cache;
    const namespace = namespaceOf(dependent);
    const isThere = (owner: KubeObject): boolean => uidOf(owner) === uid && namespaceOf(owner) !== namespace;
    if (this.#gone.has(uid) || !owners?.list().some(isThere)) return;
    const owner = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
    const message = `ownerRef ${owner} does not exist in namespace "${namespace}"`;
    this.#context.events.record(resource, dependent, 'Warning', 'OwnerRefInvalidNamespace', message);
  }

  async #ask(info: ResourceInfo, { name, uid }: OwnerReference, dependentNamespace: string): Promise<OwnerState> {
    const namespace = info.namespaced ? dependentNamespace : '';
    const key = [groupResource(info), namespace, name, uid].join('|');
    if (this.#absent.has(key)) return 'absent';
    const owner = await this.#context.client.get(resourceOf(info), { namespace, name }).catch(unlessGone);
    if (owner !== undefined && uidOf(owner) === uid) return awaitsDependents(owner) ? 'waiting' : 'solid';
    note(this.#absent, key, absentMax);
    return 'absent';
  }

  async #carryOut(item: Item, verdict: Verdict): Promise<void> {
    const { resource } = item.source;
    const { uid, resourceVersion } = item.object.metadata ?? {};
    switch (verdict.kind) {
      case 'keep':
        return;
      case 'release':
        return this.#setOwners(item, verdict.ownerReferences);
      case 'delete':
        return this.#context.client
          .delete(resource, referenceOf(item.object), {
            propagationPolicy: verdict.policy,
            ...(uid !== undefined && { uid }),
            ...(resourceVersion !== undefined && { resourceVersion }),
          })
          .catch(unlessGone);
    }
  }

  async #orphanDependents(owner: Item): Promise<void> {
    const uid = uidOf(owner.object);
    const failures: unknown[] = [];
    for (const dependent of this.#dependentsOf(uid)) {
      const references = dependent.object.metadata?.ownerReferences ?? [];
      const others = references.filter((reference) => reference.uid !== uid);
      // One that cannot be written does not keep the others from being let go.
      await this.#setOwners(dependent, others).catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw failures[0];
    await this.#removeFinalizer(owner, orphanFinalizer);
  }

  async #finishForeground(owner: Item): Promise<void> {
    const uid = uidOf(owner.object);
    const dependents = this.#dependentsOf(uid);
    const blocking = dependents.filter(({ object }) => blocks(object, uid) && !this.#waitInCircle(owner, object));
    if (blocking.length === 0) return this.#removeFinalizer(owner, foregroundFinalizer);
    for (const { source, object } of dependents) {
      if (!isDeleting(object)) this.loop.queue.add(keyOf(source, object));
    }
  }

  /** A circle of owners would wait for ever: does the owner, over owners that all wait, wait for its own dependent? */
  #waitInCircle(owner: Item, dependent: KubeObject): boolean {
    if (!awaitsDependents(dependent)) return false;
    const seen = new Set<string>();
    const ahead: KubeObject[] = [owner.object];
    for (let object = ahead.pop(); object !== undefined; object = ahead.pop()) {
      for (const reference of object.metadata?.ownerReferences ?? []) {
        if (reference.uid === uidOf(dependent)) return true;
        if (seen.has(reference.uid)) continue;
        seen.add(reference.uid);
        const next = this.#cached(reference, namespaceOf(object));
        if (next !== undefined && awaitsDependents(next.object)) ahead.push(next.object);
      }
    }
    return false;
  }

  async #setOwners({ source, object }: Item, ownerReferences: readonly OwnerReference[]): Promise<void> {
    await this.#patch(source, object, { ownerReferences: ownerReferences.length === 0 ? null : ownerReferences });
  }

  async #removeFinalizer({ source, object }: Item, finalizer: string): Promise<void> {
    if (!hasFinalizer(object, finalizer)) return;
    const left = (object.metadata?.finalizers ?? []).filter((name) => name !== finalizer);
    await this.#patch(source, object, { finalizers: left.length === 0 ? null : left });
  }

  async #patch({ resource }: Source, object: KubeObject, metadata: object): Promise<void> {
    const { uid, resourceVersion } = object.metadata ?? {};
    const body = { metadata: { uid, resourceVersion, ...metadata } };
    await this.#context.client.patch(resource, referenceOf(object), { type: 'merge', body }).catch(unlessGone);
  }

  /** Follows resources that are new, and lets go of those that are no longer served. */
  async #resync(): Promise<Outcome> {
    const before = new Set(this.#sources.keys());
    const served = this.#followResources();
    for (const [name, source] of this.#sources) {
      if (!before.has(name)) this.#listen(source);
      else if (!served.has(name)) {
        this.#sources.delete(name);
        await this.#context.informers.remove(source.resource);
      }
    }
    return after(resyncMs);
  }

  /** What is served changes rarely: the same rows are read once. */
  #followResources(): ReadonlySet<string> {
    const all = [...this.#context.resources.all];
    const isKnown = all.length === this.#read.length && all.every((info, index) => info === this.#read[index]);
    if (isKnown) return this.#followed;
    this.#read = all;
    const followed = storedResources(all, ['list', 'watch', 'delete']).filter((info) => info.resource !== 'events');
    for (const info of followed) {
      const name = groupResource(info);
      if (this.#sources.has(name)) continue;
      const resource = resourceOf(info);
      const informer = this.#context.informers.informer(resource).addIndex(ownerIndex, ownerUids);
      this.#sources.set(name, { info, resource, informer });
    }
    this.#kinds = new Map(
      all.map((info) => [`${apiVersionOf(info)}/${info.kind}`, { name: groupResource(info), info }]),
    );
    this.#followed = new Set(followed.map(groupResource));
    return this.#followed;
  }
}

const ownerUids = (object: KubeObject): readonly string[] =>
  object.metadata?.ownerReferences?.map(({ uid }) => uid) ?? [];

const keyOf = ({ info }: Source, object: KubeObject): string => `${groupResource(info)}|${objectKey(object)}`;

function unlessGone(error: unknown): undefined {
  if (!hasReason(error, 'NotFound')) throw error;
}

/** The oldest make room. */
function note(values: Set<string>, value: string, max: number): void {
  values.add(value);
  for (const oldest of values) {
    if (values.size <= max) break;
    values.delete(oldest);
  }
}
