/** Brings image archives into a containerd of ours: into the one that this process supervises, or, from the command line, one that runs. */
import { readFile } from 'node:fs/promises';
import { importImage } from '../../images/import-image.ts';
import type { Clock } from '../../lib/clock.ts';
import { CriConnection } from '../cri/connection.ts';
import { localImagesFolder, noteLocalImage } from '../images/local-images.ts';
import { defaultSearchPath, findPrograms } from './machine.ts';
import { containerdPaths } from './paths.ts';

export interface ImportTarget {
  /** containerd's socket. */
  readonly address: string;
  readonly ctr: string;
  readonly snapshotter: 'overlayfs' | 'native';
  readonly connection: CriConnection;
  readonly clock: Clock;
}

/** The CRI keeps a list of images of its own, which follows containerd's a moment later. */
const seenMsMax = 5_000;
const lookEveryMs = 10;

/** Resolves with the image's names when pods can use it. @throws Error that says what is wrong with the archive */
export async function importArchive(target: ImportTarget, archive: string, name?: string): Promise<readonly string[]> {
  const { address, ctr, snapshotter, connection, clock } = target;
  const names = await importImage(archive, {
    containerdAddress: address,
    ctr,
    snapshotter,
    ...(name === undefined ? {} : { name }),
  });
  const deadlineMs = clock.monotonic() + seenMsMax;
  while (!(await seesImages(connection, names)) && clock.monotonic() < deadlineMs) await clock.sleep(lookEveryMs);
  return names;
}

/** Whether pods can use all of these. */
export async function seesImages(connection: CriConnection, names: readonly string[]): Promise<boolean> {
  const answers = await Promise.all(names.map((image) => connection.call('ImageStatus', { image: { image } }, 10_000)));
  return answers.every(({ image }) => image !== null);
}

/** Into the containerd that runs for this home, started by another process. From then on other nodes of the cluster can have it, too. */
export async function importIntoRunning(
  home: { readonly root: string; readonly node: string },
  clock: Clock,
  archive: string,
  name?: string,
): Promise<readonly string[]> {
  const { address, config } = containerdPaths(home.root);
  const { ctr } = await findPrograms(defaultSearchPath());
  const snapshotter = /^\s*snapshotter = "native"/m.test(await readFile(config, 'utf8')) ? 'native' : 'overlayfs';
  const connection = await CriConnection.open(address, clock);
  try {
    const names = await importArchive({ address, ctr, snapshotter, connection, clock }, archive, name);
    for (const each of names) await note(connection, localImagesFolder(home.node), each, clock);
    return names;
  } finally {
    connection.close();
  }
}

async function note(connection: CriConnection, folder: string, name: string, clock: Clock): Promise<void> {
  const { image } = await connection.call('ImageStatus', { image: { image: name } }, 10_000);
  if (image !== null) await noteLocalImage(folder, { name, id: image.id, importedAtMs: clock.now() });
}
