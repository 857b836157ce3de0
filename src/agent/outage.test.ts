/** The server away for an hour: the node goes on by what it knows, and on its return nothing is disturbed and nothing is missing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leases, nodes, pods } from '../client/resources.ts';
import { behaviourAnnotation } from '../simulation/container-behaviour.ts';
import { startNode } from './cluster-testing.ts';

const minuteMs = 60_000;
const behaves = (name: string, behaviour: object) => ({
  name,
  annotations: { [behaviourAnnotation]: JSON.stringify(behaviour) },
});
const probe = { httpGet: { port: 80 }, periodSeconds: 5 };
const probed = { containers: [{ name: 'app', image: 'app:1', livenessProbe: probe, readinessProbe: probe }] };

test('an hour without the server', async () => {
  const node = await startNode();
  await node.run(probed, behaves('steady', {}));
  await node.run({}, behaves('killed', {}));
  await node.run(probed, behaves('sick', { unhealthyAfterMs: 20 * minuteMs }));
  await node.run({ restartPolicy: 'Never' }, behaves('job', { exitAfterMs: 10 * minuteMs, exitCode: 3 }));
  await node.run({}, behaves('deleted', {}));
  await node.run({}, behaves('forced', {}));
  const names = ['steady', 'killed', 'sick', 'job', 'deleted', 'forced'];
  for (const name of names) await node.running(name);
  await node.until('steady is ready', async () => app(await node.pod('steady'))?.ready === true);
  const runOf = async (name: string) => {
    const { containers } = await node.runtime.state();
    return containers.filter(({ pod }) => pod.name === name).toSorted((a, b) => b.attempt - a.attempt)[0];
  };
  const leaseTime = async () => {
    const { spec } = await node.client.get(leases, { namespace: 'kube-node-lease', name: 'node-1' });
    return Date.parse(spec?.renewTime ?? '');
  };
  await node.until('the lease is there', async () => (await leaseTime().catch(() => 0)) > 0);
  const steady = await runOf('steady');

  node.outage.begin();
  await node.clock.advance(minuteMs);
  const killed = await runOf('killed');
  node.runtime.killContainer(killed?.id ?? '', 7);
  await node.client.delete(pods, { namespace: 'default', name: 'deleted' });
  await node.client.delete(pods, { namespace: 'default', name: 'forced' }, { gracePeriodSeconds: 0 });
  await node.run({}, behaves('new', {}));
  await node.clock.advance(58 * minuteMs);

  assert.equal((await runOf('steady'))?.id, steady?.id);
  assert.deepEqual([(await runOf('killed'))?.attempt, (await runOf('killed'))?.state], [1, 'running']);
  assert.ok(((await runOf('sick'))?.attempt ?? 0) > 0, 'a liveness probe restarts without the server');
  assert.equal((await runOf('job'))?.exitCode, 3);
  assert.equal((await runOf('deleted'))?.state, 'running', 'nobody has told the node');
  assert.equal((await runOf('forced'))?.state, 'running');
  assert.equal(await runOf('new'), undefined);
  assert.equal(app(await node.pod('killed'))?.restartCount, 0, 'the API knows nothing of it');
  await node.clock.advance(minuteMs);
  const before = await Promise.all(['steady', 'killed'].map(async (name) => (await runOf(name))?.id));

  node.outage.end();
  const backMs = node.clock.now();
  await node.until('the lease is renewed', async () => (await leaseTime()) >= backMs, 8000);
  await node.until(
    'the node says that it is well',
    async () => {
      const { status } = await node.client.get(nodes, { namespace: '', name: 'node-1' });
      const ready = status?.conditions?.find(({ type }) => type === 'Ready');
      return ready?.status === 'True' && Date.parse(ready.lastHeartbeatTime ?? '') >= backMs;
    },
    12_000,
  );
  await node.until(
    'what happened meanwhile is told',
    async () => {
      const [one, job] = [app(await node.pod('killed')), await node.pod('job')];
      return one?.restartCount === 1 && one.lastState?.terminated?.exitCode === 7 && job.status?.phase === 'Failed';
    },
    12_000,
  );
  // The list of pods is asked for again after half a minute, and up to as much again by chance; a call under way may hang for as long.
  await node.until(
    'what was made meanwhile runs',
    async () => (await node.pod('new')).status?.phase === 'Running',
    2 * minuteMs,
  );
  await node.until(
    'what was deleted is gone',
    async () => {
      const { containers } = await node.runtime.state();
      return !(await node.exists('deleted')) && !containers.some(({ pod }) => ['deleted', 'forced'].includes(pod.name));
    },
    2 * minuteMs,
  );
  await node.clock.advance(5 * minuteMs);
  const after = await Promise.all(['steady', 'killed'].map(async (name) => (await runOf(name))?.id));
  assert.deepEqual(after, before, 'nothing restarts because the server is back');
  await node.close();
});

function app(pod: Awaited<ReturnType<Awaited<ReturnType<typeof startNode>>['pod']>>) {
  return pod.status?.containerStatuses?.[0];
}
