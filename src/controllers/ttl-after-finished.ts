/**
 * Jobs that have been finished for `ttlSecondsAfterFinished` are deleted, their pods first. The server is asked right before: the time may have
 * been prolonged, or another Job of that name may stand there.
 */
import { type KubeObject, objectKey, parseObjectKey } from '../api/object.ts';
import type { Job } from '../api/schema/types/batch-v1.ts';
import { hasReason } from '../api/status-error.ts';
import { after, ControlLoop, done, type Outcome } from '../client/controller.ts';
import { jobs as jobsResource } from '../client/resources.ts';
import { exponentialBuckets, MetricRegistry } from '../lib/metrics.ts';
import type { Service } from '../lib/service.ts';
import { finishedConditionOf } from './job/conditions.ts';
import { type ControllerContext, contextFor, isDeleting, referenceOf, uidOf } from './shared/context.ts';

export function ttlAfterFinished(context: ControllerContext): Service {
  const { client, clock, informers, ...rest } = contextFor(context, 'ttl-after-finished-controller');
  const jobs = informers.informer(jobsResource);
  const lateness = (rest.metrics ?? new MetricRegistry()).histogram({
    name: 'ttl_after_finished_controller_job_deletion_duration_seconds',
    help: 'How long after its time a finished Job was deleted.',
    buckets: exponentialBuckets(0.1, 2, 14),
  });

  async function reconcile(key: string): Promise<Outcome> {
    const known = expiryMs(jobs.cache.byKey(key));
    if (known === undefined) return done;
    if (Number.isNaN(known)) return { kind: 'terminal', error: new Error(`nobody knows when Job ${key} finished`) };
    if (known > clock.now()) return after(known - clock.now());
    const job = await client.get(jobsResource, parseObjectKey(key)).catch(undefinedIfGone);
    const atMs = expiryMs(job);
    if (job === undefined || atMs === undefined) return done;
    if (atMs > clock.now()) return after(atMs - clock.now());
    await client
      .delete(jobsResource, referenceOf(job), { uid: uidOf(job), propagationPolicy: 'Foreground' })
      .catch(undefinedIfGone);
    lateness.with().observe((clock.now() - atMs) / 1000);
    return done;
  }

  const loop = new ControlLoop({ ...rest, clock, name: 'ttl-after-finished', reconcile, informers: [jobs] });
  const enqueue = (object: KubeObject): void => loop.queue.add(objectKey(object));
  jobs.addHandler({ added: enqueue, updated: enqueue });
  return loop;
}

/**
 * When the Job is to go (ms since the epoch); undefined where it stays, or goes already; NaN where whoever said that it finished did not say when:
 * such a Job stays.
 */
export function expiryMs(job: Job | undefined): number | undefined {
  const seconds = job?.spec?.ttlSecondsAfterFinished;
  if (job === undefined || seconds === undefined || isDeleting(job)) return undefined;
  const finished = finishedConditionOf(job);
  return finished && Date.parse(finished.lastTransitionTime ?? '') + seconds * 1000;
}

function undefinedIfGone(error: unknown): undefined {
  if (!hasReason(error, 'NotFound')) throw error;
}
