/**
 * The cluster's process in the background: started by `naru up`, found again by its file in NARU_HOME, stopped by `naru down`.
 *
 * The child reports on file descriptor 3, one JSON line: `{"ready": …}` once the API answers, or `{"error": "a sentence"}`. Then it
 * closes the descriptor, so that nobody waits for it longer.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import process from 'node:process';
import type { Home } from '../home.ts';
import type { Clock } from '../lib/clock.ts';
import { identifyProcess, isRunning, type ProcessIdentity, parseIdentity } from '../lib/process-identity.ts';
import { UserError } from './user-error.ts';

/** What the running process says of itself. */
export interface RunningCluster extends ProcessIdentity {
  /** The API's address: `https://127.0.0.1:6443`. */
  readonly server: string;
  readonly simulatedNodes: number;
}

const reportDescriptor = 3;

/** The cluster that runs from this home now. */
export function findRunning(home: Home): RunningCluster | undefined {
  let text: string;
  try {
    text = readFileSync(home.processFile, 'utf8');
  } catch {
    return undefined;
  }
  const identity = parseIdentity(text);
  return identity !== undefined && isRunning(identity) ? (JSON.parse(text) as RunningCluster) : undefined;
}

/** Called in the process itself, when the API answers. */
export function recordRunning(home: Home, facts: Omit<RunningCluster, keyof ProcessIdentity>): void {
  const identity = identifyProcess(process.pid);
  const temporary = `${home.processFile}.new`;
  writeFileSync(temporary, JSON.stringify({ ...identity, ...facts }), { mode: 0o600 });
  renameSync(temporary, home.processFile);
}

export function forgetRunning(home: Home): void {
  rmSync(home.processFile, { force: true });
}

/** Whether this process was started by `startInBackground`. */
export function isInBackground(): boolean {
  return process.env['NARU_BACKGROUND'] === '1';
}

/** Tells the parent, where there is one that listens. */
export function report(message: { readonly ready: RunningCluster } | { readonly error: string }): void {
  if (!isInBackground()) return;
  try {
    writeSync(reportDescriptor, `${JSON.stringify(message)}\n`);
    closeSync(reportDescriptor);
  } catch {
    // The parent did not wait.
  }
}

/**
 * Starts this program again as `naru ARGS`, in a session of its own, and waits for its report.
 * @throws UserError with the child's sentence
 */
export function startInBackground(home: Home, args: readonly string[]): Promise<RunningCluster> {
  const log = openSync(home.log, 'a', 0o600);
  const child = spawn(process.execPath, [process.argv[1] ?? '', ...args], {
    detached: true,
    cwd: '/',
    env: { ...process.env, NARU_HOME: home.root, NARU_BACKGROUND: '1' },
    stdio: ['ignore', log, log, 'pipe'],
  });
  closeSync(log);
  child.unref();
  return new Promise((resolve, reject) => {
    let text = '';
    const channel = child.stdio[reportDescriptor] as NodeJS.ReadableStream;
    channel.setEncoding('utf8');
    channel.on('data', (chunk: string) => (text += chunk));
    channel.on('end', () => {
      try {
        const message = JSON.parse(text) as { ready?: RunningCluster; error?: string };
        if (message.ready !== undefined) resolve(message.ready);
        else reject(new UserError(message.error ?? 'the cluster did not start'));
      } catch {
        reject(
          new UserError(`the cluster's process ended before it was ready; the reason is at the end of ${home.log}`),
        );
      }
    });
    child.on('error', reject);
  });
}

const stopWaitMsMax = 20_000;

/** Asks the process to end, waits, and kills it where it does not. True where there was one. */
export async function stopRunning(home: Home, clock: Clock): Promise<boolean> {
  const running = findRunning(home);
  if (running === undefined) {
    forgetRunning(home);
    return false;
  }
  process.kill(running.pid, 'SIGTERM');
  const deadline = clock.monotonic() + stopWaitMsMax;
  while (isRunning(running)) {
    if (clock.monotonic() > deadline) process.kill(running.pid, 'SIGKILL');
    await clock.sleep(20);
  }
  forgetRunning(home);
  return true;
}
