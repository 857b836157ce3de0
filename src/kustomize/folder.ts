/**
 * What a kustomization may read: files at or below its own folder, and other folders that have a kustomization. So that what a folder makes
 * is all in it. No network.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { refuseUrl, unreadable } from '../manifests/load.ts';
import { ManifestError } from '../manifests/source-object.ts';
import { fileNames } from './kustomization.ts';

/** A file that is made into an object cannot be larger (bytes). */
const fileBytesMax = 16 * 1024 * 1024;

export interface KustomizationFile {
  /** Absolute, links resolved. */
  readonly folder: string;
  /** As people are told. */
  readonly shown: string;
  readonly bytes: Buffer;
}

/** The kustomization in a folder; undefined where there is none. @throws ManifestError where there are several */
export async function findKustomization(folder: string, shown: string): Promise<KustomizationFile | undefined> {
  const found: string[] = [];
  for (const name of fileNames) if (await isFile(path.join(folder, name))) found.push(name);
  const [name] = found;
  if (name === undefined) return undefined;
  if (found.length > 1) throw new ManifestError(`${shown} has ${found.join(' and ')}; keep one of them`);
  const file = path.join(folder, name);
  return {
    folder: await realpath(folder),
    shown: path.join(shown, name),
    bytes: await readBounded(file, path.join(shown, name)),
  };
}

export type Entry =
  | { readonly kind: 'file'; readonly bytes: Buffer; readonly shown: string }
  | { readonly kind: 'folder'; readonly folder: string; readonly shown: string };

/** @param base the folder of `file`, which names `name` @throws ManifestError */
export async function openEntry(base: string, name: string, file: string): Promise<Entry> {
  refuseRemote(name, file);
  const target = path.resolve(base, name);
  const shown = path.join(path.dirname(file), name);
  let found: Awaited<ReturnType<typeof stat>>;
  try {
    found = await stat(target);
  } catch (error) {
    throw new ManifestError(`${file}: ${unreadable(name, error).message}`, { cause: error });
  }
  if (found.isDirectory()) return { kind: 'folder', folder: await realpath(target), shown };
  return { kind: 'file', bytes: await readInside(base, name, file), shown };
}

/** A file at or below the folder, links followed. @throws ManifestError */
export async function readInside(base: string, name: string, file: string): Promise<Buffer> {
  refuseRemote(name, file);
  const target = path.resolve(base, name);
  let real: string;
  try {
    real = await realpath(target);
  } catch (error) {
    throw new ManifestError(`${file}: ${unreadable(name, error).message}`, { cause: error });
  }
  if (!isWithin(real, base)) {
    throw new ManifestError(
      `${file}: ${name} lies outside of its folder; a kustomization reads files at or below itself (put it there, or make the other folder a kustomization of its own)`,
    );
  }
  return readBounded(real, path.join(path.dirname(file), name));
}

async function readBounded(file: string, shown: string): Promise<Buffer> {
  const found = await stat(file);
  if (!found.isFile()) throw new ManifestError(`${shown} is no file`);
  const { size } = found;
  if (size > fileBytesMax) throw new ManifestError(`${shown} has ${size} bytes; at most ${fileBytesMax} are read`);
  try {
    return await readFile(file);
  } catch (error) {
    throw unreadable(shown, error);
  }
}

const isWithin = (file: string, folder: string): boolean => {
  const relative = path.relative(folder, file);
  return relative !== '..' && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative);
};

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch {
    return false;
  }
}

function refuseRemote(name: string, file: string): void {
  refuseUrl(name);
  if (!/[?&]ref=|^[\w.-]+@[\w.-]+:|^(?:github|gitlab|bitbucket)\.\w+\/|\.git(?:\/|$)|\/\//.test(name)) return;
  throw new ManifestError(
    `${file}: ${name} is a base on the network, and only files are read; clone it beside this folder and name that folder`,
  );
}
