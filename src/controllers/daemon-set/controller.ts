/**
 * DaemonSets: one pod on each node that wants one.
 *
 * ```
 *  nodes, pods, sets change ──▶ key ──▶ claim pods, revisions ──▶ revision of the template ──▶ plan ──▶ create, delete ──▶ status ──▶ history
 * ```
 * Kept true: pods in flight are not asked for twice (expectations). A node wakes a set only where it changes what the set wants there: the
 * heartbeats of thousands of nodes cost nothing.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { ControllerRevision, DaemonSet, DaemonSetStatus } from '../../api/schema/types/apps-v1.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { afterSoonest, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { Expectations } from '../../client/expectations.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import {
  controllerRevisions,
  daemonSets,
  nodes as nodesResource,
  pods as podsResource,
} from '../../client/resources.ts';
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
import { follow } from '../shared/follow.ts';
import { carryOutClaim, claim, controllerIndex, controllerIndexValues, orphansOf } from '../shared/ownership.ts';
import { PodControl } from '../shared/pod-control.ts';
import { unlessGone } from '../shared/refusals.ts';
import { ReplacementBackoff } from '../shared/replacement-backoff.ts';
import {
  chooseRevision,
  type RevisionChoice,
  RevisionHistory,
  removeRevisions,
  revisionLabel,
  surplusRevisions,
} from '../shared/revisions.ts';
import { type DaemonSetPlan, decideDaemonSet, endedText } from './decide.ts';
import { placementOn, podFor } from './placement.ts';
import { sameStatus } from './status.ts';

export function daemonSetController(context: ControllerContext): Service {
  return new DaemonSetController(contextFor(context, 'daemon-set-controller', 'daemonset-controller')).loop;
}

/** The API takes no such selector, but what is stored may be older than that, or come from elsewhere. */
const selectsAll = ({ matchLabels = {}, matchExpressions = [] }: LabelSelector = {}): boolean =>
  Object.keys(matchLabels).length + matchExpressions.length === 0;

const selectingAllText = 'This daemon set is selecting all pods. A non-empty selector is required.';

class DaemonSetController {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #sets: ReadonlyCache<DaemonSet>;
  readonly #pods: ReadonlyCache<Pod>;
  readonly #nodes: ReadonlyCache<Node>;
  readonly #history: RevisionHistory<DaemonSet>;
  readonly #expectations: Expectations;
  readonly #control: PodControl<DaemonSet>;
  readonly #backoff: ReplacementBackoff;

  constructor(context: LoopContext) {
    this.#context = context;
    this.#expectations = new Expectations(context.clock);
    this.#control = new PodControl(context, daemonSets, this.#expectations);
    this.#backoff = new ReplacementBackoff(context.clock);
    const { informers } = context;
    const sets = informers.informer(daemonSets);
    const pods = informers.informer(podsResource).addIndex(controllerIndex, controllerIndexValues);
    const wake = (key: string): void => this.loop.queue.add(key);
    this.#history = new RevisionHistory(context, { resource: daemonSets, hashLabel: revisionLabel, wake });
    const nodes = informers.informer(nodesResource);
    this.#sets = sets.cache;
    this.#pods = pods.cache;
    this.#nodes = nodes.cache;
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    const read = [sets, pods, this.#history.informer, nodes];
    this.loop = new ControlLoop({ ...context, name: 'daemonset', reconcile, informers: read });
    const changed = (object: KubeObject): void => wake(objectKey(object));
    sets.addHandler({ added: changed, updated: changed, deleted: changed });
    const expectations = this.#expectations;
    // One that is made anew under the name expects nothing yet.
    sets.addHandler({ deleted: (gone) => expectations.forget(objectKey(gone)) });
    follow(pods, {
      resource: daemonSets,
      owners: sets.cache,
      selectorOf: ({ spec }) => spec?.selector,
      wake,
      appeared: (key) => expectations.creationSeen(key),
      ended: (key, pod) => expectations.deletionSeen(key, uidOf(pod)),
    });
    nodes.addHandler({
      added: (node) => this.#wakeWhere((set) => placementOn(set, node).run),
      updated: (node, previous) => this.#nodeChanged(node, previous),
      deleted: () => this.#wakeWhere(() => true),
    });
  }

  #wakeWhere(concerns: (set: DaemonSet) => boolean): void {
    for (const set of this.#sets.list()) if (concerns(set)) this.loop.queue.add(objectKey(set));
  }

  #nodeChanged(node: Node, previous: Node): void {
    const isSame =
      semanticallyEqual(node.metadata?.labels, previous.metadata?.labels) &&
      semanticallyEqual(node.spec?.taints, previous.spec?.taints);
    if (isSame) return;
    this.#wakeWhere((set) => !semanticallyEqual(placementOn(set, node), placementOn(set, previous)));
  }

  async #reconcile(key: string): Promise<Outcome> {
    const set = this.#sets.byKey(key);
    if (set === undefined) {
      this.#expectations.forget(key);
      return done;
    }
    // Its history may be gone before its pods are: nothing certain can be said of a set that is ending.
    if (isDeleting(set)) return done;
    if (selectsAll(set.spec?.selector)) {
      this.#context.events.record(daemonSets, set, 'Warning', 'SelectingAll', selectingAllText);
      return done;
    }
    const mayAct = this.#expectations.satisfied(key);
    const pods = await this.#claimPods(set);
    const choice = chooseRevision(await this.#claimRevisions(set), set.spec?.template ?? {});
    const { revision, collisionCount } = await this.#history.ensure(set, choice);
    await this.#mergeDuplicates(pods, revision, choice.duplicates);
    const observed = {
      set,
      hash: hashOf(revision),
      nodes: this.#nodes.list(),
      pods,
      heldBackMs: (nodeName: string) => this.#backoff.remainingMs(placeOf(set, nodeName)),
      nowMs: this.#context.clock.now(),
    };
    const plan = decideDaemonSet(observed, mayAct);
    const error = await this.#carryOut(key, set, plan, observed.hash);
    await this.#tellStatus(set, { ...plan.status, ...(collisionCount > 0 && { collisionCount }) });
    if (error !== undefined) throw error;
    await this.#truncate(set, pods, choice);
    return afterSoonest([plan.afterMs, this.#expectations.remainingMs(key)]);
  }

  #claimPods(set: DaemonSet): Promise<readonly Pod[]> {
    const candidates = [
      ...this.#pods.byIndex(controllerIndex, uidOf(set)),
      ...this.#pods.byIndex(controllerIndex, orphansOf(namespaceOf(set))),
    ];
    return carryOutClaim(
      this.#context.client,
      { resource: daemonSets, object: set },
      { resource: podsResource, claim: claim(set, labelMatcher(set.spec?.selector), candidates) },
    );
  }

  /** One that somebody else made without its hash has its name for one from now on. */
  async #claimRevisions(set: DaemonSet): Promise<readonly ControllerRevision[]> {
    const claimed = await this.#history.claim(set);
    return Promise.all(
      claimed.map(async (revision) => {
        const { labels } = revision.metadata ?? {};
        if (labels?.[revisionLabel] !== undefined) return revision;
        const metadata = { ...revision.metadata, labels: { ...labels, [revisionLabel]: nameOf(revision) } };
        return this.#context.client.update(controllerRevisions, { ...revision, metadata });
      }),
    );
  }

  /** Two revisions of one template would have its pods replaced by like ones: they are told apart by the hash alone. */
  async #mergeDuplicates(
    pods: readonly Pod[],
    kept: ControllerRevision,
    duplicates: readonly ControllerRevision[],
  ): Promise<void> {
    const { client } = this.#context;
    const hashes = duplicates.map(hashOf);
    for (const pod of pods.filter((one) => hashes.includes(one.metadata?.labels?.[revisionLabel] ?? ''))) {
      const body = { metadata: { uid: uidOf(pod), labels: { [revisionLabel]: hashOf(kept) } } };
      await client.patch(podsResource, referenceOf(pod), { type: 'strategic', body }).catch(unlessGone);
    }
    await removeRevisions(client, duplicates);
  }

  /** Resolves with what failed. */
  async #carryOut(key: string, set: DaemonSet, plan: DaemonSetPlan, hash: string): Promise<unknown> {
    if (plan.create.length + plan.remove.length === 0) return undefined;
    for (const removal of plan.remove.filter(({ ended }) => ended !== undefined)) {
      const failed = removal.ended?.phase === 'Failed';
      if (failed) this.#backoff.replaced(placeOf(set, removal.ended?.nodeName ?? ''));
      const [type, reason] = failed
        ? (['Warning', 'FailedDaemonPod'] as const)
        : (['Normal', 'SucceededDaemonPod'] as const);
      this.#context.events.record(daemonSets, set, type, reason, endedText(removal));
    }
    const { createError, removeError } = await this.#control.change(key, set, {
      create: plan.create.map((nodeName) => podFor(set, hash, nodeName)),
      remove: plan.remove.map(({ pod }) => pod),
    });
    return createError ?? removeError;
  }

  /** Written only where it differs. */
  async #tellStatus(set: DaemonSet, status: DaemonSetStatus): Promise<void> {
    if (sameStatus(status, set.status)) return;
    await this.#context.client.update(daemonSets, { ...set, status }, { subresource: 'status' });
  }

  /** Revisions by which pods still run count towards the limit, and stay. */
  async #truncate(set: DaemonSet, pods: readonly Pod[], { others }: RevisionChoice): Promise<void> {
    const inUse = new Set(pods.map((pod) => pod.metadata?.labels?.[revisionLabel]));
    const unused = others.filter((revision) => !inUse.has(hashOf(revision)));
    const keep = (set.spec?.revisionHistoryLimit ?? 10) - (others.length - unused.length);
    await removeRevisions(this.#context.client, surplusRevisions(unused, keep));
  }
}

/** One that serves without being the set's own may lack the label. */
const hashOf = (revision: ControllerRevision): string => revision.metadata?.labels?.[revisionLabel] ?? nameOf(revision);

/** A new template begins without the failures of the one before. */
const placeOf = (set: DaemonSet, nodeName: string): string =>
  `${uidOf(set)}/${set.status?.observedGeneration ?? 0}/${nodeName}`;
