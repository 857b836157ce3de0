/**
 * CronJobs: starts a Job whenever the schedule says so, and clears old ones away.
 *
 * ```
 *  CronJobs, Jobs change, time comes ──▶ key ──▶ delete old Jobs ──▶ what became of the others ──▶ due? ──▶ start one ──▶ status
 * ```
 * Kept true: a run is started once, since its name is made of its minute and the server takes a name but once; the status is written last, on the
 * version that was read, and whatever it does not tell is found again in the Jobs.
 */
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { CronJob, CronJobStatus, Job } from '../../api/schema/types/batch-v1.ts';
import type { ObjectReference } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { isRefusal } from '../../client/errors.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { cronJobs as cronJobsResource, jobs as jobsResource } from '../../client/resources.ts';
import { exponentialBuckets, type HistogramSeries, MetricRegistry } from '../../lib/metrics.ts';
import type { Service } from '../../lib/service.ts';
import { isNamespaceEnding } from '../job/actions.ts';
import {
  type ControllerContext,
  contextFor,
  createdMs,
  isDeleting,
  type LoopContext,
  nameOf,
  namespaceOf,
  referenceOf,
  timeMs,
  uidOf,
} from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { controllerIndex, controllerIndexValues, controllerOf } from '../shared/ownership.ts';
import { activeReference, decideCleanup, decideRecord, decideRun, type EventNews } from './decide.ts';
import { untilNextMs, zoneOf } from './schedule.ts';

export function cronJobController(context: ControllerContext): Service {
  return new CronJobController(contextFor(context, 'cronjob-controller')).loop;
}

/** How soon again it looks where a cache lags behind what this loop wrote. */
const lagMs = 1000;

class CronJobController {
  readonly loop: ControlLoop;
  readonly #context: LoopContext;
  readonly #cronJobs: ReadonlyCache<CronJob>;
  readonly #jobs: ReadonlyCache<Job>;
  /** The version that this loop wrote last, by key; `unknown` where the answer got lost. */
  readonly #written = new Map<string, number | 'unknown'>();
  readonly #skew: HistogramSeries;

  constructor(context: LoopContext) {
    this.#context = context;
    this.#skew = (context.metrics ?? new MetricRegistry())
      .histogram({
        name: 'cronjob_controller_job_creation_skew_duration_seconds',
        help: 'How long after its scheduled time a Job was made.',
        buckets: exponentialBuckets(1, 2, 10),
      })
      .with();
    const cronJobs = context.informers.informer(cronJobsResource);
    const jobs = context.informers.informer(jobsResource).addIndex(controllerIndex, controllerIndexValues);
    this.#cronJobs = cronJobs.cache;
    this.#jobs = jobs.cache;
    const reconcile = (key: string): Promise<Outcome> => this.#reconcile(key);
    this.loop = new ControlLoop({ ...context, name: 'cronjob', reconcile, informers: [cronJobs, jobs] });
    const enqueue = (object: KubeObject): void => this.loop.queue.add(objectKey(object));
    const changed = (cronJob: CronJob, before: CronJob): void => this.#cronJobChanged(cronJob, before);
    cronJobs.addHandler({ added: enqueue, updated: changed, deleted: enqueue });
    const wake = (job: Job): void => this.#jobChanged(job);
    jobs.addHandler({ added: wake, updated: wake, deleted: wake });
  }

  /** Under a new schedule the next time counts: those that it would have had before nobody asked for. */
  #cronJobChanged(cronJob: CronJob, before: CronJob): void {
    const isSame = cronJob.spec.schedule === before.spec.schedule && zoneOf(cronJob) === zoneOf(before);
    const waitMs = isSame ? undefined : untilNextMs(cronJob, this.#context.clock.now());
    this.loop.queue.addAfter(objectKey(cronJob), waitMs ?? 0);
  }

  #jobChanged(job: Job): void {
    const controller = controllerOf(job);
    if (controller?.kind === 'CronJob') this.loop.queue.add(`${namespaceOf(job)}/${controller.name}`);
  }

  async #reconcile(key: string): Promise<Outcome> {
    const cronJob = this.#cronJobs.byKey(key);
    if (cronJob === undefined) {
      this.#written.delete(key);
      return done;
    }
    if (await this.#isStale(key, cronJob)) return after(lagMs);
    const jobs = this.#jobs.byIndex(controllerIndex, uidOf(cronJob));
    const record = decideRecord(cronJob, jobs);
    this.#report(cronJob, record.events);
    const gone = new Set([
      ...(await this.#cleanUp(cronJob, decideCleanup(cronJob, jobs))),
      ...(await this.#lost(cronJob, record.missing)),
    ]);
    const active = (record.status.active ?? []).filter(({ uid = '' }) => !gone.has(uid));
    const plan = decideRun(cronJob, active, this.#context.clock.now());
    this.#report(cronJob, plan.events);
    const run = plan.start && { ...plan.start, replace: plan.replace };
    const { status, error } = await this.#start(cronJob, { ...record.status, active }, run);
    await this.#write(key, cronJob, status);
    if (error !== undefined) throw error;
    return plan.afterMs === undefined ? done : after(plan.afterMs);
  }

  /** Whether the cache shows the CronJob as it was before what this loop wrote last. */
  async #isStale(key: string, cronJob: CronJob): Promise<boolean> {
    let written = this.#written.get(key);
    if (written === 'unknown') {
      written = versionOf(await this.#context.client.get(cronJobsResource, referenceOf(cronJob)));
      this.#written.set(key, written);
    }
    return written !== undefined && versionOf(cronJob) < written;
  }

  #report(cronJob: CronJob, events: readonly EventNews[]): void {
    for (const { type, reason, message } of events) {
      this.#context.events.record(cronJobsResource, cronJob, type, reason, message);
    }
  }

  /** Resolves with the uids of those that were deleted. One that cannot be deleted now waits for the next look. */
  async #cleanUp(cronJob: CronJob, jobs: readonly Job[]): Promise<readonly string[]> {
    const deleted: string[] = [];
    for (const job of jobs.filter((one) => !isDeleting(one))) {
      const error = await this.#delete(cronJob, nameOf(job), uidOf(job));
      if (error === undefined) deleted.push(uidOf(job));
    }
    return deleted;
  }

  /** Resolves with the error, where there is one. */
  async #delete(cronJob: CronJob, name: string, uid: string): Promise<Error | undefined> {
    const reference = { namespace: namespaceOf(cronJob), name };
    try {
      await this.#context.client.delete(jobsResource, reference, { uid, propagationPolicy: 'Background' });
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      this.#report(cronJob, [failure('FailedDelete', `Deleted job: ${messageOf(error)}`)]);
      return error instanceof Error ? error : new Error(String(error));
    }
    this.#report(cronJob, [{ type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted job ${name}` }]);
    return undefined;
  }

  /** The cache may only be late: the server says which of the Jobs are gone. Resolves with their uids. */
  async #lost(cronJob: CronJob, missing: readonly ObjectReference[]): Promise<readonly string[]> {
    const gone: string[] = [];
    for (const { name = '', uid = '' } of missing) {
      if (uidOf((await this.#get(cronJob, name)) ?? {}) === uid) continue;
      this.#report(cronJob, [{ type: 'Normal', reason: 'MissingJob', message: `Active job went missing: ${name}` }]);
      gone.push(uid);
    }
    return gone;
  }

  async #get(cronJob: CronJob, name: string): Promise<Job | undefined> {
    try {
      return await this.#context.client.get(jobsResource, { namespace: namespaceOf(cronJob), name });
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** The status afterwards, and what went wrong: what was done before is told in either case. */
  async #start(
    cronJob: CronJob,
    before: CronJobStatus,
    run:
      | { readonly job: Job; readonly scheduledTime: string; readonly replace: readonly ObjectReference[] }
      | undefined,
  ): Promise<{ readonly status: CronJobStatus; readonly error?: unknown }> {
    if (run === undefined) return { status: before };
    let { active = [] } = before;
    for (const { name = '', uid = '' } of run.replace) {
      const error = await this.#delete(cronJob, name, uid);
      if (error !== undefined) return { status: { ...before, active }, error };
      active = active.filter((one) => one.uid !== uid);
    }
    try {
      const job = await this.#create(cronJob, run.job, run.scheduledTime);
      // Somebody else took the name; whose Job that is keeps its own books.
      if (job === undefined) return { status: { ...before, active } };
      return { status: { ...before, active: [...active, activeReference(job)], lastScheduleTime: run.scheduledTime } };
    } catch (error) {
      return { status: { ...before, active }, error };
    }
  }

  async #create(cronJob: CronJob, job: Job, scheduledTime: string): Promise<Job | undefined> {
    try {
      const created = await this.#context.client.create(jobsResource, job);
      this.#skew.observe((createdMs(created) - timeMs(scheduledTime)) / 1000);
      this.#report(cronJob, [
        { type: 'Normal', reason: 'SuccessfulCreate', message: `Created job ${nameOf(created)}` },
      ]);
      return created;
    } catch (error) {
      if (hasReason(error, 'AlreadyExists')) {
        const existing = await this.#get(cronJob, nameOf(job));
        return existing && controllerOf(existing)?.uid === uidOf(cronJob) ? existing : undefined;
      }
      if (!isNamespaceEnding(error)) {
        this.#report(cronJob, [failure('FailedCreate', `Error creating job: ${messageOf(error)}`)]);
      }
      throw error;
    }
  }

  async #write(key: string, cronJob: CronJob, status: CronJobStatus): Promise<void> {
    if (semanticallyEqual(status, cronJob.status)) return;
    try {
      const { client } = this.#context;
      const written = await client.update(cronJobsResource, { ...cronJob, status }, { subresource: 'status' });
      this.#written.set(key, versionOf(written));
    } catch (error) {
      if (!isRefusal(error)) this.#written.set(key, 'unknown');
      throw error;
    }
  }
}

const versionOf = (cronJob: CronJob): number => Number(cronJob.metadata?.resourceVersion ?? 0);

const failure = (reason: string, message: string): EventNews => ({ type: 'Warning', reason, message });

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
