/** What befalls the node during a soak: what is killed is chosen by a seeded generator, so that a run can be had again, near enough. */
import process from 'node:process';
import { nextInt, type Prng } from '../../src/lib/prng.ts';
import { sleep, type TestCluster } from '../harness.ts';
import { containerdPid, processesOf } from './machine-view.ts';

export interface Surroundings {
  readonly cluster: TestCluster;
  readonly prng: Prng;
  readonly say: (line: string) => void;
}

interface Fault {
  readonly name: string;
  /** Of all weights, how often. */
  readonly weight: number;
  /** Resolves with whom it befell; with undefined where there was nobody. */
  readonly act: (surroundings: Surroundings) => Promise<string | undefined>;
}

/** False where it ended by itself meanwhile. */
function signal(pid: number, name: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

function pick<T>(prng: Prng, from: readonly T[]): T | undefined {
  return from[nextInt(prng, Math.max(1, from.length))];
}

/** One of the node's processes of a kind. */
const killOf =
  (kind: keyof ReturnType<typeof processesOf>): Fault['act'] =>
  async ({ cluster, prng }) => {
    const pid = pick(prng, processesOf(cluster.home)[kind]);
    return pid !== undefined && signal(pid, 'SIGKILL') ? `process ${pid}` : undefined;
  };

const faults: readonly Fault[] = [
  { name: 'a container is killed', weight: 30, act: killOf('containers') },
  { name: 'a pause process is killed', weight: 10, act: killOf('pauses') },
  { name: 'a shim is killed', weight: 10, act: killOf('shims') },
  {
    name: 'a pod is deleted',
    weight: 25,
    act: async ({ cluster, prng }) => {
      const names = (await cluster.mustKubectl('get', 'pods', '-o', 'name')).split('\n').filter(Boolean);
      const name = pick(prng, names);
      if (name === undefined) return undefined;
      const grace = pick(prng, [[], ['--grace-period=1'], ['--force', '--grace-period=0']]) ?? [];
      const { code } = await cluster.kubectl(['delete', name, '--wait=false', ...grace]);
      return code === 0 ? [name, ...grace].join(' ') : undefined;
    },
  },
  {
    name: 'containerd is killed',
    weight: 10,
    act: async ({ cluster }) => {
      const pid = containerdPid(cluster.home);
      return signal(pid, 'SIGKILL') ? `process ${pid}` : undefined;
    },
  },
  {
    name: 'containerd hangs',
    weight: 5,
    act: async ({ cluster, prng }) => {
      const pid = containerdPid(cluster.home);
      if (!signal(pid, 'SIGSTOP')) return undefined;
      const seconds = 1 + nextInt(prng, 8);
      await sleep(seconds * 1000);
      signal(pid, 'SIGCONT');
      return `process ${pid}, for ${seconds} s`;
    },
  },
  {
    name: 'naru is killed',
    weight: 10,
    act: async ({ cluster, prng }) => {
      const { pid } = cluster;
      signal(pid, 'SIGKILL');
      const seconds = nextInt(prng, 6);
      await sleep(seconds * 1000);
      await cluster.mustNaru('up');
      return `process ${pid}, and started again after ${seconds} s`;
    },
  },
];

const weights = faults.reduce((sum, { weight }) => sum + weight, 0);

/** One of them, by chance. Resolves with its name, when the cluster can be asked again. */
export async function oneFault(surroundings: Surroundings): Promise<string | undefined> {
  let at = nextInt(surroundings.prng, weights);
  for (const { name, weight, act } of faults) {
    at -= weight;
    if (at >= 0) continue;
    const whom = await act(surroundings);
    if (whom === undefined) return undefined;
    surroundings.say(`${name}: ${whom}`);
    return name;
  }
  return undefined;
}
