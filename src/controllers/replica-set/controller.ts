/**
 * ReplicaSets: keeps as many pods as wanted.
 *
 * ```
 *  pods, ReplicaSets change ──▶ key ──▶ claim pods ──▶ expected seen? ──▶ create or delete ──▶ status
 * ```
 * Kept true: pods in flight are not asked for twice (expectations); a failing create stops a burst early (slow start).
 */
import { type KubeObject, objectKey, parseObjectKey } from '../../api/object.ts';
import type { ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { isRefusal } from '../../client/errors.ts';
import { Expectations } from '../../client/expectations.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { pods as podsResource, replicaSets } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import {
  type ControllerContext,
  contextFor,
  isDeleting,
  type LoopContext,
  nameOf,
  namespaceOf,
  referenceOf,
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
import { isActive, isTerminating } from '../shared/pods.ts';
import { slowStart } from '../shared/slow-start.ts';
import { decideReplicas, nextAvailabilityMs, podFromTemplate, type ReplicaFailure, statusOf } from './decide.ts';

export function replicaSetController(context: ControllerContext): Service {
  return new ReplicaSetController(contextFor(context, 'replicaset-controller')).loop;
}

class ReplicaSetController {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #expectations: Expectations;
  readonly #replicaSets: ReadonlyCache<ReplicaSet>;
  readonly #pods: ReadonlyCache<Pod>;

  constructor(context: LoopContext) {
    this.#context = context;
    this.#expectations = new Expectations(context.clock);
    const sets = context.informers.informer(replicaSets).addIndex(controllerIndex, controllerIndexValues);
    const pods = context.informers.informer(podsResource).addIndex(controllerIndex, controllerIndexValues);
    this.#replicaSets = sets.cache;
    this.#pods = pods.cache;
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    this.loop = new ControlLoop({ ...context, name: 'replicaset', reconcile, informers: [sets, pods] });
    const enqueue = (object: KubeObject): void => this.loop.queue.add(objectKey(object));
    sets.addHandler({ added: enqueue, updated: enqueue, deleted: enqueue });
    pods.addHandler({
      added: (pod) => this.#podAdded(pod),
      updated: (pod, previous) => this.#podUpdated(pod, previous),
      deleted: (pod) => this.#podDeleted(pod),
    });
  }

  /** The key of the ReplicaSet that controls `pod`. */
  #ownerKey(pod: Pod): string | undefined {
    const controller = controllerOf(pod);
    if (controller?.kind !== 'ReplicaSet' || !controller.apiVersion.startsWith('apps/')) return undefined;
    return `${namespaceOf(pod)}/${controller.name}`;
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
      const selector = labelMatcher(replicaSet.spec?.selector);
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
    const soonMs = nextAvailabilityMs(replicaSet, active, this.#context.clock.now());
    return soonMs === undefined ? done : after(soonMs);
  }

  #claimPods(replicaSet: ReplicaSet): Promise<readonly Pod[]> {
    const candidates = [
      ...this.#pods.byIndex(controllerIndex, uidOf(replicaSet)),
      ...this.#pods.byIndex(controllerIndex, orphansOf(namespaceOf(replicaSet))).filter(isActive),
    ];
    const claimed = claim(replicaSet, labelMatcher(replicaSet.spec?.selector), candidates);
    return carryOutClaim(
      this.#context.client,
      { resource: replicaSets, object: replicaSet },
      { resource: podsResource, claim: claimed },
    );
  }

  /** Resolves with what failed: for the status, and to be tried again. */
  async #manage(key: string, replicaSet: ReplicaSet, active: readonly Pod[]): Promise<[ReplicaFailure?, unknown?]> {
    const plan = decideReplicas(replicaSet, active, this.#related(replicaSet), this.#context.clock.now());
    if (plan.create > 0) return this.#create(key, replicaSet, plan.create);
    if (plan.remove.length > 0) return this.#remove(key, replicaSet, plan.remove);
    return [];
  }

  /** Active pods of all ReplicaSets that share this one's controller. */
  #related(replicaSet: ReplicaSet): readonly Pod[] {
    const owner = controllerOf(replicaSet);
    const siblings = owner === undefined ? [replicaSet] : this.#replicaSets.byIndex(controllerIndex, owner.uid);
    return siblings.flatMap((set) => this.#pods.byIndex(controllerIndex, uidOf(set)).filter(isActive));
  }

  async #create(key: string, replicaSet: ReplicaSet, count: number): Promise<[ReplicaFailure?, unknown?]> {
    const { client, events } = this.#context;
    this.#expectations.expect(key, count);
    const pod = podFromTemplate(replicaSet);
    const result = await slowStart(count, async () => {
      try {
        const created = await client.create(podsResource, pod);
        events.record(replicaSets, replicaSet, 'Normal', 'SuccessfulCreate', `Created pod: ${nameOf(created)}`);
      } catch (error) {
        this.#expectations.creationSeen(key);
        if (isNamespaceEnding(error)) return;
        events.record(replicaSets, replicaSet, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
        throw error;
      }
    });
    this.#expectations.creationSeen(key, result.skipped);
    const error = result.errors[0];
    return error === undefined ? [] : [{ reason: 'FailedCreate', message: messageOf(error) }, error];
  }

  async #remove(key: string, replicaSet: ReplicaSet, pods: readonly Pod[]): Promise<[ReplicaFailure?, unknown?]> {
    this.#expectations.expect(key, 0, pods.map(uidOf));
    const results = await Promise.allSettled(pods.map((pod) => this.#removeOne(key, replicaSet, pod)));
    const failed = results.find((result) => result.status === 'rejected');
    return failed === undefined ? [] : [{ reason: 'FailedDelete', message: messageOf(failed.reason) }, failed.reason];
  }

  async #removeOne(key: string, replicaSet: ReplicaSet, pod: Pod): Promise<void> {
    const { client, events } = this.#context;
    try {
      await client.delete(podsResource, referenceOf(pod), { uid: uidOf(pod) });
      events.record(replicaSets, replicaSet, 'Normal', 'SuccessfulDelete', `Deleted pod: ${nameOf(pod)}`);
    } catch (error) {
      if (!isRefusal(error) && (await this.#isEnding(pod))) return;
      this.#expectations.deletionSeen(key, uidOf(pod));
      if (hasReason(error, 'NotFound', 'Conflict')) return;
      events.record(replicaSets, replicaSet, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`);
      throw error;
    }
  }

  /**
   * A deletion whose answer got lost may have been carried out: a cache that does not show it yet would have another pod deleted in its place. Where
   * the server does not say either, the deletion stays expected.
   */
  async #isEnding(pod: Pod): Promise<boolean> {
    const { client, clock } = this.#context;
    for (let attempt = 0; attempt < asksMax; attempt++) {
      try {
        // Listed by name: this loop may list pods, and not get one.
        const query = { namespace: namespaceOf(pod), fieldSelector: `metadata.name=${nameOf(pod)}` };
        const current = (await client.list(podsResource, query)).items[0];
        return current === undefined || isDeleting(current) || uidOf(current) !== uidOf(pod);
      } catch {
        await clock.sleep(askAgainMs);
      }
    }
    return true;
  }

  /** Written only where it differs. */
  async #tellStatus(
    replicaSet: ReplicaSet,
    active: readonly Pod[],
    terminating: readonly Pod[],
    failure: ReplicaFailure | undefined,
  ): Promise<void> {
    const fresh = this.#replicaSets.get(parseObjectKey(objectKey(replicaSet)));
    if (fresh === undefined || uidOf(fresh) !== uidOf(replicaSet)) return;
    const status = statusOf(replicaSet, { active, terminating }, failure, this.#context.clock.now());
    if (sameStatus(status, replicaSet.status)) return;
    await this.#context.client.update(replicaSets, { ...replicaSet, status }, { subresource: 'status' });
  }
}

/** How often, and how soon again (ms), the server is asked what became of a deletion. */
const asksMax = 10;
const askAgainMs = 500;

const zeroes = { replicas: 0, fullyLabeledReplicas: 0, readyReplicas: 0, availableReplicas: 0, terminatingReplicas: 0 };

/** The API leaves out zeroes. */
const sameStatus = (a: object, b: object | undefined): boolean =>
  semanticallyEqual({ ...zeroes, ...a }, { ...zeroes, ...b });

/** Creating in a namespace that is being deleted is refused with this cause: nothing to complain about. */
function isNamespaceEnding(error: unknown): boolean {
  return (
    hasReason(error, 'Forbidden') &&
    (error.details?.causes ?? []).some(({ reason }) => reason === 'NamespaceTerminating')
  );
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
