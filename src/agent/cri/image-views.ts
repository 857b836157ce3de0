/**
 * Views of images: containerd's read-only snapshots, which can be mounted anywhere. The CRI before containerd 2.1 has no image volumes, and
 * other runtimes none of these.
 *
 * A view is a root to containerd's garbage collector: its layers stay until the view goes, also where the image is removed.
 */
import type { Clock } from '../../lib/clock.ts';
import { type ImageViews, RuntimeError, type ViewMount } from '../runtime.ts';
import type { CriConnection } from './connection.ts';

/** Those that naru configures; an image is unpacked in one of them. */
const snapshotters = ['overlayfs', 'native'] as const;
const timeoutMs = 30_000;

export class CriImageViews implements ImageViews {
  readonly #connect: () => Promise<CriConnection>;
  readonly #clock: Clock;

  constructor(connect: () => Promise<CriConnection>, clock: Clock) {
    this.#connect = connect;
    this.#clock = clock;
  }

  async make(key: string, imageId: string): Promise<readonly ViewMount[]> {
    const connection = await this.#connect();
    const parent = await chainOf(connection, imageId);
    const labels = { 'containerd.io/gc.root': new Date(this.#clock.now()).toISOString() };
    for (const snapshotter of snapshotters) {
      const known = await ifFound(connection.containerd('Mounts', { snapshotter, key }, timeoutMs));
      if (known !== undefined) return known.mounts;
      const made = await ifFound(connection.containerd('View', { snapshotter, key, parent, labels }, timeoutMs));
      if (made !== undefined) return made.mounts;
    }
    throw new RuntimeError('not-found', `the layers of image ${imageId} are not unpacked; pull or import it again`);
  }

  async remove(key: string): Promise<void> {
    const connection = await this.#connect();
    for (const snapshotter of snapshotters) {
      await ifFound(connection.containerd('Remove', { snapshotter, key }, timeoutMs));
    }
  }
}

/** The name of its uppermost layer's snapshot. */
async function chainOf(connection: CriConnection, imageId: string): Promise<string> {
  const { image, info } = await connection.call('ImageStatus', { image: { image: imageId }, verbose: true }, timeoutMs);
  if (image === null) throw new RuntimeError('not-found', `image ${imageId} is not there`);
  const { chainID } = JSON.parse(info['info'] ?? '{}') as { readonly chainID?: string };
  if (!chainID) throw new RuntimeError('failed', `the container runtime does not tell the layers of image ${imageId}`);
  return chainID;
}

async function ifFound<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof RuntimeError && error.kind === 'not-found') return undefined;
    throw error;
  }
}
