/**
 * The loop of an operator: follows the objects of one kind and what they own, asks the reconciler what it wants, and brings the world there.
 *
 * ```
 *  change of an object, of a child, of something watched ─▶ key ─▶ reconcile(object, view) ─▶ Plan ─▶ apply children, delete the others,
 *                                                                                                   write the status, record events
 * ```
 * Kept true: one key is with one worker at a time; a child is applied (server-side, by one field manager) only where the wish or the child
 * changed; nothing is deleted that the object does not control; an object that is being deleted is only finalized; no write begins when the
 * operator ends, or no longer leads.
 */
import { isDeepStrictEqual } from 'node:util';
import { type KubeObject, objectKey } from '../api/object.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client, Resource } from '../client/client.ts';
import { after, ControlLoop, done, type Outcome } from '../client/controller.ts';
import type { EventRecorder } from '../client/events.ts';
import type { Informer, InformerSet } from '../client/informer.ts';
import type { Clock } from '../lib/clock.ts';
import { formatTime } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { MetricRegistry } from '../lib/metrics.ts';
import type { Prng } from '../lib/prng.ts';
import type { Service } from '../lib/service.ts';
import { Children, controllerIndex, controllerUid, nameOf, referenceTo } from './children.ts';
import type { Plan } from './plan.ts';

/** What an operator's parts share: made by `connect`, or by hand in tests. */
export interface OperatorContext {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
  readonly metrics?: MetricRegistry;
}

/** What a reconciler sees beside its object. */
export interface View {
  /** The children of one kind that the object controls. The kind must be among `owns`. */
  children<C extends KubeObject>(resource: Resource<C>): readonly C[];
  /** Any object of a kind that the controller owns or watches, from the cache. */
  find<C extends KubeObject>(resource: Resource<C>, name: string, namespace?: string): C | undefined;
  list<C extends KubeObject>(resource: Resource<C>, namespace?: string): readonly C[];
  /** RFC 3339. */
  readonly now: string;
  /** Aborts when the reconciler takes too long, or the operator ends or lost its lead: nothing is written from then on. */
  readonly signal: AbortSignal;
}

export interface Watch<C extends KubeObject> {
  readonly resource: Resource<C>;
  /** Keys (`namespace/name`) of the objects that a change of this one concerns. */
  concerns(object: C, view: Pick<View, 'list'>): readonly string[];
}

/** For the compiler: a list of watches of different kinds. */
export const watch = <C extends KubeObject>(
  resource: Resource<C>,
  concerns: Watch<C>['concerns'],
): Watch<KubeObject> => ({ resource, concerns });

export interface ControllerOptions<T extends KubeObject> {
  /** `website`: names the loop, its field manager and its finalizer. */
  readonly name: string;
  readonly for: Resource<T>;
  /** Kinds of the children. */
  readonly owns?: readonly Resource<KubeObject>[];
  readonly watches?: readonly Watch<KubeObject>[];
  readonly reconcile: (object: T, view: View) => Plan<T> | Promise<Plan<T>>;
  /**
   * What is to be done outside the cluster before the object may go. Called until it says `true`. With it every object carries a
   * finalizer; children need none, since the garbage collector takes them.
   */
  readonly finalize?: (object: T, view: View) => boolean | Promise<boolean>;
  /** Objects at the same time; 5 where absent. */
  readonly workers?: number;
}

const finalizerRetryMs = 5_000;

export function controller<T extends KubeObject>(context: OperatorContext, options: ControllerOptions<T>): Service {
  return new OperatorLoop(context, options).service;
}

class OperatorLoop<T extends KubeObject> {
  readonly service: Service;
  readonly #context: OperatorContext;
  readonly #options: ControllerOptions<T>;
  readonly #objects: Informer<T>;
  readonly #others = new Map<string, Informer<KubeObject>>();
  readonly #children: Children;
  readonly #log: Logger;

  constructor(context: OperatorContext, options: ControllerOptions<T>) {
    this.#context = context;
    this.#options = options;
    this.#log = context.log.with({ controller: options.name });
    const { informers } = context;
    this.#objects = informers.informer(options.for);
    this.#children = new Children({
      client: context.client,
      controller: options.name,
      owner: options.for,
      owns: options.owns ?? [],
      cacheOf: (resource) => this.#cacheOf(resource),
    });
    for (const resource of options.owns ?? []) this.#follow(resource).addIndex(controllerIndex, controllerUid);
    for (const { resource } of options.watches ?? []) this.#follow(resource);
    const loop = new ControlLoop({
      ...context,
      name: options.name,
      informers: [this.#objects, ...this.#others.values()],
      reconcile: (key, signal) => this.#turn(key, signal),
      ...(options.workers !== undefined && { workers: options.workers }),
    });
    this.service = loop;
    const enqueue = (object: KubeObject): void => loop.queue.add(objectKey(object));
    this.#objects.addHandler({ added: enqueue, updated: enqueue, deleted: enqueue });
    const view = { list: this.#list };
    for (const resource of options.owns ?? []) this.#onChange(resource, (child) => this.#owners(child), loop);
    for (const { resource, concerns } of options.watches ?? []) {
      this.#onChange(resource, (object) => concerns(object, view), loop);
    }
  }

  #follow<C extends KubeObject>(resource: Resource<C>): Informer<C> {
    const informer = this.#context.informers.informer(resource);
    this.#others.set(nameOf(resource), informer as unknown as Informer<KubeObject>);
    return informer;
  }

  #onChange(
    resource: Resource<KubeObject>,
    concerns: (object: KubeObject) => readonly string[],
    loop: ControlLoop,
  ): void {
    const tell = (object: KubeObject): void => {
      for (const key of concerns(object)) loop.queue.add(key);
    };
    const changed = (object: KubeObject, previous: KubeObject): void => {
      tell(object);
      tell(previous);
    };
    this.#others.get(nameOf(resource))?.addHandler({ added: tell, updated: changed, deleted: tell });
  }

  #owners(child: KubeObject): readonly string[] {
    const owner = child.metadata?.ownerReferences?.find(({ controller: controls }) => controls);
    const { for: own } = this.#options;
    if (owner === undefined || owner.kind !== own.kind || groupOf(owner.apiVersion) !== own.group) return [];
    return [own.namespaced ? `${child.metadata?.namespace ?? ''}/${owner.name}` : owner.name];
  }

  readonly #list = <C extends KubeObject>(resource: Resource<C>, namespace = ''): readonly C[] =>
    this.#cacheOf(resource).list(namespace);

  /** @throws Error where the controller does not follow the kind */
  #cacheOf<C extends KubeObject>(resource: Resource<C>): Informer<C>['cache'] {
    if (nameOf(resource) === nameOf(this.#options.for)) return this.#objects.cache as unknown as Informer<C>['cache'];
    const informer = this.#others.get(nameOf(resource));
    if (informer !== undefined) return (informer as unknown as Informer<C>).cache;
    throw new Error(`controller ${this.#options.name} neither owns nor watches ${nameOf(resource)}`);
  }

  #view(object: T, signal: AbortSignal): View {
    const { uid = '', namespace = '' } = object.metadata ?? {};
    return {
      children: (resource) => this.#cacheOf(resource).byIndex(controllerIndex, uid),
      find: (resource, name, other = namespace) =>
        this.#cacheOf(resource).get({ name, namespace: resource.namespaced ? other : '' }),
      list: this.#list,
      now: formatTime(this.#context.clock.now()),
      signal,
    };
  }

  async #turn(key: string, signal: AbortSignal): Promise<Outcome> {
    const object = this.#objects.cache.byKey(key);
    if (object === undefined) {
      this.#children.forget(key);
      return done;
    }
    const view = this.#view(object, signal);
    if (object.metadata?.deletionTimestamp !== undefined) return this.#finalize(object, view);
    if (this.#options.finalize !== undefined && !hasFinalizer(object, this.#finalizer)) {
      await this.#setFinalizers(object, [...(object.metadata?.finalizers ?? []), this.#finalizer]);
      return done; // The change wakes the loop again.
    }
    return this.#carryOut(key, object, await this.#options.reconcile(object, view), signal);
  }

  get #finalizer(): string {
    return `${this.#options.for.group || 'core'}/${this.#options.name}`;
  }

  /** Without `finalize` too: an earlier program of this name may have had one, and its finalizer would hold the object for ever. */
  async #finalize(object: T, view: View): Promise<Outcome> {
    const { finalize } = this.#options;
    if (!hasFinalizer(object, this.#finalizer)) return done;
    if (finalize !== undefined && !(await finalize(object, view))) return after(finalizerRetryMs);
    const others = (object.metadata?.finalizers ?? []).filter((each) => each !== this.#finalizer);
    await this.#setFinalizers(object, others).catch((error: unknown) => {
      if (!hasReason(error, 'NotFound')) throw error;
    });
    return done;
  }

  /** The version is sent along: a finalizer of somebody else must not get lost. */
  async #setFinalizers(object: T, finalizers: readonly string[]): Promise<void> {
    const { resourceVersion } = object.metadata ?? {};
    const body = { metadata: { resourceVersion, finalizers } };
    await this.#context.client.patch(this.#options.for, referenceTo(object), { type: 'merge', body });
  }

  async #carryOut(key: string, object: T, plan: Plan<T>, signal: AbortSignal): Promise<Outcome> {
    signal.throwIfAborted();
    switch (plan.kind) {
      case 'wait':
        this.#log.debug('waiting', { key, why: plan.why });
        return plan.againMs === undefined ? done : after(plan.againMs);
      case 'impossible':
        this.#context.events.record(this.#options.for, object, 'Warning', 'ReconcileImpossible', plan.why);
        return { kind: 'terminal', error: new Error(plan.why) };
      case 'want': {
        for (const { type, reason, message } of plan.events ?? []) {
          this.#context.events.record(this.#options.for, object, type, reason, message);
        }
        await this.#children.bringTo(object, plan.objects, signal);
        signal.throwIfAborted();
        await this.#writeStatus(object, plan.status);
        return plan.againMs === undefined ? done : after(plan.againMs);
      }
    }
  }

  async #writeStatus(object: T, status: unknown): Promise<void> {
    if (status === undefined) return;
    const before = (object as { readonly status?: unknown }).status;
    if (isDeepStrictEqual(plain(before), plain(status))) return;
    const next = { ...object, status } as T;
    await this.#context.client.update(this.#options.for, next, { subresource: 'status' });
  }
}

const groupOf = (apiVersion: string): string => apiVersion.split('/').at(-2) ?? '';

const hasFinalizer = (object: KubeObject, finalizer: string): boolean =>
  object.metadata?.finalizers?.includes(finalizer) ?? false;

/** Without what is undefined, as it would be stored. */
const plain = (value: unknown): unknown =>
  value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
