/**
 * `naru restore`: puts the cluster of a backup in place of none, or with `--force` in place of the one that is here.
 *
 * ```
 *  unpack, check all ─▶ revisions jump ─▶ what stands here is set aside ─▶ moved into place, the state last ─▶ naru up
 *  (in a folder of its own: nothing is touched before)       └── cut short here: run it again; what was set aside is still there
 * ```
 * Nodes and pods find their way by themselves when the cluster starts: agents list anew (every revision that they know is gone), end what is
 * not in the backup, and start what is.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statfsSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Home, makeHome } from '../../home.ts';
import { RealClock } from '../../lib/clock.ts';
import { readKeyFile } from '../../store/encryption/key-file.ts';
import { bumpRevision, checkSnapshot, checkValues, revisionOf, whileUnused } from '../../store/sqlite/snapshot.ts';
import { findRunning } from '../background.ts';
import { readProcessFile } from '../process-file.ts';
import { hostNodeName, readSettings, type Settings } from '../settings.ts';
import { UserError } from '../user-error.ts';
import { machineMark, outsideFiles, volumesOf } from './backup.ts';
import { type BackupManifest, readBackup, sizeText } from './backup-archive.ts';

export interface RestoreOptions {
  readonly force?: boolean;
}

export async function restore(home: Home, file: string, options: RestoreOptions): Promise<void> {
  refuseRunning(home);
  // A restore that was cut short may have taken the state away already.
  if (existsSync(home.agentKubeconfig) && !existsSync(home.state) && !existsSync(home.restoring)) {
    throw new UserError(
      'this machine is a node of a cluster; to make it the server of the restored one, leave that first: naru down --all',
    );
  }
  if (existsSync(home.state) && !options.force) {
    throw new UserError(`${home.root} holds a cluster; with --force it is set aside (and kept) for the restored one`);
  }
  refuseWithoutRoom(home, file);
  const clock = new RealClock({ keepsAlive: true });
  const time = new Date(clock.now()).toISOString().replace(/[-:]|\.\d+/g, '');
  makeHome(home);
  const folder = home.restoring;
  try {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { mode: 0o700 });
    const manifest = await readBackup(file, folder);
    const moved = await whileUnused(home.state, async () => putInPlace(home, folder, manifest, time));
    tell(home, manifest, moved);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function refuseRunning(home: Home): void {
  if (findRunning(home) === undefined && readProcessFile(home.agentProcessFile) === undefined) return;
  throw new UserError(`the cluster in ${home.root} is running; end it first: naru down`);
}

/** What compresses least is as large as the backup. */
function refuseWithoutRoom(home: Home, file: string): void {
  const bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const place = existsSync(home.root) ? home.root : path.dirname(home.root);
  if (bytes === 0 || !existsSync(place)) return;
  const { bavail, bsize } = statfsSync(place);
  if (bavail * bsize > bytes) return;
  throw new UserError(`there is no room in ${place} for the backup (${sizeText(bytes)}); free some space`);
}

interface Moved {
  readonly aside: string | undefined;
  readonly isOtherMachine: boolean;
  readonly settings: Settings;
}

const topLevel = [
  'certificates',
  'encryption.yaml',
  'service-accounts.key',
  'settings.json',
  'registries.yaml',
] as const;
/** Made anew for what is restored. */
const derived = ['kubeconfig', 'agent.kubeconfig'] as const;

/** All that can be wrong is found out before anything is moved. */
function putInPlace(home: Home, folder: string, manifest: BackupManifest, time: string): Moved {
  const state = path.join(folder, 'state.db');
  checkSnapshot(state);
  const isOtherMachine = manifest.machine !== machineMark();
  const settings = adapted(folder, isOtherMachine);
  const ownKeys = path.join(folder, 'encryption.yaml');
  const keys = settings?.guardFiles?.encryptionProviderConfig ?? ownKeys;
  checkValues(state, existsSync(keys) ? readKeyFile(keys).sealing : [], keys);
  bumpRevision(state, Math.max(manifest.revision, revisionOf(home.state)));
  const aside = setAside(home, path.join(home.setAside, time));
  for (const name of topLevel) {
    const from = path.join(folder, name);
    if (existsSync(from)) renameSync(from, path.join(home.root, name));
  }
  renameSync(state, home.state);
  return { aside, isOtherMachine, settings: readSettings(home) };
}

/** Another machine is another node: it has not the old one's volumes, and may stand beside it. */
function adapted(folder: string, isOtherMachine: boolean): Settings | undefined {
  const file = path.join(folder, 'settings.json');
  if (!existsSync(file)) return undefined;
  const settings = JSON.parse(readFileSync(file, 'utf8')) as Settings;
  if (!isOtherMachine || settings.simulatedNodes > 0) return settings;
  const changed = { ...settings, nodeName: hostNodeName(os.hostname()) };
  writeFileSync(file, `${JSON.stringify(changed, undefined, 2)}\n`, { mode: 0o600 });
  return changed;
}

/** What can be made anew first, then the state: half a cluster is never taken for one. */
function setAside(home: Home, target: string): string | undefined {
  const names = [...derived, 'state.db', 'state.db-wal', 'state.db-shm', ...topLevel];
  const there = names.filter((name) => existsSync(path.join(home.root, name)));
  if (there.length === 0) return undefined;
  mkdirSync(target, { recursive: true, mode: 0o700 });
  for (const name of there) renameSync(path.join(home.root, name), path.join(target, name));
  return target;
}

function tell(home: Home, manifest: BackupManifest, { aside, isOtherMachine, settings }: Moved): void {
  console.log(`Restored the cluster of ${manifest.time}: ${manifest.objects} objects, into ${home.root}.`);
  if (aside !== undefined) console.log(`What stood here is kept in ${aside}; remove it when you need it no more.`);
  if (isOtherMachine && settings.simulatedNodes === 0) {
    console.log(
      `This is another machine: its node is ${settings.nodeName}. If ${manifest.nodeName} does not come back: naru node remove ${manifest.nodeName}`,
    );
  }
  const here = new Set(volumesOf(home));
  const missing = manifest.volumes.filter((volume) => !here.has(volume));
  if (missing.length > 0) {
    console.log(
      `The contents of ${missing.length} volumes were not in the backup and are not on this machine: ${missing.join(', ')}.`,
    );
  }
  for (const file of outsideFiles(home, settings)) {
    if (!existsSync(file)) console.log(`The settings name ${file}, which is not here: put it there before naru up.`);
  }
  console.log('Start it: naru up');
}
