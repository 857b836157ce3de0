/**
 * Evicts the pods whose devices are tainted with NoExecute, each when its time has come (`decide.ts`), and tells in the status of each
 * DeviceTaintRule how far that is (`rule-status.ts`).
 *
 * ```
 *  claim, slice of a pool, rule ─▶ the pods that use what changed ─▶ pod:KEY ─▶ go now │ go later │ stay
 *                           rule ─▶ rule:NAME ─▶ its condition       └─ 10 s later ─▶ rule:NAME
 * ```
 * The times come from the taints, so that a restart changes none. What waits is remembered for two things only: to say that a pod stays
 * after all, and which rules to tell.
 */
import { objectKey } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { ResourceClaim, ResourceSlice } from '../../api/schema/types/resource-v1.ts';
import type { DeviceTaintRule } from '../../api/schema/types/resource-v1beta2.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { deviceTaintRules, pods as podsResource, resourceClaims, resourceSlices } from '../../client/resources.ts';
import { formatTime } from '../../lib/clock.ts';
import { type HistogramMetric, MetricRegistry, type NumberMetric } from '../../lib/metrics.ts';
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
import { podsByResourceClaim, resourceClaimKeysOf } from '../shared/pod-claims-index.ts';
import { disruptionCondition } from '../shared/pods.ts';
import { unlessGone } from '../shared/refusals.ts';
import {
  type DevicesView,
  devicesOf,
  type Eviction,
  evictionOf,
  newestOf,
  poolKey,
  poolOf,
  selects,
} from './decide.ts';
import { conditionOf, type RuleCounts, ruleCondition, rulePeriodMs, ruleWaitMs } from './rule-status.ts';

const byPool = 'device pool';
const [forPod, forRule] = ['pod:', 'rule:'];
const deletionBuckets = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30, 60, 120, 180, 240];
const eventReason = 'DeviceTaintManagerEviction';

export function deviceTaintEvictionController(context: ControllerContext): Service {
  return new EvictionLoop(contextFor(context, 'device-taint-eviction-controller')).loop;
}

const poolsOf = (claim: ResourceClaim): readonly string[] => [...new Set(devicesOf(claim).map(poolKey))];

class EvictionLoop {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  /** By the keys of the pods. */
  readonly #waiting = new Map<string, Eviction & { readonly uid: string }>();
  /** Pods that went because of a rule, by its uid. */
  readonly #evicted = new Map<string, number>();

  readonly #deletions: NumberMetric;
  readonly #deletionSeconds: HistogramMetric;

  constructor(context: LoopContext) {
    this.#context = context;
    const { metrics = new MetricRegistry() } = context;
    const name = 'device_taint_eviction_controller';
    const total = 'Pods that were deleted for taints of their devices.';
    this.#deletions = metrics.counter({ name: `${name}_pod_deletions_total`, help: total });
    this.#deletionSeconds = metrics.histogram({
      name: `${name}_pod_deletion_duration_seconds`,
      help: 'How long after a taint of its device took effect a pod was deleted.',
      buckets: deletionBuckets,
    });
    const { pods, claims, slices, rules } = this.#informers();
    this.loop = new ControlLoop({
      ...context,
      name: 'device-taint-eviction',
      workers: 8,
      informers: [pods, claims, slices, rules],
      reconcile: (key) =>
        key.startsWith(forPod) ? this.#lookAtPod(key.slice(forPod.length)) : this.#tell(key.slice(forRule.length)),
    });
    const wake = (pod: Pod): void => this.loop.queue.add(forPod + objectKey(pod));
    pods.addHandler({
      added: (pod) => {
        if (resourceClaimKeysOf(pod).length > 0) wake(pod);
      },
      // Pods change often; only a node, or another claim, makes a difference.
      updated: (pod, before) => {
        const isSame = pod.spec?.nodeName === before.spec?.nodeName;
        if (!isSame || !semanticallyEqual(resourceClaimKeysOf(pod), resourceClaimKeysOf(before))) wake(pod);
      },
      deleted: (pod) => void this.#waiting.delete(objectKey(pod)),
    });
    const wakeUsers = (claim: ResourceClaim): void => {
      for (const pod of pods.cache.byIndex(podsByResourceClaim, objectKey(claim))) wake(pod);
    };
    claims.addHandler({
      added: wakeUsers,
      deleted: wakeUsers,
      updated: (claim, before) => {
        if (!semanticallyEqual(claim.status, before.status)) wakeUsers(claim);
      },
    });
    const wakePool = (slice: ResourceSlice): void => {
      for (const claim of claims.cache.byIndex(byPool, poolOf(slice))) wakeUsers(claim);
    };
    slices.addHandler({
      added: wakePool,
      deleted: wakePool,
      updated: (slice, before) => {
        if (semanticallyEqual(slice.spec, before.spec)) return;
        if (poolOf(slice) !== poolOf(before)) wakePool(before);
        wakePool(slice);
      },
    });
    this.#followRules(wakeUsers);
  }

  /** Rules change rarely: all claims with devices are gone through. The condition of a rule comes before the first pod goes. */
  #followRules(wakeUsers: (claim: ResourceClaim) => void): void {
    const { claims, rules } = this.#informers();
    const changed = (rule: DeviceTaintRule): void => {
      this.loop.queue.add(forRule + nameOf(rule));
      for (const claim of claims.cache.list()) if (devicesOf(claim).length > 0) wakeUsers(claim);
    };
    rules.addHandler({
      added: changed,
      updated: (rule, before) => {
        if (!semanticallyEqual(rule.spec, before.spec)) changed(rule);
      },
      deleted: (rule) => {
        this.#evicted.delete(uidOf(rule));
        changed(rule);
      },
    });
  }

  #informers() {
    const { informers } = this.#context;
    return {
      pods: informers.informer(podsResource).addIndex(podsByResourceClaim, resourceClaimKeysOf),
      claims: informers.informer(resourceClaims).addIndex(byPool, poolsOf),
      slices: informers.informer(resourceSlices).addIndex(byPool, (slice) => [poolOf(slice)]),
      rules: informers.informer(deviceTaintRules),
    };
  }

  #view(rules = this.#informers().rules.cache.list()): DevicesView {
    const { claims, slices } = this.#informers();
    return { claim: (key) => claims.cache.byKey(key), slices: (pool) => slices.cache.byIndex(byPool, pool), rules };
  }

  async #lookAtPod(key: string): Promise<Outcome> {
    const pod = this.#informers().pods.cache.byKey(key);
    const waited = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (pod === undefined || isDeleting(pod)) return done;
    const eviction = evictionOf(pod, this.#view());
    this.#tellLater([...(waited?.rules ?? []), ...(eviction?.rules ?? [])]);
    if (eviction === undefined) {
      if (waited?.uid === uidOf(pod)) this.#record(pod, 'Cancelling deletion');
      return done;
    }
    const leftMs = eviction.atMs - this.#context.clock.now();
    if (leftMs > 0) {
      this.#waiting.set(key, { ...eviction, uid: uidOf(pod) });
      return after(leftMs);
    }
    await this.#evict(pod, eviction);
    return done;
  }

  #tellLater(rules: readonly DeviceTaintRule[]): void {
    for (const rule of rules) this.loop.queue.addAfter(forRule + nameOf(rule), rulePeriodMs);
  }

  #record(pod: Pod, message: string): void {
    this.#context.events.record(podsResource, pod, 'Normal', eventReason, message);
  }

  async #evict(pod: Pod, { rules, atMs }: Eviction): Promise<void> {
    const { client, clock, log } = this.#context;
    const why = 'Device Taint manager: deleting due to NoExecute taint';
    const condition = disruptionCondition(pod, 'DeletionByDeviceTaintManager', why, clock.now());
    this.#record(pod, 'Marking for deletion');
    try {
      const body = { metadata: { uid: uidOf(pod) }, status: { conditions: [condition] } };
      await client.patch(podsResource, referenceOf(pod), { type: 'strategic', body }, { subresource: 'status' });
      await client.delete(podsResource, referenceOf(pod), { uid: uidOf(pod) });
    } catch (error) {
      unlessGone(error);
      return;
    }
    this.#deletions.with().add();
    this.#deletionSeconds.with().observe((clock.now() - atMs) / 1000);
    for (const rule of rules) this.#evicted.set(uidOf(rule), (this.#evicted.get(uidOf(rule)) ?? 0) + 1);
    log.info('pod evicted by a taint of its device', { pod: objectKey(pod), rules: rules.map(nameOf) });
  }

  async #tell(name: string): Promise<Outcome> {
    const { client, clock } = this.#context;
    const rule = this.#informers().rules.cache.byKey(name);
    if (rule === undefined) return done;
    const waitMs = ruleWaitMs(rule, clock.now());
    if (waitMs > 0) return after(waitMs);
    const condition = ruleCondition(rule, this.#count(rule), this.#evicted.get(uidOf(rule)) ?? 0);
    const standing = conditionOf(rule);
    if (semanticallyEqual({ ...condition, lastTransitionTime: standing?.lastTransitionTime }, standing)) return done;
    const conditions = [{ ...condition, lastTransitionTime: formatTime(clock.now()) }];
    const patch = { type: 'strategic', body: { metadata: { uid: uidOf(rule) }, status: { conditions } } } as const;
    await client.patch(deviceTaintRules, referenceOf(rule), patch, { subresource: 'status' }).catch(unlessGone);
    return done;
  }

  /** What comes of the rule; of one without effect, what would come of it. */
  #count(rule: DeviceTaintRule): RuleCounts {
    const { pods, claims, slices } = this.#informers();
    const isTrial = rule.spec.taint.effect === 'None';
    const taint = { ...rule.spec.taint, effect: 'NoExecute' as const };
    const view = this.#view(isTrial ? [{ ...rule, spec: { ...rule.spec, taint } }] : undefined);
    const concerned = claims.cache.list().filter((claim) => devicesOf(claim).some((device) => selects(rule, device)));
    const users = new Set(concerned.flatMap((claim) => pods.cache.byIndex(podsByResourceClaim, objectKey(claim))));
    const going = [...users].filter(
      (pod) => !isDeleting(pod) && evictionOf(pod, view)?.rules.some((cause) => uidOf(cause) === uidOf(rule)),
    );
    return {
      pods: going.length,
      namespaces: new Set(going.map(namespaceOf)).size,
      published: isTrial ? publishedOf(rule, slices.cache.list()) : 0,
      allocated: concerned.flatMap(devicesOf).filter((device) => selects(rule, device)).length,
    };
  }
}

function publishedOf(rule: DeviceTaintRule, slices: readonly ResourceSlice[]): number {
  const newest = [...Map.groupBy(slices, poolOf).values()].flatMap(newestOf);
  const devices = newest.flatMap(({ spec }) =>
    (spec.devices ?? []).map(({ name }) => ({ driver: spec.driver, pool: spec.pool.name, device: name })),
  );
  return devices.filter((device) => selects(rule, device)).length;
}
