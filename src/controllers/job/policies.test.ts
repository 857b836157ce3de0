/** What the policies of a Job make of ends, row by row. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PodFailurePolicyRule, SuccessPolicyRule } from '../../api/schema/types/batch-v1.ts';
import type { PodStatus } from '../../api/schema/types/core-v1.ts';
import { Indexes } from './indexes.ts';
import { judgeFailure, successRuleMet } from './policies.ts';
import { makeJob, makeJobPod } from './testing.ts';

/** Exit codes by the name of the container; undefined where it still runs. */
type Codes = Readonly<Record<string, number | undefined>>;
type Operator = 'In' | 'NotIn';

const onExit = (
  action: PodFailurePolicyRule['action'],
  operator: Operator,
  values: number[],
  containerName?: string,
): PodFailurePolicyRule => ({ action, onExitCodes: { operator, values, ...(containerName && { containerName }) } });
const onConditions = (action: PodFailurePolicyRule['action'], ...patterns: [type: string, status: string][]) => ({
  action,
  onPodConditions: patterns.map(([type, status]) => ({ type, status })),
});
const statuses = (codes: Codes): NonNullable<PodStatus['containerStatuses']> =>
  Object.entries(codes).map(([name, exitCode]) => {
    const state = exitCode === undefined ? {} : { terminated: { exitCode } };
    return { name, image: '', imageID: '', ready: false, restartCount: 0, state };
  });

interface FailureRow {
  readonly name: string;
  readonly rules: readonly PodFailurePolicyRule[];
  readonly codes?: Codes;
  readonly initCodes?: Codes;
  readonly conditions?: Readonly<Record<string, string>>;
  /** Undefined where no rule matches. */
  readonly action?: string;
  readonly message?: string;
}

const later = 'Later' as 'Ignore';
const exited = (name: string, code: number, index = 0): string =>
  `Container ${name} for pod default/pod failed with exit code ${code} matching FailJob rule at index ${index}`;

const failures: readonly FailureRow[] = [
  { name: 'no rules', rules: [], codes: { main: 1 } },
  {
    name: 'a code that is named',
    rules: [onExit('FailJob', 'In', [1, 2])],
    codes: { main: 2 },
    action: 'FailJob',
    message: exited('main', 2),
  },
  { name: 'a code that is not named', rules: [onExit('FailJob', 'In', [1, 2])], codes: { main: 3 } },
  {
    name: 'any code but these',
    rules: [onExit('FailJob', 'NotIn', [1, 2])],
    codes: { main: 3 },
    action: 'FailJob',
    message: exited('main', 3),
  },
  { name: 'a code among those that are left out', rules: [onExit('FailJob', 'NotIn', [1, 2])], codes: { main: 2 } },
  {
    name: 'a container that ended well, where another failed',
    rules: [onExit('Ignore', 'NotIn', [5])],
    codes: { main: 0, side: 5 },
  },
  { name: 'a container that still runs', rules: [onExit('Ignore', 'NotIn', [5])], codes: { main: undefined } },
  {
    name: 'the container that is meant',
    rules: [onExit('FailJob', 'In', [1], 'side')],
    codes: { main: 2, side: 1 },
    action: 'FailJob',
    message: exited('side', 1),
  },
  {
    name: 'another container than the one that is meant',
    rules: [onExit('FailJob', 'In', [1], 'side')],
    codes: { main: 1, side: 2 },
  },
  {
    name: 'the first container that matches',
    rules: [onExit('FailJob', 'In', [2, 3])],
    codes: { a: 1, b: 2, c: 3 },
    action: 'FailJob',
    message: exited('b', 2),
  },
  {
    name: 'a container that ran before the others',
    rules: [onExit('FailJob', 'In', [1])],
    codes: { main: undefined },
    initCodes: { init: 1 },
    action: 'FailJob',
    message: exited('init', 1),
  },
  {
    name: 'the first rule that matches',
    rules: [onExit('Ignore', 'In', [7]), onExit('FailJob', 'In', [1]), onExit('Count', 'In', [1])],
    codes: { main: 1 },
    action: 'FailJob',
    message: exited('main', 1, 1),
  },
  {
    name: 'a failure that is ignored',
    rules: [onExit('Ignore', 'In', [1]), onExit('FailJob', 'In', [1])],
    codes: { main: 1 },
    action: 'Ignore',
  },
  {
    name: 'a failure that is counted, whatever comes after',
    rules: [onExit('Count', 'In', [1]), onExit('FailJob', 'In', [1])],
    codes: { main: 1 },
    action: 'Count',
  },
  {
    name: 'an index that is given up',
    rules: [onExit('FailIndex', 'In', [1])],
    codes: { main: 1 },
    action: 'FailIndex',
  },
  {
    name: 'a rule by codes whose action nobody knows yet',
    rules: [onExit(later, 'In', [1]), onExit('Ignore', 'In', [1])],
    codes: { main: 1 },
    action: 'Ignore',
  },
  {
    name: 'a rule by conditions whose action nobody knows yet',
    rules: [onConditions(later, ['X', 'True'])],
    conditions: { X: 'True' },
  },
  {
    name: 'an operator that nobody knows yet',
    rules: [onExit('FailJob', 'Between' as Operator, [1])],
    codes: { main: 5 },
  },
  {
    name: 'a condition',
    rules: [onConditions('FailJob', ['Other', 'True'], ['DisruptionTarget', 'True'])],
    conditions: { DisruptionTarget: 'True' },
    action: 'FailJob',
    message: 'Pod default/pod has condition DisruptionTarget matching FailJob rule at index 0',
  },
  {
    name: 'a condition that holds otherwise',
    rules: [onConditions('Ignore', ['X', 'True'])],
    conditions: { X: 'False' },
  },
  {
    name: 'a condition of which nobody knows',
    rules: [onConditions('Ignore', ['X', 'Unknown'])],
    conditions: { X: 'Unknown' },
    action: 'Ignore',
  },
  {
    name: 'a condition that fails the Job before a code is ignored',
    rules: [onConditions('Count', ['X', 'True']), onExit('Ignore', 'In', [1])],
    codes: { main: 1 },
    conditions: { X: 'True' },
    action: 'Count',
  },
];

describe('the policy of failures judges', () => {
  for (const { name, rules, codes = {}, initCodes = {}, conditions = {}, action, message } of failures) {
    test(name, () => {
      const status = {
        containerStatuses: statuses(codes),
        initContainerStatuses: statuses(initCodes),
        conditions: Object.entries(conditions).map(([type, value]) => ({ type, status: value })),
      };
      const pod = makeJobPod('Failed', { uid: 'pod', status });
      const verdict = judgeFailure(makeJob({ podFailurePolicy: { rules: [...rules] } }), pod);
      assert.deepEqual([verdict.action, verdict.message], [action, message]);
      assert.equal(verdict.counts, action !== 'Ignore');
    });
  }
});

interface SuccessRow {
  readonly name: string;
  readonly succeeded: string;
  readonly rules?: readonly SuccessPolicyRule[];
  /** The rule that is met. */
  readonly met?: number;
}

const indexes = (succeededIndexes: string, succeededCount?: number): SuccessPolicyRule => ({
  succeededIndexes,
  ...(succeededCount !== undefined && { succeededCount }),
});
const count = (succeededCount: number): SuccessPolicyRule => ({ succeededCount });

const successes: readonly SuccessRow[] = [
  { name: 'no policy', succeeded: '0' },
  { name: 'no rules', succeeded: '0', rules: [] },
  { name: 'a rule that cannot be read', succeeded: '0', rules: [indexes('bad-form')] },
  { name: 'a rule that names no index', succeeded: '1-3', rules: [indexes('')] },
  { name: 'nothing that succeeded', succeeded: '', rules: [indexes(''), count(1)] },
  { name: 'all indexes', succeeded: '0-2,4-7', rules: [indexes('0-2')], met: 0 },
  { name: 'another index', succeeded: '0-2', rules: [indexes('3')] },
  { name: 'enough', succeeded: '0-2', rules: [count(2)], met: 0 },
  { name: 'too few', succeeded: '0-2', rules: [count(4)] },
  { name: 'the second of two rules', succeeded: '0-2,4-7', rules: [indexes('9'), indexes('4,6')], met: 1 },
  { name: 'the first where both hold', succeeded: '0-2,4-7', rules: [indexes('0,1'), indexes('5')], met: 0 },
  { name: 'enough of these', succeeded: '0-2,4-7', rules: [indexes('3-6', 2)], met: 0 },
  { name: 'too few of these', succeeded: '0-2,6-7', rules: [indexes('3-6', 2)] },
  { name: 'parts of intervals', succeeded: '1-5,6-9', rules: [indexes('2-4,6-8')], met: 0 },
  { name: 'just these', succeeded: '2-4,6-9', rules: [indexes('2-4,6-9')], met: 0 },
  { name: 'indexes beyond the completions', succeeded: '1-3,5-7', rules: [indexes('10-12,14-16')] },
  { name: 'an overlap', succeeded: '2-4,6-8', rules: [indexes('1-3,5-7')] },
  { name: 'an overlap that is enough', succeeded: '2-4,6-8', rules: [indexes('1-3,5-7', 4)], met: 0 },
  { name: 'an overlap that is one too few', succeeded: '2-4,6-8', rules: [indexes('1-3,5-7', 5)] },
  { name: 'a rule that reaches further', succeeded: '1-3,7-8', rules: [indexes('0-4,6-9')] },
  {
    name: 'a rule that reaches further, of which there is enough',
    succeeded: '1-3,7-8',
    rules: [indexes('0-4,6-9', 5)],
    met: 0,
  },
];

describe('the policy of success judges', () => {
  for (const { name, succeeded, rules, met } of successes) {
    test(name, () => {
      const policy = rules && { successPolicy: { rules: [...rules] } };
      const job = makeJob({ completionMode: 'Indexed', completions: 10, ...policy });
      const message = successRuleMet(job, Indexes.read(succeeded, 10));
      assert.equal(message, met === undefined ? undefined : `Matched rules at index ${met}`);
    });
  }
});
