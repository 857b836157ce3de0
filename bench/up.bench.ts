/**
 * From `naru up` on a machine already set up to the first answered `kubectl get nodes`, and to the node Ready; and what it costs to stay
 * idle. Baseline: the time in which the runtime alone starts and ends, in the same run.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';
import { elapsedMs, eventually, run, sleep, TestCluster } from '../test/harness.ts';
import type { Benchmark, Figure } from './figure.ts';

async function runtimeStartMs(): Promise<number> {
  const since = elapsedMs();
  await run(process.execPath, ['-e', '']);
  return since();
}

async function memoryMiB(pid: number): Promise<number> {
  await sleep(5000);
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(resident) / 1024);
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** As a person does it: `naru up`, then `kubectl get nodes` until it says Ready. */
async function measure(cluster: TestCluster): Promise<{ answered: number; ready: number }> {
  const since = elapsedMs();
  await cluster.mustNaru('up', '--port', '0');
  await cluster.mustKubectl('get', 'nodes');
  const answered = since();
  await eventually('the node is Ready', async () => / Ready /.test((await cluster.kubectl(['get', 'nodes'])).stdout));
  return { answered, ready: since() };
}

const benchmark: Benchmark = {
  name: 'up',
  async run({ small }): Promise<readonly Figure[]> {
    const rounds = small ? 3 : 10;
    const cluster = await TestCluster.create();
    const answered: number[] = [];
    const ready: number[] = [];
    const baseline: number[] = [];
    await cluster.mustNaru('up', '--port', '0', '--wait');
    for (let round = 0; round < rounds; round++) {
      await cluster.mustNaru('down');
      baseline.push(await runtimeStartMs());
      const times = await measure(cluster);
      answered.push(times.answered);
      ready.push(times.ready);
    }
    const idleMiB = await memoryMiB(cluster.pid);
    await cluster.close();
    const figure = (name: string, value: number): Figure => {
      const ratio = value / Math.max(1, median(baseline));
      return { bench: 'up', figure: name, value, unit: 'ms', baseline: median(baseline), ratio };
    };
    return [
      figure('naru up to first kubectl get nodes answered', median(answered)),
      figure('naru up to node Ready', median(ready)),
      { bench: 'up', figure: 'resident memory of the idle process', value: idleMiB, unit: 'MiB' },
    ];
  },
};

export default benchmark;
