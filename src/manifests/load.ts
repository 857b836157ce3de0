/**
 * Manifests from files, folders and standard input, as `-f` of every command reads them (`loadManifests`), and as `naru up FOLDER` finds them
 * among other things (`findManifests`). No URLs: what runs in a cluster should be on disk, where it can be read first.
 *
 * Kept true: files are read in the order of their names; every object and every error names its file as the user named it; where files are
 * looked for (`findManifests`), nothing outside the folder is followed; sizes are bounded.
 */
import type { Stats } from 'node:fs';
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { documentsOf, isRecord, objectsOf } from './parse.ts';
import { ManifestError, type SourceObject } from './source-object.ts';

/** One file (bytes), and all of one call. At it: refused. */
const fileBytesMax = 32 * 1024 * 1024;
const totalBytesMax = 128 * 1024 * 1024;
/** Files of one folder, with those below. At it: refused. */
const filesMax = 10_000;
const depthMax = 32;

export interface LoadOptions {
  /** Folders within folders, too: `-R`. */
  readonly recursive?: boolean;
  /** What `-` stands for. */
  readonly standardInput?: () => Promise<Buffer>;
  /** Where relative paths begin; the process' own folder where absent. */
  readonly cwd?: string;
}

/** Everything in these files is a manifest, or it is an error. @throws ManifestError */
export async function loadManifests(paths: readonly string[], options: LoadOptions = {}): Promise<SourceObject[]> {
  const budget = new Budget();
  const objects: SourceObject[] = [];
  for (const named of paths) objects.push(...(await loadOne(named, options, budget)));
  return objects;
}

async function loadOne(named: string, options: LoadOptions, budget: Budget): Promise<SourceObject[]> {
  if (named === '-') return fromStandardInput(options, budget);
  refuseUrl(named);
  const absolute = path.resolve(options.cwd ?? '.', named);
  const found = await statOf(absolute, named);
  if (!found.isDirectory()) return objectsOf(await budget.read(absolute, named), named);
  const files = await filesBelow(absolute, { recursive: options.recursive === true, skips: () => false });
  const objects: SourceObject[] = [];
  for (const file of files) {
    const shown = path.join(named, file);
    objects.push(...objectsOf(await budget.read(path.join(absolute, file), shown), shown));
  }
  if (files.length === 0) {
    throw new ManifestError(
      `${named} holds no .yaml, .yml or .json file${options.recursive === true ? '' : ' (folders within are read with -R)'}`,
    );
  }
  return objects;
}

async function fromStandardInput({ standardInput }: LoadOptions, budget: Budget): Promise<SourceObject[]> {
  if (standardInput === undefined) throw new ManifestError('standard input (-) cannot be read here; name a file');
  const bytes = await standardInput();
  budget.take(bytes.length, 'standard input');
  return objectsOf(bytes, '-');
}

export interface FoundManifests {
  readonly objects: readonly SourceObject[];
  /** YAML that is no manifest, and folders that are something else. */
  readonly skipped: readonly string[];
}

/** What lies in a folder beside manifests, and what tells of it. */
const neverManifests =
  /^(?:package(?:-lock)?\.json|tsconfig.*\.json|.*\.naru\.ya?ml|naru\.ya?ml|kustomization(?:\.ya?ml)?)$/i;
const composeFiles = /^(?:docker-)?compose(?:[.-].*)?\.ya?ml$/;
const neverFolders = /^(?:\.|node_modules$|vendor$)/;

/**
 * The manifests in a folder and below it, among whatever else is there: what has neither apiVersion nor kind is left out.
 * @throws ManifestError for a manifest that is broken
 */
export async function findManifests(folder: string, shownAs = folder): Promise<FoundManifests> {
  const budget = new Budget();
  const objects: SourceObject[] = [];
  const skipped: string[] = [];
  const skips = (name: string): boolean => neverFolders.test(name);
  for (const file of await filesBelow(folder, { recursive: true, skips, skippedFolders: skipped })) {
    const name = path.basename(file);
    if (neverManifests.test(name) || composeFiles.test(name)) continue;
    const shown = path.join(shownAs, file);
    if (!(await isFileWithin(folder, file))) {
      skipped.push(`${shown} (a link that leads to no file in the folder)`);
      continue;
    }
    const found = manifestsAmong(await budget.read(path.join(folder, file), shown), shown);
    if (found !== undefined) objects.push(...found);
    else if (!name.endsWith('.json')) skipped.push(shown);
  }
  return { objects, skipped };
}

/** A clone may hold links to anywhere on this machine. */
async function isFileWithin(folder: string, file: string): Promise<boolean> {
  try {
    const [root, real] = await Promise.all([realpath(folder), realpath(path.join(folder, file))]);
    return real.startsWith(root === '/' ? '/' : `${root}/`) && (await stat(real)).isFile();
  } catch {
    return false;
  }
}

/** Undefined: this is no manifest. */
function manifestsAmong(bytes: Buffer, shown: string): SourceObject[] | undefined {
  const text = bytes.toString('utf8');
  const claims = /^\s*["']?apiVersion["']?\s*:/m.test(text) && /^\s*["']?kind["']?\s*:/m.test(text);
  if (!claims && !/^\s*[{[]/.test(text)) return undefined;
  try {
    const isManifest = documentsOf(text, shown).some(
      ({ value }) => isRecord(value) && 'apiVersion' in value && 'kind' in value,
    );
    if (!isManifest) return undefined;
  } catch (error) {
    if (!claims) return undefined;
    throw error;
  }
  return objectsOf(text, shown);
}

interface Walk {
  readonly recursive: boolean;
  /** Folders that are not entered. */
  skips(name: string): boolean;
  /** Charts are something else: their templates are no YAML. Named here, else entered. */
  readonly skippedFolders?: string[];
}

/** Relative to `folder`, in the order of names: a folder's files before what is below it. */
async function filesBelow(folder: string, walk: Walk): Promise<string[]> {
  const files: string[] = [];
  const visit = async (relative: string, depth: number): Promise<void> => {
    const entries = await readdir(path.join(folder, relative), { withFileTypes: true });
    const names = entries.map((entry) => entry.name);
    if (walk.skippedFolders !== undefined && depth > 0 && names.includes('Chart.yaml')) {
      walk.skippedFolders.push(`${relative} (a Helm chart)`);
      return;
    }
    const sorted = entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of sorted) {
      // Pipes, sockets and devices are no files, and some never end.
      if (!(entry.isFile() || entry.isSymbolicLink()) || !/\.(?:ya?ml|json)$/.test(entry.name)) continue;
      files.push(path.join(relative, entry.name));
      if (files.length > filesMax) throw new ManifestError(`${folder} holds more than ${filesMax} manifests`);
    }
    if (!walk.recursive) return;
    if (depth >= depthMax)
      throw new ManifestError(`${path.join(folder, relative)} lies more than ${depthMax} folders deep`);
    for (const entry of sorted) {
      if (entry.isDirectory() && !walk.skips(entry.name)) await visit(path.join(relative, entry.name), depth + 1);
    }
  };
  await visit('', 0);
  return files;
}

/** Counts what is read. */
class Budget {
  #bytes = 0;

  take(bytes: number, shown: string): void {
    if (bytes > fileBytesMax) {
      throw new ManifestError(`${shown} has ${bytes} bytes; at most ${fileBytesMax} are read from one file`);
    }
    this.#bytes += bytes;
    if (this.#bytes > totalBytesMax) {
      throw new ManifestError(
        `with ${shown} there are more than ${totalBytesMax} bytes of manifests; give them in parts`,
      );
    }
  }

  async read(file: string, shown: string): Promise<Buffer> {
    const { size } = await statOf(file, shown);
    this.take(size, shown);
    try {
      return await readFile(file);
    } catch (error) {
      throw unreadable(shown, error);
    }
  }
}

async function statOf(file: string, shown: string): Promise<Stats> {
  try {
    return await stat(file);
  } catch (error) {
    throw unreadable(shown, error);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'you may not read it',
  ENOTDIR: 'a part of its path is no folder',
  ELOOP: 'its links lead round in circles',
};

export function unreadable(shown: string, error: unknown): ManifestError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return new ManifestError(`${shown} cannot be read: ${reasons[code] ?? (error as Error).message}`, { cause: error });
}

export function refuseUrl(named: string): void {
  if (!/^(?:https?|git|ssh):\/\/|^git@|^github\.com\//.test(named)) return;
  throw new ManifestError(
    `${named} is on the network, and naru reads manifests from files only; fetch it first (curl -fsSLO URL, git clone URL), look at it, and name the file`,
  );
}
