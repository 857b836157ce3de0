/**
 * Finds the libraries of a program as the dynamic loader would (ld.so(8)), without running it: the file's own RPATH or RUNPATH,
 * the folders of `ld.so.conf`, the built-in ones. What a program loads by name at run time (`dlopen`) nobody can see.
 */
import { glob, open, readFile, realpath } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type ElfFacts, readElf } from './elf.ts';

export interface Needed {
  /** Absolute paths, where the loader looks: of loaders and libraries, each once. */
  readonly files: readonly string[];
  /** `NAME, needed by FILE`, in order. */
  readonly missing: readonly string[];
}

/** Undefined where the file is no ELF file. @throws Error that names the file, where it cannot be read */
export async function elfFactsOf(file: string): Promise<ElfFacts | undefined> {
  const handle = await open(file);
  try {
    return await readElf(async (offset, size) => {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(size), 0, size, offset);
      return buffer.subarray(0, bytesRead);
    });
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  } finally {
    await handle.close();
  }
}

interface Loaded {
  readonly file: string;
  readonly facts: ElfFacts;
  /** RPATHs of those who loaded it, nearest first. */
  readonly inherited: readonly string[];
}

/** The loader and all libraries that `program` needs to start, breadth first, as ld.so loads them. */
export async function neededBy(program: string, systemFolders?: readonly string[]): Promise<Needed> {
  const file = await realpath(program);
  const facts = await elfFactsOf(file);
  if (facts === undefined) return { files: [], missing: [] };
  const folders = systemFolders ?? (await loaderFolders(facts));
  const found = new Map<string, string>();
  const missing: string[] = [];
  const queue: Loaded[] = [{ file, facts, inherited: [] }];
  for (let object = queue.shift(); object !== undefined; object = queue.shift()) {
    const paths = searchPaths(object);
    for (const name of object.facts.needed) {
      // Loaders load a name once, whoever asks for it.
      if (found.has(name)) continue;
      const library = await findLibrary(name, [...paths.own, ...folders], facts);
      found.set(name, library?.file ?? '');
      if (library === undefined) missing.push(`${name}, needed by ${object.file}`);
      else queue.push({ ...library, inherited: paths.passedOn });
    }
  }
  const interpreter = facts.interpreter === undefined ? [] : [facts.interpreter];
  return { files: [...new Set([...interpreter, ...[...found.values()].filter(Boolean)])], missing };
}

function searchPaths(object: Loaded): { own: string[]; passedOn: string[] } {
  const expand = (folders: readonly string[]): string[] => folders.map((folder) => expandOrigin(folder, object.file));
  if (object.facts.runpath.length > 0) return { own: expand(object.facts.runpath), passedOn: [...object.inherited] };
  const rpath = [...expand(object.facts.rpath), ...object.inherited];
  return { own: rpath, passedOn: rpath };
}

function expandOrigin(folder: string, file: string): string {
  return resolve('/', folder.replaceAll(/\$ORIGIN\b|\$\{ORIGIN\}/g, dirname(file)));
}

/** A file of that name for another kind of machine is passed over, as the loader does. */
async function findLibrary(
  name: string,
  folders: readonly string[],
  program: ElfFacts,
): Promise<{ file: string; facts: ElfFacts } | undefined> {
  const candidates = name.includes('/') ? [resolve('/', name)] : folders.map((folder) => join(folder, name));
  for (const file of candidates) {
    const facts = await elfFactsOf(file).catch(() => undefined);
    if (facts?.machine === program.machine && facts.bits === program.bits) return { file, facts };
  }
  return undefined;
}

/** Debian's name of the folders of its architecture's libraries. */
const multiarch: Readonly<Record<number, string>> = {
  62: 'x86_64-linux-gnu',
  183: 'aarch64-linux-gnu',
  3: 'i386-linux-gnu',
};

/** The loader's folders on this machine, for programs of this kind. */
async function loaderFolders(facts: ElfFacts): Promise<string[]> {
  if (/\/ld-musl-/.test(facts.interpreter ?? '')) return ['/lib', '/usr/local/lib', '/usr/lib'];
  const own = multiarch[facts.machine];
  const debian = own === undefined ? [] : [`/lib/${own}`, `/usr/lib/${own}`];
  const builtIn = facts.bits === 64 ? ['/lib64', '/usr/lib64', '/lib', '/usr/lib'] : ['/lib', '/usr/lib'];
  return [...new Set([...(await configuredFolders('/etc/ld.so.conf')), ...debian, ...builtIn])];
}

/** Reads `ld.so.conf` and what it includes. */
export async function configuredFolders(file: string, depth = 0): Promise<string[]> {
  const lines = (await readFile(file, 'utf8').catch(() => ''))
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim());
  const folders: string[] = [];
  for (const line of lines.filter(Boolean)) {
    const included = /^include\s+(.+)$/.exec(line)?.[1];
    if (included === undefined) folders.push(...(line.startsWith('hwcap') ? [] : line.split(/[\s:,]+/)));
    else if (depth < 8) {
      const files: string[] = [];
      for await (const match of glob(resolve(dirname(file), included))) files.push(match);
      for (const each of files.sort()) folders.push(...(await configuredFolders(each, depth + 1)));
    }
  }
  return folders;
}
