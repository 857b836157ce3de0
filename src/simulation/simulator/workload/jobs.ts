/** Jobs of every kind: with indexes, policies for failure and success, bounds in time and number; suspended, resumed, deleted. */
import type { Job, JobSpec } from '../../../api/schema/types/batch-v1.ts';
import { jobs } from '../../../client/resources.ts';
import { failureExitCode, jobImages } from '../images.ts';
import { podSpec } from './pods.ts';
import type { Family, World } from './world.ts';

const jobsMax = 8;

/** One that ends by itself, well or not. */
function newJob(world: World): Job {
  const spec = { ...podSpec(world, world.oneOf(jobImages)), restartPolicy: 'Never' as const };
  return {
    metadata: { namespace: world.namespace, name: `job-${world.below(1000)}` },
    spec: {
      completions: 1 + world.below(4),
      parallelism: 1 + world.below(3),
      ...(world.oneIn(2) ? indexed(world) : { backoffLimit: world.below(3) }),
      ...(world.oneIn(3) && failurePolicy(world)),
      ...(world.oneIn(6) && { suspend: true }),
      ...(world.oneIn(5) && { activeDeadlineSeconds: 20 + world.below(60) }),
      ...(world.oneIn(3) && { ttlSecondsAfterFinished: world.below(60) }),
      template: { spec },
    },
  };
}

function indexed(world: World): Partial<JobSpec> {
  const limits = { backoffLimitPerIndex: world.below(2), ...(world.oneIn(2) && { maxFailedIndexes: world.below(3) }) };
  const rule = world.oneIn(2) ? { succeededIndexes: '0' } : { succeededCount: 1 };
  return {
    completionMode: 'Indexed',
    ...(world.oneIn(2) ? limits : { backoffLimit: world.below(3) }),
    ...(world.oneIn(3) && { successPolicy: { rules: [rule] } }),
  };
}

function failurePolicy(world: World): Partial<JobSpec> {
  const action = world.oneOf(['FailJob', 'Count']);
  const onExitCodes = { operator: 'In' as const, values: [failureExitCode] };
  const onPodConditions = [{ type: 'DisruptionTarget', status: 'True' }];
  return world.oneIn(2)
    ? {
        podFailurePolicy: {
          rules: [
            { action: 'Ignore', onPodConditions },
            { action, onExitCodes },
          ],
        },
      }
    : { podReplacementPolicy: 'Failed' };
}

export const jobFamily: Family = {
  name: 'jobs',
  actions: [
    { name: 'create a job', weight: 8, act: (world) => world.create(jobs, jobsMax, () => newJob(world)) },
    {
      name: 'suspend or resume a job',
      weight: 3,
      act: (world) => world.patch(jobs, world.pickOf(jobs), { spec: { suspend: world.oneIn(2) } }),
    },
    { name: 'delete a job', weight: 2, act: (world) => world.delete(jobs, world.pickOf(jobs)) },
  ],
};
