/**
 * `naru down`: ends everything of one home and removes what it left on the machine, whatever state it is in.
 *
 * While containerd answers, pods go the regular way, through the CRI. What follows takes nothing for granted and would do
 * it alone, after a `kill -9` of everything or a half-done start. The order matters: first notes are taken that die with
 * the processes (whose network namespaces, which cables), then processes end (daemon before shims before containers, so
 * that nobody starts anything anew), then mounts, which were busy until now, then pins and files, and cgroups last, for
 * they cannot go while somebody is in them. Only what names this home, or sits in its cgroup, is touched.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { identifyProcess, type ProcessIdentity, signal } from '../../lib/process-identity.ts';
import { CriConnection, criNamespace } from '../cri/connection.ts';
import { removeShimSocket } from '../cri/shim-socket.ts';
import { cgroupProcesses, removeCgroup, thaw } from './cgroups.ts';
import { findDaemon, isOurDaemon, stopDaemon } from './daemon.ts';
import { mountsBelow, unmount } from './mounts.ts';
import type { ContainerdPaths } from './paths.ts';
import { argumentsOf, findProcesses, hasOption, networkNamespace } from './processes.ts';

const run = promisify(execFile);

export interface TeardownReport {
  /** Each kind's count; kinds of which there was nothing are not named. */
  readonly removed: Readonly<Record<string, number>>;
  /** One line for each thing that is still there; empty when nothing is. */
  readonly left: readonly string[];
}

interface Context {
  readonly paths: ContainerdPaths;
  readonly clock: Clock;
  readonly log: Logger;
  readonly count: (kind: string, number: number) => void;
}

const cniCacheFolder = '/var/lib/cni/results';
const sharedNetnsFolder = '/run/netns';

export async function tearDown(
  paths: ContainerdPaths,
  options: { clock: Clock; log: Logger },
): Promise<TeardownReport> {
  const removed: Record<string, number> = {};
  const count = (kind: string, number: number): void => {
    if (number > 0) removed[kind] = (removed[kind] ?? 0) + number;
  };
  const context: Context = { paths, ...options, count };
  // While pods live: later nobody knows which cables and shim sockets were theirs.
  const notes = await takeNotes(paths);
  await removePods(context);
  await endProcesses(context);
  await removeMounts(context);
  await removePins(context, notes.namespaces);
  await removeCables(context, notes.cables);
  await removeFiles(context, notes);
  count('cgroups', (await removeCgroup(paths.cgroupRoot)).removed.length);
  return { removed, left: await remains(paths, notes) };
}

interface Notes {
  /** Inodes of the pods' network namespaces. */
  readonly namespaces: ReadonlySet<string>;
  /** The host's ends of the pods' virtual cables. */
  readonly cables: readonly string[];
  readonly shimSockets: readonly string[];
  /** Ids of what ran, to recognise what names nothing else. */
  readonly tasks: ReadonlySet<string>;
}

async function takeNotes(paths: ContainerdPaths): Promise<Notes> {
  const pids = await cgroupProcesses(paths.cgroupRoot);
  const [own, ...namespaces] = await Promise.all([process.pid, ...pids].map(networkNamespace));
  const ofPods = new Set(namespaces.filter((inode) => inode !== undefined && inode !== own)) as ReadonlySet<string>;
  return {
    namespaces: ofPods,
    cables: await cablesOf(paths),
    shimSockets: await shimSocketsOf(paths),
    tasks: new Set((await tasksOf(paths)).tasks),
  };
}

/** CNI's cache holds one file for each network of each sandbox; the loopback's names only the sandbox. */
async function cniResults(paths: ContainerdPaths, sandboxes: ReadonlySet<string> = new Set()): Promise<string[]> {
  const names = await readdir(cniCacheFolder).catch(() => []);
  const ours = names.filter((name) => name.startsWith(`${paths.network}-`));
  const ids = new Set([...sandboxes, ...ours.flatMap(sandboxOfResult)]);
  const all = names.filter((name) => ours.includes(name) || sandboxOfResult(name).some((id) => ids.has(id)));
  return all.map((name) => join(cniCacheFolder, name));
}

function sandboxOfResult(name: string): string[] {
  return /-([0-9a-f]{64})-[^-]+$/.exec(name)?.slice(1, 2) ?? [];
}

async function cablesOf(paths: ContainerdPaths): Promise<string[]> {
  const files = await cniResults(paths);
  const contents = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  return contents.flatMap(hostInterfaces);
}

/** The interfaces in a result of CNI's cache that are in no sandbox: the host's. */
export function hostInterfaces(cached: string): string[] {
  try {
    const { result } = JSON.parse(cached) as { result?: { interfaces?: { name?: string; sandbox?: string }[] } };
    return (result?.interfaces ?? []).flatMap(({ name, sandbox }) => (name && !sandbox ? [name] : []));
  } catch {
    return [];
  }
}

/** containerd's folder for each sandbox and container that runs, named by its id. */
async function tasksOf(paths: ContainerdPaths): Promise<{ folder: string; tasks: string[] }> {
  const folder = join(paths.state, 'io.containerd.runtime.v2.task', criNamespace);
  return { folder, tasks: await readdir(folder).catch(() => []) };
}

/** Each shim wrote down where it listens: outside home, where a killed one leaves its socket. */
async function shimSocketsOf(paths: ContainerdPaths): Promise<string[]> {
  const { folder, tasks } = await tasksOf(paths);
  const found = await Promise.all(
    tasks.map(async (task) => {
      const texts = await Promise.all(
        ['address', 'bootstrap.json'].map((name) => readFile(join(folder, task, name), 'utf8').catch(() => '')),
      );
      return texts.flatMap((text) => text.match(/\/run\/containerd\/s\/[0-9a-f]{64}/g) ?? []);
    }),
  );
  return [...new Set(found.flat())];
}

/** Through the CRI, while containerd answers; what does not go this way goes the hard way. */
async function removePods(context: Context): Promise<void> {
  if ((await findDaemon(context.paths)) === undefined) return;
  const connection = await CriConnection.open(context.paths.address, context.clock);
  try {
    const { items } = await connection.call('ListPodSandbox', {}, 5_000);
    const removals = items.map(async ({ id }) => {
      await connection.call('StopPodSandbox', { pod_sandbox_id: id }, 15_000);
      await connection.call('RemovePodSandbox', { pod_sandbox_id: id }, 15_000);
      await removeShimSocket(context.paths.address, criNamespace, id);
    });
    const outcomes = await Promise.allSettled(removals);
    context.count('pods', outcomes.filter(({ status }) => status === 'fulfilled').length);
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
    for (const { reason } of failed) context.log.warn('a pod did not go through the CRI', { error: reason as unknown });
  } catch (error) {
    context.log.warn('containerd does not answer; its pods are ended without it', { error });
  } finally {
    connection.close();
  }
}

async function endProcesses(context: Context): Promise<void> {
  const { paths, clock, count } = context;
  for (let daemon = await findDaemon(paths); daemon !== undefined; daemon = await findDaemon(paths)) {
    if (!(await stopDaemon(paths, daemon, clock))) break;
    count('containerd', 1);
  }
  const shims = await findProcesses((argv) => isOurShim(argv, paths));
  for (const shim of shims) signal(shim, 'SIGKILL');
  count('shims', shims.length);
  count('processes', await emptyCgroup(paths, clock));
}

/** By exact arguments: containerd gives each shim the address of the socket that started it. */
export function isOurShim(argv: readonly string[], paths: ContainerdPaths): boolean {
  return /(^|\/)containerd-shim[\w.-]*$/.test(argv[0] ?? '') && hasOption(argv, '-address', paths.address);
}

/** Kills until nobody is left (about 5 s): a process may fork while the list is read. Returns how many there were. */
async function emptyCgroup(paths: ContainerdPaths, clock: Clock): Promise<number> {
  const killed = new Set<number>();
  for (let round = 0; round < 250; round++) {
    const pids = await cgroupProcesses(paths.cgroupRoot);
    if (pids.length === 0) break;
    await thaw(paths.cgroupRoot);
    const processes = pids.map(identifyProcess).filter((each) => each !== undefined);
    for (const each of processes) signal(each, 'SIGKILL');
    for (const { pid } of processes) killed.add(pid);
    await clock.sleep(Math.min(20, 2 + round));
  }
  return killed.size;
}

async function removeMounts(context: Context): Promise<void> {
  for (const folder of [context.paths.home, context.paths.socketFolder]) {
    for (const point of await mountsBelow(folder)) {
      if (await unmount(point)) context.count('mounts', 1);
    }
  }
}

/** Of versions that pin namespaces in the shared folder. Those under `state` were unmounted with everything below home. */
async function removePins(context: Context, namespaces: ReadonlySet<string>): Promise<void> {
  for (const pin of await pinsOf(namespaces)) {
    await unmount(pin);
    await rm(pin, { force: true });
    context.count('network namespaces', 1);
  }
}

async function pinsOf(namespaces: ReadonlySet<string>): Promise<string[]> {
  const names = (await readdir(sharedNetnsFolder).catch(() => [])).filter((name) => name.startsWith('cni-'));
  const pins = names.map((name) => join(sharedNetnsFolder, name));
  const inodes = await Promise.all(pins.map(inodeOf));
  return pins.filter((_, index) => namespaces.has(inodes[index] ?? ''));
}

async function inodeOf(path: string): Promise<string> {
  return stat(path).then(
    ({ ino }) => String(ino),
    () => '',
  );
}

/** A cable goes with its namespace, a moment after the last process; one that does not is pulled. */
async function removeCables(context: Context, cables: readonly string[]): Promise<void> {
  for (const cable of cables) {
    for (let waited = 0; waited < 50 && (await linkExists(cable)); waited++) await context.clock.sleep(10);
    if (!(await linkExists(cable))) continue;
    await run('ip', ['link', 'delete', 'dev', cable], { timeout: 5_000 }).catch(() => undefined);
    context.count('network interfaces', 1);
  }
}

async function linkExists(name: string): Promise<boolean> {
  return (await inodeOf(`/sys/class/net/${name}`)) !== '';
}

/** The network's leases go with the pods; images and their metadata (`root`) stay. */
async function removeFiles(context: Context, notes: Notes): Promise<void> {
  const { paths, count } = context;
  const results = await cniResults(paths, notes.tasks);
  for (const file of [...results, ...notes.shimSockets]) await rm(file, { force: true });
  count('CNI results', results.length);
  // Below a mount that refused to go lies somebody's data.
  const mounted = await mountsBelow(paths.home);
  for (const folder of [paths.state, paths.runtimeRoot, paths.cniStateFolder]) {
    if (!mounted.some((point) => point.startsWith(`${folder}/`))) await rm(folder, { recursive: true, force: true });
  }
  for (const file of [paths.address, `${paths.address}.ttrpc`, paths.pidFile]) {
    await rm(file, { recursive: true, force: true });
  }
  if (paths.socketFolder !== paths.folder) await rm(paths.socketFolder, { recursive: true, force: true });
}

async function remains(paths: ContainerdPaths, notes: Notes): Promise<string[]> {
  const ours = (argv: readonly string[]): boolean => isOurDaemon(argv, paths) || isOurShim(argv, paths);
  const inCgroup = (await cgroupProcesses(paths.cgroupRoot)).map(identifyProcess).filter((each) => each !== undefined);
  const processes = await Promise.all([...(await findProcesses(ours)), ...inCgroup].map(describeProcess));
  const cables = await Promise.all(notes.cables.map(async (cable) => ((await linkExists(cable)) ? [cable] : [])));
  return [
    ...new Set(processes),
    ...(await mountsBelow(paths.home)).map((point) => `mount ${point}`),
    ...(await pinsOf(notes.namespaces)).map((pin) => `network namespace ${pin}`),
    ...cables.flat().map((cable) => `network interface ${cable}`),
    ...(await cniResults(paths, notes.tasks)).map((file) => `file ${file}`),
    ...(await removeCgroup(paths.cgroupRoot)).left.map((folder) => `cgroup ${folder}`),
  ];
}

async function describeProcess(process: ProcessIdentity): Promise<string> {
  return `process ${process.pid} ${(await argumentsOf(process.pid)).join(' ')}`.trim();
}
