/**
 * Three whole nodes with containers, each on a machine of its own (`node-lab.ts`): pods spread and reach each other; one machine loses its
 * power and comes back, one its cable. What must move moves, what may stay stays, and nothing is left behind.
 *
 * Two kinds of pods tell the difference: the hasty leave a node three seconds after it is given up, the patient stay for five minutes, longer
 * than anything here lasts.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Pod, PodList } from '../../src/api/schema/types/core-v1.ts';
import { eventually, leftSince, machineState } from '../harness.ts';
import { needsContainers } from './containerd-lab.ts';
import { containerProcesses, podTraces } from './containers.ts';
import { Foreground } from './foreground.ts';
import type { LabNode } from './node-lab/lab-node.ts';
import { NodeLab } from './node-lab.ts';
import { isReady, type Manifest, shellImage, statusOf } from './workload.ts';

const longMs = 120_000;
const toldRange = '10.42.77.0/24';

/** Each serves its own name. */
function deployment(name: string, replicas: number, tolerationSeconds?: number): Manifest {
  const keys = ['node.kubernetes.io/unreachable', 'node.kubernetes.io/not-ready'];
  const toleration = { operator: 'Exists', effect: 'NoExecute', tolerationSeconds };
  const labelSelector = { matchLabels: { app: name } };
  const server =
    "mkdir /www; hostname >/www/index.html; trap 'exit 0' TERM; httpd -p 8080 -h /www; while :; do sleep 0.1; done";
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas,
      selector: labelSelector,
      template: {
        metadata: { labels: labelSelector.matchLabels },
        spec: {
          terminationGracePeriodSeconds: 2,
          tolerations: tolerationSeconds === undefined ? [] : keys.map((key) => ({ key, ...toleration })),
          topologySpreadConstraints: [
            { maxSkew: 1, topologyKey: 'kubernetes.io/hostname', whenUnsatisfiable: 'ScheduleAnyway', labelSelector },
          ],
          containers: [
            {
              name: 'app',
              image: shellImage,
              command: ['/bin/sh', '-c', `echo serving; ${server}`],
              readinessProbe: { httpGet: { path: '/', port: 8080 }, periodSeconds: 1 },
            },
          ],
        },
      },
    },
  };
}

const nameOf = (pod: Pod): string => pod.metadata?.name ?? '';
const uidOf = (pod: Pod): string => pod.metadata?.uid ?? '';
const on = (node: LabNode, pods: readonly Pod[]): Pod[] => pods.filter(({ spec }) => spec?.nodeName === node.name);
/** The process, as its machine counts them, and when it started. */
const agentOf = (node: LabNode): string => readFileSync(path.join(node.home, 'agent.pid'), 'utf8');
const isStaying = ({ metadata }: Pod): boolean => metadata?.deletionTimestamp === undefined;
const named = (pods: readonly Pod[], of: Pod): Pod => {
  const found = pods.find((pod) => uidOf(pod) === uidOf(of));
  assert.ok(found, `pod ${nameOf(of)} is gone`);
  return found;
};

/** What must not change where nothing was to happen to a pod. */
const identity = (pod: Pod): unknown => {
  const { containerID, restartCount } = statusOf(pod) ?? {};
  return [uidOf(pod), pod.status?.podIP, containerID, restartCount, containerProcesses(uidOf(pod))];
};

describe('three nodes', { timeout: 900_000, ...needsContainers }, () => {
  let lab: NodeLab;
  let second: LabNode;
  let third: LabNode;
  let before_: readonly string[];

  before(async () => {
    before_ = await machineState();
    lab = await NodeLab.open(3, { n3: toldRange });
    [, second, third] = lab.nodes as [LabNode, LabNode, LabNode];
  });

  after(async () => {
    await lab.close();
    await Foreground.killAll();
    assert.deepEqual(await leftSince(before_), [], 'the lab leaves nothing behind on the machine');
  });

  const podsOf = async (app: string): Promise<readonly Pod[]> =>
    (await lab.json<PodList>('get', 'pods', '-l', `app=${app}`)).items;

  /** The pods that are to stay, when there are so many of them and all are Ready. */
  const allReady = (app: string, count: number): Promise<readonly Pod[]> =>
    eventually(
      `${count} pods of ${app} are Ready`,
      async () => {
        const pods = (await podsOf(app)).filter(isStaying);
        return pods.length === count && pods.every(isReady) ? pods : undefined;
      },
      longMs,
    );

  /** Through the server and the node's own connection to it. Busybox's own wget fails without the C library's files. */
  const fetchFrom = async (pod: Pod, address: string): Promise<string> => {
    const request = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 5 ${address} 8080 | tail -n 1`;
    return (await lab.mustKubectl('exec', nameOf(pod), '--', '/bin/sh', '-c', request)).trim();
  };

  /** Its log can be read, and a command runs in it. */
  const answers = async (pod: Pod): Promise<void> => {
    assert.equal(await lab.mustKubectl('logs', nameOf(pod)), 'serving\n');
    assert.equal(await fetchFrom(pod, '127.0.0.1'), nameOf(pod));
  };

  const reachEachOther = async (pods: readonly Pod[]): Promise<void> => {
    for (const from of pods)
      for (const to of pods) assert.equal(await fetchFrom(from, to.status?.podIP ?? ''), nameOf(to));
  };

  test('machines join with a bootstrap token, each gets a range for its pods, and all are Ready', async () => {
    await lab.join();
    const nodes = await Promise.all(lab.nodes.map((node) => lab.object(node)));
    const ranges = new Set(nodes.map(({ spec }) => spec?.podCIDR));
    assert.equal(ranges.size, 3, `the ranges differ: ${[...ranges].join(' ')}`);
    assert.equal(nodes[2]?.spec?.podCIDR, toldRange, 'who is told one has that');
    for (const [at, node] of nodes.entries()) {
      const { address } = node.status?.addresses?.find(({ type }) => type === 'InternalIP') ?? {};
      assert.equal(address, lab.nodes[at]?.address);
    }
  });

  test('pods spread over them, reach each other by address, and the server reaches each', async () => {
    await lab.create(deployment('hasty', 6, 3), deployment('patient', 3));
    const pods = [...(await allReady('hasty', 6)), ...(await allReady('patient', 3))];
    for (const node of lab.nodes) assert.equal(on(node, pods).length, 3, node.name);
    const nodes = await Promise.all(lab.nodes.map((node) => lab.object(node)));
    for (const pod of pods) {
      const range = nodes.find(({ metadata }) => metadata?.name === pod.spec?.nodeName)?.spec?.podCIDR ?? '';
      assert.ok(
        pod.status?.podIP?.startsWith(range.replace(/\.0\/24$/, '.')),
        `${nameOf(pod)} has ${pod.status?.podIP}`,
      );
    }
    await reachEachOther(lab.nodes.flatMap((node) => on(node, pods).slice(0, 1)));
    for (const pod of pods) await answers(pod);
  });

  test('they reach each other through VXLAN, too, as soon as the settings say so, and without again', async () => {
    const pods = lab.nodes.map((node) => node.name);
    const all = await allReady('patient', 3);
    for (const pod of all) {
      const mtu = await lab.mustKubectl('exec', nameOf(pod), '--', 'cat', '/sys/class/net/eth0/mtu');
      assert.equal(mtu.trim(), '1450', 'VXLAN has room for what pods send');
    }
    const settings = { name: 'naru-network', namespace: 'kube-system' };
    const data = { 'network.yaml': 'podNetwork: {backend: vxlan}' };
    await lab.create({ apiVersion: 'v1', kind: 'ConfigMap', metadata: settings, data });
    const areTunnels = (count: number): Promise<unknown> =>
      eventually(`${count} machines of ${pods.length} have a tunnel`, async () => {
        const links = await Promise.all(lab.nodes.map((node) => node.mustRun('ip', '-o', 'link')));
        return links.filter((text) => text.includes('naru-vx-')).length === count;
      });
    await areTunnels(3);
    await reachEachOther(all);
    await lab.mustKubectl('delete', 'configmap', '-n', 'kube-system', 'naru-network');
    await areTunnels(0);
    await reachEachOther(all);
  });

  test('after a power cut the node is Unknown, and hasty pods run elsewhere', async () => {
    const earlier = await allReady('hasty', 6);
    await third.crash();
    const node = await lab.nodeIs(third, 'Unknown');
    const { reason } = node.status?.conditions?.find(({ type }) => type === 'Ready') ?? {};
    assert.equal(reason, 'NodeStatusUnknown');
    const later = await allReady('hasty', 6);
    assert.deepEqual(on(third, later), []);
    for (const pod of earlier.filter(({ spec }) => spec?.nodeName !== third.name))
      assert.deepEqual(identity(named(later, pod)), identity(pod));
    const [patient] = on(third, await podsOf('patient'));
    assert.ok(patient && isStaying(patient) && !isReady(patient), 'a patient pod stays, and is not Ready');
    await reachEachOther(lab.nodes.flatMap((one) => on(one, later).slice(0, 1)));
  });

  test('the machine comes back: its node rejoins, ends what was replaced, and starts again what was not', async () => {
    const replaced = on(third, await podsOf('hasty'));
    assert.equal(replaced.length, 2);
    assert.ok(!replaced.some(isStaying), 'what was replaced waits for its node');
    const [patient] = on(third, await podsOf('patient'));
    await third.powerOn();
    third.startAgent();
    await lab.ready(third);
    await eventually(
      'what was replaced is gone',
      async () => on(third, await podsOf('hasty')).filter((pod) => !isStaying(pod)).length === 0,
      longMs,
    );
    const all = await allReady('patient', 3);
    const again = named(all, patient ?? {});
    assert.equal(statusOf(again)?.restartCount, 1);
    await answers(again);
    await reachEachOther(all);
    const uids = replaced.map(uidOf);
    await eventually('nothing of it is left', () => podTraces(third.home, uids).length === 0);
    assert.deepEqual(
      third.machine.mounts.filter((mount) => uids.some((uid) => mount.includes(uid))),
      [],
    );
  });

  test('a short partition is not noticed by anybody', async () => {
    const earlier = [...(await allReady('hasty', 6)), ...(await allReady('patient', 3))];
    await second.isolate();
    const cut = await lab.kubectl([
      'get',
      '--raw',
      `/api/v1/nodes/${second.name}/proxy/healthz`,
      '--request-timeout=3s',
    ]);
    assert.notEqual(cut.code, 0);
    await second.heal();
    await lab.ready(second);
    const later = [...(await allReady('hasty', 6)), ...(await allReady('patient', 3))];
    assert.deepEqual(
      earlier.map((pod) => identity(named(later, pod))),
      earlier.map(identity),
    );
    for (const pod of on(second, later)) await answers(pod);
  });

  test('in a long one pods run on; after it the patient are as they were, and the replaced are ended', async () => {
    const hasty = on(second, await allReady('hasty', 6));
    const patient = on(second, await allReady('patient', 3));
    const running = [...hasty, ...patient].map((pod) => containerProcesses(uidOf(pod)));
    assert.ok(hasty.length > 0 && patient.length === 1 && running.every(({ length }) => length === 1));
    await second.isolate();
    await lab.nodeIs(second, 'Unknown');
    const replacements = await allReady('hasty', 6);
    assert.deepEqual(on(second, replacements), []);
    assert.deepEqual(
      [...hasty, ...patient].map((pod) => containerProcesses(uidOf(pod))),
      running,
      'they run on',
    );
    await second.heal();
    await lab.ready(second);
    const names = hasty.map(nameOf);
    await eventually(
      'what was replaced is gone',
      async () => !(await podsOf('hasty')).some((pod) => names.includes(nameOf(pod))),
      longMs,
    );
    await eventually('and ended', () => podTraces(second.home, hasty.map(uidOf)).length === 0);
    const later = await allReady('patient', 3);
    assert.deepEqual(
      patient.map((pod) => identity(named(later, pod))),
      patient.map(identity),
    );
    for (const pod of on(second, later)) await answers(pod);
    await reachEachOther(later);
  });

  test('without its server each node runs on; the server is back, and finds them all', async () => {
    const earlier = [...(await allReady('hasty', 6)), ...(await allReady('patient', 3))];
    const agents = lab.nodes.map(agentOf);
    lab.server.kill('SIGKILL');
    await lab.server.ended;
    await lab.startServer();
    for (const node of lab.nodes) await lab.ready(node);
    const later = [...(await allReady('hasty', 6)), ...(await allReady('patient', 3))];
    assert.deepEqual(
      earlier.map((pod) => identity(named(later, pod))),
      earlier.map(identity),
    );
    for (const pod of later) await eventually('it answers', async () => (await answers(pod), true));
    assert.deepEqual(lab.nodes.map(agentOf), agents, 'the agents are the same');
  });
});
