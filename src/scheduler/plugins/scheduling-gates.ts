/** SchedulingGates: a pod with gates does not enter the queue. */
import type { Plugin } from '../framework/plugin.ts';
import { always } from '../queue/changes.ts';

export const schedulingGates: Plugin = {
  name: 'SchedulingGates',
  preEnqueue: ({ spec }) => {
    const gates = spec?.schedulingGates?.map(({ name }) => name) ?? [];
    return gates.length === 0 ? undefined : `waiting for scheduling gates: [${gates.join(' ')}]`;
  },
  hints: { PodGatesGone: always },
};
