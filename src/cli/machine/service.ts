/**
 * naru as a service of systemd: it starts with the machine, and again when it ends. One unit for a home: `naru.service` for the usual one, `naru-ID.service`
 * for another, so that several clusters share a machine; the server and an agent are never services of the same home.
 *
 * Kept true: `systemctl stop` ends naru and leaves containers running (KillMode=process), as an upgrade of naru must; `naru down` ends both. What is
 * written here is removed by `removeService`, and nothing else is touched.
 */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { containerdPaths } from '../../agent/containerd/paths.ts';
import type { Home } from '../../home.ts';
import { launcherFile } from '../launcher.ts';
import { canAsk, confirm } from '../terminal/terminal.ts';
import { UserError } from '../user-error.ts';

const run = promisify(execFile);

/** `run`: server and node, as `naru up` starts them; `server`: the API alone; `agent`: a node that has joined. */
export type ServiceRole = 'run' | 'server' | 'agent';

/** Other folders are for tests. */
export interface SystemdPlaces {
  /** Is there where systemd runs (sd_booted(3)). */
  readonly runtime: string;
  readonly units: string;
}

const systemPlaces: SystemdPlaces = { runtime: '/run/systemd/system', units: '/etc/systemd/system' };

export const hasSystemd = ({ runtime }: SystemdPlaces = systemPlaces): boolean => existsSync(runtime);

const usualHome = '/var/lib/naru';

/** Of this home: `naru.service`. */
export function unitName(home: Home): string {
  return home.root === usualHome ? 'naru.service' : `naru-${containerdPaths(home.root).id}.service`;
}

/** Whether this home starts with the machine. */
export const isService = (home: Home, { units }: SystemdPlaces = systemPlaces): boolean =>
  existsSync(path.join(units, unitName(home)));

export interface UnitOptions {
  readonly home: Home;
  readonly role: ServiceRole;
  /** Absolute. */
  readonly launcher: string;
  /** Where a Node.js is that can start the launcher on a machine whose packages are not installed yet. */
  readonly searchPath: string;
}

const descriptions: Readonly<Record<ServiceRole, string>> = {
  run: 'naru: a Kubernetes cluster with this machine as a node',
  server: 'naru: the API of a Kubernetes cluster',
  agent: 'naru: a node of a Kubernetes cluster',
};

/** The file's text. Containers need the kernel's every door, so what a unit could forbid is little: no new set-uid rights are not among it. */
export function unitText({ home, role, launcher, searchPath }: UnitOptions): string {
  return `# Written by naru. It goes with naru down or naru uninstall.
[Unit]
Description=${descriptions[role]}
Wants=network-online.target
After=network-online.target time-sync.target
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${quoted(launcher)} ${role}
Environment=${quoted(`NARU_HOME=${home.root}`)}
Environment=${quoted(`PATH=${searchPath}`)}
Restart=always
RestartSec=2
# Containers belong to themselves: they run on while naru is stopped, started or replaced.
KillMode=process
TimeoutStopSec=30
# The cgroups below are containers' and naru's to divide.
Delegate=yes
TasksMax=infinity
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=0
OOMScoreAdjust=-999
UMask=0077
LockPersonality=yes
RestrictRealtime=no
SystemCallArchitectures=native

[Install]
WantedBy=multi-user.target
`;
}

/** As systemd.syntax(7) wants words with spaces, quotes, backslashes, percent and dollar signs. */
function quoted(word: string): string {
  const escaped = word.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@/.:=+-]+$/.test(word) ? word : `"${escaped}"`;
}

/**
 * Makes this home a service, and starts it; one that is there already is brought up to date, and started where it does not run.
 * @throws UserError where there is no systemd, or it refuses
 */
export async function installService(
  home: Home,
  role: ServiceRole,
  places: SystemdPlaces = systemPlaces,
): Promise<void> {
  refuseWithoutSystemd(places);
  const unit = unitName(home);
  const file = path.join(places.units, unit);
  const searchPath = trustedFolders(process.env['PATH'] ?? '');
  const text = unitText({ home, role, launcher: launcherFile, searchPath });
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
  if (before !== text) {
    writeUnit(file, text);
    await systemctl('daemon-reload');
  }
  await systemctl('enable', unit);
  await systemctl('start', unit);
}

const systemFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const;

/** Of somebody's PATH what a service of root's may search: no folder that depends on where it stands, or that everybody may write into. */
export function trustedFolders(searchPath: string): string {
  const named = searchPath.split(':').filter((folder) => {
    const facts = folder.startsWith('/') ? statSync(folder, { throwIfNoEntry: false }) : undefined;
    return facts?.isDirectory() === true && (facts.mode & 0o002) === 0;
  });
  return [...new Set([...named, ...systemFolders])].join(':');
}

function refuseWithoutSystemd(places: SystemdPlaces): void {
  if (hasSystemd(places)) return;
  throw new UserError(
    'there is no systemd on this machine, so naru cannot be its service; leave --service away, and have what starts this machine run the same command',
  );
}

function writeUnit(file: string, text: string): void {
  try {
    writeFileSync(file, text, { mode: 0o644 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(`the unit ${file} cannot be written (${code}); run the command with sudo`);
  }
}

/** Stops it, so that nobody starts it again behind the back of who ends the cluster. True where there was one. */
export async function removeService(home: Home, places: SystemdPlaces = systemPlaces): Promise<boolean> {
  const unit = unitName(home);
  const file = path.join(places.units, unit);
  if (!existsSync(file)) return false;
  if (hasSystemd(places)) await systemctl('disable', '--now', unit);
  rmSync(file, { force: true });
  if (hasSystemd(places)) await systemctl('daemon-reload');
  return true;
}

export interface ServiceChoice {
  readonly service?: boolean;
  readonly yes?: boolean;
}

/** Whether what is started now is to be a service: as told, as it is, or, where somebody sits there and systemd runs, as they answer. */
export async function wantsService(
  home: Home,
  { service, yes }: ServiceChoice,
  places: SystemdPlaces = systemPlaces,
): Promise<boolean> {
  if (service !== undefined) return service;
  if (!hasSystemd(places)) return false;
  if (isService(home, places)) return true;
  if (yes || !canAsk()) return false;
  return confirm('Start naru with the machine, as a service of systemd?', '').then(
    () => true,
    (error: unknown) => {
      if (error instanceof UserError) return false;
      throw error;
    },
  );
}

/** Of the unit as it is. */
export const serviceText = (home: Home, { units }: SystemdPlaces = systemPlaces): string =>
  readFileSync(path.join(units, unitName(home)), 'utf8');

/** A unit that was there before, with what it said. */
export async function restoreService(home: Home, text: string, { units }: SystemdPlaces = systemPlaces): Promise<void> {
  const unit = unitName(home);
  writeUnit(path.join(units, unit), text);
  await systemctl('daemon-reload');
  await systemctl('enable', '--now', unit);
}

/** Starts again what is a service: for settings that a process reads at its start. */
export const restartService = (home: Home): Promise<void> => systemctl('restart', unitName(home));

/** @throws UserError with systemctl's own words */
async function systemctl(...args: readonly string[]): Promise<void> {
  try {
    await run('systemctl', args, { timeout: 90_000 });
  } catch (error) {
    const words = ((error as { stderr?: string }).stderr || (error as Error).message).trim().split('\n').slice(-2);
    throw new UserError(
      `systemctl ${args.join(' ')} failed (${words.join(' ')}); journalctl -u ${args.at(-1)} may say why`,
    );
  }
}
