/** What the kernel knows of a pod's containers: the test's own eyes, independent of naru and of containerd. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const isPause = (pid: number): boolean => read(`/proc/${pid}/cmdline`).startsWith('/pause');

/** The first process of each container of a pod, by its cgroup; the pause process is left out. */
export function containerProcesses(podUid: string): number[] {
  return firstProcesses(podUid).filter((pid) => !isPause(pid));
}

/** The process that holds the pod's network namespace. */
export function pauseProcess(podUid: string): number | undefined {
  return firstProcesses(podUid).find(isPause);
}

function firstProcesses(podUid: string): number[] {
  return processes()
    .filter((pid) => read(`/proc/${pid}/cgroup`).includes(podUid))
    .filter((pid) => isAlive(pid) && /^NSpid:(?:\t\d+)+\t1$/m.test(read(`/proc/${pid}/status`)));
}

/** Who has ended, and waits to be noticed by the machine's init, is gone. */
function isAlive(pid: number): boolean {
  return /^State:\t[^ZX]/m.test(read(`/proc/${pid}/status`));
}

/** Everything on this machine that still belongs to one of these pods, as lines: what runs, and what is kept for them. */
export function podTraces(home: string, podUids: readonly string[]): string[] {
  const kept = folders(path.join(home, 'node', 'pods'), 1).filter((folder) => ofPods(folder, podUids));
  return [...runningTraces(home, podUids), ...kept.map((folder) => `folder ${folder}`)];
}

/** What runs of them: processes, cgroups, and the home's mounts. */
export function runningTraces(home: string, podUids: readonly string[]): string[] {
  const running = processes().filter((pid) => isAlive(pid) && ofPods(read(`/proc/${pid}/cgroup`), podUids));
  const mounts = read('/proc/self/mountinfo')
    .split('\n')
    .filter((line) => line.includes(`${home}/`) && !isOfNode(home, line));
  const cgroups = folders('/sys/fs/cgroup', 6).filter((folder) => ofPods(folder, podUids));
  return [
    ...running.map((pid) => `process ${pid}`),
    ...mounts.map((line) => `mount ${line.split(' ')[4]}`),
    ...cgroups.map((folder) => `cgroup ${folder}`),
  ];
}

/** The node's own memory, for secrets of all its pods, is mounted as long as the node runs. */
export function isOfNode(home: string, mount: string): boolean {
  return mount.includes(` ${home}/node/pods-memory `);
}

function ofPods(text: string, podUids: readonly string[]): boolean {
  return podUids.some((uid) => text.includes(uid));
}

function folders(top: string, depth: number): string[] {
  if (depth === 0) return [];
  try {
    return readdirSync(top, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => [path.join(top, entry.name), ...folders(path.join(top, entry.name), depth - 1)]);
  } catch {
    return [];
  }
}
