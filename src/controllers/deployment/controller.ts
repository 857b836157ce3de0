/**
 * Deployments: carries out what `decide.ts` plans. Each reconciliation is one step; the ReplicaSets' changes bring the next.
 *
 * Kept true: every write names the version it was decided on, so that a decision from a stale cache fails and is made again.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { Deployment, DeploymentStatus, ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { conflict, hasReason, objectModified } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { deployments, pods as podsResource, replicaSets } from '../../client/resources.ts';
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
import {
  carryOutClaim,
  claim,
  controllerIndex,
  controllerIndexValues,
  controllerOf,
  orphansOf,
} from '../shared/ownership.ts';
import { isActive, isAvailable } from '../shared/pods.ts';
import { type DeploymentPlan, decideDeployment, sizeOf } from './decide.ts';
import type { Rollback } from './rollback.ts';
import { availableOf, hashLabel, isRolling, revisionAnnotation, sameTemplate } from './rollout.ts';
import { condition, hasDeadline, withCondition } from './status.ts';

export function deploymentController(context: ControllerContext): Service {
  return new DeploymentController(contextFor(context, 'deployment-controller')).loop;
}

class DeploymentController {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #deployments: ReadonlyCache<Deployment>;
  readonly #replicaSets: ReadonlyCache<ReplicaSet>;
  readonly #pods: ReadonlyCache<Pod>;

  constructor(context: LoopContext) {
    this.#context = context;
    const { informers } = context;
    const owners = informers.informer(deployments);
    const sets = informers.informer(replicaSets).addIndex(controllerIndex, controllerIndexValues);
    const pods = informers.informer(podsResource).addIndex(controllerIndex, controllerIndexValues);
    this.#deployments = owners.cache;
    this.#replicaSets = sets.cache;
    this.#pods = pods.cache;
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    this.loop = new ControlLoop({ ...context, name: 'deployment', reconcile, informers: [owners, sets, pods] });
    const enqueue = (object: KubeObject): void => this.loop.queue.add(objectKey(object));
    owners.addHandler({ added: enqueue, updated: enqueue });
    const wake = (set: ReplicaSet): void => this.#replicaSetChanged(set);
    sets.addHandler({
      added: wake,
      updated: (set, previous) => {
        if (controllerOf(set)?.uid !== controllerOf(previous)?.uid) wake(previous);
        wake(set);
      },
      deleted: wake,
    });
    pods.addHandler({ updated: (pod) => this.#podEnded(pod), deleted: (pod) => this.#podEnded(pod) });
  }

  #ownerKey(set: ReplicaSet): string | undefined {
    const controller = controllerOf(set);
    return controller?.kind === 'Deployment' ? `${namespaceOf(set)}/${controller.name}` : undefined;
  }

  #replicaSetChanged(set: ReplicaSet): void {
    const key = this.#ownerKey(set);
    if (key !== undefined) this.loop.queue.add(key);
    else if (controllerOf(set) === undefined && !isDeleting(set)) this.#wakeMatching(set);
  }

  /** An orphan may be adopted by those whose selector it matches. */
  #wakeMatching(set: ReplicaSet): void {
    for (const deployment of this.#deployments.list(namespaceOf(set))) {
      const selector = labelMatcher(deployment.spec?.selector);
      if (selector.matches(set.metadata?.labels ?? {})) this.loop.queue.add(objectKey(deployment));
    }
  }

  /** `Recreate` waits for the last pod of the old template to be gone, which no ReplicaSet's status tells. */
  #podEnded(pod: Pod): void {
    const controller = controllerOf(pod);
    if (controller?.kind !== 'ReplicaSet') return;
    const set = this.#replicaSets.get({ namespace: namespaceOf(pod), name: controller.name });
    const key = set && this.#ownerKey(set);
    const deployment = key === undefined ? undefined : this.#deployments.byKey(key);
    if (key !== undefined && deployment?.spec?.strategy?.type === 'Recreate') this.loop.queue.add(key);
  }

  async #reconcile(key: string): Promise<Outcome> {
    const deployment = this.#deployments.byKey(key);
    if (deployment === undefined) return done;
    const sets = await this.#claimReplicaSets(deployment);
    const plan = decideDeployment({
      deployment,
      replicaSets: sets,
      podsOf: (uid) => this.#pods.byIndex(controllerIndex, uid),
      nowMs: this.#context.clock.now(),
    });
    const shrinking = new Set(
      plan.update.filter(({ from, to }) => sizeOf(to) < sizeOf(from)).map(({ from }) => uidOf(from)),
    );
    if (shrinking.size > 0 && isRolling(deployment)) await this.#checkCounted(sets, shrinking);
    await this.#carryOut(deployment, plan);
    return plan.afterMs === undefined ? done : after(plan.afterMs);
  }

  #claimReplicaSets(deployment: Deployment): Promise<readonly ReplicaSet[]> {
    const candidates = [
      ...this.#replicaSets.byIndex(controllerIndex, uidOf(deployment)),
      ...this.#replicaSets.byIndex(controllerIndex, orphansOf(namespaceOf(deployment))),
    ];
    return carryOutClaim(
      this.#context.client,
      { resource: deployments, object: deployment },
      {
        resource: replicaSets,
        claim: claim(deployment, labelMatcher(deployment.spec?.selector), candidates),
      },
    );
  }

  /**
   * Pods are given up because others are there, or because they are not available themselves. Statuses and caches lag: they may still count pods
   * that our own last step, or the ReplicaSet's loop, has ended, and not yet count those that have become available, which would be taken for
   * broken ones. So the server is asked first. @throws StatusError Conflict: look again soon
   */
  async #checkCounted(sets: readonly ReplicaSet[], shrinking: ReadonlySet<string>): Promise<void> {
    for (const set of sets.filter((one) => sizeOf(one) > 0)) {
      const current = await this.#context.client.get(replicaSets, referenceOf(set));
      const isFresh = current.metadata?.resourceVersion === set.metadata?.resourceVersion;
      const isObserved = set.status?.observedGeneration === set.metadata?.generation;
      const counted = availableOf({ object: set });
      if (isFresh && isObserved) {
        const available = Math.min(await this.#availablePods(set), sizeOf(set));
        if (available === counted || (available > counted && !shrinking.has(uidOf(set)))) continue;
      }
      throw conflict({ group: 'apps', kind: 'replicasets', name: nameOf(set) }, objectModified);
    }
  }

  async #availablePods(set: ReplicaSet): Promise<number> {
    const { client, clock } = this.#context;
    const hash = set.metadata?.labels?.[hashLabel];
    const labelSelector = hash === undefined ? {} : { labelSelector: `${hashLabel}=${hash}` };
    const { items } = await client.list(podsResource, { namespace: namespaceOf(set), ...labelSelector });
    const own = items.filter((pod) => isActive(pod) && controllerOf(pod)?.uid === uidOf(set));
    return own.filter((pod) => isAvailable(pod, set.spec?.minReadySeconds ?? 0, clock.now())).length;
  }

  async #carryOut(deployment: Deployment, plan: DeploymentPlan): Promise<void> {
    const { client } = this.#context;
    if (plan.create !== undefined && !(await this.#create(deployment, plan.create))) return;
    for (const { from, to } of plan.update) {
      await client.update(replicaSets, to);
      this.#tellScaled(deployment, to, sizeOf(from), sizeOf(to));
    }
    for (const set of plan.remove) {
      await client.delete(replicaSets, referenceOf(set), { uid: uidOf(set) }).catch(unlessGone);
    }
    if (plan.rollback !== undefined) return this.#rollBack(plan.rollback);
    if (plan.revision === undefined && plan.status === undefined) return;
    const marked = plan.revision === undefined ? deployment : withRevision(deployment, plan.revision);
    await this.#setStatus(marked, plan.status ?? deployment.status ?? {});
  }

  /** False where the name is taken by a ReplicaSet of another template: the collision was counted, and the next name is another. */
  async #create(deployment: Deployment, set: ReplicaSet): Promise<boolean> {
    try {
      await this.#context.client.create(replicaSets, set);
    } catch (error) {
      if (hasReason(error, 'AlreadyExists')) return this.#alreadyExists(deployment, set);
      await this.#createFailed(deployment, set, error);
      throw error;
    }
    this.#tellScaled(deployment, set, 0, sizeOf(set));
    return true;
  }

  /** Ours, and only not in the cache yet; or a collision of hashes. */
  async #alreadyExists(deployment: Deployment, set: ReplicaSet): Promise<boolean> {
    const standing = await this.#context.client.get(replicaSets, referenceOf(set));
    const ours = controllerOf(standing)?.uid === uidOf(deployment);
    if (ours && sameTemplate(standing.spec?.template, deployment.spec?.template)) return true;
    const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
    await this.#setStatus(deployment, { ...deployment.status, collisionCount });
    return false;
  }

  async #createFailed(deployment: Deployment, set: ReplicaSet, error: unknown): Promise<void> {
    const { clock, events } = this.#context;
    const causes = hasReason(error, 'Forbidden') ? (error.details?.causes ?? []) : [];
    if (causes.some(({ reason }) => reason === 'NamespaceTerminating')) return;
    const text = error instanceof Error ? error.message : String(error);
    const message = `Failed to create new replica set "${nameOf(set)}": ${text}`;
    events.record(deployments, deployment, 'Warning', 'ReplicaSetCreateError', message);
    if (!hasDeadline(deployment)) return;
    const failed = condition('Progressing', 'False', 'ReplicaSetCreateError', message, clock.now());
    const conditions = withCondition(deployment.status?.conditions, failed);
    if (conditions === deployment.status?.conditions) return;
    await this.#setStatus(deployment, { ...deployment.status, conditions });
  }

  #tellScaled(deployment: Deployment, set: ReplicaSet, from: number, to: number): void {
    if (from === to) return;
    const message = `Scaled ${to > from ? 'up' : 'down'} replica set ${nameOf(set)} from ${from} to ${to}`;
    this.#context.events.record(deployments, deployment, 'Normal', 'ScalingReplicaSet', message);
  }

  async #rollBack({ deployment, event }: Rollback): Promise<void> {
    await this.#context.client.update(deployments, deployment);
    this.#context.events.record(deployments, deployment, event.type, event.reason, event.message);
  }

  async #setStatus(deployment: Deployment, status: DeploymentStatus): Promise<void> {
    await this.#context.client.update(deployments, { ...deployment, status }, { subresource: 'status' });
  }
}

/** Written with the status: an update of the Deployment itself would count as a change of it. */
function withRevision(deployment: Deployment, revision: string): Deployment {
  const annotations = { ...deployment.metadata?.annotations, [revisionAnnotation]: revision };
  return { ...deployment, metadata: { ...deployment.metadata, annotations } };
}

function unlessGone(error: unknown): void {
  if (!hasReason(error, 'NotFound')) throw error;
}
