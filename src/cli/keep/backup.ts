/**
 * `naru backup`: the cluster of this machine in one file, taken while it runs. What its parts are says `backup-archive.ts`.
 *
 * The keys are read before the snapshot and after it, and all values are opened with them: a backup that could not be restored is not made.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Home } from '../../home.ts';
import { RealClock } from '../../lib/clock.ts';
import { readKeyFile } from '../../store/encryption/key-file.ts';
import { checkValues, type SnapshotFacts, takeSnapshot } from '../../store/sqlite/snapshot.ts';
import { readSettings, type Settings } from '../settings.ts';
import { UserError } from '../user-error.ts';
import { programVersion } from '../version.ts';
import {
  type BackupManifest,
  type BackupSource,
  backupFormat,
  describeFile,
  sizeOf,
  sizeText,
  writeBackup,
} from './backup-archive.ts';

/** How often the snapshot is taken anew because the keys changed meanwhile. */
const triesMax = 3;

export async function backup(home: Home, file: string | undefined): Promise<void> {
  refuseWithoutState(home);
  const clock = new RealClock({ keepsAlive: true });
  const startMs = clock.monotonic();
  const time = new Date(clock.now()).toISOString();
  const settings = readSettings(home);
  const target = file ?? `naru-${settings.nodeName}-${time.replace(/[-:]|\.\d+/g, '')}.tar.gz`;
  if (target !== '-') refuseTarget(target);
  const folder = home.backingUp;
  try {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { mode: 0o700 });
    const { facts, sources } = await collect(home, settings, folder);
    const manifest = manifestOf(home, settings, time, facts, sources);
    await writeBackup(target, manifest, sources);
    tell(home, settings, manifest, target, clock.monotonic() - startMs);
  } catch (error) {
    throw explained(error, target);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function refuseWithoutState(home: Home): void {
  if (existsSync(home.state)) return;
  const joined = existsSync(home.agentKubeconfig);
  throw new UserError(
    joined
      ? `this machine is a node: the cluster's state lies on its server; run naru backup there`
      : `there is no cluster in ${home.root} to back up; name its folder with NARU_HOME=FOLDER`,
  );
}

function refuseTarget(target: string): void {
  if (existsSync(target)) throw new UserError(`${target} is there already; name another file, or remove it`);
  if (!existsSync(path.dirname(path.resolve(target))))
    throw new UserError(`the folder of ${target} is not there; make it, or name another`);
}

interface Collected {
  readonly facts: SnapshotFacts;
  readonly sources: readonly BackupSource[];
}

/** Small files are copied first: what is described is then what is written, though the cluster goes on. */
async function collect(home: Home, settings: Settings, folder: string): Promise<Collected> {
  const keys = settings.guardFiles?.encryptionProviderConfig ?? home.encryptionConfig;
  for (let tries = 1; ; tries++) {
    const before = existsSync(keys) ? readFileSync(keys) : undefined;
    const copied = copySmallFiles(home, folder);
    const snapshot = path.join(folder, `state-${tries}.db`);
    const facts = takeSnapshot(home.state, snapshot);
    const isSame = before === undefined ? !existsSync(keys) : before.equals(readFileSync(keys));
    if (!isSame && tries < triesMax) continue;
    checkValues(snapshot, before === undefined ? [] : readKeyFile(keys).sealing, keys);
    const sources = await Promise.all(copied.map(({ name, from }) => describeFile(name, from)));
    return { facts, sources: [...sources, await describeFile('state.db', snapshot)] };
  }
}

function copySmallFiles(home: Home, folder: string): readonly { readonly name: string; readonly from: string }[] {
  const single = [home.encryptionConfig, home.tokenKey, home.settings, home.registries];
  const certificates = readdirSync(home.certificates).map((entry) => path.join(home.certificates, entry));
  return [...single, ...certificates].flatMap((file) => {
    // Half-written companions (`ca.crt.new`) are nobody's yet.
    if (!existsSync(file) || !lstatSync(file).isFile() || file.endsWith('.new')) return [];
    const name = path.relative(home.root, file).split(path.sep).join('/');
    const from = path.join(folder, name);
    mkdirSync(path.dirname(from), { recursive: true, mode: 0o700 });
    copyFileSync(file, from);
    return [{ name, from }];
  });
}

function manifestOf(
  home: Home,
  { nodeName }: Settings,
  time: string,
  { revision, objects }: SnapshotFacts,
  files: BackupManifest['files'],
): BackupManifest {
  const common = { format: backupFormat, version: programVersion(), time, revision, objects };
  return { ...common, nodeName, machine: machineMark(), home: home.root, volumes: volumesOf(home), files };
}

/** The same on the same machine, and says nothing else. */
export function machineMark(): string {
  let id = os.hostname();
  try {
    id = readFileSync('/etc/machine-id', 'utf8').trim() || id;
  } catch {
    // A machine without one is told by its name.
  }
  return createHash('sha256').update(`naru backup\0${id}`).digest('hex').slice(0, 16);
}

export const volumesOf = (home: Home): readonly string[] =>
  existsSync(home.volumes) ? readdirSync(home.volumes).filter((name) => name.startsWith('pvc-')) : [];

/** Files that the settings name and that lie elsewhere. */
export function outsideFiles(home: Home, settings: Settings): readonly string[] {
  const named = [...Object.values(settings.guardFiles ?? {}), settings.schedulerConfig, settings.simulatedNodeTemplate];
  return named.filter((file): file is string => Boolean(file) && !file?.startsWith(`${home.root}/`));
}

/** To standard error where the backup itself goes to standard output. */
function tell(home: Home, settings: Settings, manifest: BackupManifest, target: string, tookMs: number): void {
  const say = target === '-' ? console.error : console.log;
  const size = target === '-' ? '' : ` (${sizeText(sizeOf(target))})`;
  say(
    `Backed up ${manifest.objects} objects into ${target === '-' ? 'standard output' : target}${size} in ${(tookMs / 1000).toFixed(1)} s.`,
  );
  say(
    'It holds the keys of the cluster: whoever has this file has the cluster. Keep it on another machine, locked away.',
  );
  const { volumes } = manifest;
  if (volumes.length > 0) {
    say(
      `Not in it: what lies in ${volumes.length} volumes of this machine (${home.volumes}); programs such as databases have their own ways to save that.`,
    );
  }
  for (const file of outsideFiles(home, settings)) say(`Not in it: ${file}, which the cluster's settings name.`);
  if (target !== '-') say(`To bring it back: naru restore ${target}`);
}

function explained(error: unknown, target: string): unknown {
  const { code, path: where } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return new UserError(`there is no room on the disk for the backup ${target}; free some space`);
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
    return new UserError(
      `${where ?? target} cannot be opened (${code}); run the command with sudo, or name another file`,
    );
  return error;
}
