/**
 * What somebody waits for at every command: `naru --version`, which does nothing, and `naru get pods`, which asks a cluster on this machine. Baseline: the
 * time in which the runtime alone starts and ends, in the same run.
 */
import path from 'node:path';
import process from 'node:process';
import { type CommandOptions, elapsedMs, root, run, TestCluster } from '../test/harness.ts';
import type { Benchmark, Figure } from './figure.ts';

async function timeMs(program: string, args: readonly string[], options: CommandOptions = {}): Promise<number> {
  const since = elapsedMs();
  const { code, stderr } = await run(program, args, options);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return since();
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const benchmark: Benchmark = {
  name: 'command',
  async run({ small }): Promise<readonly Figure[]> {
    const rounds = small ? 7 : 31;
    const cluster = await TestCluster.up('--simulated-nodes', '1');
    await cluster.mustKubectl('create', 'deployment', 'web', '--image=nginx', '--replicas=3');
    await cluster.mustKubectl('rollout', 'status', 'deploy/web');
    const launcher = path.join(root, 'naru');
    const options = { env: { NARU_HOME: cluster.home } };
    const times = { baseline: [] as number[], version: [] as number[], pods: [] as number[] };
    // The first start after a change of the sources makes the bundle, and the second compiles it.
    for (let round = -2; round < rounds; round++) {
      const baseline = await timeMs(process.execPath, ['-e', '0']);
      const version = await timeMs(launcher, ['--version'], options);
      const pods = await timeMs(launcher, ['get', 'pods'], options);
      if (round < 0) continue;
      times.baseline.push(baseline);
      times.version.push(version);
      times.pods.push(pods);
    }
    await cluster.close();
    const baseline = Math.max(1, median(times.baseline));
    const figure = (name: string, values: readonly number[]): Figure => {
      const value = median(values);
      return { bench: 'command', figure: name, value, unit: 'ms', baseline, ratio: value / baseline };
    };
    return [figure('naru --version', times.version), figure('naru get pods', times.pods)];
  },
};

export default benchmark;
