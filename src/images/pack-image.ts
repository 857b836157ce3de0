/**
 * Makes an image from programs of this machine and what they need to start: a way to run things where no registry is within
 * reach, and the way naru's own tests get their images.
 *
 * A program keeps its path. Its loader and libraries come along (`library-search.ts`), for a script its interpreter, for
 * busybox the links of its applets. Where this machine's `/bin`, `/lib` … are links into `/usr`, the image's are, too.
 * What a program only opens at run time (plugins, data) must be named in `files`.
 */
import { execFile } from 'node:child_process';
import { lstat, open, readdir, readFile, readlink, realpath, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type ImageConfig, type LayerEntry, type WrittenImage, writeImageArchive } from './archive-writer.ts';
import { neededBy } from './library-search.ts';
import { architectureOf } from './platform.ts';

const run = promisify(execFile);

export interface PackOptions {
  readonly name: string;
  /** Paths, or names to look up in the standard folders. */
  readonly programs: readonly string[];
  /** Files and folders of this machine, and where in the image they go; folders with all that is in them. */
  readonly files?: readonly { readonly source: string; readonly target: string }[];
  /** Default: the first program. */
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly workdir?: string;
  /** `UID[:GID]`, or the name of a user of this machine. */
  readonly user?: string;
  /** What a container is told to end with, such as `SIGQUIT`; SIGTERM where absent. */
  readonly stopSignal?: string;
  /** Adds this machine's certificate authorities, for programs that speak TLS. */
  readonly caCertificates?: boolean;
  /** The archive to write. */
  readonly output: string;
}

export interface PackedImage extends WrittenImage {
  /** Libraries that were not found, `NAME, needed by FILE`: the program may not start. */
  readonly missing: readonly string[];
}

const searchFolders = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const interpretersDeepMax = 4;

/** @throws Error that names the program or file that is not there */
export async function packImage(options: PackOptions): Promise<PackedImage> {
  const root = new ImageRoot(await mergedFolders());
  const programs: string[] = [];
  for (const name of options.programs) programs.push(await findProgram(name));
  const [first] = programs;
  if (first === undefined) throw new Error('an image needs at least one program');
  // First, because what is put into a folder makes it, with a folder's usual mode.
  root.add('/tmp', { type: 'directory', mode: 0o1777 });
  root.add('/root', { type: 'directory', mode: 0o700 });
  for (const program of programs) await addProgram(root, program, 0);
  for (const { source, target } of options.files ?? []) await addTree(root, resolve(source), target);
  await addSystemFiles(root, options);
  const written = await writeImageArchive(
    {
      names: [options.name],
      architecture: architectureOf(process.arch),
      config: imageConfig(options, first),
      entries: root.entries(),
    },
    options.output,
  );
  return { ...written, missing: root.missing };
}

function imageConfig(options: PackOptions, program: string): ImageConfig {
  const env = { PATH: searchFolders.join(':'), ...options.env };
  return {
    Entrypoint: options.entrypoint ?? [program],
    ...(options.command === undefined ? {} : { Cmd: options.command }),
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: options.workdir ?? '/',
    ...(options.user === undefined ? {} : { User: options.user }),
    ...(options.stopSignal === undefined ? {} : { StopSignal: signalName(options.stopSignal) }),
  };
}

/** Runtimes read the name, with or without SIG; one that they do not know, they would find out about only when a container is to end. */
function signalName(text: string): string {
  const name = `SIG${text.toUpperCase().replace(/^SIG/, '')}`;
  if (!(name in constants.signals)) throw new Error(`there is no signal ${text}; signals have names such as SIGQUIT`);
  return name;
}

/** Top folders of this machine that are links into /usr, as `bin` → `usr/bin`. */
async function mergedFolders(): Promise<ReadonlyMap<string, string>> {
  const merged = new Map<string, string>();
  for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']) {
    const target = await readlink(`/${name}`).catch(() => '');
    if (target.replace(/^\//, '') === `usr/${name}`) merged.set(name, `usr/${name}`);
  }
  return merged;
}

/** The image's files as they come together. What was put first at a path stays. */
class ImageRoot {
  readonly missing: string[] = [];
  readonly #entries = new Map<string, LayerEntry>();
  readonly #merged: ReadonlyMap<string, string>;

  constructor(merged: ReadonlyMap<string, string>) {
    this.#merged = merged;
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
    this.#entries.set(place, { ...entry, path: place });
  }

  #addParents(place: string): void {
    const parent = dirname(place);
    if (parent === '.' || this.#entries.has(parent)) return;
    this.#addParents(parent);
    this.#entries.set(parent, { path: parent, type: 'directory', mode: 0o755 });
    for (const [link, target] of this.#merged) {
      if (target === parent) this.#entries.set(link, { path: link, type: 'symlink', mode: 0o777, target });
    }
  }

  entries(): LayerEntry[] {
    return [...this.#entries.values()];
  }
}

type DistributiveOmit<T, K extends string> = T extends unknown ? Omit<T, K> : never;

async function findProgram(name: string): Promise<string> {
  if (name.includes('/')) {
    const path = resolve(name);
    if (!(await isFile(path))) throw new Error(`there is no program ${name}`);
    return path;
  }
  for (const folder of searchFolders) if (await isFile(join(folder, name))) return join(folder, name);
  throw new Error(`there is no program ${name} in ${searchFolders.join(', ')}`);
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (facts) => facts.isFile(),
    () => false,
  );
}

/** At its real path, because a program may look for its libraries beside itself; a link stands where it was asked for. */
async function addProgram(root: ImageRoot, program: string, depth: number): Promise<void> {
  const real = await realpath(program);
  if (root.has(real) && root.has(program)) return;
  await addFile(root, real);
  if (root.place(real) !== root.place(program)) root.add(program, { type: 'symlink', mode: 0o777, target: real });
  const { files, missing } = await neededBy(real);
  root.missing.push(...missing);
  for (const file of files) await addFile(root, file);
  for (const file of files.filter((file) => /^libc\.so\.6$/.test(basename(file))))
    await addNameServices(root, dirname(file));
  if (basename(real).startsWith('busybox')) await addApplets(root, program);
  if (depth < interpretersDeepMax)
    for (const each of await interpretersOf(real)) await addProgram(root, each, depth + 1);
}

async function addFile(root: ImageRoot, path: string): Promise<void> {
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
async function addTree(root: ImageRoot, source: string, target: string): Promise<void> {
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

const caBundle = '/etc/ssl/certs/ca-certificates.crt';

/** What nearly every program expects of a system, where `files` brought nothing else. */
async function addSystemFiles(root: ImageRoot, options: PackOptions): Promise<void> {
  const { passwd, group } = await accounts(options.user);
  const text = (path: string, content: string): void => {
    root.add(path, { type: 'file', mode: 0o644, content: Buffer.from(content) });
  };
  text('/etc/passwd', passwd);
  text('/etc/group', group);
  text('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n');
  if (!options.caCertificates) return;
  if (!(await isFile(caBundle))) throw new Error(`this machine has no certificate authorities (${caBundle})`);
  await addFile(root, caBundle);
}

const basePasswd = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n';
const baseGroup = 'root:x:0:\nnogroup:x:65534:\n';

async function accounts(user: string | undefined): Promise<{ passwd: string; group: string }> {
  const [, uid, gid] = /^(\d+)(?::(\d+))?$/.exec(user ?? '0') ?? [];
  if (uid !== undefined) {
    const known = uid === '0' || uid === '65534';
    return {
      passwd: basePasswd + (known ? '' : `user:x:${uid}:${gid ?? uid}:user:/:/bin/sh\n`),
      group: baseGroup + (known ? '' : `user:x:${gid ?? uid}:\n`),
    };
  }
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((each) => each.startsWith(`${user}:`));
  if (line === undefined) throw new Error(`this machine has no user ${user}; name a number instead`);
  const [name, , id, group] = line.split(':');
  const home = '/nonexistent';
  return {
    passwd: `${basePasswd}${name}:x:${id}:${group}:${name}:${home}:/bin/false\n`,
    group: `${baseGroup}${name}:x:${group}:\n`,
  };
}
