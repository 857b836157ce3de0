/**
 * What of one home is on this machine: the soak's own eyes, independent of naru and of containerd. Processes are told by the cgroup and by
 * the exact arguments, cables by their routes into the node's range.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { cniConfigName } from '../../src/agent/containerd/config.ts';
import { containerdPaths } from '../../src/agent/containerd/paths.ts';
import { isOurShim } from '../../src/agent/containerd/teardown.ts';
import { CriRuntime } from '../../src/agent/cri/cri-runtime.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { isOfNode } from '../cluster/containers.ts';
import { run } from '../harness.ts';

const clock = new RealClock({ keepsAlive: true });

export const endedContainers = 'ended containers';

export interface Processes {
  /** First processes of containers, but of those that hold a pod together. */
  readonly containers: readonly number[];
  readonly pauses: readonly number[];
  readonly shims: readonly number[];
}

export function processesOf(home: string): Processes {
  const paths = containerdPaths(home);
  const alive = pids().filter(isAlive);
  const first = alive.filter((pid) => inPodCgroup(pid, paths.cgroupRoot) && isFirst(pid));
  const isPause = (pid: number): boolean => argumentsOf(pid)[0] === '/pause';
  return {
    containers: first.filter((pid) => !isPause(pid)),
    pauses: first.filter(isPause),
    shims: alive.filter((pid) => isOurShim(argumentsOf(pid), paths)),
  };
}

/** Every process in the pods' cgroups, first or not. */
const allInPods = (home: string): number[] =>
  pids().filter((pid) => isAlive(pid) && inPodCgroup(pid, containerdPaths(home).cgroupRoot));

export function containerdPid(home: string): number {
  return (JSON.parse(readFileSync(containerdPaths(home).pidFile, 'utf8')) as { pid: number }).pid;
}

/** How much there is of everything; what is measured is a key, so that a report needs no list of its own. */
export type Measures = Readonly<Record<string, number>>;

export async function measure(home: string, agentPid: number): Promise<Measures> {
  const paths = containerdPaths(home);
  const { pauses, shims } = processesOf(home);
  const node = path.join(home, 'node');
  const mounts = read('/proc/self/mountinfo')
    .split('\n')
    .filter((line) => line.split(' ')[4]?.startsWith(`${home}/`) && !isOfNode(home, line));
  return {
    ...(await known(paths.address)),
    'pause processes': pauses.length,
    shims: shims.length,
    'processes in pods': allInPods(home).length,
    mounts: mounts.length,
    'network namespaces': mounts.filter((line) => line.includes(' - nsfs ')).length,
    cables: await cables(home),
    'leases of addresses': list(path.join(paths.cniStateFolder, paths.network)).filter((name) => /^\d/.test(name))
      .length,
    'CNI results': list('/var/lib/cni/results').filter((name) => name.startsWith(`${paths.network}-`)).length,
    'cgroups of pods': countFolders('/sys/fs/cgroup', new RegExp(`${paths.cgroupRoot}/kubepods/.*pod`), 8),
    'tasks of containerd': list(path.join(paths.state, 'io.containerd.runtime.v2.task', 'k8s.io')).length,
    'folders of pods': list(path.join(node, 'pods')).length,
    'log folders of pods': list(path.join(node, 'pod-logs')).length,
    'pipes of commands': countFiles(path.join(node, 'fifos')),
    'open files of naru': list(`/proc/${agentPid}/fd`).length,
    'memory of naru (MiB)': residentMiB(agentPid),
    'open files of containerd': list(`/proc/${containerdPid(home)}/fd`).length,
    'memory of containerd (MiB)': residentMiB(containerdPid(home)),
  };
}

/** What the runtime keeps account of: also what has ended, and nobody removed. */
async function known(address: string): Promise<Measures> {
  const runtime = new CriRuntime({ address, clock, log: silentLogger });
  try {
    const { sandboxes, containers } = await runtime.state();
    const ended = containers.filter(({ state }) => state !== 'running').length;
    return { sandboxes: sandboxes.length, 'running containers': containers.length - ended, [endedContainers]: ended };
  } finally {
    await runtime.close();
  }
}

/** Sockets that nobody listens at: containerd's shims leave them where they are killed. All of the machine's, by their paths. */
export function deadShimSockets(): readonly string[] {
  const listening = new Set(
    read('/proc/net/unix')
      .split('\n')
      .map((line) => line.split(' ').at(-1)),
  );
  return list('/run/containerd/s')
    .map((name) => `/run/containerd/s/${name}`)
    .filter((socket) => !listening.has(socket));
}

/** Each pod has a route of its own to its cable. */
async function cables(home: string): Promise<number> {
  const config = read(path.join(containerdPaths(home).cniConfigFolder, cniConfigName));
  const range = /"subnet":\s*"([\d.]+)\.0\/24"/.exec(config)?.[1];
  const routes = (await run('ip', ['route'])).stdout.split('\n');
  return range === undefined ? 0 : routes.filter((line) => line.startsWith(`${range}.`)).length;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function countFolders(top: string, pattern: RegExp, depth: number): number {
  if (depth === 0) return 0;
  let count = 0;
  for (const entry of foldersIn(top)) {
    const folder = path.join(top, entry);
    if (pattern.test(folder)) count++;
    count += countFolders(folder, pattern, depth - 1);
  }
  return count;
}

function foldersIn(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
  } catch {
    return [];
  }
}

function countFiles(folder: string): number {
  try {
    return readdirSync(folder, { recursive: true }).length;
  } catch {
    return 0;
  }
}

const pids = (): number[] =>
  list('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
const argumentsOf = (pid: number): string[] => read(`/proc/${pid}/cmdline`).split('\0');
const inPodCgroup = (pid: number, root: string): boolean => read(`/proc/${pid}/cgroup`).includes(`${root}/kubepods/`);
const isFirst = (pid: number): boolean => /^NSpid:(?:\t\d+)+\t1$/m.test(read(`/proc/${pid}/status`));
const isAlive = (pid: number): boolean => /^State:\t[^ZX]/m.test(read(`/proc/${pid}/status`));
const residentMiB = (pid: number): number =>
  Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) / 1024);
