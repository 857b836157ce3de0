/**
 * Story D: a customer's network lets nobody in. Two machines behind a wall that drops every connection from outside join with one command each; what an
 * operator needs (logs, commands in containers, figures, draining under a disruption budget) works, and nobody has so much as knocked.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Pod, PodList } from '../../src/api/schema/types/core-v1.ts';
import { packImage } from '../../src/images/pack-image.ts';
import { needsContainers } from '../cluster/containerd-lab.ts';
import { Foreground } from '../cluster/foreground.ts';
import { fabricAddress } from '../cluster/node-lab/fabric.ts';
import type { LabNode } from '../cluster/node-lab/lab-node.ts';
import { NodeLab } from '../cluster/node-lab.ts';
import { isReady, type Manifest, shellImage } from '../cluster/workload.ts';
import { elapsedMs, eventually, leftSince, machineState } from '../harness.ts';
import { secondsOf } from './crowd.ts';

const longMs = 120_000;
const replicas = 4;
const minAvailable = 3;
const labels = { app: 'service' };

/** Drops and counts what comes from outside; answers to what was asked from within pass. */
const wall = [
  'add table inet wall',
  'add chain inet wall input { type filter hook input priority -300; }',
  'add rule inet wall input iifname "eth0" ct state new counter drop',
];

const knocks = async (node: LabNode): Promise<number> => {
  const rules = await node.mustRun('nft', 'list', 'chain', 'inet', 'wall', 'input');
  return Number(/counter packets (\d+)/.exec(rules)?.[1]);
};

const budget: Manifest = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'service' },
  spec: { minAvailable, selector: { matchLabels: labels } },
};

const deployment: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'service' },
  spec: {
    replicas,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: {
        terminationGracePeriodSeconds: 2,
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'ScheduleAnyway',
            labelSelector: { matchLabels: labels },
          },
        ],
        containers: [
          {
            name: 'app',
            image: shellImage,
            command: ['/bin/sh', '-c', "echo serving; touch /tmp/up; trap 'exit 0' TERM; while :; do sleep 0.2; done"],
            readinessProbe: { exec: { command: ['test', '-e', '/tmp/up'] }, periodSeconds: 1 },
          },
        ],
      },
    },
  },
};

describe('story D', { timeout: 600_000, ...needsContainers }, () => {
  let lab: NodeLab;
  let machineBefore: readonly string[];

  before(async () => {
    machineBefore = await machineState();
    lab = await NodeLab.open(2);
    for (const node of lab.nodes) for (const rule of wall) await node.mustRun('nft', ...rule.split(' '));
  });

  after(async () => {
    await lab.close();
    await Foreground.killAll();
    assert.deepEqual(await leftSince(machineBefore), [], 'the story leaves nothing behind on the machine');
  });

  const podsOf = async (): Promise<readonly Pod[]> =>
    (await lab.json<PodList>('get', 'pods', '-l', 'app=service')).items;

  const naru = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await lab.naru(...args);
    assert.equal(code, 0, `naru ${args.join(' ')}: ${stderr}`);
    return stdout;
  };

  test('machines that nobody can reach join with one command', async () => {
    const token = /--token (\S+)/.exec(await naru('token', 'create'))?.[1];
    assert.ok(token !== undefined, 'naru token create prints the line to run');
    for (const node of lab.nodes) {
      const tookMs = elapsedMs();
      const { code, stdout, stderr } = await node.naru(
        'join',
        fabricAddress,
        '--token',
        token,
        '--node-name',
        node.name,
      );
      assert.equal(code, 0, stderr);
      console.log(`naru join on ${node.name}: ${secondsOf(tookMs())}; ${stdout.split('\n')[0]}`);
      await lab.ready(node);
    }
  });

  test('what an operator needs goes through what the nodes dialled', async () => {
    const archive = path.join(lab.folder, 'shell.tar');
    await packImage({ name: shellImage, programs: ['busybox'], entrypoint: [], command: ['/bin/sh'], output: archive });
    await lab.importImage(archive);
    await lab.create(deployment, budget);
    const pods = await eventually(
      'all pods are Ready, on both nodes',
      async () => {
        const all = await podsOf();
        return all.length === replicas && all.every(isReady) ? all : undefined;
      },
      longMs,
    );
    assert.equal(new Set(pods.map(({ spec }) => spec?.nodeName)).size, 2);
    for (const { metadata } of pods) {
      const name = metadata?.name ?? '';
      assert.equal(await naru('logs', name), 'serving\n');
      assert.equal((await naru('exec', name, '--', 'hostname')).trim(), name);
    }
    assert.match(await naru('node', 'list'), /n1[\s\S]*n2/);
    for (const { name } of lab.nodes)
      assert.match(await lab.mustKubectl('get', '--raw', `/api/v1/nodes/${name}/proxy/stats/summary`), /"nodeName"/);
  });

  test('a node is emptied without the service going below its budget', async () => {
    let least = replicas;
    const watching = new AbortController();
    const watch = (async () => {
      while (!watching.signal.aborted) least = Math.min(least, (await podsOf()).filter(isReady).length);
    })();
    const tookMs = elapsedMs();
    await naru('node', 'drain', 'n1', '--timeout', '90s');
    console.log(`n1 emptied after ${secondsOf(tookMs())}`);
    watching.abort();
    await watch;
    assert.ok(least >= minAvailable, `${least} of ${replicas} pods were Ready at the least`);
    const left = (await podsOf()).filter(({ spec }) => spec?.nodeName === 'n1');
    assert.deepEqual(
      left.map(({ metadata }) => metadata?.name),
      [],
    );
    await naru('node', 'uncordon', 'n1');
  });

  test('nobody has knocked, and who knocks is not let in', async () => {
    for (const node of lab.nodes) {
      assert.equal(await knocks(node), 0, `${node.name}: nothing of the cluster dials in`);
      for (const port of [22, 80, 443, 6443, 10_250]) {
        const knock = `require('net').connect({ host: '${node.address}', port: ${port} }).on('connect', () => process.exit(0)).on('error', () => process.exit(1)).setTimeout(300, () => process.exit(1))`;
        assert.equal((await lab.outsideRun([process.execPath, '-e', knock])).code, 1, `${node.name}:${port}`);
      }
      assert.ok((await knocks(node)) >= 5);
    }
  });
});
