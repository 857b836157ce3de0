/**
 * The files of an image as they come together from this machine: programs with their loader and libraries (`library-search.ts`), for a script its
 * interpreter, for busybox the links of its applets; files and whole folders.
 *
 * What was put first at a path stays. Where this machine's `/bin`, `/lib` … are links into `/usr`, the image's are, too.
 */
import { execFile } from 'node:child_process';
import { lstat, open, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { LayerEntry } from './archive-writer.ts';
import { neededBy } from './library-search.ts';

const run = promisify(execFile);

export const searchFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const interpretersDeepMax = 4;

/** Top folders of this machine that are links into /usr, as `bin` → `usr/bin`. */
export async function mergedFolders(): Promise<ReadonlyMap<string, string>> {
  const merged = new Map<string, string>();
  for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']) {
    const target = await readlink(`/${name}`).catch(() => '');
    if (target.replace(/^\//, '') === `usr/${name}`) merged.set(name, `usr/${name}`);
  }
  return merged;
}

/** The image's files as they come together. What was put first at a path stays. */
export class ImageRoot {
  readonly missing: string[] = [];
  readonly #entries = new Map<string, LayerEntry>();
  readonly #merged: ReadonlyMap<string, string>;

  constructor(merged: ReadonlyMap<string, string>) {
    this.#merged = merged;
    // First, because what is put into a folder makes it, with a folder's usual mode.
    this.add('/tmp', { type: 'directory', mode: 0o1777 });
    this.add('/root', { type: 'directory', mode: 0o700 });
  }

  /** The path inside the image, without a leading slash. */
  place(path: string): string {
    const [top = '', ...rest] = resolve('/', path).slice(1).split('/');
    return [this.#merged.get(top) ?? top, ...rest].join('/');
  }

  has(path: string): boolean {
    return this.#entries.has(this.place(path));
  }

  add(path: string, entry: DistributiveOmit<LayerEntry, 'path'>): void {
    const place = this.place(path);
    if (place === '' || this.#entries.has(place)) return;
    this.#addParents(place);
    this.#set(place, entry);
  }

  #addParents(place: string): void {
    const parent = dirname(place);
    if (parent === '.' || this.#entries.has(parent)) return;
    this.#addParents(parent);
    this.#set(parent, { type: 'directory', mode: 0o755 });
  }

  /** With a folder that others are links to come the links. */
  #set(place: string, entry: DistributiveOmit<LayerEntry, 'path'>): void {
    this.#entries.set(place, { ...entry, path: place });
    for (const [link, target] of this.#merged) {
      if (target === place) this.#entries.set(link, { path: link, type: 'symlink', mode: 0o777, target });
    }
  }

  entries(): LayerEntry[] {
    return [...this.#entries.values()];
  }
}

type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never;

export async function findProgram(name: string): Promise<string> {
  if (name.includes('/')) {
    const path = resolve(name);
    if (!(await isFile(path))) throw new Error(`there is no program ${name}`);
    return path;
  }
  for (const folder of searchFolders) if (await isFile(join(folder, name))) return join(folder, name);
  throw new Error(`there is no program ${name} in ${searchFolders.join(', ')}`);
}

export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );
}

/** At its real path, because a program may look for its libraries beside itself; a link stands where it was asked for. */
export async function addProgram(root: ImageRoot, program: string, depth = 0): Promise<void> {
  const real = await realpath(program);
  if (root.has(real) && root.has(program)) return;
  await addFile(root, real);
  if (root.place(real) !== root.place(program)) root.add(program, { type: 'symlink', mode: 0o777, target: real });
  await addLibraries(root, real);
  if (basename(real).startsWith('busybox')) await addApplets(root, program);
  if (depth < interpretersDeepMax)
    for (const each of await interpretersOf(real)) await addProgram(root, each, depth + 1);
}

/** The loader and the libraries of a program that itself may lie elsewhere in the image. */
export async function addLibraries(root: ImageRoot, program: string): Promise<void> {
  const { files, missing } = await neededBy(program);
  root.missing.push(...missing);
  for (const file of files) await addFile(root, file);
  for (const file of files.filter((file) => /^libc\.so\.6$/.test(basename(file))))
    await addNameServices(root, dirname(file));
}

export async function addFile(root: ImageRoot, path: string): Promise<void> {
  const { mode, size } = await stat(path);
  root.add(path, { type: 'file', mode: mode & 0o777, source: await realpath(path), sizeBytes: size });
}

/** glibc opens these by name to look up users and hosts; newer ones have them built in. */
async function addNameServices(root: ImageRoot, folder: string): Promise<void> {
  for (const name of ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2']) {
    if (await isFile(join(folder, name))) await addFile(root, join(folder, name));
  }
}

/** busybox is one program under many names; it lists them itself. */
async function addApplets(root: ImageRoot, busybox: string): Promise<void> {
  const { stdout } = await run(busybox, ['--list'], { timeout: 10_000, maxBuffer: 1 << 20 });
  const applets = stdout.split('\n').map((line) => line.trim());
  for (const applet of applets.filter((name) => /^[\w.[-]+$/.test(name))) {
    root.add(`/bin/${applet}`, { type: 'symlink', mode: 0o777, target: busybox });
  }
}

/** What the first line `#!` of a script names; for `#!/usr/bin/env NAME` also NAME. */
async function interpretersOf(file: string): Promise<string[]> {
  const line = await firstLine(file);
  const [interpreter, argument] = /^#!\s*(\S+)(?:\s+(.*\S))?/.exec(line)?.slice(1) ?? [];
  if (interpreter === undefined) return [];
  if (basename(interpreter) !== 'env' || argument === undefined) return [await findProgram(interpreter)];
  const name = argument
    .replace(/^-S\s*/, '')
    .split(/\s+/)
    .find((word) => !word.includes('='));
  return [await findProgram(interpreter), ...(name === undefined ? [] : [await findProgram(name)])];
}

async function firstLine(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(256), 0, 256, 0);
    return buffer.subarray(0, bytesRead).toString('latin1').split('\n')[0] ?? '';
  } finally {
    await handle.close();
  }
}

/** A file, or a folder with all that is in it; links stay links. */
export async function addTree(root: ImageRoot, source: string, target: string): Promise<void> {
  const facts = await lstat(source).catch(() => undefined);
  if (facts === undefined) throw new Error(`there is no file ${source}`);
  const mode = facts.mode & 0o7777;
  if (facts.isSymbolicLink()) root.add(target, { type: 'symlink', mode: 0o777, target: await readlink(source) });
  else if (facts.isFile()) root.add(target, { type: 'file', mode, source, sizeBytes: facts.size });
  else if (facts.isDirectory()) {
    root.add(target, { type: 'directory', mode });
    for (const name of await readdir(source)) await addTree(root, join(source, name), `${target}/${name}`);
  } else throw new Error(`${source} is neither a file nor a folder nor a link`);
}
