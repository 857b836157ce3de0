/**
 * Eviction of real pods: over their own limits, and from a node whose disk is fuller than its threshold allows. The thresholds lie near what
 * there is, so that nothing need be filled but what one pod takes, and that is only reserved, not written.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import type { KubeletConfiguration } from '../../src/agent/kubelet-configuration.ts';
import { nodes, pods } from '../../src/client/resources.ts';
import { type AgentNode, nodeName, startAgentNode } from './agent-node.ts';
import { needsContainers } from './containerd-lab.ts';

const looksOften: Partial<KubeletConfiguration> = { volumeStatsAggPeriodMs: 1000 };
const forever = "trap 'exit 0' TERM; while :; do sleep 0.1; done";
const limitMs = 90_000;

interface WithConditions {
  readonly status?: { readonly conditions?: readonly { type: string; status: string; reason?: string }[] };
}
const conditionOf = ({ status }: WithConditions, type: string) =>
  status?.conditions?.find((condition) => condition.type === type);
const phaseOf = async (node: AgentNode, name: string) => (await node.pod(name)).status?.phase;
const evictedFor = async (node: AgentNode, name: string): Promise<string | undefined> => {
  const { phase, reason, message } = (await node.pod(name)).status ?? {};
  return phase === 'Failed' && reason === 'Evicted' ? message : undefined;
};
const scratch = (sizeLimit?: string) => ({
  volumes: [{ name: 'scratch', emptyDir: sizeLimit === undefined ? {} : { sizeLimit } }],
  containers: [{ name: 'app', volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }] }],
});

describe('eviction of real pods', needsContainers, () => {
  test('a pod that fills its emptyDir, its layer or its log beyond the limit must go, and no other', async (context) => {
    const node = await startAgentNode(context, { configuration: { ...looksOften, evictionHard: {} } });
    const fill = (file: string): string => `dd if=/dev/zero of=${file} bs=1M count=12 2>/dev/null; ${forever}`;
    const limits = (amount: string) => ({
      containers: [{ name: 'app', resources: { limits: { 'ephemeral-storage': amount } } }],
    });
    await node.run('volume', fill('/scratch/file'), scratch('10Mi'));
    await node.run('layer', fill('/file'), limits('10Mi'));
    await node.run('log', `head -c 12000000 /dev/zero | tr '\\0' x | fold -w 100; ${forever}`, limits('10Mi'));
    await node.run('within', fill('/file'), limits('20Mi'));

    const whole = 'Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. ';
    const expected = {
      volume: 'Usage of EmptyDir volume "scratch" exceeds the limit "10Mi". ',
      layer: whole,
      log: whole,
    };
    for (const [name, message] of Object.entries(expected)) {
      await node.until(`${name} is evicted`, async () => (await evictedFor(node, name)) !== undefined, limitMs);
      const pod = await node.pod(name);
      assert.equal(pod.status?.message, message);
      assert.equal(conditionOf(pod, 'DisruptionTarget'), undefined);
      const folder = path.join(node.home, 'pods', pod.metadata?.uid ?? '');
      await node.until('its volumes are gone', async () => !existsSync(path.join(folder, 'volumes')));
    }
    assert.equal(await phaseOf(node, 'within'), 'Running');
  });

  test('a disk fuller than the threshold costs the pod that took most; the node says so, refuses others, and recovers', async (context) => {
    const { bavail, bsize } = statfsSync('/tmp');
    const mib = 2 ** 20;
    const threshold = `${Math.floor((bavail * bsize) / mib) - 2048}Mi`;
    const configuration = {
      ...looksOften,
      evictionHard: { 'nodefs.available': threshold },
      evictionPressureTransitionPeriodMs: 25_000,
    };
    const node = await startAgentNode(context, { configuration });
    await node.run('modest', `fallocate -l 1M /scratch/file; ${forever}`, scratch());
    await node.until('modest runs', async () => (await phaseOf(node, 'modest')) === 'Running');
    // What a pod took since the last look at its volumes is not known yet: it must be known as the larger one before.
    const grow = 'fallocate -l 1G /scratch/first; sleep 25; fallocate -l 3G /scratch/second';
    await node.run('greedy', `${grow}; ${forever}`, scratch());
    await node.until('greedy is evicted', async () => (await evictedFor(node, 'greedy')) !== undefined, limitMs);
    const greedy = await node.pod('greedy');
    assert.match(
      greedy.status?.message ?? '',
      new RegExp(
        `^The node was low on resource: ephemeral-storage\\. Threshold quantity: ${threshold}, available: \\w+\\. `,
      ),
    );
    assert.equal(conditionOf(greedy, 'DisruptionTarget')?.reason, 'TerminationByKubelet');

    const status = async () =>
      conditionOf(await node.client.get(nodes, { namespace: '', name: nodeName }), 'DiskPressure');
    await node.until('the node tells', async () => (await status())?.status === 'True', limitMs);
    assert.equal((await status())?.reason, 'KubeletHasDiskPressure');
    await node.run('late', forever);
    await node.until('it is refused', async () => (await phaseOf(node, 'late')) === 'Failed');
    assert.equal(
      (await node.pod('late')).status?.message,
      'Pod was rejected: The node had condition: [DiskPressure]. ',
    );

    await node.until('the node recovers', async () => (await status())?.status === 'False', limitMs);
    const { phase, reason, message } = (await node.pod('modest')).status ?? {};
    assert.deepEqual({ phase, reason, message }, { phase: 'Running', reason: undefined, message: undefined });
    await node.run('after', forever);
    await node.until('a pod runs again', async () => (await phaseOf(node, 'after')) === 'Running');
  });

  test('a node short of memory evicts who uses most beyond what it asked for, one pod a look', async (context) => {
    // No machine has so much: the node is always short, and what is seen is the order. A hard threshold would leave nothing for pods.
    const configuration = {
      ...looksOften,
      evictionHard: {},
      evictionSoft: { 'memory.available': '1Pi' },
      evictionSoftGracePeriodMs: { 'memory.available': 15_000 },
    };
    const node = await startAgentNode(context, { configuration });
    const asks = (memory: string) => ({ containers: [{ name: 'app', resources: { requests: { memory } } }] });
    const eat = (mebibytes: number): string => `x=$(head -c ${mebibytes}m /dev/zero | tr '\\0' x); ${forever}`;
    await node.run('above', eat(40), asks('4Mi'));
    await node.run('below', eat(20), asks('200Mi'));
    const [above, below] = [() => evictedFor(node, 'above'), () => evictedFor(node, 'below')];
    await node.until('the first is evicted', async () => (await above()) !== undefined, limitMs);
    assert.match(
      (await above()) ?? '',
      /^The node was low on resource: memory\. Threshold quantity: 1Pi, available: \w+\. Container app was using \w+, request is 4Mi, has larger consumption of memory\. $/,
    );
    assert.equal(await below(), undefined);
  });

  test('what lies there for pods that went while the agent was away is removed, mounts first', async (context) => {
    const node = await startAgentNode(context);
    await node.run('web', forever);
    await node.until('it runs', async () => (await phaseOf(node, 'web')) === 'Running');
    const kept = (await node.pod('web')).metadata?.uid ?? '';
    const uid = '20000000-0000-4000-8000-000000000001';
    await node.agent().close();
    const folder = path.join(node.home, 'pods', uid);
    const volume = path.join(folder, 'volumes', 'memory');
    mkdirSync(volume, { recursive: true });
    execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', volume]);
    writeFileSync(path.join(volume, 'file'), 'x');
    const logs = path.join(node.home, 'pod-logs', `default_gone_${uid}`);
    mkdirSync(path.join(logs, 'app'), { recursive: true });
    const [root] = globSync(`/sys/fs/cgroup/**/pod${kept}`);
    assert.ok(root !== undefined);
    const cgroup = path.join(path.dirname(root), `pod${uid}`);
    mkdirSync(cgroup);

    await node.restart();
    for (const left of [folder, logs, cgroup]) await node.until(`${left} is gone`, async () => !existsSync(left));
    assert.equal(readFileSync('/proc/self/mountinfo', 'utf8').includes(uid), false);
    assert.equal(await phaseOf(node, 'web'), 'Running');
    await node.client.delete(pods, { namespace: 'default', name: 'web' });
    await node.until('it is gone', () => node.gone('web'));
  });
});
