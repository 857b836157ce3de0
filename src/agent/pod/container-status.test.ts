import assert from 'node:assert/strict';
import { test } from 'node:test';
import { make } from '../testing.ts';
import { decidePod } from './decide-pod.ts';

const { pod, container, sandbox, run, exited } = make;
const sandboxes = [sandbox()];

test('the messages of all containers of a pod fit into 12 KiB, each with an equal part', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const six = pod({ restartPolicy: 'Never', containers: names.map((name) => container(name)) });
  const containers = names.map((name) => exited(name, 1));
  const long = 'é'.repeat(2048);
  const messages = new Map(containers.map(({ id }) => [id, long]));
  const { status } = decidePod(make.observation({ pod: six, lastPod: six, sandboxes, containers, messages }));
  const sizes = status.containerStatuses?.map(({ state }) => Buffer.byteLength(state?.terminated?.message ?? ''));
  assert.deepEqual(sizes, Array(6).fill(2048));
  const one = decidePod(
    make.observation({ sandboxes, containers: [exited('app', 1)], messages: new Map([['app-0', long]]) }),
  );
  assert.equal(one.status.containerStatuses?.[0]?.lastState?.terminated?.message, undefined);
  assert.equal(one.status.containerStatuses?.[0]?.state?.terminated?.message, long);
});

test('a message is never cut inside a character', () => {
  const three = pod({ restartPolicy: 'Never', containers: ['a', 'b', 'c', 'd', 'e'].map((name) => container(name)) });
  const messages = new Map([['a-0', `x${'é'.repeat(2000)}`]]);
  const containers = ['a', 'b', 'c', 'd', 'e'].map((name) => exited(name, 1));
  const { status } = decidePod(make.observation({ pod: three, lastPod: three, sandboxes, containers, messages }));
  assert.equal(status.containerStatuses?.[0]?.state?.terminated?.message, `x${'é'.repeat(1228)}`);
});

test('nobody waits for an ephemeral container to be ready, and it never runs twice', () => {
  const debugged = pod({ ephemeralContainers: [{ name: 'debug', image: 'debug:1' }] });
  const seen = { pod: debugged, lastPod: debugged, sandboxes };
  const during = decidePod(make.observation({ ...seen, containers: [run('app'), run('debug')] }));
  const [status] = during.status.ephemeralContainerStatuses ?? [];
  assert.equal(status?.ready, false);
  assert.equal(status?.started, undefined);
  assert.ok(status?.state?.running);
  const after = decidePod(make.observation({ ...seen, containers: [run('app'), exited('debug', 1)] }));
  assert.deepEqual(after.steps, []);
});

test('a stop signal of its own shows in the status of a container that was made', () => {
  const signalled = pod({ containers: [container('app', { lifecycle: { stopSignal: 'SIGUSR1' } })] });
  const seen = { pod: signalled, lastPod: signalled, sandboxes };
  assert.equal(decidePod(make.observation(seen)).status.containerStatuses?.[0]?.stopSignal, undefined);
  const { status } = decidePod(make.observation({ ...seen, containers: [run('app')] }));
  assert.equal(status.containerStatuses?.[0]?.stopSignal, 'SIGUSR1');
});

test('how the devices of a container are shows in its status', () => {
  const seen = { sandboxes, containers: [run('app')] };
  assert.ok(!('allocatedResourcesStatus' in (decidePod(make.observation(seen)).status.containerStatuses?.[0] ?? {})));
  const health = [{ name: 'example.com/gpu', resources: [{ resourceID: 'g0', health: 'Unhealthy' }] }];
  const { status } = decidePod(make.observation({ ...seen, devices: new Map([['app', health]]) }));
  assert.deepEqual(status.containerStatuses?.[0]?.allocatedResourcesStatus, health);
});
