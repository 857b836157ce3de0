/** Processes as /proc shows them: finding them by their arguments, and ending them for certain. Who they are: lib/process-identity.ts. */
import { readdir, readFile, readlink } from 'node:fs/promises';
import type { Clock } from '../../lib/clock.ts';
import { identifyProcess, isRunning, type ProcessIdentity, signal } from '../../lib/process-identity.ts';

/** Empty for kernel threads, zombies, and what is gone. */
export async function argumentsOf(pid: number): Promise<readonly string[]> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text === '' ? [] : text.replace(/\0$/, '').split('\0');
}

/** All processes whose arguments satisfy `matches`. */
export async function findProcesses(matches: (argv: readonly string[]) => boolean): Promise<ProcessIdentity[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid) => (matches(await argumentsOf(pid)) ? identifyProcess(pid) : undefined)),
  );
  return found.filter((process) => process !== undefined);
}

/** Whether `option` stands in `argv` with exactly `value` behind it. */
export function hasOption(argv: readonly string[], option: string, value: string): boolean {
  return argv.some((argument, index) => argument === option && argv[index + 1] === value);
}

/** The inode of the network namespace; undefined where the process is gone. */
export async function networkNamespace(pid: number): Promise<string | undefined> {
  const link = await readlink(`/proc/${pid}/ns/net`).catch(() => '');
  return /^net:\[(\d+)\]$/.exec(link)?.[1];
}

/** Waits for its end; false where it still runs after `timeoutMs`. */
export async function waitForExit(target: ProcessIdentity, clock: Clock, timeoutMs: number): Promise<boolean> {
  const endMs = clock.monotonic() + timeoutMs;
  while (isRunning(target)) {
    if (clock.monotonic() >= endMs) return false;
    await clock.sleep(5);
  }
  return true;
}

/** TERM, then KILL after `graceMs`. False where not even that ended it. */
export async function terminate(target: ProcessIdentity, clock: Clock, graceMs: number): Promise<boolean> {
  signal(target, 'SIGTERM');
  if (await waitForExit(target, clock, graceMs)) return true;
  signal(target, 'SIGKILL');
  return waitForExit(target, clock, 2_000);
}
