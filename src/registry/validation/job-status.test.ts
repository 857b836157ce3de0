/**
 * What a report on a Job may change, and what it may leave as wrong as it was: the steps from one status to the next, as upstream's own
 * tests of them go.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import { validateJobStatusUpdate } from './job-status.ts';

interface Step {
  readonly name: string;
  readonly spec?: object;
  readonly from?: object;
  readonly to?: object;
  readonly errors?: readonly string[];
}

const time = '2026-01-01T00:00:00Z';
const later = '2026-01-01T00:01:00Z';
const on = (...types: string[]): object[] => types.map((type) => ({ type, status: 'True' }));
const started = { startTime: time };
const over = { startTime: time, completionTime: time };
const complete = { ...over, conditions: on('SuccessCriteriaMet', 'Complete') };
const indexed = { completionMode: 'Indexed', completions: 5 };
const perIndex = { ...indexed, backoffLimitPerIndex: 1 };
const byPolicy = { ...indexed, completions: 10, successPolicy: { rules: [{ succeededIndexes: '0-2' }] } };

const conditions = 'status.conditions: Invalid value: ';
const notTogether = (left: string, right: string): string =>
  `${conditions}cannot set ${left} and ${right}=true conditions`;
const fixedStart = (value: string): string =>
  `status.startTime: Invalid value: ${value}: field is immutable for unsuspended job once set`;

const steps: readonly Step[] = [
  {
    name: 'counts go up',
    from: { active: 1, succeeded: 2, failed: 3, terminating: 4 },
    to: { active: 2, succeeded: 3, failed: 4, ready: 1, terminating: 4 },
  },
  { name: 'counts that are not there', from: { active: 1, succeeded: 2 }, to: { active: 2, succeeded: 3, failed: 4 } },
  {
    name: 'uids that are empty or counted twice',
    to: {
      uncountedTerminatedPods: { succeeded: ['a', 'b', 'c', 'a', ''], failed: ['c', 'd', 'e', 'd', ''] },
    },
    errors: [
      'status.uncountedTerminatedPods.succeeded[3]: Duplicate value: "a"',
      'status.uncountedTerminatedPods.succeeded[4]: Invalid value: "": must not be empty',
      'status.uncountedTerminatedPods.failed[0]: Duplicate value: "c"',
      'status.uncountedTerminatedPods.failed[3]: Duplicate value: "d"',
      'status.uncountedTerminatedPods.failed[4]: Invalid value: "": must not be empty',
    ],
  },
  {
    name: 'complete and failed',
    to: { ...over, conditions: on('SuccessCriteriaMet', 'Complete', 'FailureTarget', 'Failed') },
    errors: [
      notTogether('Complete=True', 'Failed'),
      notTogether('Complete=True', 'FailureTarget'),
      notTogether('SuccessCriteriaMet=True', 'Failed'),
      notTogether('SuccessCriteriaMet=True', 'FailureTarget'),
    ],
  },
  { name: 'an end that was none is taken back', from: over, to: started },
  {
    name: 'failed without a start',
    to: { conditions: on('FailureTarget', 'Failed') },
    errors: ['status.startTime: Required value: startTime is required for finished job'],
  },
  {
    name: 'complete without a start',
    to: { ...complete, startTime: undefined },
    errors: ['status.startTime: Required value: startTime is required for finished job'],
  },
  {
    name: 'asleep all the time, with nothing to do: complete without a start',
    spec: { suspend: true, completions: 0 },
    to: { ...complete, startTime: undefined },
  },
  {
    name: 'complete with pods that run',
    to: { ...complete, active: 1 },
    errors: ['status.active: Invalid value: 1: active>0 is invalid for finished job'],
  },
  {
    name: 'failed with pods that end and are ready',
    to: { ...started, conditions: on('FailureTarget', 'Failed'), terminating: 1, ready: 1 },
    errors: [
      'status.terminating: Invalid value: 1: terminating>0 is invalid for finished job',
      'status.ready: Invalid value: 1: cannot set more ready pods than active',
    ],
  },
  {
    name: 'failed with pods that are not counted yet',
    to: { ...started, conditions: on('FailureTarget', 'Failed'), uncountedTerminatedPods: { failed: ['a'] } },
    errors: [
      'status.uncountedTerminatedPods: Invalid value: {"Succeeded":null,"Failed":["a"]}: must be empty for finished job',
    ],
  },
  {
    name: 'other pods that are not counted, when all is over',
    from: { ...complete, uncountedTerminatedPods: { failed: ['a'] } },
    to: { ...complete, uncountedTerminatedPods: { failed: ['b'] } },
    errors: [
      'status.uncountedTerminatedPods: Invalid value: {"Succeeded":null,"Failed":["b"]}: must be empty for finished job',
    ],
  },
  {
    name: 'pods that stay uncounted, and a condition of somebody else',
    from: { ...complete, uncountedTerminatedPods: { failed: ['a'] } },
    to: {
      ...complete,
      uncountedTerminatedPods: { failed: ['a'] },
      conditions: on('SuccessCriteriaMet', 'Complete', 'CustomJobCondition'),
    },
  },
  {
    name: 'complete without an end',
    to: { ...complete, completionTime: undefined },
    errors: ['status.completionTime: Required value: completionTime is required for Complete jobs'],
  },
  {
    name: 'the end taken away',
    from: complete,
    to: { ...complete, completionTime: undefined },
    errors: ['status.completionTime: Required value: completionTime is required for Complete jobs'],
  },
  { name: 'the start taken away in sleep', spec: { suspend: true }, from: started },
  { name: 'the start taken away', from: started, errors: [fixedStart('null')] },
  { name: 'another start', from: started, to: { startTime: later }, errors: [fixedStart(`"${later}"`)] },
  {
    name: 'another start of a job that wakes',
    from: { ...started, conditions: on('Suspended') },
    to: { startTime: later, conditions: [{ type: 'Suspended', status: 'False' }] },
  },
  {
    name: 'an end before the start',
    from: { startTime: later },
    to: { ...complete, startTime: later },
    errors: [`status.completionTime: Invalid value: "${time}": must be equal to or after \`startTime\``],
  },
  {
    name: 'another end',
    from: complete,
    to: { ...complete, completionTime: later },
    errors: [`status.completionTime: Invalid value: "${later}": field is immutable`],
  },
  ...['Failed', 'Complete', 'FailureTarget'].map((type) => ({
    name: `${type} taken back`,
    from: { conditions: on(type) },
    errors: [`${conditions}cannot disable the terminal ${type}=True condition`],
  })),
  {
    name: 'to fail after it was complete',
    from: complete,
    to: { ...complete, conditions: on('SuccessCriteriaMet', 'Complete', 'FailureTarget') },
    errors: [notTogether('Complete=True', 'FailureTarget'), notTogether('SuccessCriteriaMet=True', 'FailureTarget')],
  },
  {
    name: 'an end of a job that is not over',
    to: { completionTime: time },
    errors: [
      `status.completionTime: Invalid value: "${time}": cannot set completionTime when there is no Complete=True condition`,
    ],
  },
  { name: 'an end that stood there before', from: { completionTime: time }, to: { completionTime: time, active: 1 } },
  {
    name: 'indexes of a job without',
    spec: { completions: 5, completionMode: 'NonIndexed' },
    to: { ...started, completedIndexes: '0' },
    errors: [
      'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
    ],
  },
  {
    name: 'indexes of a job without that stood there before',
    spec: { completions: 5, completionMode: 'NonIndexed' },
    from: { completedIndexes: '0' },
    to: { completedIndexes: '0', active: 1 },
  },
  {
    name: 'failed indexes that nobody counts',
    spec: indexed,
    to: { failedIndexes: '0' },
    errors: [
      'status.failedIndexes: Invalid value: "0": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
    ],
  },
  {
    name: 'fewer failures',
    from: { failed: 3 },
    to: { failed: 1 },
    errors: ['status.failed: Invalid value: 1: cannot decrease the failed counter'],
  },
  {
    name: 'fewer successes',
    from: { succeeded: 3 },
    to: { succeeded: 1 },
    errors: ['status.succeeded: Invalid value: 1: cannot decrease the succeeded counter'],
  },
  {
    name: 'fewer successes of a job that shrank as a whole',
    spec: { ...indexed, parallelism: 5 },
    from: { succeeded: 3 },
    to: { succeeded: 1 },
  },
  {
    name: 'completed indexes that cannot be read',
    spec: indexed,
    to: { completedIndexes: 'invalid format' },
    errors: [
      'status.completedIndexes: Invalid value: "invalid format": error parsing completedIndexes: cannot convert string to integer for index: "invalid format"',
    ],
  },
  {
    name: 'completed indexes that could not be read before',
    spec: indexed,
    from: { completedIndexes: 'invalid format' },
    to: { completedIndexes: 'invalid format', active: 1 },
  },
  {
    name: 'failed indexes that cannot be read',
    spec: perIndex,
    to: { failedIndexes: 'invalid format' },
    errors: [
      'status.failedIndexes: Invalid value: "invalid format": error parsing failedIndexes: cannot convert string to integer for index: "invalid format"',
    ],
  },
  {
    name: 'failed indexes that could not be read before',
    spec: perIndex,
    from: { failedIndexes: 'invalid format' },
    to: { failedIndexes: 'invalid format', active: 1 },
  },
  {
    name: 'more ready than active, as before',
    from: { active: 1, ready: 2 },
    to: { active: 1, ready: 2, succeeded: 1 },
  },
  {
    name: 'indexes that come to be both failed and complete',
    spec: perIndex,
    from: { failedIndexes: '0,2', completedIndexes: '3-4' },
    to: { failedIndexes: '0,2', completedIndexes: '2-4' },
    errors: ['status.failedIndexes: Invalid value: "0,2": failedIndexes and completedIndexes overlap at index: 2'],
  },
  {
    name: 'indexes that were both',
    spec: perIndex,
    from: { failedIndexes: '0,2', completedIndexes: '2-4' },
    to: { failedIndexes: '0,2', completedIndexes: '2-4', active: 1 },
  },
  {
    name: 'enough after it failed',
    spec: byPolicy,
    from: { conditions: on('Failed') },
    to: { conditions: on('Failed', 'SuccessCriteriaMet') },
    errors: [notTogether('SuccessCriteriaMet=True', 'Failed')],
  },
  {
    name: 'enough while it fails',
    spec: byPolicy,
    from: { conditions: on('FailureTarget') },
    to: { conditions: on('FailureTarget', 'SuccessCriteriaMet') },
    errors: [notTogether('SuccessCriteriaMet=True', 'FailureTarget')],
  },
  {
    name: 'to fail after it was enough',
    spec: byPolicy,
    from: { conditions: on('SuccessCriteriaMet') },
    to: { conditions: on('SuccessCriteriaMet', 'FailureTarget') },
    errors: [notTogether('SuccessCriteriaMet=True', 'FailureTarget')],
  },
  {
    name: 'enough after it was complete',
    spec: byPolicy,
    from: { ...over, conditions: on('Complete') },
    to: { ...over, conditions: on('Complete', 'SuccessCriteriaMet') },
    errors: [`${conditions}cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions`],
  },
  {
    name: 'complete after it was enough',
    spec: byPolicy,
    from: { ...started, conditions: on('SuccessCriteriaMet') },
    to: complete,
  },
  {
    name: 'complete by a policy without being enough',
    spec: byPolicy,
    to: { ...over, conditions: on('Complete') },
    errors: [
      `${conditions}cannot set Complete=True condition without the SuccessCriteriaMet=true condition`,
      `${conditions}cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True`,
    ],
  },
  {
    name: 'no longer enough',
    spec: byPolicy,
    from: { conditions: on('SuccessCriteriaMet') },
    to: { conditions: [{ type: 'Complete', status: 'False' }] },
    errors: [`${conditions}cannot disable the SuccessCriteriaMet=True condition`],
  },
  { name: 'enough without a policy', to: { conditions: on('SuccessCriteriaMet') } },
];

function faults({ spec = {}, from = {}, to = {} }: Step): string[] {
  const [old, job] = [from, to].map((status) => JSON.parse(JSON.stringify({ spec, status })) as Job) as [Job, Job];
  return validateJobStatusUpdate(job, old).map(({ field, message }) => `${field}: ${message}`);
}

void describe('a Job’s status', () => {
  for (const step of steps) {
    void test(step.errors ? `refuses ${step.name}` : `accepts ${step.name}`, () =>
      assert.deepEqual(faults(step), step.errors ?? []),
    );
  }
});
