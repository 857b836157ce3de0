/** Brings an image archive into containerd, where the CRI sees it at once (the CRI itself has no way to do it). */
import { execFile } from 'node:child_process';
import { pipeline } from 'node:stream/promises';
import { checkImageArchive, openImageArchive } from './archive-reader.ts';
import { normalizeImageName } from './reference.ts';

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
  const existing = await digestsOf(options, [...names, ...added]);
  try {
    // Of containerd's versions, only the newer ones decompress an archive.
    const unpacked = archive.compression === 'none' ? undefined : openImageArchive(archiveFile, archive.compression);
    const source = unpacked === undefined ? archiveFile : '-';
    await ctr(options, ['images', 'import', ...snapshotter, ...base, source], unpacked);
  } catch (error) {
    await removeChanged(options, existing);
    throw error;
  }
  const [first] = names;
  if (first !== undefined && added[0] !== undefined) await ctr(options, ['images', 'tag', '--force', first, added[0]]);
  return [...new Set([...names, ...added])];
}

/** What each of these names stands for in containerd; empty where it stands for nothing. */
async function digestsOf(options: ImportOptions, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const table = await ctr(options, ['images', 'list', ...names.map((name) => `name==${JSON.stringify(name)}`)]);
  const rows = table.split('\n').map((line) => line.split(/\s+/));
  return new Map(names.map((name) => [name, rows.find(([reference]) => reference === name)?.[2] ?? '']));
}

/** containerd names an image before it unpacks the layers: one that could not be unpacked must not stand there as if it could be used. */
async function removeChanged(options: ImportOptions, before: ReadonlyMap<string, string>): Promise<void> {
  const now = await digestsOf(options, [...before.keys()]);
  const changed = [...now.keys()].filter((name) => now.get(name) !== '' && now.get(name) !== before.get(name));
  if (changed.length > 0) await ctr(options, ['images', 'remove', ...changed]);
}

/** Resolves with what it wrote. */
async function ctr(options: ImportOptions, command: readonly string[], input?: NodeJS.ReadableStream): Promise<string> {
  const program = options.ctr ?? 'ctr';
  const address = ['--address', options.containerdAddress, '--namespace', 'k8s.io'];
  try {
    return await run(program, [...address, ...command], input);
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

function run(program: string, args: readonly string[], input?: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { timeout: importMsMax }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(Object.assign(error, { stderr }));
    });
    // Where it ends before it has read everything, its own words say why.
    if (child.stdin !== null && input !== undefined) pipeline(input, child.stdin).catch(() => {});
    else child.stdin?.end();
  });
}
