/**
 * The files of a source folder that belong into its image: what `.dockerignore` names stays out, and so does what no image should hold (Git's history,
 * installed packages, files with credentials), unless `.dockerignore` takes it back in with `!`. Links are taken as links, never followed.
 */
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import path from 'node:path';
import { limits } from '../lib/limits.ts';
import { type IgnoreRules, ignoreRules } from './ignore-rules.ts';

export type ContextFile = {
  /** Relative, with forward slashes. */
  readonly path: string;
} & (
  | { readonly type: 'file'; readonly isExecutable: boolean; readonly sizeBytes: number }
  | { readonly type: 'symlink'; readonly target: string }
  | { readonly type: 'directory' }
);

const alwaysOut = ['**/node_modules', '**/.git', '**/.npmrc', '**/.env', '**/.env.*', '**/.DS_Store'];
/** What says how the image is made is no part of it. */
const aboutTheImage = ['Dockerfile', '.dockerignore', 'naru.yaml'];

/** @throws Error where there is no such folder, or `.dockerignore` cannot be read */
export async function rulesOf(folder: string, withDefaults: boolean): Promise<IgnoreRules> {
  const facts = await lstat(folder).catch(() => undefined);
  if (!facts?.isDirectory()) throw new Error(`there is no folder ${folder}`);
  const own = await readFile(path.join(folder, '.dockerignore'), 'utf8').catch(() => '');
  return withDefaults ? ignoreRules([...alwaysOut, ...aboutTheImage].join('\n'), own) : ignoreRules(own);
}

/** In a fixed order, folders before what is in them. @throws Error beyond the bounds of a context */
export async function contextFiles(folder: string, isOut: IgnoreRules): Promise<readonly ContextFile[]> {
  const found: ContextFile[] = [];
  let bytes = 0;
  const visit = async (below: string): Promise<void> => {
    for (const name of (await readdir(path.join(folder, below))).sort()) {
      const place = below === '' ? name : `${below}/${name}`;
      const file = await contextFile(folder, place);
      // A folder that stays out may hold what an exception takes back in.
      if (file?.type === 'directory' && !(isOut(place) && neverEntered.test(name))) await visitFolder(place, file);
      else if (file !== undefined && file.type !== 'directory' && !isOut(place)) take(file);
    }
  };
  const visitFolder = async (place: string, file: ContextFile): Promise<void> => {
    const before = found.length;
    if (!isOut(place)) take(file);
    await visit(place);
    if (isOut(place) && found.length > before) found.splice(before, 0, file);
  };
  const take = (file: ContextFile): void => {
    found.push(file);
    bytes += file.type === 'file' ? file.sizeBytes : 0;
    if (found.length > limits.buildFilesMax || bytes > limits.buildBytesMax) {
      throw new Error(
        `${folder} holds more than ${limits.buildFilesMax} files or ${limits.buildBytesMax / 2 ** 20} MiB; name what does not belong into the image in .dockerignore`,
      );
    }
  };
  await visit('');
  return found;
}

/** These can hold hundreds of thousands of files, and nobody takes one of them back in. */
const neverEntered = /^(node_modules|\.git)$/;

async function contextFile(folder: string, place: string): Promise<ContextFile | undefined> {
  const file = path.join(folder, place);
  const facts = await lstat(file);
  if (facts.isDirectory()) return { path: place, type: 'directory' };
  if (facts.isSymbolicLink()) return { path: place, type: 'symlink', target: await readlink(file) };
  // Sockets, pipes and devices are no source.
  if (!facts.isFile()) return undefined;
  return { path: place, type: 'file', isExecutable: (facts.mode & 0o100) !== 0, sizeBytes: facts.size };
}
