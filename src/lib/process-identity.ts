/**
 * Which process a pid file means. A process id alone is recycled by the kernel, so the time at which the process started
 * (clock ticks since boot, from /proc/PID/stat, field 22; proc(5)) is kept beside it, and the boot's id beside that.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';

export interface ProcessIdentity {
  readonly pid: number;
  /** Empty where the system has no /proc: then the pid alone must do. */
  readonly startTicks: string;
  readonly bootId: string;
}

/** Undefined where no such process runs. A zombie counts as gone. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command's name, field 2, may hold spaces and parentheses; the fields after it hold neither.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return undefined;
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return { pid, startTicks: fields[19] ?? '', bootId };
  } catch {
    return process.platform === 'linux' ? undefined : identifyWithoutProc(pid);
  }
}

function identifyWithoutProc(pid: number): ProcessIdentity | undefined {
  try {
    process.kill(pid, 0);
    return { pid, startTicks: '', bootId: '' };
  } catch {
    return undefined;
  }
}

/** True where exactly this process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  return now !== undefined && now.startTicks === identity.startTicks && now.bootId === identity.bootId;
}
