/**
 * A cluster for a test: the real launcher, a NARU_HOME of its own, a free port, the real kubectl 1.36. What a test starts, `close`
 * ends; `machineState` tells whether anything was left behind.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { parse } from 'yaml';
import { containerdPaths } from '../src/agent/containerd/paths.ts';
import { RealClock } from '../src/lib/clock.ts';
import { routeMetric, routeProtocol } from '../src/network/pod-network/kernel-routes.ts';
import { fetchDebianPackage } from '../tools/debian-package.ts';

export const root = path.dirname(import.meta.dirname);
const clock = new RealClock({ keepsAlive: true });

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly timeoutMs?: number;
  /** The folder it runs in. */
  readonly cwd?: string;
}

export interface KubectlOptions extends CommandOptions {
  /** Another kubectl than 1.36. */
  readonly program?: string;
}

/** Runs a program to its end; never rejects for an exit code. */
export function run(program: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      args,
      {
        env: { ...process.env, ...options.env },
        ...(options.cwd !== undefined && { cwd: options.cwd }),
        maxBuffer: 64 << 20,
        timeout: options.timeoutMs ?? 60_000,
      },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code ?? 1) || 1, stdout, stderr }),
    );
    // A program may end without reading what it is given.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}

let kubectlPath: Promise<string> | undefined;

async function kubectlOf(name: string, suite: string): Promise<string> {
  const folder = await fetchDebianPackage({ name, suite, cacheDir: path.join(root, '.cache') });
  return path.join(folder, 'usr/bin/kubectl');
}

/** Real kubectl 1.36, from Debian, unpacked into the cache. */
export function findKubectl(): Promise<string> {
  kubectlPath ??= kubectlOf('kubectl', 'sid');
  return kubectlPath;
}

/** The oldest kubectl that Debian still has, 1.20: years of scripts and machines have one like it. */
export function findOldestKubectl(): Promise<string> {
  return kubectlOf('kubernetes-client', 'bookworm');
}

/** How a client reaches a cluster, and who it is: what a kubeconfig holds, in PEM. */
export interface Connection {
  readonly server: string;
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

interface Kubeconfig {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
}

function connectionOf(kubeconfig: Kubeconfig): Connection {
  const cluster = kubeconfig.clusters[0]?.cluster ?? {};
  const user = kubeconfig.users[0]?.user ?? {};
  const pem = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString();
  return {
    server: cluster['server'] ?? '',
    authority: pem(cluster['certificate-authority-data']),
    certificate: pem(user['client-certificate-data']),
    key: pem(user['client-key-data']),
  };
}

/** Calls `probe` until it returns something, or fails with what `describe` says after `timeoutMs`. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = clock.monotonic() + timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      lastError = error;
    }
    if (clock.monotonic() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms`, { cause: lastError });
    await clock.sleep(50);
  }
}

export function elapsedMs(): () => number {
  const start = clock.monotonic();
  return () => Math.round(clock.monotonic() - start);
}

export const sleep = (delayMs: number): Promise<void> => clock.sleep(delayMs);

/** A port of 127.0.0.1 that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

export class TestCluster {
  static readonly #open = new Set<TestCluster>();
  readonly home: string;
  readonly #kubectl: string;

  private constructor(home: string, kubectl: string) {
    this.home = home;
    this.#kubectl = kubectl;
    TestCluster.#open.add(this);
    claimHome(home);
  }

  /** For `after` and `afterEach`: what a failed test could not close. */
  static async closeAll(): Promise<void> {
    for (const cluster of TestCluster.#open) await cluster.close();
  }

  /** A home with nothing in it yet; `up` starts the cluster. */
  static async create(): Promise<TestCluster> {
    return new TestCluster(mkdtempSync(path.join(os.tmpdir(), 'naru-test-')), await findKubectl());
  }

  static async up(...args: string[]): Promise<TestCluster> {
    return TestCluster.upIn(mkdtempSync(path.join(os.tmpdir(), 'naru-test-')), ...args);
  }

  static async upIn(home: string, ...args: string[]): Promise<TestCluster> {
    const cluster = new TestCluster(home, await findKubectl());
    await cluster.mustNaru('up', '--port', '0', '--wait', ...args);
    return cluster;
  }

  get kubeconfig(): string {
    return path.join(this.home, 'kubeconfig');
  }

  /** For what clients leave lying about: copies of edits that failed, discovery caches. Goes with the cluster. */
  get scratch(): string {
    const folder = `${this.home}.scratch`;
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** The id of the cluster's process. */
  get pid(): number {
    return (JSON.parse(readFileSync(path.join(this.home, 'naru.pid'), 'utf8')) as { pid: number }).pid;
  }

  naru(...args: string[]): Promise<CommandResult> {
    return run(path.join(root, 'naru'), args, { env: { NARU_HOME: this.home }, timeoutMs: 180_000 });
  }

  async mustNaru(...args: string[]): Promise<string> {
    return mustSucceed(`naru ${args.join(' ')}`, await this.naru(...args), this.#log());
  }

  /** The administrator's. */
  get connection(): Connection {
    return connectionOf(parse(readFileSync(this.kubeconfig, 'utf8')) as Kubeconfig);
  }

  kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<CommandResult> {
    const env = { TMPDIR: this.scratch, ...options.env };
    return run(options.program ?? this.#kubectl, ['--kubeconfig', this.kubeconfig, ...args], { ...options, env });
  }

  async mustKubectl(...args: string[]): Promise<string> {
    return mustSucceed(`kubectl ${args.join(' ')}`, await this.kubectl(args), this.#log());
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.mustKubectl(...args, '-o', 'json')) as T;
  }

  /** kubectl with its output as it comes, for `-w` and `-f`. */
  stream(...args: string[]): { child: ChildProcess; text: () => string } {
    return this.streamOf(this.#kubectl, ...args);
  }

  /** The same of another kubectl than 1.36. */
  streamOf(program: string, ...args: string[]): { child: ChildProcess; text: () => string } {
    const child = spawn(program, ['--kubeconfig', this.kubeconfig, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const output of [child.stdout, child.stderr])
      output.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    return { child, text: () => text };
  }

  /** Ends everything that the cluster made, and its home. */
  async close(): Promise<void> {
    TestCluster.#open.delete(this);
    const result = await this.naru('down', '--all');
    for (const folder of [this.home, this.scratch]) rmSync(folder, { recursive: true, force: true });
    mustSucceed('naru down --all', result, '');
  }

  #log(): string {
    try {
      return readFileSync(path.join(this.home, 'naru.log'), 'utf8').split('\n').slice(-30).join('\n');
    } catch {
      return '';
    }
  }
}

function mustSucceed(what: string, result: CommandResult, log: string): string {
  if (result.code === 0) return result.stdout;
  throw new Error(`${what} exited with ${result.code}: ${result.stderr}${result.stdout}\n${log}`);
}

/** Homes that this process made: what names another one is another test's, which runs at the same time. */
const ownHomes = new Set<string>();

/** For homes that are not a `TestCluster`'s. */
export function claimHome(home: string): void {
  ownHomes.add(home);
}

/** What a cluster could leave behind on this machine, as sorted lines: take it before and after, and compare. */
export async function machineState(): Promise<readonly string[]> {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((mount) => mount !== undefined)
    .map((mount) => `mount ${mount}`);
  const owners = networkOwners();
  const links = (await run('ip', ['-o', 'link'])).stdout
    .split('\n')
    .map((line) => line.split(':')[1]?.trim().split('@')[0])
    .filter((link) => link !== undefined)
    .map((link) => `link ${ofHome(link)}${owners.get(link) ?? ''}`);
  const processes = processesNaming('containerd').map((command) => `process ${command}`);
  const folders = ['/run/netns', networkResults, '/var/lib/cni/networks'].flatMap((folder) =>
    listed(folder).map((name) => `file ${folder}/${name}${owners.get(name) ?? ''}`),
  );
  const cgroups = listed('/sys/fs/cgroup')
    .flatMap((controller) => listed(`/sys/fs/cgroup/${controller}`).map((name) => `cgroup ${controller}/${name}`))
    .filter((line) => line.includes('naru'));
  return [...mounts, ...links, ...processes, ...folders, ...cgroups, ...(await networkState())]
    .filter((line) => !line.endsWith('undefined'))
    .toSorted();
}

/** Tables of nftables and routes that nodes' networks made. */
async function networkState(): Promise<string[]> {
  const [tables, ...routes] = await Promise.all([
    run('nft', ['list', 'tables']),
    run('ip', ['-o', 'route', 'show', 'proto', String(routeProtocol)]),
    run('ip', ['-o', '-6', 'route', 'show', 'proto', String(routeProtocol)]),
  ]);
  const named = tables.stdout.split('\n').filter((line) => line !== '');
  const marked = routes.flatMap(({ stdout }) => stdout.split('\n')).filter((line) => line !== '');
  return [...named.map(ofHome), ...marked.map((line) => `route ${line.replace(/ metric (\d+).*/, metricOfHome)}`)];
}

/** What carries a home's id, as `naru-ID`: other homes' comes and goes. */
const ofHome = (name: string): string =>
  name.replace(/naru-(?:[a-z]+-)?([0-9a-f]{6,8})\b/, (whole, id: string) => `naru-${id} (${whole})`);

const metricOfHome = (_: string, metric: string): string =>
  ` of naru-${(Number(metric) - routeMetric('000000')).toString(16).padStart(6, '0')}`;

const networkResults = '/var/lib/cni/results';

/** Whose links and files of the network are, as far as the network's own notes tell: ` of HOME/…`. */
function networkOwners(): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  for (const name of listed(networkResults)) {
    let note: { result?: { interfaces?: readonly { name: string; sandbox?: string }[] } };
    try {
      note = JSON.parse(readFileSync(path.join(networkResults, name), 'utf8')) as typeof note;
    } catch {
      continue;
    }
    const interfaces = note.result?.interfaces ?? [];
    const sandbox = interfaces.find((one) => one.sandbox)?.sandbox;
    if (sandbox === undefined) continue;
    for (const named of [name, ...interfaces.filter((one) => !one.sandbox).map((one) => one.name)]) {
      owners.set(named, ` of ${sandbox}`);
    }
  }
  return owners;
}

/** Things of pods that come and go elsewhere are nobody's for moments; what is left behind stays. */
const leftLooks = 8;

/** What is there now and was not before: of this process's homes at once, and what names no home where it stays. */
export async function leftSince(before: readonly string[]): Promise<string[]> {
  const known = new Set(before);
  // Names that must be short carry six digits of the eight.
  const ids = [...ownHomes].map((home) => `naru-${containerdPaths(home).id.slice(0, 6)}`);
  const isOurs = (line: string): boolean => [...ownHomes, ...ids].some((name) => line.includes(name));
  const isTheirs = (line: string): boolean => /\bnaru-[\w-]+/.test(line) && !isOurs(line);
  const look = async (): Promise<string[]> =>
    (await machineState()).filter((line) => !known.has(line) && !isTheirs(line));
  let left = await look();
  for (let looks = 1; looks < leftLooks && left.length > 0 && !left.some(isOurs); looks++) {
    await clock.sleep(1000);
    const now = new Set(await look());
    left = left.filter((line) => now.has(line));
  }
  return left;
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function processesNaming(word: string): string[] {
  return listed('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
      } catch {
        return '';
      }
    })
    .filter((command) => path.basename(command.split(' ')[0] ?? '').startsWith(word));
}
