/**
 * What this machine offers to containers: found by looking, not assumed. Nothing is changed, except that the trial of
 * overlayfs mounts inside a mount namespace of its own, which ends with the trial.
 */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { type RuntimeHandler, runcShim } from './config.ts';

const run = promisify(execFile);

/** The programs that a node runs on, with their absolute paths. */
export interface Programs {
  readonly containerd: string;
  readonly ctr: string;
  readonly ociRuntime: string;
  /** What else can run pods here. */
  readonly handlers: readonly RuntimeHandler[];
  readonly cniBinFolder: string;
  /** Where containerd looks for shims and for what CNI plugins call. */
  readonly searchPath: readonly string[];
}

const standardFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const cniFolders = ['/usr/lib/cni', '/opt/cni/bin', '/usr/libexec/cni', '/usr/local/lib/cni'];
const cniPlugins = ['ptp', 'host-local', 'loopback'];

/** Runtimes that are used where they are installed: by handler the program to look for, and the shim that goes with it. */
const knownHandlers: readonly (readonly [name: string, program: string, type: string])[] = [
  ['runc', 'runc', runcShim],
  ['crun', 'crun', runcShim],
  ['youki', 'youki', runcShim],
  ['runsc', 'containerd-shim-runsc-v1', 'io.containerd.runsc.v1'],
  ['kata', 'containerd-shim-kata-v2', 'io.containerd.kata.v2'],
  ['wasmtime', 'containerd-shim-wasmtime-v1', 'io.containerd.wasmtime.v1'],
  ['spin', 'containerd-shim-spin-v2', 'io.containerd.spin.v2'],
];

/** How a user gets what is missing. */
const wayOut =
  'run "./naru up" once as root, or apt-get install containerd runc containernetworking-plugins (or your system\'s packages of these names)';

const wayOutOfBroken =
  "install another with apt-get install --reinstall containerd (or your system's package of that name), or put a folder with one first in PATH";

/** Environment's PATH and the standard folders; services often start with a short PATH. */
export function defaultSearchPath(path = process.env.PATH ?? ''): string[] {
  return [...new Set([...path.split(delimiter).filter((folder) => folder.startsWith('/')), ...standardFolders])];
}

/** @throws Error that names everything missing at once, and the way out */
export async function findPrograms(
  searchPath: readonly string[],
  cniSearch: readonly string[] = cniFolders,
): Promise<Programs> {
  const [containerd, shim, ctr, runc, crun, cniBinFolder] = await Promise.all([
    findProgram('containerd', searchPath),
    findProgram('containerd-shim-runc-v2', searchPath),
    findProgram('ctr', searchPath),
    findProgram('runc', searchPath),
    findProgram('crun', searchPath),
    findCniFolder(cniSearch),
  ]);
  const ociRuntime = runc ?? crun;
  const missing = [
    ...(containerd && shim && ctr ? [] : ['containerd (with containerd-shim-runc-v2 and ctr)']),
    ...(ociRuntime ? [] : ['runc']),
    ...(cniBinFolder ? [] : [`the CNI plugins ${cniPlugins.join(', ')} (looked in ${cniSearch.join(', ')})`]),
  ];
  if (!containerd || !shim || !ctr || !ociRuntime || !cniBinFolder) {
    throw new Error(`not installed: ${missing.join('; ')}. ${wayOut}`);
  }
  const handlers = await findHandlers(searchPath);
  return { containerd, ctr, ociRuntime, handlers, cniBinFolder, searchPath };
}

export async function findHandlers(searchPath: readonly string[]): Promise<readonly RuntimeHandler[]> {
  const found: RuntimeHandler[] = [];
  for (const [name, file, type] of knownHandlers) {
    const program = await findProgram(file, searchPath);
    if (program !== undefined) found.push({ name, type, ...(type === runcShim && { program }) });
  }
  return found;
}

async function findProgram(name: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const file = join(folder, name);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

async function findCniFolder(folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const found = await Promise.all(cniPlugins.map((name) => isExecutable(join(folder, name))));
    if (found.every(Boolean)) return folder;
  }
  return undefined;
}

async function isExecutable(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

export interface ContainerdVersion {
  readonly text: string;
  readonly major: number;
  readonly minor: number;
}

/** @throws Error where the program does not run, or is older than 1.6 */
export async function containerdVersion(program: string): Promise<ContainerdVersion> {
  let output: string;
  try {
    output = (await run(program, ['--version'], { timeout: 10_000 })).stdout;
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    const words = stderr?.trim().split('\n')[0] || String(code);
    throw new Error(`${program} does not run (${words}); ${wayOutOfBroken}`, { cause: error });
  }
  return parseContainerdVersion(output, program);
}

export function parseContainerdVersion(output: string, program = 'containerd'): ContainerdVersion {
  const match = /\bv?(\d+)\.(\d+)\.\S+/.exec(output);
  if (match === null) {
    const said = JSON.stringify(output.trim());
    throw new Error(`${program} --version says ${said}, which names no version; ${wayOutOfBroken}`);
  }
  const version = { text: match[0], major: Number(match[1]), minor: Number(match[2]) };
  if (version.major < 1 || (version.major === 1 && version.minor < 6)) {
    throw new Error(`${program} is version ${version.text}; naru needs 1.6 or later; ${wayOutOfBroken}`);
  }
  return version;
}

export interface MachineFacts {
  readonly cgroupVersion: 1 | 2;
  /** Whether systemd is this machine's init. */
  readonly systemd: boolean;
  readonly appArmor: boolean;
  readonly mayLowerOomScore: boolean;
}

const capSysResource = 24n;

export async function machineFacts(): Promise<MachineFacts> {
  const [status, appArmor, parser, systemd, unified] = await Promise.all([
    readFile('/proc/self/status', 'utf8'),
    readFile('/sys/module/apparmor/parameters/enabled', 'utf8').catch(() => 'N'),
    findProgram('apparmor_parser', standardFolders),
    exists('/run/systemd/system'),
    exists('/sys/fs/cgroup/cgroup.controllers'),
  ]);
  return {
    cgroupVersion: unified ? 2 : 1,
    systemd: systemd && (await readFile('/proc/1/comm', 'utf8').catch(() => '')).trim() === 'systemd',
    // Without its parser containerd cannot load the default profile, and every container would fail.
    appArmor: appArmor.startsWith('Y') && parser !== undefined,
    mayLowerOomScore: hasCapability(status, capSysResource),
  };
}

/** Reads `CapEff` of `/proc/PID/status`. */
export function hasCapability(status: string, capability: bigint): boolean {
  const digits = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${digits}`) >> capability) & 1n) === 1n;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Whether an overlay can be mounted on the file system of `folder`; if not, why. */
export async function overlayProblem(folder: string): Promise<string | undefined> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const trial = await mkdtemp(join(folder, '.overlay-'));
  try {
    await Promise.all(['lower', 'upper', 'work', 'merged'].map((name) => mkdir(join(trial, name))));
    const layers = `lowerdir=${trial}/lower,upperdir=${trial}/upper,workdir=${trial}/work`;
    const mount = ['mount', '-t', 'overlay', 'overlay', '-o', layers, join(trial, 'merged')];
    await run('unshare', ['--mount', '--propagation', 'private', ...mount], { timeout: 10_000 });
    return undefined;
  } catch (error) {
    return (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}
