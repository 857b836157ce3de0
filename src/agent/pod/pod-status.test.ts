/** What the API is told of a pod that ends. How it ends is in decide-pod.test.ts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ContainerState, PodStatus } from '../../api/schema/types/core-v1.ts';
import { make } from '../testing.ts';
import { decidePod } from './decide-pod.ts';

const { pod, container, sandbox, run, exited } = make;
const sandboxes = [sandbox()];
const never = { restartPolicy: 'Never' } as const;
const deletion = { deletionTimestamp: '2026-01-01T12:00:30Z', deletionGracePeriodSeconds: 30 };

function brief(state: ContainerState = {}): string {
  if (state.running !== undefined) return 'running';
  return state.waiting?.reason ?? `${state.terminated?.reason} ${state.terminated?.exitCode}`;
}

/** The phase, then the init containers' states, then the containers'. */
function told({ phase, initContainerStatuses = [], containerStatuses = [] }: PodStatus): readonly unknown[] {
  return [
    phase,
    initContainerStatuses.map(({ state }) => brief(state)),
    containerStatuses.map(({ state }) => brief(state)),
  ];
}

describe('the status of a pod that ends', () => {
  const proxied = pod({ ...never, initContainers: [container('proxy', { restartPolicy: 'Always' })] });
  const running: PodStatus = { phase: 'Running' };

  test('it has not Succeeded while a sidecar still runs', () => {
    const seen = { pod: proxied, status: running, sandboxes, containers: [run('proxy'), exited('app', 0)] };
    const plan = decidePod(make.observation(seen));
    assert.deepEqual(told(plan.status), ['Running', ['running'], ['Completed 0']]);
    assert.deepEqual(
      plan.steps.map(({ kind }) => kind),
      ['stop-container'],
      'and the sidecar is told to end',
    );
  });

  test('it has, when the sidecar has ended, too', () => {
    const seen = { pod: proxied, status: running, sandboxes, containers: [exited('proxy', 143), exited('app', 0)] };
    assert.deepEqual(told(decidePod(make.observation(seen)).status), ['Succeeded', ['Error 143'], ['Completed 0']]);
  });

  const inits = { initContainers: [container('init-1'), container('init-2')] };

  test('containers whose turn never came, since an init container failed, wait for ever', () => {
    const seen = { pod: pod({ ...never, ...inits }), sandboxes, containers: [exited('init-1', 4)] };
    const { status } = decidePod(make.observation(seen));
    assert.deepEqual(told(status), ['Failed', ['Error 4', 'PodInitializing'], ['PodInitializing']]);
  });

  test('a pod that is deleted while its init containers run has Failed, and its containers never ran', () => {
    const seen = { pod: pod(inits, deletion), sandboxes, containers: [exited('init-1', 0), exited('init-2', 137)] };
    const { status } = decidePod(make.observation(seen));
    assert.deepEqual(told(status), ['Failed', ['Completed 0', 'Error 137'], ['PodInitializing']]);
  });

  test('a pod that is deleted between two init containers has Failed', () => {
    const seen = { pod: pod(inits, deletion), sandboxes, containers: [exited('init-1', 0)] };
    const { status } = decidePod(make.observation(seen));
    assert.deepEqual(told(status), ['Failed', ['Completed 0', 'PodInitializing'], ['PodInitializing']]);
  });

  test('a container that should have run and of which nothing is known is lost', () => {
    const lost = 'ContainerStatusUnknown 137';
    assert.deepEqual(told(decidePod(make.observation({ pod: pod({}, deletion) })).status), ['Failed', [], [lost]]);
    const withInit = decidePod(make.observation({ pod: pod(inits, deletion) }));
    assert.deepEqual(told(withInit.status), ['Failed', [lost, 'PodInitializing'], ['PodInitializing']]);
    const through = { pod: pod(inits, deletion), containers: [exited('init-1', 0), exited('init-2', 0)] };
    const { status } = decidePod(make.observation(through));
    assert.deepEqual(told(status), ['Failed', ['Completed 0', 'Completed 0'], [lost]]);
  });
});
