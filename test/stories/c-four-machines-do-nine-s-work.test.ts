/**
 * Story C: nine services whose peaks fall on different days ran on nine machines, mostly idle. Here four do the same work, and a machine that
 * dies in the middle of a peak costs some seconds.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { milliValue } from '../../src/api/quantity.ts';
import type { Pod, PodList } from '../../src/api/schema/types/core-v1.ts';
import { needsContainers } from '../cluster/containerd-lab.ts';
import { Foreground } from '../cluster/foreground.ts';
import { NodeLab } from '../cluster/node-lab.ts';
import { isReady } from '../cluster/workload.ts';
import { elapsedMs, eventually, leftSince, machineState } from '../harness.ts';
import { peakReplicas, podTwentieths, quietReplicas, service, serviceNames } from './c-nine-services.ts';
import { secondsOf } from './crowd.ts';

const machines = 4;
const longMs = 180_000;
const percent = (part: number, whole: number): string => `${Math.round((100 * part) / whole)} %`;

describe('story C', { timeout: 900_000, ...needsContainers }, () => {
  let lab: NodeLab;
  let machineBefore: readonly string[];
  /** Thousandths of a processor: what one machine has for pods, and what one pod asks for. */
  let machineCpu = 0;
  let podCpu = 0;

  before(async () => {
    machineBefore = await machineState();
    lab = await NodeLab.open(machines);
    await lab.join();
    const node = lab.nodes[0];
    assert.ok(node !== undefined);
    machineCpu = milliValue((await lab.object(node)).status?.allocatable?.['cpu'] ?? '0');
    podCpu = Math.floor((machineCpu * podTwentieths) / 20);
  });

  after(async () => {
    await lab.close();
    await Foreground.killAll();
    assert.deepEqual(await leftSince(machineBefore), [], 'the story leaves nothing behind on the machine');
  });

  const podsOf = async (selector: string): Promise<readonly Pod[]> =>
    (await lab.json<PodList>('get', 'pods', '-l', selector)).items.filter(
      ({ metadata }) => metadata?.deletionTimestamp === undefined,
    );

  const allReady = (selector: string, count: number): Promise<readonly Pod[]> =>
    eventually(
      `${count} pods of ${selector} are Ready`,
      async () => {
        const pods = await podsOf(selector);
        return pods.length === count && pods.every(isReady) ? pods : undefined;
      },
      longMs,
    );

  const scale = (name: string, replicas: number): Promise<string> =>
    lab.mustKubectl('scale', `deployment/${name}`, `--replicas=${replicas}`);

  const peakPods = peakReplicas + (serviceNames.length - 1) * quietReplicas;

  test('each of nine services has its day, and four machines have room for all of them', async () => {
    await lab.create(...serviceNames.map((name) => service(name, podCpu)));
    await allReady('story=c', serviceNames.length * quietReplicas);
    const waits: number[] = [];
    for (const name of serviceNames) {
      const tookMs = elapsedMs();
      await scale(name, peakReplicas);
      await allReady(`app=${name}`, peakReplicas);
      waits.push(tookMs());
      assert.equal((await podsOf('story=c')).filter((pod) => !isReady(pod)).length, 0, 'nobody else had to go');
      await scale(name, quietReplicas);
      await allReady('story=c', serviceNames.length * quietReplicas);
    }
    const used = peakPods * podCpu;
    console.log(`asked for on any day: ${percent(used, machines * machineCpu)} of ${machines} machines`);
    console.log(
      `the same on ${serviceNames.length} machines, one each: ${percent(used, serviceNames.length * machineCpu)}`,
    );
    console.log(`a peak is there after ${secondsOf(Math.max(...waits))} at most`);
  });

  test('a machine dies on a peak day, and its pods run elsewhere', async () => {
    const [busiest = ''] = serviceNames;
    await scale(busiest, peakReplicas);
    const pods = await allReady('story=c', peakPods);
    const share = (name: string): number => pods.filter(({ spec }) => spec?.nodeName === name).length;
    const lost = lab.nodes.toSorted((a, b) => share(b.name) - share(a.name))[0];
    assert.ok(lost !== undefined && share(lost.name) > 0);
    const tookMs = elapsedMs();
    await lost.crash();
    let known: number | undefined;
    await eventually(
      'all pods are Ready elsewhere',
      async () => {
        const now = await podsOf('story=c');
        if (known === undefined && now.some((pod) => !isReady(pod))) known = tookMs();
        const elsewhere = now.filter(({ spec }) => spec?.nodeName !== undefined && spec.nodeName !== lost.name);
        return elsewhere.length === peakPods && elsewhere.every(isReady);
      },
      longMs,
    );
    console.log(`a machine with ${share(lost.name)} of ${peakPods} pods dies:`);
    console.log(
      `  known after ${secondsOf(known ?? Number.NaN)}, the last pod is Ready elsewhere after ${secondsOf(tookMs())}`,
    );
  });
});
