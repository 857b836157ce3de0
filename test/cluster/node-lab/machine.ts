/**
 * A machine of its own inside this one: namespaces of processes, mounts, network, name and IPC under one pid 1. Killing that is a power cut:
 * the kernel ends every process and drops every mount and cable at once, and nothing stays but what is on disk and empty cgroups.
 *
 * Its root is the same disk under a fresh /proc, /sys, /dev, /run and /var/lib/cni: a copy of the mount table would hold on to the mounts
 * of everybody else's containers. Whatever happens to the test, the machine ends with it.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { type CommandOptions, type CommandResult, eventually, root, run } from '../../harness.ts';

/** As pid 1 of the machine, before it becomes the pause program: `sh -c SCRIPT machine NAME FOLDER LAB PROJECT PAUSE`. */
const bootScript = `
set -e
name=$1 folder=$2 lab=$3 project=$4 pause=$5 new=$2/rootfs
echo "$name" >/proc/sys/kernel/hostname
mount --make-rprivate /
mount --bind / "$new"
# Where these are disks of their own.
for each in "$lab" "$project"; do mount --bind "$each" "$new$each"; done
mount -t proc proc "$new/proc"
mount -t sysfs sysfs "$new/sys"
mount -t devtmpfs dev "$new/dev"
mkdir -p "$new/dev/pts" "$new/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$new/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$new/dev/shm"
mount -t tmpfs -o mode=755 tmpfs "$new/run"
mkdir -p "$new/run/netns" "$new/run/lock"
if [ -d "$new/var/lib/cni" ]; then mount -t tmpfs -o mode=755 tmpfs "$new/var/lib/cni"; fi
top=$new/sys/fs/cgroup
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t cgroup2 cgroup2 "$top"
else
  mount -t tmpfs -o mode=755 tmpfs "$top"
  sed -n 's/^.* - cgroup [^ ]* //p' /proc/self/mountinfo | sort -u | while read -r options; do
    case $options in
      *name=*) hierarchy=\${options##*name=} set=none,name=$hierarchy links= ;;
      *) set=\${options#rw,} hierarchy=$set links=$(echo "$set" | tr , ' ') ;;
    esac
    mkdir -p "$top/$hierarchy"
    mount -t cgroup -o "$set" cgroup "$top/$hierarchy"
    for link in $links; do [ -e "$top/$link" ] || ln -s "$hierarchy" "$top/$link"; done
  done
fi
cd "$new"
pivot_root . .
umount -l .
cd /
# As on most machines: what is mounted in a container that may show it, shows.
mount --make-rshared /
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter
exec "$pause"
`;

export interface MachineOptions {
  readonly name: string;
  /** For its root, and whatever it keeps: outlives a power cut. */
  readonly folder: string;
  /** The folder of the whole lab. */
  readonly lab: string;
  /** The program that becomes pid 1. */
  readonly pause: string;
}

const everyNamespace = ['--mount', '--net', '--pid', '--uts', '--ipc'] as const;

export class Machine {
  readonly #options: MachineOptions;
  /** Of `unshare`, and of the machine's pid 1 as this machine sees it. */
  #pids: { readonly outer: number; readonly init: number } | undefined;

  constructor(options: MachineOptions) {
    this.#options = options;
  }

  /** The id of its first process. @throws Error while it is off */
  get pid(): number {
    if (this.#pids === undefined) throw new Error(`machine ${this.#options.name} is off`);
    return this.#pids.init;
  }

  async powerOn(): Promise<void> {
    const { name, folder, lab, pause } = this.#options;
    mkdirSync(path.join(folder, 'rootfs'), { recursive: true, mode: 0o700 });
    const unshare = ['unshare', ...everyNamespace, '--propagation', 'private', '--fork', '--kill-child=SIGKILL'];
    const boot = ['/bin/sh', '-c', bootScript, 'machine', name, folder, lab, root, pause];
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...unshare, ...boot], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (complaint += chunk));
    const outer = child.pid ?? 0;
    const init = await eventually(`machine ${name} is up`, () => {
      if (child.exitCode !== null) throw new Error(`machine ${name} did not start: ${complaint}`);
      const [first] = childrenOf(outer);
      return first !== undefined && programOf(first).endsWith('/pause') ? first : undefined;
    });
    this.#pids = { outer, init };
  }

  /** Nobody in it gets to do anything more. Idempotent. */
  async powerOff(): Promise<void> {
    const pids = this.#pids;
    if (pids === undefined) return;
    this.#pids = undefined;
    process.kill(pids.init, 'SIGKILL');
    const isGone = (): boolean => programOf(pids.init) === '' && programOf(pids.outer) === '';
    await eventually(`machine ${this.#options.name} is off`, isGone);
  }

  /** The command that runs `argv` in the machine. */
  inside(argv: readonly string[]): string[] {
    return ['nsenter', '--target', String(this.pid), ...everyNamespace, '--', ...argv];
  }

  run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    const [program = '', ...rest] = this.inside(argv);
    return run(program, rest, options);
  }

  get mounts(): readonly string[] {
    return read(`/proc/${this.pid}/mountinfo`)
      .split('\n')
      .flatMap((line) => line.split(' ')[4] ?? []);
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

const childrenOf = (pid: number): number[] =>
  read(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);

/** Empty where there is no such process, or only what is left of it. */
function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return '';
  }
}
