import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodDependency } from '../../api/dependency-gate.ts';
import { type Decision, decideGate, type WorkloadState } from './decide.ts';

const running: WorkloadState = { kind: 'Deployment', hasStarted: true, ready: 0 };
const fresh: WorkloadState = { kind: 'Deployment', hasStarted: false, ready: 0 };
const job: WorkloadState = { kind: 'Job', hasStarted: true, ready: 0 };

type Row = readonly [string, Omit<PodDependency, 'service'>, WorkloadState | undefined, string];

const rows: readonly Row[] = [
  ['one that is not there', { condition: 'service_started' }, undefined, 'db, which is not there'],
  ['an optional one that is not there', { condition: 'service_started', required: false }, undefined, 'opens'],
  ['no pod has started', { condition: 'service_started' }, fresh, 'db to start: none of its pods has started'],
  ['a pod has started', { condition: 'service_started' }, running, 'opens'],
  ['started, but not ready', { condition: 'service_healthy' }, running, 'db to be healthy: none of its pods is ready'],
  ['ready', { condition: 'service_healthy' }, { ...running, ready: 1 }, 'opens'],
  [
    'a Job that runs',
    { condition: 'service_completed_successfully' },
    job,
    'db to complete: the Job is not complete yet',
  ],
  ['a Job that is complete', { condition: 'service_completed_successfully' }, { ...job, end: 'complete' }, 'opens'],
  ['a complete Job counts as healthy', { condition: 'service_healthy' }, { ...job, end: 'complete' }, 'opens'],
  [
    'a Job that failed',
    { condition: 'service_completed_successfully' },
    { ...job, end: 'failed' },
    'db to complete: the Job has failed',
  ],
  [
    'an optional Job that failed',
    { condition: 'service_completed_successfully', required: false },
    { ...job, end: 'failed' },
    'opens',
  ],
  [
    'what never completes',
    { condition: 'service_completed_successfully' },
    { ...running, ready: 3 },
    'db to complete: it is a Deployment, which never completes',
  ],
];

for (const [name, dependency, state, expected] of rows) {
  test(`a pod waits for a workload: ${name}`, () => {
    const decision = decideGate([{ service: 'db', ...dependency }], () => state);
    const wanted: Decision = expected === 'opens' ? { kind: 'open' } : { kind: 'wait', reasons: [expected] };
    assert.deepEqual(decision, wanted);
  });
}

test('all that does not hold is told', () => {
  const dependencies = ['db', 'cache'].map((service): PodDependency => ({ service, condition: 'service_healthy' }));
  const decision = decideGate(dependencies, (service) => (service === 'db' ? running : undefined));
  assert.deepEqual(decision, {
    kind: 'wait',
    reasons: ['db to be healthy: none of its pods is ready', 'cache, which is not there'],
  });
});
