/**
 * StatefulSets: keeps pods with names, storage and order.
 *
 * ```
 *  pods, claims, sets change ──▶ key ──▶ claim pods, revisions ──▶ revision of the template ──▶ plan ──▶ steps ──▶ status ──▶ history
 * ```
 * Kept true: a step is repeated harmlessly (`pods.ts`), so no expectations are needed, but for pods that were asked to go (`departures.ts`); a
 * failed step ends the plan and is tried again with back-off, and the status is told all the same. Pods that fail again and again are replaced
 * ever more slowly.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { ControllerRevision, StatefulSet, StatefulSetStatus } from '../../api/schema/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { isRefusal } from '../../client/errors.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { persistentVolumeClaims, pods as podsResource, statefulSets } from '../../client/resources.ts';
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
import { type Follower, follow } from '../shared/follow.ts';
import { carryOutClaim, claim, controllerIndex, controllerIndexValues, orphansOf } from '../shared/ownership.ts';
import { ReplacementBackoff } from '../shared/replacement-backoff.ts';
import {
  byRevision,
  chooseRevision,
  RevisionHistory,
  removeRevisions,
  surplusRevisions,
  type WantedRevision,
} from '../shared/revisions.ts';
import { slowStart } from '../shared/slow-start.ts';
import { decideStatefulSet, type StatefulSetPlan, type Step } from './decide.ts';
import { Departures } from './departures.ts';
import { ordinalOf, podRevisionOf } from './identity.ts';
import { measureStatefulSets } from './metrics.ts';
import { takeStep } from './pods.ts';
import { sameStatus } from './status.ts';

export function statefulSetController(context: ControllerContext): Service {
  return new StatefulSetController(contextFor(context, 'statefulset-controller')).loop;
}

const revisionHashLabel = 'controller.kubernetes.io/hash';

class StatefulSetController {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #sets: ReadonlyCache<StatefulSet>;
  readonly #pods: ReadonlyCache<Pod>;
  readonly #claims: ReadonlyCache<PersistentVolumeClaim>;
  readonly #history: RevisionHistory<StatefulSet>;
  readonly #backoff: ReplacementBackoff;
  readonly #departures = new Departures();

  constructor(context: LoopContext) {
    this.#context = context;
    this.#backoff = new ReplacementBackoff(context.clock);
    const { informers } = context;
    const sets = informers.informer(statefulSets).addIndex(controllerIndex, controllerIndexValues);
    const pods = informers.informer(podsResource).addIndex(controllerIndex, controllerIndexValues);
    const wake = (key: string): void => this.loop.queue.add(key);
    this.#history = new RevisionHistory(context, { resource: statefulSets, hashLabel: revisionHashLabel, wake });
    const claims = informers.informer(persistentVolumeClaims);
    this.#sets = sets.cache;
    this.#pods = pods.cache;
    this.#claims = claims.cache;
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    const read = [sets, pods, this.#history.informer, claims];
    this.loop = new ControlLoop({ ...context, name: 'statefulset', reconcile, informers: read });
    const changed = (object: KubeObject): void => wake(objectKey(object));
    sets.addHandler({ added: changed, updated: changed, deleted: changed });
    sets.addHandler({ deleted: (gone) => this.#departures.forget(uidOf(gone)) });
    const selectorOf = (set: StatefulSet) => set.spec?.selector;
    const follower: Follower<StatefulSet> = { resource: statefulSets, owners: sets.cache, selectorOf, wake };
    follow(pods, follower);
    claims.addHandler({ deleted: (gone) => this.#claimGone(gone) });
    const podsOf = (set: StatefulSet) => pods.cache.byIndex(controllerIndex, uidOf(set));
    const measured = () => sets.cache.list().map((set) => ({ set, pods: podsOf(set) }));
    if (context.metrics) measureStatefulSets(context.metrics, measured, () => context.clock.now());
  }

  /** A pod may wait for the old claim of its name to go. */
  #claimGone(gone: PersistentVolumeClaim): void {
    for (const set of this.#sets.list(namespaceOf(gone))) {
      const templates = set.spec?.volumeClaimTemplates ?? [];
      const isOurs = templates.some((template) => nameOf(gone).startsWith(`${nameOf(template)}-${nameOf(set)}-`));
      if (isOurs) this.loop.queue.add(objectKey(set));
    }
  }

  async #reconcile(key: string): Promise<Outcome> {
    const set = this.#sets.byKey(key);
    if (set === undefined) return done;
    const pods = await this.#departures.applied(uidOf(set), await this.#claimPods(set), {
      stands: (pod) => this.#stands(pod),
      nowMs: this.#context.clock.now(),
    });
    const revisions = await this.#history.claim(set);
    const wanted = await this.#wantedRevision(set, revisions);
    if (wanted === undefined) return done;
    const current = revisions.find((revision) => nameOf(revision) === set.status?.currentRevision) ?? wanted.revision;
    const plan = decideStatefulSet({
      set,
      pods,
      claim: (name) => this.#claims.get({ namespace: namespaceOf(set), name }),
      current,
      update: wanted.revision,
      collisionCount: wanted.collisionCount,
      heldBackMs: (podName) => this.#backoff.remainingMs(placeOf(set, podName)),
      nowMs: this.#context.clock.now(),
    });
    const failure = await this.#carryOut(set, plan);
    await this.#tellStatus(set, plan.status);
    await this.#truncate(set, revisions, [nameOf(current), nameOf(wanted.revision), ...pods.map(podRevisionOf)]);
    if (failure !== undefined) throw failure.error;
    return plan.afterMs === undefined ? done : after(plan.afterMs);
  }

  async #claimPods(set: StatefulSet): Promise<readonly Pod[]> {
    const candidates = [
      ...this.#pods.byIndex(controllerIndex, uidOf(set)),
      ...this.#pods.byIndex(controllerIndex, orphansOf(namespaceOf(set))),
    ].filter((pod) => ordinalOf(set, pod) !== undefined);
    return carryOutClaim(
      this.#context.client,
      { resource: statefulSets, object: set },
      { resource: podsResource, claim: claim(set, labelMatcher(set.spec?.selector), candidates) },
    );
  }

  /** Undefined where the set is being deleted and its history has gone before it: nothing is made for it any more. */
  async #wantedRevision(
    set: StatefulSet,
    revisions: readonly ControllerRevision[],
  ): Promise<WantedRevision | undefined> {
    const choice = chooseRevision(revisions, set.spec?.template ?? {});
    if (!isDeleting(set)) return this.#history.ensure(set, choice);
    return choice.standing && { revision: choice.standing, collisionCount: set.status?.collisionCount ?? 0 };
  }

  /** Resolves with the first failure, for which the steps behind it were left undone. */
  async #carryOut(set: StatefulSet, plan: StatefulSetPlan): Promise<{ readonly error: unknown } | undefined> {
    for (const steps of plan.phases) {
      const errors = plan.parallel ? await this.#inParallel(set, steps) : await this.#inOrder(set, steps);
      if (errors.length > 0) return { error: errors[0] };
    }
    return undefined;
  }

  async #inParallel(set: StatefulSet, steps: readonly Step[]): Promise<readonly unknown[]> {
    const result = await slowStart(steps.length, async (index) => {
      const step = steps[index];
      if (step !== undefined) await this.#take(set, step);
    });
    return result.errors;
  }

  async #inOrder(set: StatefulSet, steps: readonly Step[]): Promise<readonly unknown[]> {
    try {
      for (const step of steps) await this.#take(set, step);
      return [];
    } catch (error) {
      return [error];
    }
  }

  async #take(set: StatefulSet, step: Step): Promise<void> {
    if (step.kind === 'delete' && step.why === 'finished') this.#backoff.replaced(placeOf(set, nameOf(step.pod)));
    try {
      await takeStep(this.#context, set, step);
    } catch (error) {
      if (step.kind === 'delete' && !isRefusal(error)) this.#departures.asked(uidOf(set), uidOf(step.pod), 'unknown');
      throw error;
    }
    if (step.kind === 'delete') this.#departures.asked(uidOf(set), uidOf(step.pod), 'leaving');
  }

  /** As the server knows it, and nobody has told it to go. */
  async #stands(pod: Pod): Promise<boolean> {
    try {
      const there = await this.#context.client.get(podsResource, referenceOf(pod));
      return uidOf(there) === uidOf(pod) && !isDeleting(there);
    } catch (error) {
      if (hasReason(error, 'NotFound')) return false;
      throw error;
    }
  }

  /** Written only where it differs. */
  async #tellStatus(set: StatefulSet, status: StatefulSetStatus): Promise<void> {
    if (sameStatus(status, set.status)) return;
    await this.#context.client.update(statefulSets, { ...set, status }, { subresource: 'status' });
  }

  async #truncate(set: StatefulSet, revisions: readonly ControllerRevision[], inUse: readonly string[]): Promise<void> {
    const limit = set.spec?.revisionHistoryLimit ?? 10;
    // Less than none means all.
    if (isDeleting(set) || limit < 0) return;
    const history = revisions.filter((revision) => !inUse.includes(nameOf(revision))).toSorted(byRevision);
    await removeRevisions(this.#context.client, surplusRevisions(history, limit));
  }
}

/** A new template begins without the failures of the one before. */
const placeOf = (set: StatefulSet, podName: string): string =>
  `${uidOf(set)}/${set.metadata?.generation ?? 0}/${podName}`;
