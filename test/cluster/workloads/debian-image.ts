/**
 * Images of Debian's software, where no registry is within reach: files out of Debian's packages, with the libraries that they need
 * out of packages, too, so that an image holds the same on every machine; only the shell is the machine's busybox. `packImage` makes the archive; the cache keeps it until
 * anything that it is made of changes.
 *
 * Only what is named is taken, and libraries. One that no package holds is an error that says who needs it.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { neededBy } from '../../../src/images/library-search.ts';
import { type PackOptions, packImage } from '../../../src/images/pack-image.ts';
import { fetchDebianPackages, unpackedVersion } from '../../../tools/debian-package.ts';
import { root } from '../../harness.ts';

const cacheDir = path.join(root, '.cache');
const shell = '/usr/bin/busybox';

export interface DebianImage extends Omit<PackOptions, 'output' | 'programs' | 'files' | 'user'> {
  readonly user: { readonly name: string; readonly id: number };
  /** Where its files, and the libraries of its programs, come from. */
  readonly packages: readonly string[];
  readonly contents: readonly Content[];
}

/** A file or folder of a package, at the same path in the image unless another is named; or one of this machine. */
export type Content =
  | { readonly package: string; readonly path: string; readonly target?: string }
  | { readonly file: string; readonly target: string };

interface Mapping {
  readonly source: string;
  readonly target: string;
}

/** The archive, from the cache where it is there. */
export async function debianArchive(image: DebianImage): Promise<string> {
  const folders = await fetchDebianPackages(image.packages, 'bookworm', cacheDir);
  const base = path.join(cacheDir, 'workloads', path.basename(image.name).replace(':', '-'));
  const archive = `${base}-${fingerprint(image, folders)}.tar`;
  if (existsSync(archive)) return archive;
  mkdirSync(path.dirname(archive), { recursive: true });
  for (const old of globSync(`${base}-*.tar`)) rmSync(old);
  await pack(image, folders, archive);
  return archive;
}

/** Of everything that the archive is made of: packages, the shell, files of this machine, and the code that packs. */
function fingerprint(image: DebianImage, folders: ReadonlyMap<string, string>): string {
  const hash = createHash('sha256').update(JSON.stringify(image)).update(process.version);
  hash.update(`${statSync(shell).size} ${statSync(shell).mtimeMs}`);
  for (const folder of folders.values()) hash.update(unpackedVersion(folder));
  for (const source of [import.meta.filename, path.join(root, 'src/images/pack-image.ts')]) {
    hash.update(readFileSync(source));
  }
  for (const content of image.contents) {
    if ('file' in content && statSync(content.file).size < 1 << 20) hash.update(readFileSync(content.file));
  }
  return hash.digest('hex').slice(0, 12);
}

async function pack(image: DebianImage, folders: ReadonlyMap<string, string>, output: string): Promise<void> {
  const { user, packages: _packages, contents, ...options } = image;
  const own = mkdtempSync(path.join(os.tmpdir(), 'naru-debian-image-'));
  try {
    const files = [...accounts(own, user), ...(await mappings(contents, folders))];
    const packed = await packImage({ ...options, programs: [shell], files, user: `${user.id}:${user.id}`, output });
    assert.deepEqual(packed.missing, [], image.name);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/** Root, nobody, and the one whom the image is for. */
function accounts(folder: string, { name, id }: DebianImage['user']): Mapping[] {
  const passwd = [
    'root:x:0:0::/root:/bin/sh',
    `${name}:x:${id}:${id}::/tmp:/bin/sh`,
    'nobody:x:65534:65534::/:/bin/sh',
  ];
  const group = ['root:x:0:', `${name}:x:${id}:`, 'nogroup:x:65534:'];
  return Object.entries({ passwd, group }).map(([file, lines]) => {
    const source = path.join(folder, file);
    writeFileSync(source, `${lines.join('\n')}\n`, { mode: 0o644 });
    return { source, target: `/etc/${file}` };
  });
}

async function mappings(contents: readonly Content[], folders: ReadonlyMap<string, string>): Promise<Mapping[]> {
  const found = new Map<string, string>();
  for (const content of contents) {
    const { source, target } = placeOf(content, folders);
    assert.ok(existsSync(source), `${source} is not there: has Debian moved it?`);
    found.set(target, statSync(source).isFile() ? realpathSync(source) : source);
    if (!statSync(source).isFile()) continue;
    for (const library of await librariesOf(source, [...folders.values()])) found.set(library.target, library.source);
  }
  return [...found].map(([target, source]) => ({ source, target }));
}

function placeOf(content: Content, folders: ReadonlyMap<string, string>): Mapping {
  if ('file' in content) return { source: content.file, target: content.target };
  const folder = folders.get(content.package);
  assert.ok(folder !== undefined, `${content.package} is not among the image's packages`);
  return { source: path.join(folder, content.path), target: content.target ?? `/${content.path}` };
}

/** Where a package of Debian puts its libraries, on any architecture. */
const libraryFolders = ['lib', 'usr/lib', 'lib/*-linux-gnu', 'usr/lib/*-linux-gnu'];

async function librariesOf(program: string, folders: readonly string[]): Promise<Mapping[]> {
  const searched = folders.flatMap((folder) =>
    libraryFolders.flatMap((pattern) => globSync(pattern, { cwd: folder }).map((name) => path.join(folder, name))),
  );
  const { files, missing } = await neededBy(program, searched);
  assert.deepEqual(missing, [], 'name the packages that hold these');
  return files.map((file) => {
    const home = folders.find((folder) => file.startsWith(`${folder}/`));
    if (home !== undefined) return { source: realpathSync(file), target: file.slice(home.length) };
    const loader = searched.map((folder) => path.join(folder, path.basename(file))).find((one) => existsSync(one));
    assert.ok(loader !== undefined, `no package of the image holds ${file}, which ${program} needs`);
    return { source: realpathSync(loader), target: file };
  });
}
