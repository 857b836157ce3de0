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
    .filter((pid) => {
      const status = read(`/proc/${pid}/status`);
      // Who has ended, and waits to be noticed by the machine's init, is gone.
      return /^NSpid:\t\d+\t1$/m.test(status) && !/^State:\tZ/m.test(status);
    });
}

/** Everything on this machine that still belongs to one of these pods, as lines. */
export function podTraces(home: string, podUids: readonly string[]): string[] {
  const ofPods = (text: string): boolean => podUids.some((uid) => text.includes(uid));
  const running = processes().filter((pid) => ofPods(read(`/proc/${pid}/cgroup`)));
  const mounts = read('/proc/self/mountinfo')
    .split('\n')
    .filter((line) => line.includes(`${home}/`));
  const cgroups = folders('/sys/fs/cgroup', 6).filter(ofPods);
  const files = folders(path.join(home, 'pods'), 1).filter(ofPods);
  return [
    ...running.map((pid) => `process ${pid}`),
    ...mounts.map((line) => `mount ${line.split(' ')[4]}`),
    ...cgroups.map((folder) => `cgroup ${folder}`),
    ...files.map((folder) => `folder ${folder}`),
  ];
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
