/**
 * A Node.js image's three layers, from what changes least to what changes most: the runtime with the libraries that it needs and a shell, the installed packages, the
 * code. All is root's and the same whoever builds it; the application's user may read it and write nowhere but in /tmp.
 */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import process from 'node:process';
import type { LayerEntry } from '../../images/archive-writer.ts';
import { addLibraries, addProgram, findProgram, ImageRoot, mergedFolders } from '../../images/image-root.ts';
import { addSystemFiles } from '../../images/system-files.ts';
import { type ContextFile, contextFiles } from '../context.ts';

export const applicationFolder = 'app';
export const applicationUser = '1000:1000';

/** Node.js as it runs this program, at `/usr/local/bin/node`; `sh` and `env` for scripts; the machine's certificate authorities. */
export async function runtimeEntries(): Promise<readonly LayerEntry[]> {
  const root = new ImageRoot(await mergedFolders());
  const node = process.execPath;
  root.add('/usr/local/bin/node', { type: 'file', mode: 0o755, source: node, sizeBytes: (await stat(node)).size });
  await addLibraries(root, node);
  for (const name of ['sh', 'env']) await addProgram(root, await findProgram(name));
  const caCertificates = await hasAuthorities();
  await addSystemFiles(root, { user: applicationUser, caCertificates });
  if (root.missing.length > 0)
    throw new Error(`Node.js needs libraries that this machine lacks: ${root.missing.join('; ')}`);
  return root.entries();
}

const hasAuthorities = (): Promise<boolean> =>
  stat('/etc/ssl/certs/ca-certificates.crt').then(
    () => true,
    () => false,
  );

const isInstalled = (place: string): boolean => place.split('/').includes('node_modules');

/** Everything below a `node_modules` folder of the source, wherever that is: workspaces have their own. */
export async function dependencyEntries(folder: string): Promise<readonly LayerEntry[]> {
  const files = await contextFiles(
    folder,
    (place) => !isInstalled(place) || /(^|\/)node_modules\/\.cache(\/|$)/.test(place),
  );
  return inApplication(folder, files);
}

/** Everything else. */
export async function codeEntries(folder: string, isOut: (place: string) => boolean): Promise<readonly LayerEntry[]> {
  return inApplication(folder, await contextFiles(folder, (place) => isInstalled(place) || isOut(place)));
}

/** Whether there is anything installed at all. */
export async function hasPackages(folder: string): Promise<boolean> {
  return (await readdir(path.join(folder, 'node_modules')).catch(() => [])).length > 0;
}

function inApplication(folder: string, files: readonly ContextFile[]): readonly LayerEntry[] {
  const top: LayerEntry = { path: applicationFolder, type: 'directory', mode: 0o755 };
  return [top, ...files.map((file) => entryOf(folder, file))];
}

function entryOf(folder: string, file: ContextFile): LayerEntry {
  const place = `${applicationFolder}/${file.path}`;
  if (file.type === 'directory') return { path: place, type: 'directory', mode: 0o755 };
  if (file.type === 'symlink') return { path: place, type: 'symlink', mode: 0o777, target: file.target };
  const mode = file.isExecutable ? 0o755 : 0o644;
  return { path: place, type: 'file', mode, source: path.join(folder, file.path), sizeBytes: file.sizeBytes };
}
