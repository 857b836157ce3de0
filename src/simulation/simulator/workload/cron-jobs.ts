/** CronJobs: each policy, several schedules and time zones. At the end they sleep: else there would be no end. */
import type { CronJob } from '../../../api/schema/types/batch-v1.ts';
import { cronJobs } from '../../../client/resources.ts';
import { smallPodSpec } from './pods.ts';
import type { Family, World } from './world.ts';

const cronJobsMax = 4;
const schedules = ['* * * * *', '*/2 * * * *', '1-59/3 * * * *', '@hourly', '0 0 30 2 *'] as const;
/** The last one is refused. */
const zones = ['Etc/UTC', 'Asia/Kolkata', 'America/St_Johns', 'Mars/Olympus_Mons'] as const;

function newCronJob(world: World): CronJob {
  const template = {
    spec: { ...smallPodSpec(world.oneOf(['job:1', 'long-job:1', 'failing-job:1'])), restartPolicy: 'Never' as const },
  };
  return {
    metadata: { namespace: world.namespace, name: `cron-${world.below(20)}` },
    spec: {
      schedule: world.oneOf(schedules),
      ...(world.oneIn(2) && { timeZone: world.oneOf(zones) }),
      concurrencyPolicy: world.oneOf(['Allow', 'Forbid', 'Forbid', 'Replace']),
      ...(world.oneIn(3) && { startingDeadlineSeconds: 20 + world.below(60) }),
      successfulJobsHistoryLimit: world.below(3),
      failedJobsHistoryLimit: world.below(2),
      jobTemplate: { spec: { backoffLimit: world.below(2), template } },
    },
  };
}

export const cronJobFamily: Family = {
  name: 'cron jobs',
  actions: [
    {
      name: 'create a cron job',
      weight: 8,
      act: (world) => world.create(cronJobs, cronJobsMax, () => newCronJob(world)),
    },
    {
      name: 'change a schedule',
      weight: 2,
      act: (world) => world.patch(cronJobs, world.pickOf(cronJobs), { spec: { schedule: world.oneOf(schedules) } }),
    },
    {
      name: 'suspend or resume a cron job',
      weight: 2,
      act: (world) => world.patch(cronJobs, world.pickOf(cronJobs), { spec: { suspend: world.oneIn(2) } }),
    },
    { name: 'delete a cron job', weight: 1, act: (world) => world.delete(cronJobs, world.pickOf(cronJobs)) },
  ],
  settle: async (world) => {
    for (const cronJob of world.living(cronJobs)) await world.patch(cronJobs, cronJob, { spec: { suspend: true } });
  },
};
