/**
 * Which pods an update takes, case by case. A letter a pod, from the lowest ordinal up: `o` old and up, `x` old and down, `e` old and ending,
 * `y` old and ready for too short a time, `n` new and up, `b` new and down, `-` missing. Expected is what is left: `.` for what goes.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import type { Replica } from './decide.ts';
import { makeSet } from './testing.ts';
import { decideUpdate } from './update.ts';

const nowMs = Date.UTC(2026, 0, 2);
const minReadySeconds = 30;

function replica(letter: string, ordinal: number): Replica {
  const isReady = 'oyn'.includes(letter);
  const sinceMs = letter === 'y' ? 10_000 : 90_000;
  const revision = 'nb'.includes(letter) ? 'new' : 'old';
  const lastTransitionTime = formatTime(nowMs - sinceMs);
  const pod: Pod = {
    metadata: {
      name: `db-${ordinal}`,
      labels: { 'controller-revision-hash': revision },
      ...(letter === 'e' && { deletionTimestamp: formatTime(nowMs) }),
    },
    spec: { containers: [] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False', lastTransitionTime }],
    },
  };
  return { ordinal, pod, exists: letter !== '-' };
}

interface Rules {
  readonly most?: number | string;
  readonly partition?: number;
}

function left(policy: 'Parallel' | 'OrderedReady', pods: string, { most = 1, partition = 0 }: Rules): string {
  const set = makeSet({
    replicas: pods.length,
    podManagementPolicy: policy,
    minReadySeconds,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition, maxUnavailable: most } },
  });
  const steps = decideUpdate(set, pods.split('').map(replica), 'new', nowMs);
  const gone = steps.map((step) => (step.kind === 'delete' ? step.pod.metadata?.name : ''));
  return pods
    .split('')
    .map((letter, ordinal) => (gone.includes(`db-${ordinal}`) ? '.' : letter))
    .join('');
}

const cases: readonly {
  readonly pods: string;
  readonly rules?: Rules;
  readonly parallel: string;
  readonly ordered: string;
}[] = [
  { pods: 'ooo', parallel: 'oo.', ordered: 'oo.' },
  { pods: 'oon', parallel: 'o.n', ordered: 'o.n' },
  { pods: 'oob', parallel: 'oob', ordered: 'oob' },
  { pods: 'oo-', parallel: 'oo-', ordered: 'oo-' },
  { pods: 'nnn', parallel: 'nnn', ordered: 'nnn' },
  { pods: 'x', parallel: '.', ordered: 'x' },
  { pods: 'oox', parallel: 'oo.', ordered: 'oox' },
  { pods: 'xoo', parallel: '.oo', ordered: 'xoo' },
  { pods: 'oxb', parallel: 'o.b', ordered: 'oxb' },
  { pods: 'ooe', parallel: 'ooe', ordered: 'ooe' },
  { pods: 'ooy', parallel: 'oo.', ordered: 'ooy' },
  { pods: 'oooxx', rules: { most: 2 }, parallel: 'ooo..', ordered: 'oooxx' },
  { pods: 'oooox', rules: { most: 2 }, parallel: 'ooo..', ordered: 'oooo.' },
  { pods: 'oooxe', rules: { most: 3 }, parallel: 'oo..e', ordered: 'ooo.e' },
  { pods: 'oooex', rules: { most: 3 }, parallel: 'oo.e.', ordered: 'oooe.' },
  { pods: 'xxoo', rules: { most: 2 }, parallel: '..oo', ordered: 'xxoo' },
  { pods: 'xxooo', rules: { most: 3 }, parallel: '..oo.', ordered: 'xxoo.' },
  { pods: 'oooo', rules: { most: '50%' }, parallel: 'oo..', ordered: 'oo..' },
  { pods: 'ooo', rules: { most: '50%' }, parallel: 'oo.', ordered: 'oo.' },
  { pods: 'ooo', rules: { most: '10%' }, parallel: 'oo.', ordered: 'oo.' },
  { pods: 'ooo', rules: { most: 9 }, parallel: '...', ordered: '...' },
  { pods: 'oooox', rules: { partition: 2 }, parallel: 'oooo.', ordered: 'oooox' },
  { pods: 'ooxoo', rules: { partition: 2 }, parallel: 'oo.oo', ordered: 'ooxoo' },
  { pods: 'oxooo', rules: { partition: 2 }, parallel: 'oxooo', ordered: 'oxooo' },
  { pods: 'oooxx', rules: { partition: 3, most: 2 }, parallel: 'ooo..', ordered: 'oooxx' },
  { pods: 'oxoox', rules: { partition: 3, most: 2 }, parallel: 'oxoo.', ordered: 'oxoox' },
  { pods: 'ooo', rules: { partition: 3 }, parallel: 'ooo', ordered: 'ooo' },
  { pods: 'ooo', rules: { partition: 7 }, parallel: 'ooo', ordered: 'ooo' },
];

describe('an update takes', () => {
  for (const { pods, rules = {}, parallel, ordered } of cases) {
    const where = Object.entries(rules).map(([name, value]) => `, ${name} ${value}`);
    test(`of ${pods}${where.join('')}: ${parallel} in parallel, ${ordered} in order`, () => {
      assert.deepEqual([left('Parallel', pods, rules), left('OrderedReady', pods, rules)], [parallel, ordered]);
    });
  }

  test('nothing of a set whose pods go by hand', () => {
    const set = makeSet({ updateStrategy: { type: 'OnDelete' } });
    assert.deepEqual(decideUpdate(set, 'oox'.split('').map(replica), 'new', nowMs), []);
  });
});
