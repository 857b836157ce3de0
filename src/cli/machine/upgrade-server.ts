/**
 * The server's process replaced by the one of this program, in place: the same home, port and pods.
 *
 * ```
 *  old process ends in order ─▶ its state is copied ─▶ new process ─┬─ answers ─▶ done
 *                                                                   └─ does not ─▶ the copy put back ─▶ old program again
 * ```
 * Kept true: the old program comes back to the very state that it left. Containers belong to themselves and run on; while no server answers, nodes go on with
 * what they know.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Home } from '../../home.ts';
import { makeClosedFolder } from '../../home.ts';
import type { Clock } from '../../lib/clock.ts';
import { type RunningCluster, startInBackground, stopRunning } from '../background.ts';
import { launcherFile } from '../launcher.ts';
import { UserError } from '../user-error.ts';
import { startServer } from './listening.ts';
import { isService, removeService, restoreService, serviceText } from './service.ts';

/** @throws UserError where the new one does not start; then the old one runs again */
export async function replaceServer(home: Home, running: RunningCluster, clock: Clock): Promise<RunningCluster> {
  await checkLoads();
  const old = launcherOf(running);
  const asService = isService(home);
  const unit = asService ? serviceText(home) : undefined;
  if (asService) await removeService(home);
  await stopRunning(home, clock);
  keepState(home);
  try {
    return await startServer(home, asService, clock);
  } catch (error) {
    await stopRunning(home, clock);
    putStateBack(home);
    if (unit !== undefined) await restoreService(home, unit);
    else await startInBackground(home, ['run'], [old]);
    throw new UserError(
      `the new version did not start (${(error as Error).message}); the old one runs again, with the state from before`,
    );
  }
}

/** Before anything ends: the new program can be read at all, and its bundles are made, so that nobody waits for that later. */
async function checkLoads(): Promise<void> {
  try {
    await promisify(execFile)(launcherFile, ['run', '--help'], { timeout: 120_000 });
  } catch (error) {
    const { stderr = '' } = error as { readonly stderr?: string };
    throw new UserError(
      `the new version in ${path.dirname(launcherFile)} does not load (${stderr.trim().split('\n').slice(-2).join(' ')}); nothing was changed`,
    );
  }
}

/** Of the process that runs: what it says itself, else where the script lies that it runs. */
function launcherOf(running: RunningCluster): string {
  const found = running.launcher ?? launcherAbove(running.pid);
  if (found !== undefined && existsSync(found)) return found;
  // The old folder is gone: what is here must do.
  return launcherFile;
}

function launcherAbove(pid: number): string | undefined {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  const script = words.find((word) => /\.(mjs|ts|js)$/.test(word)) ?? '';
  for (let folder = path.dirname(script); folder.length > 1; folder = path.dirname(folder)) {
    const launcher = path.join(folder, 'naru');
    if (existsSync(launcher) && existsSync(path.join(folder, 'package.json'))) return launcher;
  }
  return undefined;
}

/** What a newer program may write in another form. Nobody writes there now. */
const stateFiles = (home: Home): readonly string[] => [
  home.state,
  `${home.state}-wal`,
  `${home.state}-shm`,
  home.settings,
  home.encryptionConfig,
  home.tokenKey,
  home.certificates,
];

/** Whole or not at all, and it stays until the next upgrade. */
function keepState(home: Home): void {
  const draft = `${home.beforeUpgrade}.new`;
  rmSync(draft, { recursive: true, force: true });
  makeClosedFolder(draft);
  for (const file of stateFiles(home).filter(existsSync)) {
    cpSync(file, path.join(draft, path.basename(file)), { recursive: true, preserveTimestamps: true });
  }
  writeFileSync(path.join(draft, 'whole'), '');
  rmSync(home.beforeUpgrade, { recursive: true, force: true });
  renameSync(draft, home.beforeUpgrade);
}

function putStateBack(home: Home): void {
  if (!existsSync(path.join(home.beforeUpgrade, 'whole'))) return;
  for (const file of stateFiles(home)) {
    const kept = path.join(home.beforeUpgrade, path.basename(file));
    rmSync(file, { recursive: true, force: true });
    if (existsSync(kept)) cpSync(kept, file, { recursive: true, preserveTimestamps: true });
  }
}
