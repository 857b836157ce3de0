/**
 * Jobs: runs pods until enough of them have ended well, or too many badly.
 *
 * ```
 *  Jobs, pods change ──▶ key ──▶ claim pods ──▶ view ──▶ ends? ──▶ delete all ──┬─▶ status ──▶ finalizers ──▶ status
 *                                                └─ goes on ──▶ create or delete ┘    (tracking.ts)
 * ```
 * Kept true: pods in flight are not asked for twice (expectations); each end counts once (`tracking.ts`); nothing is decided on a Job that is older
 * than what this loop wrote to it.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { Job, JobStatus } from '../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { isRefusal } from '../../client/errors.ts';
import { Expectations } from '../../client/expectations.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { jobs as jobsResource, pods as podsResource } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import type { Service } from '../../lib/service.ts';
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
  carryOutClaim,
  claim,
  controllerIndex,
  controllerIndexValues,
  controllerOf,
  orphansOf,
} from '../shared/ownership.ts';
import { PodActions } from './actions.ts';
import { type FailureRecord, noFailures } from './backoff.ts';
import { type ConditionNews, ends, finishedConditionOf, lastCondition } from './conditions.ts';
import { deadlineMs, decideEnd, decidePods, isComplete } from './decide.ts';
import { Leftovers, orphansKey, ownerKey, trackedIndex, trackedIndexValues } from './leftovers.ts';
import { isElsewhereManaged, isKnownMode, isSuspended, isTracked, trackingFinalizer } from './marks.ts';
import { JobMetrics, type SyncAction } from './metrics.ts';
import { Releases } from './releases.ts';
import { finish, type PodCounts, sameStatus, statusOf, track, trackedUids, withoutReleased } from './tracking.ts';
import { type JobView, viewOf } from './view.ts';

export function jobController(context: ControllerContext): Service {
  return new JobController(contextFor(context, 'job-controller')).loop;
}

/** Pods of a job often end together: a short wait makes one status of many. */
const batchMs = 100;
/** How soon again it looks where a cache lags and might not say when it has caught up. */
const lagMs = 1000;

/** As upstream's `DefaultJobApiBackOff` and `MaxJobApiBackOff`: a job that waits for quota does not sleep through its chance. */
const backoffMsMin = 1000;
const backoffMsMax = 60_000;

/** An expectation that nothing will fulfil runs out (`Expectations`): this often it is looked whether it has. */
const unsatisfiedMs = 60_000;

/** What came of a step's actions. */
interface Acted {
  readonly counts: PodCounts;
  /** Other than `reconciling`: the pods were brought to their wanted number. */
  readonly action: SyncAction;
  readonly waitMs?: number;
  readonly error?: unknown;
}

class JobController {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #expectations: Expectations;
  readonly #releases = new Releases();
  readonly #actions: PodActions;
  readonly #leftovers: Leftovers;
  readonly #metrics: JobMetrics;
  readonly #jobs: ReadonlyCache<Job>;
  readonly #pods: ReadonlyCache<Pod>;
  readonly #failures = new Map<string, FailureRecord>();
  /** The version that this loop wrote last, by key; `unknown` where the answer got lost. */
  readonly #written = new Map<string, number | 'unknown'>();

  constructor(context: LoopContext) {
    this.#context = context;
    this.#expectations = new Expectations(context.clock);
    this.#metrics = new JobMetrics(context.metrics ?? new MetricRegistry());
    this.#actions = new PodActions(context, this.#expectations, this.#releases);
    const jobs = context.informers.informer(jobsResource);
    const pods = context.informers
      .informer(podsResource)
      .addIndex(controllerIndex, controllerIndexValues)
      .addIndex(trackedIndex, trackedIndexValues);
    this.#jobs = jobs.cache;
    this.#pods = pods.cache;
    this.#leftovers = new Leftovers({
      context,
      jobs: jobs.cache,
      pods: pods.cache,
      releases: this.#releases,
      actions: this.#actions,
    });
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    this.loop = new ControlLoop({
      ...context,
      name: 'job',
      reconcile,
      informers: [jobs, pods],
      backoffMsMin,
      backoffMsMax,
    });
    const enqueue = (object: KubeObject): void => this.loop.queue.add(objectKey(object));
    jobs.addHandler({ added: (job) => this.#jobAdded(job), updated: enqueue, deleted: (job) => this.#jobDeleted(job) });
    pods.addHandler({
      added: (pod) => this.#podAdded(pod),
      updated: (pod, previous) => this.#podUpdated(pod, previous),
      deleted: (pod) => this.#podDeleted(pod),
    });
  }

  #jobAdded(job: Job): void {
    if (isElsewhereManaged(job)) this.#metrics.managedElsewhere(job);
    this.loop.queue.add(objectKey(job));
  }

  /** One that takes its name at once begins without its back-off. */
  #jobDeleted(job: Job): void {
    this.#forget(objectKey(job));
    this.loop.queue.add(objectKey(job));
  }

  #podAdded(pod: Pod): void {
    this.#metrics.podChanged(undefined, pod);
    const key = ownerKey(pod);
    if (key === undefined) this.#wakeForOrphan(pod);
    else if (isDeleting(pod)) this.#expectations.deletionSeen(key, uidOf(pod));
    else if (controllerOf(pod)?.uid === this.#jobs.byKey(key)?.metadata?.uid) this.#expectations.creationSeen(key);
    // What belongs to an earlier Job of the same name is not what this one made; it has to be let go.
    if (key !== undefined) this.loop.queue.addAfter(key, batchMs);
  }

  #podUpdated(pod: Pod, previous: Pod): void {
    this.#metrics.podChanged(previous, pod);
    const [key, previousKey] = [ownerKey(pod), ownerKey(previous)];
    if (previousKey !== undefined && previousKey !== key) this.#wake(previousKey, pod);
    if (key !== undefined) this.#wake(key, pod);
    else this.#wakeForOrphan(pod);
  }

  #podDeleted(pod: Pod): void {
    this.#metrics.podChanged(pod, undefined);
    const key = ownerKey(pod);
    this.#releases.seen(key ?? orphansKey(pod), uidOf(pod));
    if (key === undefined) return;
    this.#expectations.deletionSeen(key, uidOf(pod));
    this.loop.queue.addAfter(key, batchMs);
  }

  #wake(key: string, pod: Pod): void {
    if (isDeleting(pod)) this.#expectations.deletionSeen(key, uidOf(pod));
    if (!isTracked(pod)) this.#releases.seen(key, uidOf(pod));
    this.loop.queue.addAfter(key, batchMs);
  }

  /** It may be adopted by those whose selector it matches; or nobody counts it any more. */
  #wakeForOrphan(pod: Pod): void {
    if (controllerOf(pod) !== undefined) return;
    if (isTracked(pod)) this.loop.queue.addAfter(orphansKey(pod), batchMs);
    else this.#releases.seen(orphansKey(pod), uidOf(pod));
    for (const job of this.#leftovers.adopters(pod)) this.loop.queue.addAfter(objectKey(job), batchMs);
  }

  async #reconcile(key: string): Promise<Outcome> {
    const job = this.#jobs.byKey(key);
    await this.#leftovers.letGo(key, job);
    if (job === undefined) {
      this.#forget(key);
      this.#written.delete(key);
      return done;
    }
    if (isElsewhereManaged(job)) return done;
    if (await this.#isStale(key, job)) return after(lagMs);
    if (finishedConditionOf(job) === undefined) return this.#sync(key, job);
    await this.#leftovers.clearAway(key, job);
    this.#forget(key);
    return done;
  }

  #forget(key: string): void {
    this.#expectations.forget(key);
    this.#actions.forget(key);
    this.#failures.delete(key);
  }

  /** Whether the cache shows the Job as it was before the last status that this loop wrote. */
  async #isStale(key: string, job: Job): Promise<boolean> {
    let written = this.#written.get(key);
    if (written === 'unknown') {
      written = versionOf(await this.#context.client.get(jobsResource, referenceOf(job)));
      this.#written.set(key, written);
    }
    return written !== undefined && versionOf(job) < written;
  }

  async #sync(key: string, job: Job): Promise<Outcome> {
    if (!isKnownMode(job)) {
      const message = 'Skipped Job sync because completion mode is unknown';
      this.#context.events.record(jobsResource, job, 'Warning', 'UnknownCompletionMode', message);
      return done;
    }
    const { clock } = this.#context;
    const beganMs = clock.monotonic();
    const sync: { action: SyncAction } = { action: 'reconciling' };
    let result: 'success' | 'error' = 'error';
    try {
      const outcome = await this.#advance(key, job, sync);
      result = 'success';
      return outcome;
    } finally {
      this.#metrics.synced(job, sync.action, result, clock.monotonic() - beganMs);
    }
  }

  /** `sync` learns what was done, for the metrics. */
  async #advance(key: string, job: Job, sync: { action: SyncAction }): Promise<Outcome> {
    const unclearMs = this.#actions.unclearMs(key);
    const satisfied = unclearMs === 0 && this.#expectations.satisfied(key);
    // Before the pods: one whose release is seen while they are claimed would count twice.
    const released = this.#releases.of(key);
    const pods = await this.#claimPods(job);
    const nowMs = this.#context.clock.now();
    const failures = this.#failures.get(key) ?? noFailures;
    const view = viewOf({ job, pods, released, failures, nowMs });
    const reason = decideEnd(view);
    const acted = await this.#act(view, reason, satisfied);
    sync.action = acted.action;
    // Nothing is over while pods are still to be deleted, or may turn up.
    const isOver = satisfied && acted.counts.active === 0;
    let end = isOver ? reason : undefined;
    if (reason === undefined && isComplete(view, acted.counts.active)) end = ends.completions;
    const managed = acted.action !== 'reconciling' && end === undefined;
    await this.#tell(key, view, end, statusOf(view, acted.counts, managed));
    if (acted.error !== undefined) throw acted.error;
    const deadline = deadlineMs(view);
    const waits = [acted.waitMs, deadline && deadline - nowMs, satisfied ? undefined : unclearMs || unsatisfiedMs];
    const soonest = Math.min(...waits.filter((ms) => ms !== undefined && ms > 0).map(Number));
    return Number.isFinite(soonest) ? after(soonest) : done;
  }

  #claimPods(job: Job): Promise<readonly Pod[]> {
    const candidates = [
      ...this.#pods.byIndex(controllerIndex, uidOf(job)),
      ...this.#pods.byIndex(controllerIndex, orphansOf(namespaceOf(job))),
    ];
    const claimed = claim(job, labelMatcher(job.spec?.selector), candidates);
    const owner = { resource: jobsResource, object: job };
    return carryOutClaim(this.#context.client, owner, {
      resource: podsResource,
      claim: claimed,
      finalizer: trackingFinalizer,
    });
  }

  async #act(view: JobView, reason: ConditionNews | undefined, satisfied: boolean): Promise<Acted> {
    const { job } = view;
    const counts = { active: view.active.length, ready: view.ready, terminating: view.terminating.length };
    if (reason !== undefined) {
      const { error, ...removed } = await this.#actions.removeAll(job, view.active);
      return { counts: afterRemoval(counts, removed), action: 'reconciling', ...(error !== undefined && { error }) };
    }
    if (!satisfied || isDeleting(job)) return { counts, action: 'reconciling' };
    const { remove, create, waitMs } = decidePods(view);
    const waiting = waitMs !== undefined && { waitMs };
    if (remove.length > 0) {
      const { error, ...removed } = await this.#actions.removeExcess(job, remove);
      const removal = { counts: afterRemoval(counts, removed), action: 'pods_deleted' as const };
      return { ...removal, ...waiting, ...(error !== undefined && { error }) };
    }
    if (create.length === 0) return { counts, action: waiting ? 'pods_created' : 'tracking', ...waiting };
    const { count, refused, error } = await this.#actions.create(job, create, view.indexes?.toReplace);
    this.#metrics.created(view, count, refused);
    const creation = { counts: { ...counts, active: counts.active + count }, action: 'pods_created' as const };
    return { ...creation, ...waiting, ...(error !== undefined && { error }) };
  }

  /** The three writes of `tracking.ts`, each only where something differs. */
  async #tell(key: string, view: JobView, end: ConditionNews | undefined, status: JobStatus): Promise<void> {
    const tracking = track(view, end, status);
    const slept = conditionStatus(view.job, 'Suspended');
    let job = await this.#write(key, view.job, tracking.status);
    this.#failures.set(key, view.failures);
    this.#metrics.decided(tracking.decided);
    this.#reportSleep(job, slept);
    const { uids, error } = await this.#actions.release(key, tracking.release);
    const left = new Set([...trackedUids(view)].filter((uid) => !uids.has(uid)));
    const counted = withoutReleased(job.status ?? {}, left);
    const last = tracking.more || error !== undefined ? undefined : finish(job, counted, end, view.nowMs);
    job = await this.#write(key, job, last ?? counted);
    if (error !== undefined) throw error;
    if (last !== undefined && end !== undefined) this.#reportEnd(job, end);
  }

  async #write(key: string, job: Job, status: JobStatus): Promise<Job> {
    if (sameStatus(status, job.status)) return job;
    try {
      const written = await this.#context.client.update(jobsResource, { ...job, status }, { subresource: 'status' });
      this.#written.set(key, versionOf(written));
      this.#metrics.counted(job, status);
      return written;
    } catch (error) {
      if (!isRefusal(error)) this.#written.set(key, 'unknown');
      throw error;
    }
  }

  #reportSleep(job: Job, before: string | undefined): void {
    const { events } = this.#context;
    if (conditionStatus(job, 'Suspended') === before) return;
    if (isSuspended(job)) events.record(jobsResource, job, 'Normal', 'Suspended', 'Job suspended');
    else events.record(jobsResource, job, 'Normal', 'Resumed', 'Job resumed');
  }

  #reportEnd(job: Job, end: ConditionNews): void {
    const { events } = this.#context;
    const last = lastCondition(end);
    this.#metrics.finished(job, last);
    if (last.type === 'Failed') {
      events.record(jobsResource, job, 'Warning', end.reason, end.message);
      return;
    }
    if ((job.status?.succeeded ?? 0) > (job.spec?.completions ?? Number.POSITIVE_INFINITY)) {
      const message = 'Too many succeeded pods running after completion count reached';
      events.record(jobsResource, job, 'Warning', 'TooManySucceededPods', message);
    }
    events.record(jobsResource, job, 'Normal', 'Completed', 'Job completed');
  }
}

const versionOf = (job: Job): number => Number(job.metadata?.resourceVersion ?? 0);

const conditionStatus = (job: Job, type: string): string | undefined =>
  job.status?.conditions?.find((condition) => condition.type === type)?.status;

function afterRemoval(counts: PodCounts, removed: { readonly count: number; readonly ready: number }): PodCounts {
  return {
    active: counts.active - removed.count,
    ready: counts.ready - removed.ready,
    terminating: counts.terminating + removed.count,
  };
}
