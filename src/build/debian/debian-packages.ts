/**
 * Packages of Debian with all that they depend on, downloaded and unpacked into a root of their own. apt chooses them as for an empty machine, from this machine's
 * sources with their signatures; nothing is installed, and no script of a package runs.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import { limits } from '../../lib/limits.ts';
import { makeWorkFolder } from '../work-folder.ts';

const run = promisify(execFile);

/** What only installing needs: packages depend on it for their scripts, which do not run. */
const forInstalling: ReadonlySet<string> = new Set(
  `adduser cdebconf debconf debconf-2.0 dpkg init-system-helpers install-info lsb-base passwd perl-base sensible-utils
  ssl-cert systemd sysvinit-utils tar ucf usrmerge usr-is-merged libfile-find-rule-perl libnumber-compare-perl
  libtext-glob-perl libsemanage2 libsemanage-common libsepol2 libpam-modules libpam-modules-bin libaudit-common`
    .trim()
    .split(/\s+/),
);

export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** The downloaded package. */
  readonly file: string;
}

/** In apt's order: what others need comes first. @throws Error with the reason and what to do */
export async function downloadPackages(
  names: readonly string[],
  without: readonly string[],
  cache: string,
): Promise<readonly DebianPackage[]> {
  if (!existsSync('/usr/bin/apt-get')) {
    throw new Error(
      'packages of Debian are fetched by apt-get, which this machine does not have; name an image of a registry instead',
    );
  }
  const folder = path.join(cache, 'debian');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const status = path.join(folder, 'no-packages');
  await writeFile(status, '');
  // apt's own notes of an empty machine must not take the place of those of this one.
  const places = [
    `Dir::State::status=${status}`,
    `Dir::Cache::pkgcache=${folder}/packages.bin`,
    'Dir::Cache::srcpkgcache=',
  ];
  const options = ['-qq', '--yes', '--no-install-recommends', ...places.flatMap((place) => ['-o', place])];
  const chosen = await choose(names, options);
  const wanted = chosen.filter(({ name }) => names.includes(name) || !isLeftOut(name, without));
  await download(wanted, cache, folder, options);
  return wanted.map(({ name, version, file }) => ({ name, version, file: path.join(folder, file) }));
}

/** Pure. @param without names, in which `*` stands for any letters */
export function isLeftOut(name: string, without: readonly string[]): boolean {
  if (forInstalling.has(name)) return true;
  return without.some((pattern) =>
    new RegExp(`^${pattern.replace(/[.+]/g, '\\$&').replaceAll('*', '.*')}$`).test(name),
  );
}

interface Choice {
  readonly name: string;
  readonly version: string;
  readonly file: string;
}

/** Lists that were never fetched, or have changed since: apt is asked once more with new ones. */
async function choose(names: readonly string[], options: readonly string[]): Promise<readonly Choice[]> {
  const command = [...options, '--print-uris', 'install', ...names];
  try {
    return parseChoices((await aptGet(command)).stdout);
  } catch (error) {
    if (process.getuid?.() !== 0 || !/Unable to locate|no installation candidate/.test((error as Error).message))
      throw error;
    await aptGet(['-qq', 'update']);
    return parseChoices((await aptGet(command)).stdout);
  }
}

/** `'URI' NAME_VERSION_ARCH.deb SIZE HASH`, a line each; a colon of the version is written `%3a`. Pure. */
export function parseChoices(output: string): readonly Choice[] {
  return output.split('\n').flatMap((line) => {
    const [, file = '', name = '', version = ''] = /^'[^']+' (([^_\s]+)_([^_\s]+)_[^_\s]+\.deb) /.exec(line) ?? [];
    return file === '' ? [] : [{ name, version: decodeURIComponent(version), file }];
  });
}

/** Those that are in the folder already are not fetched again. Others appear whole, by a rename: several builds may fetch at once. */
async function download(
  wanted: readonly Choice[],
  cache: string,
  folder: string,
  options: readonly string[],
): Promise<void> {
  const missing = wanted.filter(({ file }) => !existsSync(path.join(folder, file)));
  if (missing.length === 0) return;
  const work = await makeWorkFolder(cache);
  try {
    const asked = missing.map(({ name, version }) => `${name}=${version}`);
    await aptGet([...options, '-o', 'APT::Sandbox::User=root', 'download', ...asked], work);
    for (const { file } of missing) await rename(path.join(work, file), path.join(folder, file));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function aptGet(args: readonly string[], cwd = '/'): Promise<{ readonly stdout: string }> {
  try {
    const env = { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' };
    return await run('apt-get', args, { cwd, env, maxBuffer: 64 << 20, timeout: limits.buildStepMsMax });
  } catch (error) {
    throw new Error(explainApt((error as { stderr?: string }).stderr ?? (error as Error).message), {
      cause: error,
    });
  }
}

/** Pure. */
export function explainApt(said: string): string {
  if (/Temporary failure resolving|Could not (?:resolve|connect)|Network is unreachable|Unable to connect/.test(said)) {
    return "Debian's mirror cannot be reached, and not all packages are in the cache: is there a network?";
  }
  const unknown = /Unable to locate package (\S+)|Package '?([^\s']+)'? has no installation candidate/.exec(said);
  if (unknown !== null) return `this machine's package sources have no package ${unknown[1] ?? unknown[2]}`;
  return `apt-get failed: ${said.trim().split('\n').slice(-4).join('; ')}`;
}

/** Into one root, where `/bin`, `/lib` … are links into `/usr`, as on every Debian of today. */
export async function unpack(packages: readonly DebianPackage[], root: string): Promise<void> {
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    await mkdir(path.join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, path.join(root, name));
  }
  for (const { file } of packages) {
    const script =
      'set -o pipefail; dpkg-deb --fsys-tarfile "$1" | tar --extract --no-same-owner --keep-directory-symlink --directory "$2"';
    await run('bash', ['-c', script, 'unpack', file, root], { timeout: limits.buildStepMsMax });
  }
}
