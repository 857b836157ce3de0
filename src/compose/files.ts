/** The files that a Compose file names, as far as reading it needs them. Bounded in size. */
import { lstat, readdir, readFile, stat } from 'node:fs/promises';
import { ManifestError } from '../manifests/source-object.ts';

export type FileKind = 'file' | 'folder' | 'other';

export interface ComposeFiles {
  /** Undefined: there is none. */
  kindOf(path: string): Promise<FileKind | undefined>;
  /** @throws ManifestError where it cannot be read, or is larger */
  read(path: string, bytesMax: number): Promise<Buffer>;
  /** The names in a folder, in order, with what they are; links are told as links. */
  list(path: string): Promise<readonly { readonly name: string; readonly kind: FileKind | 'link' }[]>;
}

export const realFiles: ComposeFiles = {
  async kindOf(path) {
    try {
      const found = await stat(path);
      if (found.isDirectory()) return 'folder';
      return found.isFile() ? 'file' : 'other';
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw unreadable(path, error);
    }
  },
  async read(path, bytesMax) {
    try {
      const { size } = await stat(path);
      if (size > bytesMax) throw new ManifestError(`${path}: it is larger than ${bytesMax} bytes`);
      return await readFile(path);
    } catch (error) {
      throw error instanceof ManifestError ? error : unreadable(path, error);
    }
  },
  async list(path) {
    const names = (await readdir(path)).toSorted();
    return Promise.all(
      names.map(async (name) => {
        const found = await lstat(`${path}/${name}`);
        if (found.isSymbolicLink()) return { name, kind: 'link' as const };
        if (found.isDirectory()) return { name, kind: 'folder' as const };
        return { name, kind: found.isFile() ? ('file' as const) : ('other' as const) };
      }),
    );
  },
};

const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(codeOf(error));

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'it may not be read',
  EISDIR: 'it is a folder',
};

const unreadable = (path: string, error: unknown): ManifestError =>
  new ManifestError(`${path}: ${reasons[codeOf(error)] ?? String(error)}`);
