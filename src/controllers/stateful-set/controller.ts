/**
 * StatefulSets: keeps pods with names, storage and order.
 *
 * ```
 *  pods, claims, sets change ──▶ key ──▶ claim pods, revisions ──▶ revision of the template ──▶ plan ──▶ steps ──▶ status ──▶ history
 * ```
 * Kept true: a step is repeated harmlessly (`pods.ts`), so no expectations are needed; a failed step ends the plan and is tried again with
 * back-off, and the status is told all the same. Pods that fail again and again are replaced ever more slowly.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { ControllerRevision, StatefulSet, StatefulSetStatus } from '../../api/schema/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import {
  controllerRevisions,
  persistentVolumeClaims,
  pods as podsResource,
  statefulSets,
} from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import {
  type ControllerContext,
  contextFor,
  isDeleting,
  type LoopContext,
  nameOf,
  namespaceOf,
  uidOf,
} from '../shared/context.ts';
import { type Follower, follow, keyOfController } from '../shared/follow.ts';
import { carryOutClaim, claim, controllerIndex, controllerIndexValues, orphansOf } from '../shared/ownership.ts';
import { ReplacementBackoff } from '../shared/replacement-backoff.ts';
import {
  byRevision,
  chooseRevision,
  ensureRevision,
  removeRevisions,
  surplusRevisions,
  type WantedRevision,
} from '../shared/revisions.ts';
import { slowStart } from '../shared/slow-start.ts';
import { decideStatefulSet, type StatefulSetPlan, type Step } from './decide.ts';
import { ordinalOf, podRevisionOf } from './identity.ts';
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
  readonly #revisions: ReadonlyCache<ControllerRevision>;
  readonly #backoff: ReplacementBackoff;

  constructor(context: LoopContext) {
    this.#context = context;
    this.#backoff = new ReplacementBackoff(context.clock);
    const { informers } = context;
    const sets = informers.informer(statefulSets).addIndex(controllerIndex, controllerIndexValues);
    const pods = informers.informer(podsResource).addIndex(controllerIndex, controllerIndexValues);
    const revisions = informers.informer(controllerRevisions).addIndex(controllerIndex, controllerIndexValues);
    const claims = informers.informer(persistentVolumeClaims);
    this.#sets = sets.cache;
    this.#pods = pods.cache;
    this.#claims = claims.cache;
    this.#revisions = revisions.cache;
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    const read = [sets, pods, revisions, claims];
    this.loop = new ControlLoop({ ...context, name: 'statefulset', reconcile, informers: read });
    const wake = (key: string): void => this.loop.queue.add(key);
    const changed = (object: KubeObject): void => wake(objectKey(object));
    sets.addHandler({ added: changed, updated: changed, deleted: changed });
    const selectorOf = (set: StatefulSet) => set.spec?.selector;
    const follower: Follower<StatefulSet> = { resource: statefulSets, owners: sets.cache, selectorOf, wake };
    follow(pods, follower);
    claims.addHandler({ deleted: (gone) => this.#claimGone(gone) });
    revisions.addHandler({ deleted: (gone) => this.#revisionGone(gone) });
  }

  /** The one in use is made again. */
  #revisionGone(gone: ControllerRevision): void {
    const key = keyOfController(statefulSets, gone);
    if (key !== undefined) this.loop.queue.add(key);
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
    const pods = await this.#claimPods(set);
    const revisions = await this.#claimRevisions(set);
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

  async #claimRevisions(set: StatefulSet): Promise<readonly ControllerRevision[]> {
    const candidates = [
      ...this.#revisions.byIndex(controllerIndex, uidOf(set)),
      ...this.#revisions.byIndex(controllerIndex, orphansOf(namespaceOf(set))),
    ];
    return carryOutClaim(
      this.#context.client,
      { resource: statefulSets, object: set },
      { resource: controllerRevisions, claim: claim(set, labelMatcher(set.spec?.selector), candidates) },
    );
  }

  /** Undefined where the set is being deleted and its history has gone before it: nothing is made for it any more. */
  async #wantedRevision(
    set: StatefulSet,
    revisions: readonly ControllerRevision[],
  ): Promise<WantedRevision | undefined> {
    const template = set.spec?.template ?? {};
    const collisionCount = set.status?.collisionCount ?? 0;
    const choice = chooseRevision(revisions, template);
    if (isDeleting(set)) return choice.standing && { revision: choice.standing, collisionCount };
    const owner = { resource: statefulSets, object: set, template, collisionCount, hashLabel: revisionHashLabel };
    return ensureRevision(this.#context.client, owner, choice);
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
    await takeStep(this.#context, set, step);
  }

  /** Written only where it differs. */
  async #tellStatus(set: StatefulSet, status: StatefulSetStatus): Promise<void> {
    if (sameStatus(status, set.status)) return;
    await this.#context.client.update(statefulSets, { ...set, status }, { subresource: 'status' });
  }

  async #truncate(set: StatefulSet, revisions: readonly ControllerRevision[], inUse: readonly string[]): Promise<void> {
    if (isDeleting(set)) return;
    const history = revisions.filter((revision) => !inUse.includes(nameOf(revision))).toSorted(byRevision);
    await removeRevisions(this.#context.client, surplusRevisions(history, set.spec?.revisionHistoryLimit ?? 10));
  }
}

/** A new template begins without the failures of the one before. */
const placeOf = (set: StatefulSet, podName: string): string =>
  `${uidOf(set)}/${set.metadata?.generation ?? 0}/${podName}`;
