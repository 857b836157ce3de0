import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { unreachable } from '../client/errors.ts';
import { interceptCalls } from '../client/intercept.ts';
import type { NodeHandler } from '../client/node-api.ts';
import { configMaps, events, leases, nodes, pods } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import { type BehaviourCatalogue, behaviourAnnotation } from '../simulation/container-behaviour.ts';
import { startNode, type TestNode } from './cluster-testing.ts';

async function start(context: TestContext, ...options: Parameters<typeof startNode>): Promise<TestNode> {
  const node = await startNode(...options);
  context.after(() => node.close());
  return node;
}

const behaves = (behaviour: object) => ({ annotations: { [behaviourAnnotation]: JSON.stringify(behaviour) } });

const absentImage: BehaviourCatalogue = {
  containers: new Map(),
  images: new Map([['app:1', { absent: true, pullMs: 500, pullError: 'not found' }]]),
};

const app = (pod: Pod) => pod.status?.containerStatuses?.[0];
const condition = (pod: Pod, type: string) => pod.status?.conditions?.find((one) => one.type === type);

async function reasons(node: TestNode): Promise<readonly string[]> {
  await node.clock.advance(100);
  const { items } = await node.client.list(events, { namespace: 'default' });
  return items.filter(({ involvedObject }) => involvedObject.kind === 'Pod').map(({ reason }) => reason ?? '');
}

async function logs(handler: NodeHandler, path: string): Promise<{ readonly status: number; readonly text: string }> {
  const signal = new AbortController().signal;
  const response = await handler.handle({ method: 'GET', path, headers: {}, signal });
  return { status: response.status, text: await text(response.body) };
}

test('a pod runs: it has its addresses, its conditions, its times, and events say how it came', async (context) => {
  const node = await start(context);
  await node.run();
  const { status } = await node.running();
  assert.equal(status?.podIP, '10.42.0.2');
  assert.deepEqual(status.podIPs, [{ ip: '10.42.0.2' }]);
  assert.equal(status.hostIP, '192.0.2.1');
  assert.equal(status.qosClass, 'BestEffort');
  assert.equal(status.observedGeneration, 1);
  assert.match(status.startTime ?? '', /^2026-01-01T00:00:0\dZ$/);
  assert.deepEqual(
    status.conditions?.map((one) => [one.type, one.status]),
    [
      ['PodReadyToStartContainers', 'True'],
      ['Initialized', 'True'],
      ['Ready', 'True'],
      ['ContainersReady', 'True'],
      ['PodScheduled', 'True'],
    ],
  );
  const container = status.containerStatuses?.[0];
  assert.equal(container?.ready, true);
  assert.equal(container?.started, true);
  assert.equal(container?.restartCount, 0);
  assert.match(container?.containerID ?? '', /^containerd:\/\/[0-9a-f]{64}$/);
  assert.match(container?.imageID ?? '', /^app@sha256:/);
  assert.deepEqual(await reasons(node), ['Pulled', 'Created', 'Started']);
});

test('a killed container is back in under 2 s with restart count 1, the next time after 10 s', async (context) => {
  const node = await start(context);
  await node.run();
  const before = await node.running();
  const [first] = await node.runs('app');
  node.runtime.killContainer(first?.id ?? '');
  const restarts = async () => app(await node.pod())?.restartCount;
  await node.until('the container is back', async () => (await restarts()) === 1, 2000);
  const pod = await node.pod();
  assert.ok(app(pod)?.state?.running);
  assert.equal(app(pod)?.lastState?.terminated?.exitCode, 137);
  assert.equal(pod.status?.startTime, before.status?.startTime);

  const [second] = await node.runs('app');
  node.runtime.killContainer(second?.id ?? '', 1);
  await node.until('it waits', async () => app(await node.pod())?.state?.waiting?.reason === 'CrashLoopBackOff', 1000);
  const waiting = await node.pod();
  assert.match(app(waiting)?.state?.waiting?.message ?? '', /^back-off 10s restarting failed container=app pod=web_/);
  assert.equal(app(waiting)?.lastState?.terminated?.exitCode, 1);
  assert.equal(condition(waiting, 'Ready')?.status, 'False');
  await node.clock.advance(8000);
  assert.equal(await restarts(), 1);
  await node.until('it is back', async () => (await restarts()) === 2, 3000);
  assert.ok((await reasons(node)).includes('BackOff'));
});

test('a pod whose container ends well has succeeded, and gives its address back', async (context) => {
  const node = await start(context);
  await node.run({ restartPolicy: 'Never' }, behaves({ exitAfterMs: 3000 }));
  await node.until('it has succeeded', async () => (await node.pod()).status?.phase === 'Succeeded');
  await node.clock.advance(1000);
  const pod = await node.pod();
  assert.equal(app(pod)?.state?.terminated?.reason, 'Completed');
  assert.equal(condition(pod, 'Ready')?.reason, 'PodCompleted');
  assert.equal(condition(pod, 'PodReadyToStartContainers')?.status, 'False');
  assert.equal(pod.status?.podIP, '10.42.0.2');
  assert.equal((await node.runtime.state()).sandboxes[0]?.ready, false);
});

test('a pod that names its node is refused where its port is taken; after a restart of the agent the first keeps it', async (context) => {
  const node = await start(context);
  const containers = [{ name: 'app', image: 'app:1', ports: [{ containerPort: 80, hostPort: 8080 }] }];
  await node.run({ containers }, { name: 'first' });
  await node.running('first');
  await node.run({ containers }, { name: 'second' });
  await node.until('it is refused', async () => (await node.pod('second')).status?.phase === 'Failed');
  const { status } = await node.pod('second');
  assert.equal(status?.reason, 'NodePorts');
  assert.match(status.message ?? '', /^Pod was rejected: Predicate NodePorts failed: node\(s\) didn't have free ports/);
  assert.equal(status?.containerStatuses, undefined);
  assert.ok((await reasons(node)).includes('NodePorts'));
  await node.agent.close();
  await node.restart();
  await node.run({ containers }, { name: 'third' });
  await node.until('it is refused, too', async () => (await node.pod('third')).status?.reason === 'NodePorts');
  assert.equal((await node.pod('first')).status?.phase, 'Running');
  assert.equal((await node.pod('second')).status?.containerStatuses, undefined);
});

test('init containers run to their end before the containers start', async (context) => {
  const node = await start(context);
  const annotations = { [`${behaviourAnnotation}.setup`]: JSON.stringify({ exitAfterMs: 2000 }) };
  await node.run({ initContainers: [{ name: 'setup', image: 'setup:1' }] }, { annotations });
  await node.clock.advance(1000);
  const early = await node.pod();
  assert.equal(early.status?.phase, 'Pending');
  assert.equal(app(early)?.state?.waiting?.reason, 'PodInitializing');
  assert.equal(condition(early, 'Initialized')?.message, 'containers with incomplete status: [setup]');
  const pod = await node.running();
  assert.equal(pod.status?.initContainerStatuses?.[0]?.state?.terminated?.exitCode, 0);
  assert.equal(pod.status?.initContainerStatuses?.[0]?.ready, true);
  assert.equal(condition(pod, 'Initialized')?.status, 'True');
});

test('an image that cannot be pulled shows as an error, then as a back-off; the pod can be deleted meanwhile', async (context) => {
  const node = await start(context, { catalogue: absentImage });
  await node.run();
  const waiting = async () => app(await node.pod())?.state?.waiting;
  await node.until('the pull failed', async () => (await waiting())?.reason === 'ErrImagePull', 3000);
  await node.until('it backs off', async () => (await waiting())?.reason === 'ImagePullBackOff', 5000);
  assert.match((await waiting())?.message ?? '', /^Back-off pulling image "app:1": ErrImagePull: not found$/);
  await node.client.delete(pods, { namespace: 'default', name: 'web' });
  await node.until('it is gone', async () => !(await node.exists()), 3000);
});

test('an image that must be there and is not shows ErrImageNeverPull', async (context) => {
  const node = await start(context, { catalogue: absentImage });
  await node.run({ containers: [{ name: 'app', image: 'app:1', imagePullPolicy: 'Never' }] });
  const waiting = async () => app(await node.pod())?.state?.waiting?.reason;
  await node.until('it says so', async () => (await waiting()) === 'ErrImageNeverPull', 3000);
});

test('a deleted pod is stopped within its grace period, and then nothing of it is left', async (context) => {
  const node = await start(context);
  await node.run({ terminationGracePeriodSeconds: 10 }, behaves({ stopMs: 3000 }));
  await node.running();
  await node.client.delete(pods, { namespace: 'default', name: 'web' });
  await node.clock.advance(2000);
  assert.equal((await node.pod()).status?.phase, 'Running');
  await node.until('it is gone', async () => !(await node.exists()), 2000);
  assert.deepEqual(await node.runtime.state(), { sandboxes: [], containers: [] });
  await node.clock.advance(100);
  assert.equal(node.agent.pods?.count, 0);
});

test('a pod that is deleted by force takes its processes with it', async (context) => {
  const node = await start(context);
  await node.run({}, behaves({ stopMs: 100_000 }));
  await node.running();
  await node.client.delete(pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
  await node.until('nothing runs', async () => (await node.runtime.state()).sandboxes.length === 0, 3000);
});

test('a deleted pod whose grace period is cut short is killed sooner', async (context) => {
  const node = await start(context);
  await node.run({ terminationGracePeriodSeconds: 300 }, behaves({ stopMs: 1_000_000 }));
  await node.running();
  const reference = { namespace: 'default', name: 'web' };
  await node.client.delete(pods, reference);
  await node.clock.advance(1000);
  await node.client.delete(pods, reference, { gracePeriodSeconds: 2 });
  await node.until('it is gone', async () => !(await node.exists()), 4000);
});

test('an agent that restarts takes running containers over and does not touch them', async (context) => {
  const node = await start(context);
  await node.run();
  const before = await node.running();
  const closing = node.agent.close();
  await node.clock.advance(100);
  await closing;
  const agent = await node.restart();
  context.after(() => agent.close());
  await node.clock.advance(20_000);
  const after = await node.pod();
  assert.deepEqual(app(after), app(before));
  assert.deepEqual(after.status?.conditions, before.status?.conditions);
  const runs = await node.runs('app');
  assert.equal(runs.length, 1);
});

test('a container that died while the agent was away is restarted, and the count goes on', async (context) => {
  const node = await start(context);
  await node.run();
  await node.running();
  const closing = node.agent.close();
  await node.clock.advance(100);
  await closing;
  node.runtime.killContainer((await node.runs('app'))[0]?.id ?? '');
  const agent = await node.restart();
  context.after(() => agent.close());
  await node.until('it is back', async () => app(await node.pod())?.restartCount === 1, 3000);
});

test('after a power cut pods run again, in new sandboxes', async (context) => {
  const node = await start(context);
  await node.run();
  await node.running();
  node.runtime.powerCut();
  await node.until('it is back', async () => app(await node.pod())?.restartCount === 1, 8000);
  const pod = await node.running();
  assert.ok(app(pod)?.state?.running);
  assert.ok((await reasons(node)).includes('SandboxChanged'));
});

test('a pod that was deleted while the agent was away is stopped and removed', async (context) => {
  const node = await start(context);
  await node.run();
  await node.running();
  const closing = node.agent.close();
  await node.clock.advance(100);
  await closing;
  await node.client.delete(pods, { namespace: 'default', name: 'web' }, { gracePeriodSeconds: 0 });
  const agent = await node.restart();
  context.after(() => agent.close());
  await node.until('nothing runs', async () => (await node.runtime.state()).sandboxes.length === 0, 8000);
});

test('an agent that cannot reach the server leaves all as it is', async (context) => {
  const node = await start(context);
  await node.run();
  await node.running();
  const closing = node.agent.close();
  await node.clock.advance(100);
  await closing;
  const client = interceptCalls(node.client, () => Promise.reject(unreachable('no route to host')));
  const agent = await node.restart({ client });
  context.after(() => agent.close());
  await node.clock.advance(300_000);
  assert.equal((await node.runs('app'))[0]?.state, 'running');
});

test('a status that could not be written gets there when the server answers again', async (context) => {
  let down = false;
  const node = await start(context);
  const closing = node.agent.close();
  await node.clock.advance(100);
  await closing;
  const client = interceptCalls(node.client, async ({ verb }) => {
    if (down && verb === 'update') throw unreachable('injected');
  });
  const agent = await node.restart({ client });
  context.after(() => agent.close());
  await node.run();
  await node.running();
  down = true;
  node.runtime.killContainer((await node.runs('app'))[0]?.id ?? '');
  await node.clock.advance(30_000);
  assert.equal(app(await node.pod())?.restartCount, 0);
  assert.equal((await node.runs('app'))[0]?.attempt, 1);
  down = false;
  await node.until('the status is there', async () => app(await node.pod())?.restartCount === 1, 15_000);
});

test('once a pod runs, its worker keeps no status of its own beside the one that the API has', async (context) => {
  const node = await start(context);
  await node.run();
  const { metadata, status } = await node.running();
  await node.clock.advance(1000);
  const worker = node.agent.pods?.find({ namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' });
  assert.ok(status !== undefined);
  assert.equal(worker?.status, status);
});

test('readiness follows the probe, and a failing liveness probe restarts the container', async (context) => {
  const node = await start(context);
  const readinessProbe = { httpGet: { port: 80 }, periodSeconds: 1 };
  const livenessProbe = { httpGet: { port: 80 }, periodSeconds: 2, failureThreshold: 2, initialDelaySeconds: 5 };
  const behaviour = behaves({ healthyAfterMs: 3000, unhealthyAfterMs: 20_000 });
  await node.run({ containers: [{ name: 'app', image: 'app:1', readinessProbe, livenessProbe }] }, behaviour);
  const early = await node.running();
  assert.equal(app(early)?.ready, false);
  assert.equal(condition(early, 'Ready')?.message, 'containers with unready status: [app]');
  await node.until('it is ready', async () => app(await node.pod())?.ready === true, 4000);
  await node.until('it was restarted', async () => app(await node.pod())?.restartCount === 1, 30_000);
  const seen = await reasons(node);
  assert.ok(seen.includes('Unhealthy') && seen.includes('Killing'));
});

test('a container waits for the ConfigMap that it refers to', async (context) => {
  const node = await start(context);
  const envFrom = [{ configMapRef: { name: 'settings' } }];
  await node.run({ containers: [{ name: 'app', image: 'app:1', envFrom }] });
  const waiting = async () => app(await node.pod())?.state?.waiting;
  await node.until('it waits', async () => (await waiting())?.reason === 'CreateContainerConfigError', 3000);
  assert.equal((await waiting())?.message, 'configmap "settings" not found');
  await node.client.create(configMaps, { metadata: { namespace: 'default', name: 'settings' }, data: { A: 'b' } });
  await node.until('it runs', async () => app(await node.pod())?.state?.running !== undefined, 20_000);
});

test('a container whose image changes is replaced, and counts as restarted', async (context) => {
  const node = await start(context);
  await node.run();
  await node.running();
  const pod = await node.pod();
  const containers = [{ ...pod.spec?.containers[0], name: 'app', image: 'app:2' }];
  await node.client.update(pods, { ...pod, spec: { ...pod.spec, containers } });
  await node.until('the new image runs', async () => app(await node.pod())?.image === 'app:2', 5000);
  assert.equal(app(await node.pod())?.restartCount, 1);
});

test("an agent that says it is another node is refused what is the other one's", async (context) => {
  const node = await start(context, { agent: { nodeName: 'node-2' } });
  await node.clock.advance(5000);
  assert.deepEqual(
    [...new Set(node.refused.splice(0))],
    ["get nodes/ /node-2: node 'node-1' cannot read 'node-2', only its own Node object"],
  );
  const closing = node.agent.close();
  await node.clock.advance(100);
  await closing;
  node.refused.length = 0;
});

test('many pods run side by side', async (context) => {
  const node = await start(context);
  const names = Array.from({ length: 40 }, (_, index) => `web-${index}`);
  for (const name of names) await node.run({}, { name, ...behaves({ startDelayMs: 200 }) });
  const startedMs = node.clock.now();
  for (const name of names) await node.running(name);
  // 8 at a time, 200 ms each.
  assert.ok(node.clock.now() - startedMs <= 3000, `${node.clock.now() - startedMs} ms`);
});

test('the node is registered, Ready, and renews its lease', async (context) => {
  const node = await start(context);
  const reference = { namespace: '', name: 'node-1' };
  await node.clock.advance(1000);
  const { metadata, spec, status } = await node.client.get(nodes, reference);
  assert.equal(metadata?.labels?.['kubernetes.io/hostname'], 'node-1');
  assert.equal(metadata?.labels?.['kubernetes.io/os'], 'linux');
  assert.equal(spec?.podCIDR, '10.42.0.0/24');
  assert.equal(status?.capacity?.cpu, '4');
  assert.equal(status?.allocatable?.pods, '110');
  assert.deepEqual(status?.addresses, [
    { type: 'InternalIP', address: '192.0.2.1' },
    { type: 'Hostname', address: 'node-1' },
  ]);
  const ready = async () =>
    (await node.client.get(nodes, reference)).status?.conditions?.find(({ type }) => type === 'Ready');
  assert.equal((await ready())?.status, 'True');
  const lease = { namespace: 'kube-node-lease', name: 'node-1' };
  const first = await node.client.get(leases, lease);
  assert.equal(first.spec?.holderIdentity, 'node-1');
  assert.equal(first.metadata?.ownerReferences?.[0]?.kind, 'Node');
  await node.clock.advance(10_000);
  assert.notEqual((await node.client.get(leases, lease)).spec?.renewTime, first.spec?.renewTime);

  node.runtime.setProblem('connection refused');
  await node.until('it is not ready', async () => (await ready())?.status === 'False', 11_000);
  assert.equal((await ready())?.message, 'container runtime is down: connection refused');
});

test('logs are served, and what has no log says why', async (context) => {
  const node = await start(context, { catalogue: absentImage });
  await node.run(
    {
      containers: [
        { name: 'main', image: 'main:1' },
        { name: 'app', image: 'app:1' },
      ],
    },
    behaves({ logLines: ['one', 'two', 'three'] }),
  );
  await node.clock.advance(1000);
  const { handler } = node.agent;
  const at = '/containerLogs/default/web';
  assert.deepEqual(await logs(handler, `${at}/main`), { status: 200, text: 'one\ntwo\nthree\n' });
  assert.equal((await logs(handler, `${at}/main?tailLines=1`)).text, 'three\n');
  assert.equal((await logs(handler, `${at}/main?limitBytes=5`)).text, 'one\nt');
  assert.match((await logs(handler, `${at}/main?timestamps=true`)).text, /^2026-01-01T00:00:0\d\.\d{9}Z one\n/);
  const message = async (path: string) => {
    const answer = await logs(handler, path);
    return [answer.status, (JSON.parse(answer.text) as { message: string }).message];
  };
  assert.deepEqual(await message(`${at}/app`), [
    400,
    `container "app" in pod "web" is waiting to start: image can't be pulled`,
  ]);
  assert.deepEqual(await message(`${at}/main?previous=true`), [
    400,
    'previous terminated container "main" in pod "web" not found',
  ]);
  assert.deepEqual(await message(`${at}/other`), [400, 'container other is not valid for pod web']);
  assert.deepEqual(await message('/containerLogs/default/none/app'), [404, 'pods "none" not found']);
});

test('a follower gets what is written until the container ends', async (context) => {
  const node = await start(context);
  await node.run({ restartPolicy: 'Never' }, behaves({ logLines: ['one'], exitAfterMs: 5000 }));
  await node.running();
  const following = logs(node.agent.handler, '/containerLogs/default/web/app?follow=true');
  await node.clock.advance(1000);
  node.runtime.writeLog((await node.runs('app'))[0]?.id ?? '', 'two');
  await node.clock.advance(6000);
  assert.equal((await following).text, 'one\ntwo\n');
});

test('a preStop hook has its time, also where time passes between deciding and doing', async (context) => {
  const node = await start(context);
  const { clock } = node;
  await node.agent.close();
  let looks = 0;
  // Each look at this clock takes a millisecond.
  const slow: Clock = {
    now: () => clock.now() + looks++,
    monotonic: () => clock.monotonic(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
    sleep: (delayMs, signal) => clock.sleep(delayMs, signal),
  };
  const agent = await node.restart({ clock: slow });
  context.after(() => agent.close());
  const lifecycle = { preStop: { sleep: { seconds: 5 } } };
  await node.run({ containers: [{ name: 'app', image: 'app:1', lifecycle }] });
  await node.running();
  await node.client.delete(pods, { namespace: 'default', name: 'web' });
  await clock.advance(3000);
  assert.equal((await node.runs('app'))[0]?.state, 'running');
  await node.until('the pod is gone', async () => !(await node.exists()), 5000);
  assert.equal((await reasons(node)).filter((reason) => reason === 'Killing').length, 1);
});
