/**
 * An image out of Debian's packages, for machines without a registry: `DebianRecipe` says which, and what a Dockerfile would say beside that. The packages' own scripts
 * do not run, so what they would make (a user, folders) is named in the recipe. The same versions of packages give the same bytes.
 */
import { lstat, mkdir, readdir, readlink, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import type { DebianRecipe, ImageRecipe } from '../../deploy/application.ts';
import { type ImageConfig, writeImageArchive } from '../../images/archive-writer.ts';
import { ImageRoot, searchFolders } from '../../images/image-root.ts';
import { neededBy } from '../../images/library-search.ts';
import { signalName } from '../../images/pack-image.ts';
import { architectureOf } from '../../images/platform.ts';
import type { BuildOptions, BuiltImage } from '../build.ts';
import { sourceDate } from '../source-date.ts';
import { makeWorkFolder } from '../work-folder.ts';
import { addAccounts, type User, userOf } from './accounts.ts';
import { type DebianPackage, downloadPackages, unpack } from './debian-packages.ts';

const mergedFolders = new Map(['bin', 'sbin', 'lib', 'lib64'].map((name) => [name, `usr/${name}`]));

/** What nobody reads in a container, what starts services of a machine, what only a compiler at run time reads. */
const leftOutFolders =
  `etc/init.d etc/logrotate.d usr/lib/systemd usr/share/bash-completion usr/share/bug usr/share/doc-base usr/share/info usr/share/lintian
  usr/share/locale usr/share/man usr/lib/postgresql/*/lib/bitcode var/cache`
    .trim()
    .split(/\s+/)
    .map((folder) => new RegExp(`^${folder.replaceAll('.', '\\.').replace('*', '[^/]+')}(?:/|$)`));

/** Licences stay. */
const isLeftOut = (place: string): boolean =>
  leftOutFolders.some((folder) => folder.test(place)) || /^usr\/share\/doc\/[^/]+\/(?!copyright$)/.test(place);

/** @throws Error that says what is missing, and what to do */
export async function buildDebian(
  image: ImageRecipe,
  name: string,
  archive: string,
  options: BuildOptions,
): Promise<BuiltImage> {
  const recipe = image.debian;
  if (recipe === undefined) throw new Error(`${name} names no packages`);
  const work = await makeWorkFolder(options.cache);
  try {
    options.say(`  fetching packages of Debian: ${recipe.packages.join(', ')}`);
    const packages = await downloadPackages(recipe.packages, recipe.without ?? [], options.cache);
    const source = path.join(work, 'root');
    await mkdir(source);
    await unpack(packages, source);
    const root = await rootOf(source, recipe);
    const created = sourceDate();
    const config = imageConfig(recipe, packages);
    const architecture = architectureOf(process.arch);
    const layers = [{ entries: root.entries() }];
    return {
      image: await writeImageArchive({ names: [name], architecture, config, layers, created }, archive),
      notes: [],
    };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function rootOf(source: string, recipe: DebianRecipe): Promise<ImageRoot> {
  const root = new ImageRoot(mergedFolders);
  const user = userOf(recipe.user);
  for (const folder of recipe.folders ?? []) {
    root.add(folder, { type: 'directory', mode: 0o750, uid: user.uid, gid: user.gid });
  }
  if (recipe.programs === undefined) await addTree(root, source, '');
  else for (const program of recipe.programs) await addWithLibraries(root, source, program);
  await addShell(root, source);
  addAccounts(root, user);
  if (root.missing.length > 0) throw new Error(`no package of the recipe holds ${root.missing.join('; ')}`);
  return root;
}

/** A folder with all that is in it, but for what is left out. */
async function addTree(root: ImageRoot, source: string, place: string): Promise<void> {
  // These are links into /usr, which the image's root makes itself.
  if (isLeftOut(place) || mergedFolders.has(place)) return;
  const file = path.join(source, place);
  const facts = await lstat(file);
  const mode = facts.mode & 0o7777;
  if (facts.isSymbolicLink()) root.add(place, { type: 'symlink', mode: 0o777, target: await readlink(file) });
  else if (facts.isFile()) root.add(place, { type: 'file', mode, source: file, sizeBytes: facts.size });
  else if (facts.isDirectory()) {
    if (place !== '') root.add(place, { type: 'directory', mode });
    for (const name of (await readdir(file)).sort())
      await addTree(root, source, place === '' ? name : `${place}/${name}`);
  }
}

/** Where Debian's packages put libraries. */
async function libraryFolders(source: string): Promise<string[]> {
  const base = path.join(source, 'usr/lib');
  const own = (await readdir(base)).filter((name) => name.endsWith('-linux-gnu'));
  return [...own.map((name) => path.join(base, name)), base, path.join(source, 'usr/lib64')];
}

async function addWithLibraries(root: ImageRoot, source: string, program: string): Promise<void> {
  const place = path.posix.normalize(`/${program}`).slice(1);
  const real = await realpathIn(source, place);
  await addTree(root, source, place);
  if (!(await stat(real)).isFile()) return;
  await addTree(root, source, path.relative(source, real));
  const { files, missing } = await neededBy(real, await libraryFolders(source));
  root.missing.push(...missing);
  for (const library of files) await addLibrary(root, source, library);
}

/** The loader is named by its path on the machine, others by where they were found. */
async function addLibrary(root: ImageRoot, source: string, library: string): Promise<void> {
  const place = library.startsWith(`${source}/`) ? path.relative(source, library) : library;
  const real = await realpathIn(source, place);
  const { mode, size } = await stat(real);
  root.add(place, { type: 'file', mode: mode & 0o777, source: real, sizeBytes: size });
}

const linksDeepMax = 20;

/** Where links lead inside the root: absolute ones begin there, and not on this machine. @throws Error where nothing is there */
async function realpathIn(source: string, place: string): Promise<string> {
  let names = path.posix.normalize(`/${place}`).split('/').filter(Boolean);
  let done: string[] = [];
  for (let links = 0; names.length > 0; ) {
    const [name = '', ...rest] = names;
    const target = await readlink(path.join(source, ...done, name)).catch(() => undefined);
    if (target === undefined) {
      done = [...done, name];
      names = rest;
      continue;
    }
    if (++links > linksDeepMax) throw new Error(`links lead round in a circle: ${place}`);
    const from = target.startsWith('/') ? '' : done.join('/');
    names = [...path.posix.normalize(`/${from}/${target}`).split('/').filter(Boolean), ...rest];
    done = [];
  }
  const file = path.join(source, ...done);
  if (!(await lstat(file).catch(() => undefined))) throw new Error(`no package of the recipe holds ${place}`);
  return file;
}

/** A static busybox lends its names to all that the packages lack. */
async function addShell(root: ImageRoot, source: string): Promise<void> {
  const busybox = path.join(source, 'usr/bin/busybox');
  if (!(await stat(busybox).catch(() => undefined))?.isFile()) return;
  await addTree(root, source, 'usr/bin/busybox');
  for (const applet of applets) root.add(`/usr/bin/${applet}`, { type: 'symlink', mode: 0o777, target: 'busybox' });
}

/** Those that scripts of images use. */
const applets =
  `sh ash awk basename cat chgrp chmod chown cp cut date dd df dirname du env expr false find grep head hostname id kill ln ls mkdir
  mktemp mv nc nslookup od ping printf ps pwd readlink realpath rm rmdir sed seq sleep sort stat stty tail tar tee test timeout touch tr true
  tty uname uniq vi wc wget which whoami xargs yes`
    .trim()
    .split(/\s+/);

function imageConfig(recipe: DebianRecipe, packages: readonly DebianPackage[]): ImageConfig {
  const user: User = userOf(recipe.user);
  const env = { PATH: searchFolders.join(':'), LANG: 'C.UTF-8', ...recipe.env };
  const versions = packages.filter(({ name }) => recipe.packages.includes(name));
  return {
    ...(recipe.entrypoint !== undefined && { Entrypoint: recipe.entrypoint }),
    ...(recipe.command !== undefined && { Cmd: recipe.command }),
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: recipe.workdir ?? '/',
    User: `${user.uid}:${user.gid}`,
    ...(recipe.stopSignal !== undefined && { StopSignal: signalName(recipe.stopSignal) }),
    Labels: { 'naru.io/debian-packages': versions.map(({ name, version }) => `${name}=${version}`).join(' ') },
  };
}
