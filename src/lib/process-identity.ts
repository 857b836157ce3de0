/**
 * Which process a pid file means. A process id alone names nobody for long: the kernel hands it out again. With the time at which the process
 * started (field 22 of /proc/PID/stat, proc(5)) and the boot's id it does.
 */
import { readFileSync } from 'node:fs';
import process from 'node:process';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the machine's start; 0 where the system has no /proc: then the id alone must do. */
  readonly startTicks: number;
  readonly bootId: string;
}

export interface ProcessStat {
  /** One letter: `R`, `S`, `Z`, … */
  readonly state: string;
  readonly startTicks: number;
  readonly threads: number;
}

/** The name in the second field may hold anything, so what follows is counted from the last parenthesis. */
export function parseStat(stat: string): ProcessStat | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTicks = Number(fields[19]);
  if (fields.length < 20 || !Number.isSafeInteger(startTicks)) return undefined;
  return { state: fields[0] ?? '', startTicks, threads: Number(fields[17]) };
}

/** Undefined where no such process runs. A zombie counts as gone once its other threads are, too: they hold its files. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  if (process.platform !== 'linux') return identifyWithoutProc(pid);
  try {
    const stat = parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    if (stat === undefined || stat.state === 'X' || (stat.state === 'Z' && stat.threads <= 1)) return undefined;
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
    return { pid, startTicks: stat.startTicks, bootId };
  } catch {
    return undefined;
  }
}

function identifyWithoutProc(pid: number): ProcessIdentity | undefined {
  try {
    process.kill(pid, 0);
    return { pid, startTicks: 0, bootId: '' };
  } catch {
    return undefined;
  }
}

/** True where exactly this process still runs. */
export function isRunning(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  return now !== undefined && now.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/** Sends a signal where exactly this process still runs. It may end between the look and the signal: that is no error. */
export function signal(target: ProcessIdentity, name: 'SIGTERM' | 'SIGKILL', kill = process.kill): void {
  if (!isRunning(target)) return;
  try {
    kill(target.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** From a file's text. Anything but a whole record, such as half a file after a power cut, counts as none. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const { pid, startTicks, bootId } = JSON.parse(text) as Partial<ProcessIdentity>;
    if (typeof pid !== 'number' || typeof startTicks !== 'number' || typeof bootId !== 'string') return undefined;
    return { pid, startTicks, bootId };
  } catch {
    return undefined;
  }
}
