/** Load for the gateway: wrk, out of Debian, and what other processes take while it runs. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { fetchDebianPackages } from '../../tools/debian-package.ts';

const root = path.join(import.meta.dirname, '../..');

export interface Load {
  readonly perSecond: number;
  readonly p99Ms: number;
  /** By the processor time that the process under load took itself: the machine is shared. */
  readonly perCpuSecond: number;
}

/** Requests for many hosts by turns, made before the load begins, and the counts as a line at its end. */
const script = (hosts: readonly string[], target: string): string => `
local requests, number = {}, 0
init = function()
  for index, host in ipairs({ ${hosts.map((host) => JSON.stringify(host)).join(', ')} }) do
    requests[index] = wrk.format("GET", ${JSON.stringify(target)}, { Host = host })
  end
end
request = function()
  number = number % #requests + 1
  return requests[number]
end
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(99), e.connect + e.read + e.write + e.status))
end
`;

export class Wrk {
  readonly #program: string;
  readonly #libraries: string;
  readonly #script: string;

  private constructor(program: string, libraries: string, script: string) {
    this.#program = program;
    this.#libraries = libraries;
    this.#script = script;
  }

  /** @param folder for its script. @throws Error where Debian's mirror is needed and not there */
  static async make(folder: string, hosts: readonly string[], target: string): Promise<Wrk> {
    const packages = await fetchDebianPackages(['libluajit-5.1-2', 'wrk'], 'bookworm', path.join(root, '.cache'));
    const triple = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
    const file = path.join(folder, 'load.lua');
    writeFileSync(file, script(hosts, target));
    const libraries = path.join(packages.get('libluajit-5.1-2') as string, 'usr/lib', triple);
    return new Wrk(path.join(packages.get('wrk') as string, 'usr/bin/wrk'), libraries, file);
  }

  /**
   * Over 64 connections that are kept. Undefined where a machine that is busy otherwise let none be answered.
   * @param pids the processes under load. @throws Error where a request failed
   */
  async load(url: string, seconds: number, pids: readonly number[]): Promise<Load | undefined> {
    const before = cpuSeconds(pids);
    const argv = ['-t', '1', '-c', '64', '-d', `${seconds}s`, '--timeout', '30s', '-s', this.#script, url];
    const { stdout } = await promisify(execFile)(this.#program, argv, { env: { LD_LIBRARY_PATH: this.#libraries } });
    const spent = cpuSeconds(pids) - before;
    const found = /^RESULT (\d+) (\d+) (\d+) (\d+)$/m.exec(stdout);
    if (found === null) throw new Error(`wrk says nothing of its requests: ${stdout.slice(0, 500)}`);
    const [requests, micros, p99Micros, failed] = found.slice(1).map(Number) as [number, number, number, number];
    if (failed > 0) throw new Error(`${failed} of ${requests} requests to ${url} failed`);
    if (requests === 0) return undefined;
    return { perSecond: (requests / micros) * 1e6, p99Ms: p99Micros / 1000, perCpuSecond: requests / spent };
  }
}

/** Of all threads, as the scheduler counted it: clock ticks are too coarse for a second on a busy machine. */
function cpuSeconds(pids: readonly number[]): number {
  const nanoseconds = pids.flatMap((pid) =>
    readdirSync(`/proc/${pid}/task`).map((thread) =>
      Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]),
    ),
  );
  return nanoseconds.reduce((sum, one) => sum + one, 0) / 1e9;
}

/** A process and those that it started. */
export function family(pid: number): number[] {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === pid);
  return [pid, ...children.map(Number)];
}

function parentOf(pid: string): number {
  try {
    return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  } catch {
    // It has ended meanwhile.
    return 0;
  }
}

export function rssBytes(pid: number): number {
  return Number(/^VmRSS:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
}
