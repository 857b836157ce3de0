/** What a pod lives through from its first container to its last, in virtual time: hooks, restarts by rule, endings. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type {
  Container,
  ContainerRestartRule,
  ContainerStatus,
  Pod,
  PodCondition,
} from '../api/schema/types/core-v1.ts';
import { pods } from '../client/resources.ts';
import { startNode, type TestNode } from './cluster-testing.ts';
import type { NamedBehaviours } from './pod-life-testing.ts';
import { behaves, recordedEvents } from './pod-life-testing.ts';

async function node(context: TestContext): Promise<TestNode & { readonly told: readonly string[] }> {
  const { sink, told } = recordedEvents();
  const started = await startNode({ agent: { events: sink } });
  context.after(() => started.close());
  return Object.assign(started, { told });
}

const container = (name: string, changes: Partial<Container> = {}): Container => ({
  name,
  image: `${name}:1`,
  ...changes,
});

function statusOf({ status }: Pod, name: string): ContainerStatus | undefined {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.find((one) => one.name === name);
}

function conditionOf({ status }: Pod, type: string): PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

const oneRule = (action: 'Restart' | 'RestartAllContainers', ...values: number[]): readonly ContainerRestartRule[] => [
  { action, exitCodes: { operator: 'In', values } },
];

test('until its postStart hook has ended, a container does not count as running, and the next one waits', async (context) => {
  const { run, clock, pod, runs, until } = await node(context);
  const lifecycle = { postStart: { sleep: { seconds: 20 } } };
  await run({ containers: [container('app', { lifecycle }), container('next')] });
  await clock.advance(10_000);
  const during = await pod();
  assert.deepEqual(statusOf(during, 'app')?.state, { waiting: { reason: 'ContainerCreating' } });
  assert.equal(during.status?.phase, 'Pending');
  assert.equal((await runs('app')).length, 1);
  assert.equal((await runs('next')).length, 0);
  await until('both run', async () => statusOf(await pod(), 'next')?.ready === true, 12_000);
  assert.equal(statusOf(await pod(), 'app')?.restartCount, 0);
});

test('a postStart hook that fails kills its container, says so without the answer, and the next start waits', async (context) => {
  const { run, pod, told, until } = await node(context);
  const lifecycle = { postStart: { exec: { command: ['register'] } } };
  await run({ containers: [container('app', { lifecycle })] }, behaves({ app: { unhealthyAfterMs: 0 } }));
  await until(
    'the status says why',
    async () => statusOf(await pod(), 'app')?.state?.waiting?.reason === 'PostStartHookError',
  );
  assert.ok(told.includes('Warning FailedPostStartHook PostStartHook failed'));
  assert.ok(told.includes('Normal Killing FailedPostStartHook'));
  await until('it loops', async () => statusOf(await pod(), 'app')?.state?.waiting?.reason === 'CrashLoopBackOff');
});

test('a hook over tcpSocket, which the API takes, fails as it does upstream', async (context) => {
  const { run, told, until } = await node(context);
  const lifecycle = { postStart: { tcpSocket: { port: 80 } } };
  await run({ containers: [container('app', { lifecycle })] });
  await until('it fails', async () => told.includes('Warning FailedPostStartHook PostStartHook failed'));
});

test('a pod can be deleted while a postStart hook runs', async (context) => {
  const { run, clock, client, exists, until } = await node(context);
  const lifecycle = { postStart: { sleep: { seconds: 29 } } };
  await run({ containers: [container('app', { lifecycle })] });
  await clock.advance(2000);
  await client.delete(pods, { namespace: 'default', name: 'web' });
  await until('it is gone', async () => !(await exists()), 5000);
});

test('a rule restarts a container that its policy would leave down, and another code ends the pod', async (context) => {
  const { run, pod, until } = await node(context);
  const app = container('app', { restartPolicy: 'Never', restartPolicyRules: oneRule('Restart', 42) });
  await run({ restartPolicy: 'Never', containers: [app] }, behaves({ app: { exitAfterMs: 3000, exitCode: 42 } }));
  await until('it was restarted', async () => (statusOf(await pod(), 'app')?.restartCount ?? 0) >= 2);
  assert.equal((await pod()).status?.phase, 'Running');
  await run(
    { restartPolicy: 'Never', containers: [app] },
    { name: 'other', ...behaves({ app: { exitAfterMs: 3000, exitCode: 43 } }) },
  );
  await until('it has failed', async () => (await pod('other')).status?.phase === 'Failed');
  assert.equal(statusOf(await pod('other'), 'app')?.restartCount, 0);
});

test('RestartAllContainers takes the whole pod back to its init containers, in the same sandbox', async (context) => {
  const { run, pod, running, runs, told, until } = await node(context);
  const trigger = container('trigger', {
    restartPolicy: 'Never',
    restartPolicyRules: oneRule('RestartAllContainers', 42),
  });
  const behaviours: NamedBehaviours = { trigger: { exitAfterMs: 20_000, exitCode: 42 }, other: { stopMs: 60_000 } };
  const lifecycle = { preStop: { sleep: { seconds: 30 } } };
  await run(
    {
      restartPolicy: 'Never',
      initContainers: [container('init')],
      containers: [trigger, container('other', { lifecycle })],
    },
    behaves(behaviours),
  );
  await running();
  const { podIP } = (await pod()).status ?? {};
  const phases = new Set<string | undefined>();
  await until('the condition says so', async () => {
    phases.add((await pod()).status?.phase);
    return conditionOf(await pod(), 'AllContainersRestarting')?.status === 'True';
  });
  const told1 = conditionOf(await pod(), 'AllContainersRestarting');
  assert.equal(told1?.reason, 'RestartAllContainersStarted');
  assert.equal(told1?.message, 'container exited with restart policy rule');
  await until(
    'all run again',
    async () => {
      phases.add((await pod()).status?.phase);
      const restarted = ['init', 'trigger', 'other'].map(
        async (name) => statusOf(await pod(), name)?.restartCount === 1,
      );
      return (await Promise.all(restarted)).every(Boolean) && statusOf(await pod(), 'other')?.ready === true;
    },
    10_000,
  );
  const after = await pod();
  assert.deepEqual([...phases], ['Running']);
  assert.equal(after.status?.podIP, podIP);
  assert.equal(conditionOf(after, 'AllContainersRestarting')?.status, 'False');
  assert.equal(conditionOf(after, 'Initialized')?.status, 'True');
  assert.equal(statusOf(after, 'other')?.lastState?.terminated?.reason, 'RestartingAllContainers');
  assert.equal(statusOf(after, 'trigger')?.lastState?.terminated?.exitCode, 42);
  assert.equal((await runs('other')).length, 1);
  assert.ok(!told.some((line) => line.includes('Hook')));
});

test('sidecars hear at once that the pod ends, and end one after another, the first one last', async (context) => {
  const { run, running, client, told, runs, clock, exists, until } = await node(context);
  const sidecar = (name: string, changes: Partial<Container> = {}): Container =>
    container(name, { restartPolicy: 'Always', ...changes });
  const lifecycle = { preStop: { sleep: { seconds: 8 } } };
  await run(
    { initContainers: [sidecar('proxy'), sidecar('logs', { lifecycle })] },
    behaves({ app: { stopMs: 5000 }, logs: { stopMs: 2000 }, proxy: { stopMs: 1000 } }),
  );
  await running();
  const alive = async () => {
    const states = ['proxy', 'logs', 'app'].map(async (name) =>
      (await runs(name))[0]?.state === 'running' ? [name] : [],
    );
    return (await Promise.all(states)).flat();
  };
  await client.delete(pods, { namespace: 'default', name: 'web' });
  await clock.advance(1000);
  assert.deepEqual(
    told.filter((line) => line.startsWith('Normal Killing')).sort(),
    ['app', 'logs', 'proxy'].map((name) => `Normal Killing Stopping container ${name}`),
  );
  await clock.advance(5000);
  assert.deepEqual(await alive(), ['proxy', 'logs'], 'its hook is not done');
  await clock.advance(3500);
  assert.deepEqual(await alive(), ['proxy', 'logs'], 'it was asked to stop, and takes 2 s');
  await clock.advance(1000);
  assert.deepEqual(await alive(), ['proxy']);
  await until('the pod is gone', async () => !(await exists()), 5000);
});

test('when the grace period is over, sidecars do not wait for their turn', async (context) => {
  const { run, running, client, exists, until, clock } = await node(context);
  const proxy = container('proxy', {
    restartPolicy: 'Always',
    lifecycle: { preStop: { exec: { command: ['hangs'] } } },
  });
  await run({ terminationGracePeriodSeconds: 10, initContainers: [proxy] }, behaves({ app: { stopMs: 99_000 } }));
  await running();
  const startMs = clock.now();
  await client.delete(pods, { namespace: 'default', name: 'web' });
  await until('the pod is gone', async () => !(await exists()), 20_000);
  assert.ok(clock.now() - startMs >= 10_000);
  assert.ok(clock.now() - startMs <= 14_000);
});

test('of a pod that ends, liveness is not asked after, and readiness is', async (context) => {
  const { run, running, client, clock, told } = await node(context);
  const probe = { httpGet: { port: 80 }, periodSeconds: 1, failureThreshold: 1 };
  const app = container('app', { livenessProbe: probe, readinessProbe: probe });
  await run(
    { terminationGracePeriodSeconds: 30, containers: [app] },
    behaves({ app: { unhealthyAfterMs: 5000, stopMs: 20_000 } }),
  );
  await running();
  await client.delete(pods, { namespace: 'default', name: 'web' });
  await clock.advance(10_000);
  assert.ok(told.some((line) => line.startsWith('Warning Unhealthy Readiness probe failed')));
  assert.ok(!told.some((line) => line.includes('Liveness')));
});

test('the longest wait between restarts can be chosen', async (context) => {
  const { sink, told } = recordedEvents();
  const started = await startNode({ agent: { events: sink, configuration: { crashLoopBackOffMaxMs: 4000 } } });
  context.after(() => started.close());
  const { run, clock, pod } = started;
  await run({}, behaves({ app: { exitAfterMs: 500, exitCode: 1 } }));
  await clock.advance(60_000);
  assert.ok((statusOf(await pod(), 'app')?.restartCount ?? 0) >= 10);
  assert.ok(
    told.some((line) =>
      line.startsWith('Warning BackOff Back-off restarting failed container app in pod web_default('),
    ),
  );
});

test('a pod that never started is gone as soon as it is deleted', async (context) => {
  const { run, client, exists, until, clock } = await node(context);
  await run({ containers: [container('app', { envFrom: [{ configMapRef: { name: 'not-there' } }] })] });
  await clock.advance(3000);
  await client.delete(pods, { namespace: 'default', name: 'web' });
  await until('it is gone', async () => !(await exists()), 3000);
});

test('a pod whose containers end well while it is deleted has succeeded, and one that is killed has failed', async (context) => {
  const { run, running, client, pod, clock } = await node(context);
  const metadata = { finalizers: ['example.com/look'] };
  await run({ restartPolicy: 'Never' }, { ...metadata, ...behaves({ app: { stopMs: 1000, stopExitCode: 0 } }) });
  await running();
  await client.delete(pods, { namespace: 'default', name: 'web' });
  await clock.advance(5000);
  assert.equal((await pod()).status?.phase, 'Succeeded');
  await run({ restartPolicy: 'Never' }, { ...metadata, name: 'bad', ...behaves({ app: { stopMs: 99_000 } }) });
  await running('bad');
  const options = { gracePeriodSeconds: 2 };
  await client.delete(pods, { namespace: 'default', name: 'bad' }, options);
  await clock.advance(9000);
  assert.equal((await pod('bad')).status?.phase, 'Failed');
  assert.equal(statusOf(await pod('bad'), 'app')?.state?.terminated?.exitCode, 137);
});

test('activeDeadlineSeconds that is set while the pod runs ends it in time', async (context) => {
  const { run, running, client, pod, until } = await node(context);
  await run();
  const started = await running();
  const changed = { ...started, spec: { ...started.spec, activeDeadlineSeconds: 8 } } as Pod;
  await client.update(pods, changed);
  await until('it has failed', async () => (await pod()).status?.phase === 'Failed', 15_000);
  assert.equal((await pod()).status?.reason, 'DeadlineExceeded');
  assert.equal((await pod()).status?.message, 'Pod was active on the node longer than the specified deadline');
});

test('a container whose image changes starts anew also where its policy would not restart it, and the pod does not end meanwhile', async (context) => {
  for (const restartPolicy of ['Never', 'OnFailure'] as const) {
    const world = await node(context);
    const { client, pod, until } = world;
    const phases = new Set<string | undefined>();
    // A process that ends well on TERM.
    await world.run(
      { restartPolicy, containers: [container('app')] },
      behaves({ app: { stopMs: 500, stopExitCode: 0 } }),
    );
    const before = await world.running();
    const spec = { ...before.spec, containers: [{ ...before.spec?.containers[0], name: 'app', image: 'app:2' }] };
    await client.update(pods, { ...before, spec });
    await until('the new image runs', async () => {
      const now = await pod();
      phases.add(now.status?.phase);
      return statusOf(now, 'app')?.image === 'app:2' && statusOf(now, 'app')?.ready === true;
    });
    assert.deepEqual([...phases], ['Running']);
    assert.equal(statusOf(await pod(), 'app')?.restartCount, 1);
  }
});
