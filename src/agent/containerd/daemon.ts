/**
 * containerd as a process: found, started, ended.
 *
 * It runs in a session and a cgroup of its own and writes to a file, so nothing that befalls naru reaches it, and it
 * reaches nobody's terminal. Who it is stands in a file, with its start time, for the next naru to find; should naru die
 * before writing that file, its arguments still tell.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import type { Clock } from '../../lib/clock.ts';
import { identifyProcess, isRunning, type ProcessIdentity, parseIdentity } from '../../lib/process-identity.ts';
import { joinCgroup } from './cgroups.ts';
import type { Programs } from './machine.ts';
import type { ContainerdPaths } from './paths.ts';
import { argumentsOf, findProcesses, hasOption, terminate } from './processes.ts';

export interface RunningDaemon {
  readonly process: ProcessIdentity;
  /** Resolves at once when it exits, where it is this process's child; an adopted one must be watched. */
  readonly exited: Promise<void>;
  /** Where its words begin in the log file. */
  readonly logOffset: number;
}

const never = new Promise<void>(() => {});

/** At it, the log of the last run is kept as `.1` and the one before goes. */
const logBytesMax = 16 * 1024 * 1024;

/** Arguments of ours, and of nobody else's: the path of the configuration is this home's. */
export function isOurDaemon(argv: readonly string[], paths: ContainerdPaths): boolean {
  return hasOption(argv, '--config', paths.config);
}

/** The containerd of this home that runs now, whoever started it. */
export async function findDaemon(paths: ContainerdPaths): Promise<RunningDaemon | undefined> {
  const process = (await recorded(paths)) ?? (await findProcesses((argv) => isOurDaemon(argv, paths)))[0];
  return process === undefined ? undefined : { process, exited: never, logOffset: await logSize(paths) };
}

async function recorded(paths: ContainerdPaths): Promise<ProcessIdentity | undefined> {
  const text = await readFile(paths.pidFile, 'utf8').catch(() => 'null');
  const process = parseIdentity(text);
  if (process === undefined || !isRunning(process)) return undefined;
  return isOurDaemon(await argumentsOf(process.pid), paths) ? process : undefined;
}

/** @throws Error where the program cannot be executed */
export async function startDaemon(paths: ContainerdPaths, programs: Programs): Promise<RunningDaemon> {
  await rotateLog(paths);
  const log = await open(paths.logFile, 'a', 0o600);
  try {
    const logOffset = (await log.stat()).size;
    const child = spawn(programs.containerd, ['--config', paths.config, '--log-level', 'warn'], {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
      env: daemonEnvironment(programs.searchPath),
    });
    child.unref();
    await once(child, 'spawn');
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const pid = child.pid as number;
    await joinCgroup(paths.daemonCgroup, pid);
    const process = identifyProcess(pid) ?? { pid, startTicks: 0, bootId: '' };
    await writeFile(paths.pidFile, `${JSON.stringify(process)}\n`, { mode: 0o600 });
    return { process, exited, logOffset };
  } finally {
    await log.close();
  }
}

/** Only what containerd needs: its programs, and the way to registries. */
function daemonEnvironment(searchPath: readonly string[]): Record<string, string> {
  const names = [
    'HTTP_PROXY',
    'HTTPS_PROXY',
    'NO_PROXY',
    'http_proxy',
    'https_proxy',
    'no_proxy',
    'SSL_CERT_FILE',
    'SSL_CERT_DIR',
  ];
  const passed = names.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(passed), PATH: searchPath.join(':') };
}

/** Ends the daemon alone: its containers run on. */
export async function stopDaemon(paths: ContainerdPaths, daemon: RunningDaemon, clock: Clock): Promise<boolean> {
  const ended = await terminate(daemon.process, clock, 5_000);
  if (ended) await rm(paths.pidFile, { force: true });
  return ended;
}

async function logSize(paths: ContainerdPaths): Promise<number> {
  return stat(paths.logFile).then(
    ({ size }) => size,
    () => 0,
  );
}

async function rotateLog(paths: ContainerdPaths): Promise<void> {
  if ((await logSize(paths)) > logBytesMax) await rename(paths.logFile, `${paths.logFile}.1`);
}

/** While it runs its open file cannot be renamed away; it appends, so the file can be cut. */
export async function limitLog(paths: ContainerdPaths): Promise<void> {
  if ((await logSize(paths)) > logBytesMax) await truncate(paths.logFile, 0);
}

/** The last lines that the daemon wrote, without their times: what a user needs to see when it does not start. */
export async function lastWords(paths: ContainerdPaths, daemon: RunningDaemon, lines = 6): Promise<string> {
  const content = await readFile(paths.logFile).catch(() => Buffer.alloc(0));
  const text = content.subarray(Math.min(daemon.logOffset, content.length)).toString('utf8');
  const words = text.split('\n').map((line) => line.replace(/^time="?[^" ]*"? /, '').trim());
  return words.filter(Boolean).slice(-lines).join('\n');
}
