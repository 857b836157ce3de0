/**
 * ReplicaSets and ReplicationControllers: keeps as many pods as wanted. The two are one loop, made twice from `kinds.ts`; what is said
 * here of ReplicaSets holds for both.
 *
 * ```
 *  pods, ReplicaSets change ──▶ key ──▶ claim pods ──▶ expected seen? ──▶ create or delete ──▶ status
 * ```
 * Kept true: pods in flight are not asked for twice (expectations); a failing create stops a burst early (slow start).
 */
import { type KubeObject, objectKey, parseObjectKey } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { afterSoonest, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { Expectations } from '../../client/expectations.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { pods as podsResource } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import type { Service } from '../../lib/service.ts';
import {
  type ControllerContext,
  contextFor,
  isDeleting,
  type LoopContext,
  namespaceOf,
  uidOf,
} from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import {
  carryOutClaim,
  claim,
  controllerIndex,
  controllerIndexValues,
  controllerOf,
  orphansOf,
} from '../shared/ownership.ts';
import { PodControl } from '../shared/pod-control.ts';
import { podFromTemplate } from '../shared/pod-template.ts';
import { isActive, isTerminating } from '../shared/pods.ts';
import { messageOf } from '../shared/refusals.ts';
import { decideReplicas, nextAvailabilityMs, type ReplicaFailure, statusOf } from './decide.ts';
import { type ReplicaKind, type Replicated, replicaSetKind, replicationControllerKind } from './kinds.ts';
import { ReplicaMetrics } from './metrics.ts';

export function replicaSetController(context: ControllerContext): Service {
  return new ReplicaController(context, replicaSetKind).loop;
}

export function replicationController(context: ControllerContext): Service {
  return new ReplicaController(context, replicationControllerKind).loop;
}

class ReplicaController<O extends Replicated> {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #kind: ReplicaKind<O>;
  readonly #expectations: Expectations;
  readonly #control: PodControl<O>;
  readonly #metrics: ReplicaMetrics;
  readonly #replicaSets: ReadonlyCache<O>;
  readonly #pods: ReadonlyCache<Pod>;

  constructor(all: ControllerContext, kind: ReplicaKind<O>) {
    const context = contextFor(all, kind.serviceAccount);
    this.#context = context;
    this.#kind = kind;
    this.#expectations = new Expectations(context.clock);
    this.#control = new PodControl(context, kind.resource, this.#expectations);
    this.#metrics = new ReplicaMetrics(context.metrics ?? new MetricRegistry());
    const sets = context.informers.informer(kind.resource).addIndex(controllerIndex, controllerIndexValues);
    const pods = context.informers.informer(podsResource).addIndex(controllerIndex, controllerIndexValues);
    this.#replicaSets = sets.cache;
    this.#pods = pods.cache;
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    this.loop = new ControlLoop({ ...context, name: kind.loop, reconcile, informers: [sets, pods] });
    const enqueue = (object: KubeObject): void => this.loop.queue.add(objectKey(object));
    sets.addHandler({ added: enqueue, updated: enqueue, deleted: (gone) => this.#gone(gone) });
    pods.addHandler({
      added: (pod) => this.#podAdded(pod),
      updated: (pod, previous) => this.#podUpdated(pod, previous),
      deleted: (pod) => this.#podDeleted(pod),
    });
  }

  /** One that is made anew under the name expects nothing yet. */
  #gone(replicaSet: O): void {
    const key = objectKey(replicaSet);
    this.#expectations.forget(key);
    this.loop.queue.add(key);
  }

  /** The key of the ReplicaSet that controls `pod`: not that of another which has the name now. */
  #ownerKey(pod: Pod): string | undefined {
    const controller = controllerOf(pod);
    if (controller === undefined || !this.#kind.isNamedBy(controller)) return undefined;
    const key = `${namespaceOf(pod)}/${controller.name}`;
    return this.#replicaSets.byKey(key)?.metadata?.uid === controller.uid ? key : undefined;
  }

  #podAdded(pod: Pod): void {
    if (isDeleting(pod)) {
      this.#podDeleted(pod);
      return;
    }
    const key = this.#ownerKey(pod);
    if (key !== undefined) {
      this.#expectations.creationSeen(key);
      this.loop.queue.add(key);
    } else if (controllerOf(pod) === undefined) this.#wakeMatching(pod);
  }

  #podUpdated(pod: Pod, previous: Pod): void {
    const [key, previousKey] = [this.#ownerKey(pod), this.#ownerKey(previous)];
    if (previousKey !== undefined && previousKey !== key) this.loop.queue.add(previousKey);
    if (key !== undefined) {
      if (isDeleting(pod)) this.#expectations.deletionSeen(key, uidOf(pod));
      this.loop.queue.add(key);
    } else if (controllerOf(pod) === undefined) this.#wakeMatching(pod);
  }

  #podDeleted(pod: Pod): void {
    const key = this.#ownerKey(pod);
    if (key === undefined) return;
    this.#expectations.deletionSeen(key, uidOf(pod));
    this.loop.queue.add(key);
  }

  /** An orphan may be adopted by those whose selector it matches. */
  #wakeMatching(pod: Pod): void {
    for (const replicaSet of this.#replicaSets.list(namespaceOf(pod))) {
      const selector = labelMatcher(this.#kind.selectorOf(replicaSet));
      if (selector.matches(pod.metadata?.labels ?? {})) this.loop.queue.add(objectKey(replicaSet));
    }
  }

  async #reconcile(key: string): Promise<Outcome> {
    const replicaSet = this.#replicaSets.byKey(key);
    if (replicaSet === undefined) {
      this.#expectations.forget(key);
      return done;
    }
    const satisfied = this.#expectations.satisfied(key);
    const owned = await this.#claimPods(replicaSet);
    const active = owned.filter(isActive);
    let failure: ReplicaFailure | undefined;
    let error: unknown;
    if (satisfied && !isDeleting(replicaSet)) [failure, error] = await this.#manage(key, replicaSet, active);
    await this.#tellStatus(replicaSet, active, owned.filter(isTerminating), failure);
    if (error !== undefined) throw error;
    return afterSoonest([
      nextAvailabilityMs(replicaSet, active, this.#context.clock.now()),
      this.#expectations.remainingMs(key),
    ]);
  }

  #claimPods(replicaSet: O): Promise<readonly Pod[]> {
    const candidates = [
      ...this.#pods.byIndex(controllerIndex, uidOf(replicaSet)),
      ...this.#pods.byIndex(controllerIndex, orphansOf(namespaceOf(replicaSet))).filter(isActive),
    ];
    const claimed = claim(replicaSet, labelMatcher(this.#kind.selectorOf(replicaSet)), candidates);
    return carryOutClaim(
      this.#context.client,
      { resource: this.#kind.resource, object: replicaSet },
      { resource: podsResource, claim: claimed },
    );
  }

  /** Resolves with what failed: for the status, and to be tried again. */
  async #manage(key: string, replicaSet: O, active: readonly Pod[]): Promise<[ReplicaFailure?, unknown?]> {
    const nowMs = this.#context.clock.now();
    const plan = decideReplicas(replicaSet, active, this.#related(replicaSet), nowMs);
    if (plan.create + plan.remove.length === 0) return [];
    this.#metrics.chosen(active, plan.remove, nowMs);
    const pod = podFromTemplate(this.#kind.resource, replicaSet, replicaSet.spec?.template ?? {});
    const create = Array.from({ length: plan.create }, () => pod);
    const { createError, removeError } = await this.#control.change(key, replicaSet, { create, remove: plan.remove });
    if (createError !== undefined) return [{ reason: 'FailedCreate', message: messageOf(createError) }, createError];
    if (removeError !== undefined) return [{ reason: 'FailedDelete', message: messageOf(removeError) }, removeError];
    return [];
  }

  /** Active pods of all ReplicaSets that share this one's controller. */
  #related(replicaSet: O): readonly Pod[] {
    const owner = controllerOf(replicaSet);
    const siblings = owner === undefined ? [replicaSet] : this.#replicaSets.byIndex(controllerIndex, owner.uid);
    return siblings.flatMap((set) => this.#pods.byIndex(controllerIndex, uidOf(set)).filter(isActive));
  }

  /** Written only where it differs. */
  async #tellStatus(
    replicaSet: O,
    active: readonly Pod[],
    terminating: readonly Pod[],
    failure: ReplicaFailure | undefined,
  ): Promise<void> {
    const fresh = this.#replicaSets.get(parseObjectKey(objectKey(replicaSet)));
    if (fresh === undefined || uidOf(fresh) !== uidOf(replicaSet)) return;
    const all = statusOf(replicaSet, { active, terminating }, failure, this.#context.clock.now());
    const status = this.#kind.statusFrom(all);
    if (sameStatus(status, replicaSet.status)) return;
    await this.#context.client.update(this.#kind.resource, { ...replicaSet, status }, { subresource: 'status' });
  }
}

const zeroes = { replicas: 0, fullyLabeledReplicas: 0, readyReplicas: 0, availableReplicas: 0, terminatingReplicas: 0 };

/** The API leaves out zeroes. */
const sameStatus = (a: object, b: object | undefined): boolean =>
  semanticallyEqual({ ...zeroes, ...a }, { ...zeroes, ...b });
