import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeProblems } from './node-conditions.ts';
import { simulatedNodeFacts } from './node-facts.ts';
import { nodeStatus } from './node-status.ts';

const facts = simulatedNodeFacts('node-1', '192.0.2.1');
const ready = (problem: string, problems: readonly string[], known = {}) => {
  const runtime = { name: 'simulated', version: '1', problem };
  const status = nodeStatus(known, { facts, runtime, images: [], problems, nowMs: 60_000 });
  return { status, condition: status.conditions?.find(({ type }) => type === 'Ready') };
};

test('a node that has not looked at its pods for three minutes is not ready, and says since when', () => {
  assert.deepEqual(nodeProblems({ relist: undefined, nowMs: 1e9 }), [], 'it has not begun');
  assert.deepEqual(nodeProblems({ relist: { lastMs: 0 }, nowMs: 180_000 }), []);
  const problems = nodeProblems({ relist: { lastMs: 0 }, nowMs: 185_500 });
  assert.deepEqual(problems, ['PLEG is not healthy: pleg was last seen active 3m5.5s ago; threshold is 3m0s']);
  const { condition } = ready('', problems);
  assert.deepEqual(
    [condition?.status, condition?.reason, condition?.message],
    ['False', 'KubeletNotReady', problems[0]],
  );
});

test('several problems stand in brackets, and one that stays keeps its time', () => {
  const problems = nodeProblems({ relist: undefined, nowMs: 0, isShuttingDown: true });
  const { condition, status } = ready('container runtime is down: no socket', problems);
  assert.equal(condition?.message, '[container runtime is down: no socket, node is shutting down]');
  const since = { ...condition, lastTransitionTime: '1970-01-01T00:00:01Z' };
  const known = { ...status, conditions: [since] } as never;
  assert.equal(ready('', problems, known).condition?.lastTransitionTime, '1970-01-01T00:00:01Z');
  assert.equal(ready('', [], known).condition?.lastTransitionTime, '1970-01-01T00:01:00Z');
  assert.equal(ready('', []).condition?.message, 'kubelet is posting ready status');
});

test('conditions that others keep on a node stay', () => {
  const frozen = { type: 'KernelDeadlock', status: 'False', reason: 'KernelHasNoDeadlock', message: 'fine' };
  const { status } = ready('', [], { conditions: [frozen] });
  assert.deepEqual(
    status.conditions?.find(({ type }) => type === 'KernelDeadlock'),
    frozen,
  );
});
