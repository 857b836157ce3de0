/** A made-up machine for tests: the files of cgroups (v1 or v2) and of /proc that figures are read from. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export class FakeMachine {
  readonly root = mkdtempSync(path.join(os.tmpdir(), 'naru-stats-'));
  readonly cgroupMount = path.join(this.root, 'cgroup');
  readonly proc = path.join(this.root, 'proc');
  readonly home = path.join(this.root, 'home');
  readonly #version: 1 | 2;

  constructor(version: 1 | 2) {
    this.#version = version;
    mkdirSync(this.home);
    mkdirSync(this.cgroupMount);
    if (version === 2) this.write('cgroup/cgroup.controllers', 'cpu memory pids\n');
    this.write('proc/meminfo', memoryText);
    this.write('proc/vmstat', 'nr_free_pages 5\npgfault 100\npgmajfault 7\n');
    this.write('proc/loadavg', '0.06 0.30 1.13 1/94 6378\n');
    this.write('proc/sys/kernel/pid_max', '32768\n');
    this.write('proc/sys/kernel/threads-max', '15000\n');
    this.write('proc/1/net/dev', netText('ens3', 1000, 2000));
    this.write('proc/1/net/route', 'Iface\tDestination\tGateway\nens3\t00000000\t010200C0\t0003\n');
    this.cpuTicks(100);
  }

  /** Processor time of the whole machine, in hundredths of a second. */
  cpuTicks(ticks: number): void {
    this.write('proc/stat', `cpu  ${ticks} 0 0 999 888 0 0 777 0 0\ncpu0 1 2 3\nbtime 1767268800\n`);
  }

  /** A cgroup with `cpuNs` used, 100 MiB of memory of which 30 MiB can be dropped, and 3 processes. */
  cgroup(cgroup: string, cpuNs: number, limitBytes?: number): void {
    const files = this.#version === 1 ? v1Files(cpuNs, limitBytes) : v2Files(cpuNs, limitBytes);
    for (const [file, text] of Object.entries(files)) {
      const [controller = '', name = ''] = this.#version === 1 ? file.split('/') : ['', file];
      this.write(path.join('cgroup', controller, cgroup, name), text);
    }
  }

  /** Puts a process into a cgroup, with a network. */
  process(cgroup: string, pid: number, rxBytes: number, txBytes: number): void {
    const folder = this.#version === 1 ? 'cgroup/memory' : 'cgroup';
    this.write(path.join(folder, cgroup, 'cgroup.procs'), `${pid}\n`);
    this.write(`proc/${pid}/net/dev`, netText('eth0', rxBytes, txBytes));
  }

  write(file: string, text: string): void {
    const whole = path.join(this.root, file);
    mkdirSync(path.dirname(whole), { recursive: true });
    writeFileSync(whole, text);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

const mib = 2 ** 20;

const memoryText = `MemTotal:        1000 kB
MemFree:          400 kB
Inactive(file):   100 kB
AnonPages:         50 kB
SwapTotal:        200 kB
SwapFree:         150 kB
HugePages_Total:    0
`;

export function netText(name: string, rxBytes: number, txBytes: number): string {
  return `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 96608960202 10922281    0    0    0     0          0         0 96608960202 10922281    0    0    0     0       0          0
  ${name}: ${rxBytes}       11    1    2    0     0          0         0 ${txBytes}       22    3    4    0     0       0          0
`;
}

function v1Files(cpuNs: number, limitBytes = 9_223_372_036_854_771_712): Record<string, string> {
  return {
    'cpuacct/cpuacct.usage': `${cpuNs}\n`,
    'cpuacct/cpuacct.usage_user': `${cpuNs / 2}\n`,
    'cpuacct/cpuacct.usage_sys': `${cpuNs / 2}\n`,
    'cpu/cpu.stat': 'nr_periods 10\nnr_throttled 4\nthrottled_time 5000\n',
    'cpu/cpu.shares': '512\n',
    'cpu/cpu.cfs_quota_us': '-1\n',
    'cpu/cpu.cfs_period_us': '100000\n',
    'memory/memory.usage_in_bytes': `${100 * mib}\n`,
    'memory/memory.stat': `cache 1\nrss 2\ntotal_cache ${50 * mib}\ntotal_rss ${40 * mib}\ntotal_mapped_file 8\ntotal_swap 16\ntotal_inactive_file ${30 * mib}\ntotal_pgfault 60\ntotal_pgmajfault 6\n`,
    'memory/memory.limit_in_bytes': `${limitBytes}\n`,
    'memory/memory.memsw.limit_in_bytes': `${limitBytes}\n`,
    'memory/memory.failcnt': '9\n',
    'memory/memory.max_usage_in_bytes': `${120 * mib}\n`,
    'memory/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n',
    'pids/pids.current': '3\n',
    'pids/pids.max': 'max\n',
    'pids/cgroup.procs': '1\n2\n',
  };
}

function v2Files(cpuNs: number, limitBytes?: number): Record<string, string> {
  const us = cpuNs / 1000;
  return {
    'cpu.stat': `usage_usec ${us}\nuser_usec ${us / 2}\nsystem_usec ${us / 2}\nnr_periods 10\nnr_throttled 4\nthrottled_usec 5\n`,
    'cpu.weight': '20\n',
    'cpu.max': 'max 100000\n',
    'memory.current': `${100 * mib}\n`,
    'memory.stat': `anon ${40 * mib}\nfile ${50 * mib}\nfile_mapped 8\ninactive_file ${30 * mib}\npgfault 60\npgmajfault 6\n`,
    'memory.max': `${limitBytes ?? 'max'}\n`,
    'memory.swap.current': '16\n',
    'memory.swap.max': limitBytes === undefined ? 'max\n' : '0\n',
    'memory.peak': `${120 * mib}\n`,
    'memory.events': 'low 0\nhigh 0\nmax 9\noom 2\noom_kill 2\n',
    'pids.current': '3\n',
    'pids.max': 'max\n',
    'cgroup.procs': '1\n2\n',
  };
}
