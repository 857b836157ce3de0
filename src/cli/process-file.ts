/**
 * A file in NARU_HOME that says which process does something for this home. It may outlive the process, which is then found to be gone;
 * half a file after a crash counts as none.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import type { Clock } from '../lib/clock.ts';
import { identifyProcess, isRunning, type ProcessIdentity, parseIdentity, signal } from '../lib/process-identity.ts';

/** The process that the file names, with what it says of itself, if it runs now. */
export function readProcessFile<Facts extends object>(file: string): (Facts & ProcessIdentity) | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const identity = parseIdentity(text);
  return identity !== undefined && isRunning(identity) ? (JSON.parse(text) as Facts & ProcessIdentity) : undefined;
}

/** Called in the process itself. */
export function writeProcessFile(file: string, facts: object): void {
  writeFileSync(`${file}.new`, JSON.stringify({ ...identifyProcess(process.pid), ...facts }), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

export function removeProcessFile(file: string): void {
  rmSync(file, { force: true });
}

const stopWaitMsMax = 20_000;

/** Asks the process to end, waits, and kills it where it does not. True where there was one. */
export async function stopProcess(file: string, clock: Clock): Promise<boolean> {
  const running = readProcessFile(file);
  if (running === undefined) {
    removeProcessFile(file);
    return false;
  }
  signal(running, 'SIGTERM');
  const deadline = clock.monotonic() + stopWaitMsMax;
  while (isRunning(running)) {
    if (clock.monotonic() > deadline) signal(running, 'SIGKILL');
    await clock.sleep(20);
  }
  removeProcessFile(file);
  return true;
}
