/**
 * Devices of a device plugin in real containers: what a pod gets, who waits, and what survives the plugin and the agent. The plugin is real, too,
 * but for its devices.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { describe, test } from 'node:test';
import { SocketPlugin } from '../../src/agent/devices/device-testing.ts';
import type { Pod } from '../../src/api/schema/types/core-v1.ts';
import { InformerSet } from '../../src/client/informer.ts';
import { events, nodes, pods } from '../../src/client/resources.ts';
import { silentLogger as log } from '../../src/lib/log.ts';
import { SeededPrng } from '../../src/lib/prng.ts';
import { Scheduler } from '../../src/scheduler/scheduler.ts';
import { nodeName, startAgentNode } from './agent-node.ts';
import { clock, needsContainers, shellImage } from './containerd-lab.ts';

const gpu = 'example.com/gpu';
/** Any character devices will do. */
const hostPaths: Readonly<Record<string, string>> = { g0: '/dev/null', g1: '/dev/zero' };
const script =
  "test -c /dev/gpu && head -c 3 /dev/gpu | wc -c; echo GPU=$GPU; trap 'exit 0' TERM; while :; do sleep 0.1; done";

describe('devices in containers', needsContainers, () => {
  test('pods share two devices, a third waits, and plugin and agent come and go', async (context) => {
    const node = await startAgentNode(context);
    const { client } = node;
    const informers = new InformerSet({ client, clock, prng: new SeededPrng(2), log });
    const scheduler = new Scheduler({ client, informers, clock, prng: new SeededPrng(3), log });
    await informers.start();
    await scheduler.start();
    context.after(async () => {
      await scheduler.close();
      await informers.close();
    });
    const folder = path.join(node.home, 'device-plugins');
    let isBroken = false;
    const plugin = new SocketPlugin(folder, gpu, ['g0', 'g1'], ([id = '']) => {
      if (isBroken) throw new Error('broken');
      return {
        envs: { GPU: id },
        devices: [{ container_path: '/dev/gpu', host_path: hostPaths[id], permissions: 'rw' }],
      };
    });
    await plugin.start();
    context.after(() => plugin.stop());
    await plugin.register(clock);
    const amounts = async () => {
      const { status } = await client.get(nodes, { namespace: '', name: nodeName });
      return `${status?.capacity?.[gpu]}/${status?.allocatable?.[gpu]}`;
    };
    await node.until('the node has two', async () => (await amounts()) === '2/2');

    const create = (name: string): Promise<Pod> =>
      client.create(pods, {
        metadata: { namespace: 'default', name },
        spec: {
          automountServiceAccountToken: false,
          // Nobody here takes the taint of a new node away.
          tolerations: [{ operator: 'Exists' }],
          containers: [
            {
              name: 'app',
              image: shellImage,
              command: ['/bin/sh', '-c', script],
              resources: { limits: { [gpu]: '1' } },
            },
          ],
        },
      });
    const phase = async (name: string) => (await node.pod(name)).status?.phase;
    const health = async (name: string) => {
      const [status] = (await node.pod(name)).status?.containerStatuses ?? [];
      return status?.allocatedResourcesStatus?.flatMap(({ resources = [] }) => resources.map((each) => each.health));
    };
    await create('a');
    await node.until('a runs', async () => (await phase('a')) === 'Running');
    await create('b');
    await node.until('b runs', async () => (await phase('b')) === 'Running');
    await node.until('a has said what it has', async () => (await node.logs('a')).includes('GPU='));
    await node.until('b has said what it has', async () => (await node.logs('b')).includes('GPU='));
    assert.equal(await node.logs('a'), '0\nGPU=g0\n');
    assert.equal(await node.logs('b'), '3\nGPU=g1\n');
    assert.deepEqual(await health('a'), ['Healthy']);

    await create('c');
    const unplaced = (pod: Pod) => pod.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message ?? '';
    await node.until('c waits', async () => unplaced(await node.pod('c')).includes(`Insufficient ${gpu}`));
    assert.equal(await phase('c'), 'Pending');

    plugin.setHealth('g0', 'Unhealthy');
    await node.until('the node has one left', async () => (await amounts()) === '2/1');
    await node.until('a is told', async () => (await health('a'))?.[0] === 'Unhealthy');
    plugin.stop();
    await node.until('the node has none', async () => (await amounts()) === '2/0');
    assert.deepEqual([await phase('a'), await phase('b')], ['Running', 'Running']);

    await node.restart();
    await node.until('nothing is known of them', async () => (await amounts()) === '0/0');
    await plugin.start();
    plugin.setHealth('g0', 'Healthy');
    await plugin.register(clock);
    await node.until('both are back', async () => (await amounts()) === '2/2');
    assert.deepEqual([await phase('a'), await phase('b'), await phase('c')], ['Running', 'Running', 'Pending']);
    await client.delete(pods, { namespace: 'default', name: 'b' }, { gracePeriodSeconds: 1 });
    await node.until('c has what b had', async () => (await phase('c')) === 'Running', 30_000);
    await node.until('c has said so', async () => (await node.logs('c')).includes('GPU='));
    assert.equal(await node.logs('c'), '3\nGPU=g1\n');
    assert.deepEqual(plugin.allocated, ['g0', 'g1', 'g1']);

    isBroken = true;
    await client.delete(pods, { namespace: 'default', name: 'c' }, { gracePeriodSeconds: 1 });
    await create('d');
    await node.until('d is refused', async () => (await phase('d')) === 'Failed', 30_000);
    const { status } = await node.pod('d');
    assert.equal(status?.reason, 'UnexpectedAdmissionError');
    const why = 'Allocate failed due to rpc error: code = Unknown desc = broken, which is unexpected';
    assert.equal(status.message, `Pod was rejected: ${why}`);
    await node.until('it is told', async () => {
      const { items } = await client.list(events, { namespace: 'default' });
      return items.some(({ reason, message }) => reason === 'UnexpectedAdmissionError' && message === why);
    });
  });
});
