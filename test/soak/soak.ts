/**
 * A soak: one node full of pods, from which something is killed every few seconds, for as long as wished. Then it is left in peace, and must
 * come to rest: every pod Ready, and of everything on the machine as much as before the first fault. When the pods are deleted, nothing of
 * them may be left; when the cluster is taken down, nothing at all.
 *
 * Numbers of what pods are made of must be equal. Memory and open files of the programs have a margin: they depend on what they do just then.
 */
import type { PodList } from '../../src/api/schema/types/core-v1.ts';
import { nextInt, SeededPrng } from '../../src/lib/prng.ts';
import { isReady, type Manifest, shellImage } from '../cluster/workload.ts';
import { elapsedMs, eventually, leftSince, machineState, sleep, TestCluster } from '../harness.ts';
import { oneFault } from './faults.ts';
import { deadShimSockets, endedContainers, type Measures, measure } from './machine-view.ts';
import { soakObjects } from './workload.ts';

export interface SoakOptions {
  readonly minutes: number;
  readonly seed: number;
  readonly pods: number;
  readonly say: (line: string) => void;
}

export interface SoakReport {
  readonly faults: ReadonlyMap<string, number>;
  /** Of what, and what was found; empty when all is well. */
  readonly problems: readonly string[];
  readonly table: readonly string[];
}

/** Crashes put containers back for up to five minutes; add what a busy machine needs. */
const restMsMax = 480_000;
const pauseMsMax = 5_000;
/** So often in a row, a second apart, all must be well: what was killed just now is not noticed at once. */
const restLooks = 4;
/** So often, a second apart, it is looked whether what is too much goes: a shim that containerd forgot takes two minutes. */
const measureLooks = 180;

export async function soak(options: SoakOptions): Promise<SoakReport> {
  const { say, pods } = options;
  const machineBefore = await machineState();
  const socketsBefore = new Set(deadShimSockets());
  const cluster = await TestCluster.up();
  try {
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', shellImage);
    const empty = await measured(cluster);
    await apply(cluster, soakObjects(pods));
    say(`${pods} pods are Ready after ${await rest(cluster, pods)} s`);
    const full = await measured(cluster);
    const faults = await disturb(cluster, options);
    say(`left in peace; every pod is Ready after ${await rest(cluster, pods)} s`);
    const after = await measured(cluster, full);
    await cluster.mustKubectl('delete', 'deployments', '--all');
    say(`deleted; every pod is gone after ${await rest(cluster, 0)} s`);
    const end = await measured(cluster, empty);
    await cluster.close();
    const problems = [
      ...differences('after the faults', full, after),
      ...differences('after all pods were deleted', empty, end),
      ...deadShimSockets()
        .filter((socket) => !socketsBefore.has(socket))
        .map((socket) => `after naru down there is still: ${socket}`),
      ...(await leftSince(machineBefore)).map((line) => `after naru down there is still: ${line}`),
    ];
    return { faults, problems, table: tableOf({ empty, full, after, end }) };
  } catch (error) {
    say(`failed; the log is in ${cluster.home}/naru.log until the cluster is taken down`);
    throw error;
  }
}

async function apply(cluster: TestCluster, objects: readonly Manifest[]): Promise<void> {
  const input = objects.map((object) => JSON.stringify(object)).join('\n');
  const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], { input });
  if (code !== 0) throw new Error(`the pods could not be made: ${stderr}`);
}

/** Resolves with the seconds that it took until exactly so many pods are there, and all Ready. */
async function rest(cluster: TestCluster, count: number): Promise<number> {
  const since = elapsedMs();
  let lacking: readonly string[] = [];
  let good = 0;
  const isAtRest = async (): Promise<boolean> => {
    const { items } = await cluster.json<PodList>('get', 'pods');
    const unwell = items.filter((pod) => !isReady(pod) || pod.metadata?.deletionTimestamp !== undefined);
    lacking = unwell.map(({ metadata, status }) => `${metadata?.name}: ${JSON.stringify(status)}`);
    good = items.length === count && unwell.length === 0 ? good + 1 : 0;
    if (good === restLooks) return true;
    await sleep(1_000);
    return false;
  };
  try {
    await eventually(`${count} pods are Ready`, async () => (await isAtRest()) || undefined, restMsMax);
  } catch (error) {
    throw new Error(`${(error as Error).message}; not well are:\n${lacking.join('\n')}`, { cause: error });
  }
  return Math.round(since() / 1000);
}

async function disturb(cluster: TestCluster, options: SoakOptions): Promise<ReadonlyMap<string, number>> {
  const { minutes, seed, say } = options;
  const prng = new SeededPrng(seed);
  const since = elapsedMs();
  const faults = new Map<string, number>();
  while (since() < minutes * 60_000) {
    const tell = (line: string): void => say(`${String(Math.round(since() / 1000)).padStart(5)} s  ${line}`);
    const name = await oneFault({ cluster, prng, say: tell });
    if (name !== undefined) faults.set(name, (faults.get(name) ?? 0) + 1);
    await sleep(nextInt(prng, pauseMsMax));
  }
  return faults;
}

/** What is measured beside `wanted`, when it has come to be like it, or does not change any more: what is swept away takes its turn. */
async function measured(cluster: TestCluster, wanted?: Measures): Promise<Measures> {
  let now = await measure(cluster.home, cluster.pid);
  for (let look = 0; look < measureLooks; look++) {
    const isEnough = wanted === undefined ? look >= 5 : differences('', wanted, now).length === 0;
    if (isEnough) break;
    await sleep(1_000);
    now = await measure(cluster.home, cluster.pid);
  }
  return now;
}

/** How much more of a thing there may be than there was. */
function marginOf(what: string, before: number): number {
  if (what.startsWith('memory')) return 60 + before / 2;
  if (what.startsWith('open files')) return 40;
  return 0;
}

/** Programs may take less than before; of everything else there must be as much. */
function differences(when: string, before: Measures, now: Measures): string[] {
  return Object.entries(now).flatMap(([what, count]) => {
    // Of each container the last that ended is kept, for its log, and the sandbox that it was in.
    const ended = now[endedContainers] ?? 0;
    if (what === endedContainers && count <= (now['running containers'] ?? 0)) return [];
    if (what === 'sandboxes' && count >= (before[what] ?? 0) && count <= (before[what] ?? 0) + ended) return [];
    const expected = before[what] ?? 0;
    // One that was lost while the pods started may have been there before; each sandbox has one.
    if (what === 'shims' && count === now['pause processes']) return [];
    const margin = marginOf(what, expected);
    const isGood = margin > 0 ? count <= expected + margin : count === expected;
    return isGood ? [] : [`${when}: ${what}: ${count}, and before it was ${expected}`];
  });
}

function tableOf(columns: Readonly<Record<string, Measures>>): string[] {
  const line = (first: string, cells: readonly (string | number)[]): string =>
    [first.padEnd(30), ...cells.map((cell) => String(cell).padStart(8))].join('');
  const [first = {}] = Object.values(columns);
  return [
    line('', Object.keys(columns)),
    ...Object.keys(first).map((what) =>
      line(
        what,
        Object.values(columns).map((measures) => measures[what] ?? 0),
      ),
    ),
  ];
}
