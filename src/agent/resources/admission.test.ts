import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { events, nodes, pods } from '../../client/resources.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { startNode, type TestNode } from '../cluster-testing.ts';
import { simulatedNodeFacts } from '../node-facts.ts';
import { make } from '../testing.ts';
import { NodeAdmission } from './admission.ts';

/** 4 CPUs, 16Gi, and as little as `size` says. */
async function start(context: TestContext, size: Parameters<typeof simulatedNodeFacts>[2] = {}): Promise<TestNode> {
  const facts = simulatedNodeFacts('node-1', '192.0.2.1', size);
  const node = await startNode({ agent: { facts } });
  context.after(() => node.close());
  return node;
}

const asks = (requests: Record<string, string>) => ({
  containers: [{ name: 'app', image: 'app:1', resources: { requests } }],
});
const critical = { priorityClassName: 'system-node-critical' };

async function refused(node: TestNode, name: string): Promise<Pod> {
  const phase = async () => (await node.pod(name)).status?.phase;
  await node.until(`pod ${name} is refused`, async () => (await phase()) === 'Failed');
  return node.pod(name);
}

async function eventOf(node: TestNode, name: string, reason: string): Promise<string | undefined> {
  await node.clock.advance(5000);
  const { items } = await node.client.list(events);
  return items.find((event) => event.involvedObject?.name === name && event.reason === reason)?.message;
}

test('a pod that asks for more than is left is refused, with what is missing', async (context) => {
  const node = await start(context);
  await node.run(asks({ cpu: '3500m' }), { name: 'first' });
  await node.running('first');
  await node.run(asks({ cpu: '1', memory: '1Gi' }), { name: 'second' });
  const { status } = await refused(node, 'second');
  const message = "Node didn't have enough resource: cpu, requested: 1000, used: 3500, capacity: 4000";
  assert.equal(status?.reason, 'OutOfcpu');
  assert.equal(status?.message, `Pod was rejected: ${message}`);
  assert.equal(await eventOf(node, 'second', 'OutOfcpu'), message);
  assert.deepEqual(await node.runs('second'), []);
});

test('memory, places for pods, disk and what a device plugin offers are counted, too', async (context) => {
  const node = await start(context, {
    podsMax: 1,
    memoryBytes: 2 ** 30,
    ephemeralStorageBytes: 2 ** 30,
    extendedResources: { 'example.com/gpu': 1 },
  });
  const reasons: [string, Record<string, string>][] = [
    ['OutOfmemory', { memory: '2Gi' }],
    ['OutOfephemeral-storage', { 'ephemeral-storage': '2Gi' }],
    ['OutOfexample.com/gpu', { 'example.com/gpu': '2' }],
  ];
  for (const [index, [reason, requests]] of reasons.entries()) {
    const resources = { requests, limits: requests };
    const name = `big-${index}`;
    await node.run({ containers: [{ name: 'app', image: 'app:1', resources }] }, { name });
    assert.equal((await refused(node, name)).status?.reason, reason);
  }
  await node.run({}, { name: 'fits' });
  await node.running('fits');
  await node.run({}, { name: 'one-too-many' });
  const { status } = await refused(node, 'one-too-many');
  assert.equal(status?.reason, 'OutOfpods');
});

test('what no node has may be the cluster’s own, and does not keep a pod out', async (context) => {
  const node = await start(context);
  const resources = { requests: { 'example.com/license': '1' }, limits: { 'example.com/license': '1' } };
  await node.run({ containers: [{ name: 'app', image: 'app:1', resources }] });
  await node.running();
});

test('a pod gives back what it held when it ends', async (context) => {
  const node = await start(context);
  await node.run(asks({ cpu: '3' }), { name: 'first' });
  await node.running('first');
  await node.client.delete(pods, { namespace: 'default', name: 'first' });
  await node.until('it is gone', async () => !(await node.exists('first')));
  await node.run(asks({ cpu: '3' }), { name: 'second' });
  await node.running('second');
});

test('pods that run are taken over by the next agent, whatever the node has by then', async (context) => {
  const node = await start(context);
  await node.run(asks({ cpu: '3' }), { name: 'first' });
  await node.running('first');
  const closing = node.agent.close();
  await node.clock.advance(1000);
  await closing;
  const agent = await node.restart({ facts: simulatedNodeFacts('node-1', '192.0.2.1', { milliCpu: 1000 }) });
  context.after(() => agent.close());
  await node.clock.advance(20_000);
  assert.equal((await node.pod('first')).status?.phase, 'Running');
  await node.run(asks({ cpu: '500m' }), { name: 'second' });
  assert.equal((await refused(node, 'second')).status?.reason, 'OutOfcpu');
});

test('a label that was written just before the pod came is seen; one that is not there refuses it', async (context) => {
  const node = await start(context);
  await node.clock.advance(1000);
  await node.run({ nodeSelector: { disk: 'fast' } }, { name: 'early' });
  const { status } = await refused(node, 'early');
  assert.equal(status?.reason, 'NodeAffinity');
  const why = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
  assert.equal(status?.message, `Pod was rejected: ${why}`);
  const labels = { metadata: { labels: { disk: 'fast' } } };
  await node.client.patch(nodes, { namespace: '', name: 'node-1' }, { type: 'merge', body: labels });
  await node.run({ nodeSelector: { disk: 'fast' } }, { name: 'late' });
  await node.running('late');
});

test('a taint that forbids to run refuses what does not tolerate it', async (context) => {
  const node = await start(context);
  await node.clock.advance(1000);
  const taints = {
    spec: {
      taints: [
        { key: 'broken', effect: 'NoExecute' },
        { key: 'full', effect: 'NoSchedule' },
      ],
    },
  };
  await node.client.patch(nodes, { namespace: '', name: 'node-1' }, { type: 'merge', body: taints });
  await node.clock.advance(1000);
  await node.run({}, { name: 'plain' });
  const { status } = await refused(node, 'plain');
  assert.equal(status?.reason, 'TaintToleration');
  assert.equal(
    status?.message,
    "Pod was rejected: Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
  );
  await node.run({ tolerations: [{ key: 'broken', operator: 'Exists' }] }, { name: 'hardy' });
  await node.running('hardy');
});

test('a pod for another operating system is refused', async (context) => {
  const node = await start(context);
  await node.run({ os: { name: 'windows' } });
  assert.equal((await refused(node, 'web')).status?.reason, 'PodOSNotSupported');
});

test('a critical pod has room made for it, by as few pods of the least class as will do', async (context) => {
  const node = await start(context);
  const full = { cpu: '1', memory: '1Gi' };
  const guaranteed = { containers: [{ name: 'app', image: 'app:1', resources: { requests: full, limits: full } }] };
  await node.run(guaranteed, { name: 'guaranteed' });
  await node.run(asks({ cpu: '500m' }), { name: 'small' });
  await node.run(asks({ cpu: '2' }), { name: 'large' });
  for (const name of ['guaranteed', 'small', 'large']) await node.running(name);
  await node.run({ ...asks({ cpu: '1500m' }), ...critical }, { name: 'critical', namespace: 'default' });
  await node.running('critical');
  const { status } = await refused(node, 'large');
  assert.deepEqual([status?.reason, status?.message], ['Preempting', 'Preempted in order to admit critical pod']);
  assert.equal(await eventOf(node, 'large', 'Preempting'), 'Preempted in order to admit critical pod');
  for (const name of ['guaranteed', 'small']) assert.equal((await node.pod(name)).status?.phase, 'Running');
});

test('a critical pod that could have no room even so is refused', async (context) => {
  const node = await start(context);
  await node.run(asks({ cpu: '1' }), { name: 'small' });
  await node.running('small');
  await node.run({ ...asks({ cpu: '5' }), ...critical }, { name: 'critical' });
  const { status } = await refused(node, 'critical');
  assert.equal(status?.reason, 'UnexpectedAdmissionError');
  assert.match(status?.message ?? '', /no set of running pods found to reclaim resources: \[\(res: cpu, q: 1000\), \]/);
  assert.equal((await node.pod('small')).status?.phase, 'Running');
});

test('a pod that comes before the first status of its node is measured by what the node has', () => {
  const allocatable = { cpu: '4', memory: '16Gi', pods: '110' };
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } };
  const admission = new NodeAdmission(
    {
      // The API has the node, and nothing of its status.
      node: { get: () => node, fetch: () => Promise.resolve(node) },
      newNode: { ...node, status: { allocatable } },
      operatingSystem: 'linux',
      events: { record: () => {} },
      clock: new VirtualClock(),
    },
    () => ({ fail: () => {}, refuse: () => {} }),
  );
  const pod = (cpu: string): Pod => make.pod({ nodeName: 'node-1', ...asks({ cpu }) });
  assert.equal(admission.admit(pod('1'), []), undefined);
  assert.equal(admission.admit(pod('5'), [])?.reason, 'OutOfcpu');
});
