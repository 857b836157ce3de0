/**
 * ResourceClaims of pods: makes those that a pod's templates describe, and writes their names into its status; notes the pod as user where
 * the scheduler was passed by; and, when users go, takes them out, gives the devices back and deletes what was made for them (`decide.ts`).
 *
 * ```
 *  pod ───── with claims, alive ─▶ pod:KEY ─▶ make, write down, reserve
 *    └────── done or gone ───────▶ claim:KEY ─▶ users out, devices back, delete     ◀── claim
 *  template, claim ─▶ the pods that name it
 * ```
 * A pod that the cache does not show may be one that the scheduler has just seen: it counts as gone only where it was seen to go, or where
 * the server does not know it. What was made and the cache does not show yet is remembered (`recent-claims.ts`), or a pod would get two.
 */
import { objectKey } from '../../api/object.ts';
import { claimFinalizer, claimNamesOf, isPodReference, ownerPodOf } from '../../api/pod-resource-claims.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { ResourceClaim, ResourceClaimConsumerReference } from '../../api/schema/types/resource-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { pods as podsResource, resourceClaims, resourceClaimTemplates } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
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
import { podsByResourceClaim, resourceClaimKeysOf } from '../shared/pod-claims-index.ts';
import { isNamespaceEnding, messageOf, unlessGone } from '../shared/refusals.ts';
import { type ClaimsView, claimsToReserve, decideEntry, decideUpkeep, isPodDone } from './decide.ts';
import { ClaimMetrics } from './metrics.ts';
import { RecentClaims, recentMs } from './recent-claims.ts';

const podsByTemplate = 'resource claim templates';
const claimsByOwner = 'owning pod';
/** Pods that were seen to go: as many as upstream keeps in mind. */
const gonePodsMax = 500;
const [forPod, forClaim] = ['pod:', 'claim:'];

const templateKeysOf = (pod: Pod): readonly string[] =>
  (pod.spec?.resourceClaims ?? []).flatMap(({ resourceClaimTemplateName: name }) =>
    name === undefined ? [] : [`${namespaceOf(pod)}/${name}`],
  );

const ownerUidsOf = (claim: ResourceClaim): readonly string[] => {
  const owner = ownerPodOf(claim);
  return owner === undefined ? [] : [owner.uid];
};

export function resourceClaimController(context: ControllerContext): Service {
  return new ClaimLoop(contextFor(context, 'resource-claim-controller', 'resource_claim')).loop;
}

class ClaimLoop {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #recent: RecentClaims;
  readonly #metrics: ClaimMetrics;
  /** UIDs, the longest gone first. */
  readonly #gone = new Set<string>();

  constructor(context: LoopContext) {
    this.#context = context;
    this.#recent = new RecentClaims(context.clock);
    const { pods, claims, templates } = this.#informers();
    this.#metrics = new ClaimMetrics(context.metrics ?? new MetricRegistry(), () => claims.cache.list());
    this.loop = new ControlLoop({
      ...context,
      name: 'resource-claim',
      informers: [pods, claims, templates],
      reconcile: (key) => (key.startsWith(forPod) ? this.#lookAtPod(key.slice(forPod.length)) : this.#upkeep(key)),
    });
    const wake = (pod: Pod): void => this.#wake(pod);
    pods.addHandler({
      added: wake,
      updated: wake,
      deleted: (pod) => {
        this.#note(pod);
        this.#wakeClaims(pod);
      },
    });
    const wakeAround = (claim: ResourceClaim): void => {
      for (const uid of ownerUidsOf(claim)) this.#recent.seen(uid, claim);
      for (const pod of pods.cache.byIndex(podsByResourceClaim, objectKey(claim))) wake(pod);
    };
    const changed = (claim: ResourceClaim): void => {
      this.loop.queue.add(forClaim + objectKey(claim));
      wakeAround(claim);
    };
    claims.addHandler({ added: changed, updated: changed, deleted: wakeAround });
    const wakeWaiting = (template: Parameters<typeof objectKey>[0]): void => {
      for (const pod of pods.cache.byIndex(podsByTemplate, objectKey(template))) wake(pod);
    };
    templates.addHandler({ added: wakeWaiting, updated: wakeWaiting });
  }

  #informers() {
    const { informers } = this.#context;
    return {
      pods: informers
        .informer(podsResource)
        .addIndex(podsByResourceClaim, resourceClaimKeysOf)
        .addIndex(podsByTemplate, templateKeysOf),
      claims: informers.informer(resourceClaims).addIndex(claimsByOwner, ownerUidsOf),
      templates: informers.informer(resourceClaimTemplates),
    };
  }

  #note(pod: Pod): void {
    this.#recent.forget(uidOf(pod));
    if (claimNamesOf(pod).length === 0) return;
    this.#gone.add(uidOf(pod));
    const [oldest] = this.#gone;
    if (this.#gone.size > gonePodsMax && oldest !== undefined) this.#gone.delete(oldest);
  }

  #wake(pod: Pod): void {
    if (isPodDone(pod)) this.#wakeClaims(pod);
    else if (!isDeleting(pod) && (pod.spec?.resourceClaims?.length ?? 0) > 0) {
      this.loop.queue.add(forPod + objectKey(pod));
    }
  }

  #wakeClaims(pod: Pod): void {
    for (const key of resourceClaimKeysOf(pod)) this.loop.queue.add(forClaim + key);
  }

  #viewFor(pod: Pod): ClaimsView {
    const { claims, templates } = this.#informers();
    const inNamespace = (name: string) => `${namespaceOf(pod)}/${name}`;
    return {
      claim: (name) => claims.cache.byKey(inNamespace(name)),
      owned: [...claims.cache.byIndex(claimsByOwner, uidOf(pod)), ...this.#recent.of(uidOf(pod))],
      template: (name) => templates.cache.byKey(inNamespace(name)),
    };
  }

  async #lookAtPod(key: string): Promise<Outcome> {
    const pod = this.#informers().pods.cache.byKey(key);
    if (pod === undefined || isDeleting(pod) || isPodDone(pod)) return done;
    const found = new Map<string, string>();
    for (const entry of pod.spec?.resourceClaims ?? []) {
      const plan = decideEntry(pod, entry, this.#viewFor(pod));
      if (plan.kind === 'adopt') found.set(entry.name, nameOf(plan.claim));
      if (plan.kind === 'no template') {
        const missing = `resourceclaimtemplate.resource.k8s.io "${plan.name}" not found`;
        throw this.#failed(pod, entry.name, `resource claim template "${plan.name}": ${missing}`);
      }
      if (plan.kind !== 'create') continue;
      const made = await this.#create(pod, entry.name, plan.claim);
      if (made === undefined) return done;
      found.set(entry.name, nameOf(made));
    }
    if (found.size > 0) await this.#writeDown(pod, found);
    for (const claim of claimsToReserve(pod, this.#viewFor(pod))) await this.#reserve(pod, claim);
    return this.#recent.of(uidOf(pod)).length > 0 ? after(recentMs) : done;
  }

  /** Undefined where the namespace ends: nothing will come of the pod either. */
  async #create(pod: Pod, entry: string, claim: ResourceClaim): Promise<ResourceClaim | undefined> {
    try {
      const made = await this.#context.client.create(resourceClaims, claim);
      this.#metrics.created(claim, 'success');
      const isShown = this.#informers().claims.cache.byKey(objectKey(made)) !== undefined;
      if (!isShown) this.#recent.add(uidOf(pod), made);
      return made;
    } catch (error) {
      this.#metrics.created(claim, 'failure');
      if (isNamespaceEnding(error)) return undefined;
      throw this.#failed(pod, entry, `create ResourceClaim : ${messageOf(error)}`);
    }
  }

  #failed(pod: Pod, entry: string, why: string): Error {
    const message = `PodResourceClaim ${entry}: ${why}`;
    this.#context.events.record(podsResource, pod, 'Warning', 'FailedResourceClaimCreation', message);
    return new Error(`pod ${objectKey(pod)}, ${message}`);
  }

  async #writeDown(pod: Pod, found: ReadonlyMap<string, string>): Promise<void> {
    const resourceClaimStatuses = [...found].map(([name, resourceClaimName]) => ({ name, resourceClaimName }));
    const body = { metadata: { uid: uidOf(pod) }, status: { resourceClaimStatuses } };
    const options = { subresource: 'status', fieldManager: 'ResourceClaimController' };
    try {
      await this.#context.client.patch(podsResource, referenceOf(pod), { type: 'strategic', body }, options);
    } catch (error) {
      unlessGone(error);
    }
  }

  async #reserve(pod: Pod, claim: ResourceClaim): Promise<void> {
    const consumer = { resource: 'pods', name: nameOf(pod), uid: uidOf(pod) };
    const status = { ...claim.status, reservedFor: [...(claim.status?.reservedFor ?? []), consumer] };
    await this.#context.client.update(resourceClaims, { ...claim, status }, { subresource: 'status' });
  }

  async #upkeep(key: string): Promise<Outcome> {
    const { claims } = this.#informers();
    const claim = claims.cache.byKey(key.slice(forClaim.length));
    if (claim === undefined) return done;
    const left = new Set<string>();
    for (const consumer of claim.status?.reservedFor ?? []) {
      if (await this.#stays(claim, consumer)) left.add(consumer.uid);
    }
    const plan = decideUpkeep(claim, ({ uid }) => left.has(uid), this.#ownerOf(claim));
    const { client } = this.#context;
    let latest = claim;
    // Whole objects, not patches: where anything has changed since, the answer might be another.
    if (plan.status !== undefined) {
      latest = await client.update(resourceClaims, { ...claim, status: plan.status }, { subresource: 'status' });
    }
    if (plan.releases) await this.#release(latest);
    if (plan.deletes && !isDeleting(claim)) {
      await client.delete(resourceClaims, referenceOf(claim), { uid: uidOf(claim) }).catch(unlessGone);
    }
    return done;
  }

  async #stays({ metadata }: ResourceClaim, consumer: ResourceClaimConsumerReference): Promise<boolean> {
    if (!isPodReference(consumer)) return true;
    const { name, uid } = consumer;
    if (this.#gone.has(uid)) return false;
    const reference = { namespace: metadata?.namespace ?? '', name };
    const known = this.#informers().pods.cache.get(reference);
    // Another of that name may be the one before: the cache may lag behind the scheduler's.
    if (known !== undefined && uidOf(known) === uid) return !isPodDone(known);
    try {
      return uidOf(await this.#context.client.get(podsResource, reference)) === uid;
    } catch (error) {
      if (hasReason(error, 'NotFound')) return false;
      throw error;
    }
  }

  #ownerOf(claim: ResourceClaim): Parameters<typeof decideUpkeep>[2] {
    const owner = ownerPodOf(claim);
    if (owner === undefined) return undefined;
    const pod = this.#informers().pods.cache.get({ namespace: namespaceOf(claim), name: owner.name });
    return pod && { uid: owner.uid, pod };
  }

  async #release(claim: ResourceClaim): Promise<void> {
    const finalizers = (claim.metadata?.finalizers ?? []).filter((name) => name !== claimFinalizer);
    await this.#context.client.update(resourceClaims, { ...claim, metadata: { ...claim.metadata, finalizers } });
  }
}
