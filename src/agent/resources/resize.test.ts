import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Container, Pod, PodCondition } from '../../api/schema/types/core-v1.ts';
import { events, pods } from '../../client/resources.ts';
import { startNode, type TestNode } from '../cluster-testing.ts';
import { type Runtime, RuntimeError } from '../runtime.ts';

type Amounts = Record<string, string>;

async function start(context: TestContext): Promise<TestNode> {
  const node = await startNode();
  context.after(() => node.close());
  return node;
}

const sized = (requests: Amounts, limits?: Amounts, more: Partial<Container> = {}) => ({
  containers: [{ name: 'app', image: 'app:1', resources: { requests, ...(limits && { limits }) }, ...more }],
});

async function resize(node: TestNode, requests: Amounts, limits?: Amounts, name = 'web'): Promise<Pod> {
  const resources = { requests, ...(limits && { limits }) };
  const body = { spec: { containers: [{ name: 'app', resources }] } };
  const reference = { namespace: 'default', name };
  return node.client.patch(pods, reference, { type: 'strategic', body }, { subresource: 'resize' });
}

const app = (pod: Pod) => pod.status?.containerStatuses?.[0];
const condition = (pod: Pod, type: string): PodCondition | undefined =>
  pod.status?.conditions?.find((one) => one.type === type);

async function resized(node: TestNode, cpu: string, name = 'web'): Promise<Pod> {
  await node.until(`${name} has ${cpu}`, async () => {
    const pod = await node.pod(name);
    return app(pod)?.resources?.requests?.['cpu'] === cpu && condition(pod, 'PodResizeInProgress') === undefined;
  });
  return node.pod(name);
}

async function closed(node: TestNode): Promise<void> {
  const closing = node.agent.close();
  await node.clock.advance(1000);
  await closing;
}

async function pending(node: TestNode, reason: string, name = 'web'): Promise<Pod> {
  const is = async () => condition(await node.pod(name), 'PodResizePending')?.reason === reason;
  await node.until(`the resize of ${name} is ${reason}`, is);
  return node.pod(name);
}

async function eventMessages(node: TestNode): Promise<Record<string, string>> {
  await node.clock.advance(5000);
  const { items } = await node.client.list(events);
  return Object.fromEntries(items.map(({ reason = '', message = '' }) => [reason, message]));
}

test('a pod gets more, and then less, without its containers noticing', async (context) => {
  const node = await start(context);
  await node.run(sized({ cpu: '500m', memory: '64Mi' }, { cpu: '1', memory: '128Mi' }));
  await node.running();
  const [before] = await node.runs('app');
  const { metadata } = await resize(node, { cpu: '1', memory: '64Mi' }, { cpu: '2', memory: '256Mi' });
  const pod = await resized(node, '1');
  const [after] = await node.runs('app');
  assert.equal(after?.id, before?.id);
  assert.equal(app(pod)?.restartCount, 0);
  const { oomScoreAdj: _, ...figures } = { ...after?.resources, oomScoreAdj: 0 };
  const wanted = { cpuShares: 1024, cpuQuotaUs: 200_000, cpuPeriodUs: 100_000, memoryLimitBytes: 256 * 2 ** 20 };
  assert.deepEqual(figures, wanted);
  assert.deepEqual(app(pod)?.resources, {
    limits: { cpu: '2', memory: '256Mi' },
    requests: { cpu: '1', memory: '64Mi' },
  });
  assert.deepEqual(app(pod)?.allocatedResources, { cpu: '1', memory: '64Mi' });
  assert.equal(pod.status?.observedGeneration, metadata?.generation);
  assert.equal(pod.status?.qosClass, 'Burstable');
  const told = await eventMessages(node);
  const summary =
    '{"containers":[{"name":"app","resources":{"limits":{"cpu":"2","memory":"256Mi"},"requests":{"cpu":"1","memory":"64Mi"}}}],"generation":2}';
  assert.equal(told['ResizeStarted'], `Pod resize started: ${summary}`);
  assert.equal(told['ResizeCompleted'], `Pod resize completed: ${summary}`);

  await resize(node, { cpu: '100m', memory: '64Mi' }, { cpu: '200m', memory: '128Mi' });
  await resized(node, '100m');
  const [smaller] = await node.runs('app');
  assert.equal(smaller?.resources?.cpuQuotaUs, 20_000);
  assert.equal(smaller.id, before?.id);
});

test('a container that wants to be started anew for it is', async (context) => {
  const node = await start(context);
  const resizePolicy = [
    { resourceName: 'memory', restartPolicy: 'RestartContainer' },
    { resourceName: 'cpu', restartPolicy: 'NotRequired' },
  ];
  await node.run(sized({ cpu: '500m' }, { memory: '128Mi' }, { resizePolicy }));
  await node.running();
  await resize(node, { cpu: '600m' }, { memory: '128Mi' });
  assert.equal(app(await resized(node, '600m'))?.restartCount, 0);
  await resize(node, { cpu: '600m' }, { memory: '256Mi' });
  await node.until('it was started anew', async () => {
    const pod = await node.pod();
    return app(pod)?.restartCount === 1 && app(pod)?.ready === true && !condition(pod, 'PodResizeInProgress');
  });
  assert.equal(app(await node.pod())?.resources?.limits?.['memory'], '256Mi');
  assert.equal((await eventMessages(node))['Killing'], 'Container app resize requires restart');
});

test('what the node cannot give now waits until somebody leaves; what it never can is infeasible', async (context) => {
  const node = await start(context);
  await node.run(sized({ cpu: '1' }));
  await node.run(sized({ cpu: '2' }), { name: 'other' });
  await node.running();
  await node.running('other');
  await resize(node, { cpu: '3' });
  const waiting = await pending(node, 'Deferred');
  const why = "Node didn't have enough resource: cpu, requested: 3000, used: 2000, capacity: 4000";
  assert.equal(condition(waiting, 'PodResizePending')?.message, why);
  assert.equal(condition(waiting, 'PodResizePending')?.observedGeneration, 2);
  assert.equal(app(waiting)?.resources?.requests?.['cpu'], '1');
  assert.equal(app(waiting)?.allocatedResources?.['cpu'], '1');
  await resize(node, { cpu: '8' });
  const never = await pending(node, 'Infeasible');
  const capacity = "Node didn't have enough capacity: cpu, requested: 8000, capacity: 4000";
  assert.equal(condition(never, 'PodResizePending')?.message, capacity);
  await resize(node, { cpu: '3' });
  await pending(node, 'Deferred');
  await node.client.delete(pods, { namespace: 'default', name: 'other' });
  const pod = await resized(node, '3');
  assert.equal(condition(pod, 'PodResizePending'), undefined);
  const told = await eventMessages(node);
  assert.ok(told['ResizeDeferred']?.startsWith('Pod resize Deferred: {"containers":'));
  assert.ok(told['ResizeInfeasible']?.endsWith(`"generation":3,"error":"${capacity}"}`));
});

test('a wish that is taken back leaves nothing', async (context) => {
  const node = await start(context);
  await node.run(sized({ cpu: '1' }));
  await node.running();
  await resize(node, { cpu: '8' });
  await pending(node, 'Infeasible');
  await resize(node, { cpu: '1' });
  const isGone = async () => condition(await node.pod(), 'PodResizePending') === undefined;
  await node.until('nothing waits', isGone);
  assert.equal((await eventMessages(node))['ResizeStarted'], undefined);
});

test('of several that wait, the one of the highest priority has its turn first', async (context) => {
  const node = await start(context);
  await node.run({ ...sized({ cpu: '500m' }), priorityClassName: 'system-cluster-critical' }, { name: 'high' });
  for (const name of ['low', 'other']) await node.run(sized({ cpu: name === 'other' ? '3' : '500m' }), { name });
  for (const name of ['high', 'low', 'other']) await node.running(name);
  await resize(node, { cpu: '3' }, undefined, 'low');
  await pending(node, 'Deferred', 'low');
  await resize(node, { cpu: '3' }, undefined, 'high');
  await pending(node, 'Deferred', 'high');
  await node.client.delete(pods, { namespace: 'default', name: 'other' });
  await resized(node, '3', 'high');
  const { message } = condition(await node.pod('low'), 'PodResizePending') ?? {};
  assert.equal(message, "Node didn't have enough resource: cpu, requested: 3000, used: 3000, capacity: 4000");
});

test('what the runtime refuses is told, and tried again until it holds', async (context) => {
  const node = await start(context);
  await node.run(sized({ cpu: '500m', memory: '64Mi' }, { memory: '128Mi' }));
  await node.running();
  let refuses = true;
  const update: Runtime['updateContainer'] = (...args) =>
    refuses
      ? Promise.reject(new RuntimeError('failed', 'unable to set memory limit'))
      : node.runtime.updateContainer(...args);
  const runtime: Runtime = new Proxy<Runtime>(node.runtime, {
    get(target, key: keyof Runtime) {
      const value = target[key];
      if (key === 'updateContainer') return update;
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  await closed(node);
  const agent = await node.restart({ runtime });
  context.after(() => agent.close());
  await resize(node, { cpu: '500m', memory: '64Mi' }, { memory: '64Mi' });
  const isError = async () => condition(await node.pod(), 'PodResizeInProgress')?.reason === 'Error';
  await node.until('it is told', isError);
  const stuck = await node.pod();
  assert.equal(condition(stuck, 'PodResizeInProgress')?.message, 'unable to set memory limit');
  assert.equal(condition(stuck, 'PodResizeInProgress')?.observedGeneration, 2);
  refuses = false;
  await node.until('it holds', async () => condition(await node.pod(), 'PodResizeInProgress') === undefined);
  assert.equal((await node.runs('app'))[0]?.resources?.memoryLimitBytes, 64 * 2 ** 20);
  assert.match((await eventMessages(node))['ResizeError'] ?? '', /"error":"unable to set memory limit"\}$/);
});

test('an agent that starts anew keeps what was promised, and goes on with what waited', async (context) => {
  const node = await start(context);
  await node.run(sized({ cpu: '1' }));
  await node.run(sized({ cpu: '3' }), { name: 'other' });
  await node.running();
  await node.running('other');
  await resize(node, { cpu: '2' });
  await pending(node, 'Deferred');
  await closed(node);
  const agent = await node.restart();
  context.after(() => agent.close());
  await node.clock.advance(10_000);
  assert.equal(app(await pending(node, 'Deferred'))?.allocatedResources?.['cpu'], '1');
  await node.client.delete(pods, { namespace: 'default', name: 'other' });
  await resized(node, '2');
});

test('a pod that has not started yet starts with what it was resized to', async (context) => {
  const node = await start(context);
  const spec = sized({ cpu: '1' }, { memory: '64Mi' });
  const slow = { annotations: { 'simulation.naru.dev/start-delay-ms': '3000' } };
  await node.run(spec, slow);
  await resize(node, { cpu: '2' }, { memory: '128Mi' });
  await node.running();
  const pod = await resized(node, '2');
  assert.equal(app(pod)?.restartCount, 0);
  assert.equal(app(pod)?.resources?.limits?.['memory'], '128Mi');
});

test('a pod that asks as a whole is resized as a whole', async (context) => {
  const node = await start(context);
  const resources = { requests: { cpu: '1', memory: '64Mi' }, limits: { cpu: '2', memory: '128Mi' } };
  await node.run({ resources, containers: [{ name: 'app', image: 'app:1' }] });
  const { status } = await node.running();
  assert.deepEqual([status?.resources, status?.allocatedResources], [resources, resources.requests]);
  const wanted = { requests: { cpu: '3', memory: '64Mi' }, limits: { cpu: '4', memory: '256Mi' } };
  const reference = { namespace: 'default', name: 'web' };
  const body = { spec: { resources: wanted } };
  await node.client.patch(pods, reference, { type: 'strategic', body }, { subresource: 'resize' });
  const holds = async () => (await node.pod()).status?.resources?.requests?.['cpu'] === '3';
  await node.until('it holds', holds);
  const { status: after } = await node.pod();
  assert.deepEqual([after?.resources, after?.allocatedResources], [wanted, wanted.requests]);
  assert.ok((await eventMessages(node))['ResizeCompleted']);
});
