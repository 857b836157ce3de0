/**
 * The cluster's process in the background: started by `naru up`, found again by its file in NARU_HOME, stopped by `naru down`.
 *
 * The child reports on file descriptor 3, one JSON line: `{"ready": …}` once the API answers, or `{"error": "a sentence"}`. Then it
 * closes the descriptor, so that nobody waits for it longer.
 */
import { spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import process from 'node:process';
import type { Home } from '../home.ts';
import type { Clock } from '../lib/clock.ts';
import type { ProcessIdentity } from '../lib/process-identity.ts';
import { launcherFile } from './launcher.ts';
import { readProcessFile, removeProcessFile, stopProcess, writeProcessFile } from './process-file.ts';
import { UserError } from './user-error.ts';

/** What the running process says of itself. */
export interface RunningCluster extends ProcessIdentity {
  /** The API's address: `https://127.0.0.1:6443`. */
  readonly server: string;
  readonly simulatedNodes: number;
  /** This process has no node: it is the server alone. */
  readonly isServerOnly: boolean;
  /** Whose program it is; absent in processes of older versions. */
  readonly launcher?: string;
}

const reportDescriptor = 3;

/** The cluster that runs from this home now. */
export function findRunning(home: Home): RunningCluster | undefined {
  return readProcessFile<RunningCluster>(home.processFile);
}

/** Called in the process itself, when the API answers. */
export function recordRunning(home: Home, facts: Omit<RunningCluster, keyof ProcessIdentity>): void {
  writeProcessFile(home.processFile, facts);
}

export function forgetRunning(home: Home): void {
  removeProcessFile(home.processFile);
}

/** Whether this process was started by `startInBackground`. */
export function isInBackground(): boolean {
  return process.env['NARU_BACKGROUND'] !== undefined;
}

/** For a process whose program is replaced: it stays in the background, and has nobody left to tell. */
export const toldParent = { NARU_BACKGROUND: 'told' } as const;

/** Tells the parent, where there is one that listens. */
export function report(message: { readonly ready: ProcessIdentity } | { readonly error: string }): void {
  if (process.env['NARU_BACKGROUND'] !== '1') return;
  try {
    writeSync(reportDescriptor, `${JSON.stringify(message)}\n`);
    closeSync(reportDescriptor);
  } catch {
    // The parent did not wait.
  }
}

/**
 * Starts this program, or another one, as `naru ARGS`, in a session of its own, and waits for its report.
 * @throws UserError with the child's sentence
 */
export function startInBackground<Facts extends ProcessIdentity = RunningCluster>(
  home: Home,
  args: readonly string[],
  program: readonly string[] = [launcherFile],
): Promise<Facts> {
  const log = openSync(home.log, 'a', 0o600);
  const [command = '', ...before] = program;
  const child = spawn(command, [...before, ...args], {
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
        const message = JSON.parse(text) as { ready?: Facts; error?: string };
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

/** Asks the process to end, waits, and kills it where it does not. True where there was one. */
export function stopRunning(home: Home, clock: Clock): Promise<boolean> {
  return stopProcess(home.processFile, clock);
}
