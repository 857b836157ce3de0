/** Brings an image archive into containerd, where the CRI sees it at once (the CRI itself has no way to do it). */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { checkImageArchive } from './archive-reader.ts';
import { normalizeImageName } from './reference.ts';

const run = promisify(execFile);

export interface ImportOptions {
  /** containerd's socket. */
  readonly containerdAddress: string;
  /** The program; by default the one on the PATH. It comes with containerd. */
  readonly ctr?: string;
  readonly snapshotter?: 'overlayfs' | 'native';
  /** Adds this name to the image; normalised first. */
  readonly name?: string;
}

/** Images may be large and disks slow. */
const importMsMax = 10 * 60_000;

/** Resolves with the names under which the image can be used. @throws Error that says what is wrong with file or machine */
export async function importImage(archiveFile: string, options: ImportOptions): Promise<readonly string[]> {
  const added = options.name === undefined ? [] : [normalizeImageName(options.name)];
  const archive = await checkImageArchive(archiveFile);
  const names = archive.names.map(normalizeImageName);
  if (names.length + added.length === 0) throw new Error(`${archiveFile} holds an image without a name; give it one`);
  const snapshotter = options.snapshotter === undefined ? [] : ['--snapshotter', options.snapshotter];
  // containerd makes a name of its own for an image without one; it is tagged, and then the made one goes.
  const base = names.length === 0 ? ['--index-name', ...added] : [];
  await ctr(options, ['images', 'import', ...snapshotter, ...base, archiveFile]);
  const [first] = names;
  if (first !== undefined && added[0] !== undefined) await ctr(options, ['images', 'tag', '--force', first, added[0]]);
  return [...new Set([...names, ...added])];
}

async function ctr(options: ImportOptions, command: readonly string[]): Promise<void> {
  const program = options.ctr ?? 'ctr';
  const address = ['--address', options.containerdAddress, '--namespace', 'k8s.io'];
  try {
    await run(program, [...address, ...command], { timeout: importMsMax });
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    if (code === 'ENOENT')
      throw new Error(`images are imported by ctr, which comes with containerd; ${program} is not there`, {
        cause: error,
      });
    throw new Error(`ctr ${command.slice(0, 2).join(' ')}: ${stderr?.trim() || (error as Error).message}`, {
      cause: error,
    });
  }
}
