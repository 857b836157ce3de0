/**
 * Image volumes: an image's files, read-only in a pod. A view of the image (`ImageViews`) is mounted on the volume's folder; every pod has
 * views of its own, and they go with the pod.
 *
 * What is mounted is remembered on disk, one empty file `POD/VOLUME@IMAGE` each, before anything is made: whatever an agent that was killed
 * left is found by the next. A container that starts anew with a newer image (`pullPolicy: Always`) gets that one, mounted over the older,
 * which those that run keep.
 */
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { parseMountPoints, unmount } from '../containerd/mounts.ts';
import type { PodHook } from '../pod/pod-hook.ts';
import type { ImageViews, ViewMount } from '../runtime.ts';

const run = promisify(execFile);

export interface ImageVolume {
  readonly uid: string;
  readonly name: string;
  readonly imageId: string;
}

export interface ImageMountsOptions {
  readonly views: ImageViews;
  /** Of a pod's volume: what containers mount. */
  readonly folderOf: (uid: string, name: string) => string;
  /** Where it is written down what is mounted: `NODE/image-volumes` */
  readonly notes: string;
  readonly system?: MountSystem;
}

/** What of the machine is needed; its own where absent. */
export interface MountSystem {
  mountPoints(): Promise<readonly string[]>;
  mount(mount: ViewMount, target: string): Promise<void>;
  unmount(target: string): Promise<boolean>;
}

export class ImageMounts {
  readonly #options: ImageMountsOptions;
  readonly #system: MountSystem;
  /** What this agent mounted last, by folder. */
  readonly #newest = new Map<string, string>();
  readonly #turns = new Map<string, Promise<void>>();

  constructor(options: ImageMountsOptions) {
    this.#options = options;
    this.#system = options.system ?? systemMounts;
  }

  /** Makes sure that the volume's folder shows the image. Idempotent. @throws Error with why it cannot */
  mount(volume: ImageVolume): Promise<void> {
    const { uid, name } = volume;
    const turn = (this.#turns.get(uid) ?? Promise.resolve()).then(() => this.#mount(volume));
    const settled = turn.catch(() => {}).finally(() => this.#turns.get(uid) === settled && this.#turns.delete(uid));
    this.#turns.set(uid, settled);
    return turn.catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`the image of volume "${name}" could not be mounted: ${why}`, { cause: error });
    });
  }

  async #mount({ uid, name, imageId }: ImageVolume): Promise<void> {
    const folder = this.#options.folderOf(uid, name);
    const note = `${name}@${imageId.replace(/^sha256:/, '')}`;
    const notes = await this.#notesOf(uid);
    const newest = this.#newest.get(folder) ?? soleNote(notes, name);
    const isMounted = (await this.#system.mountPoints()).includes(folder);
    if (isMounted && newest === note) return;
    await fs.mkdir(folder, { recursive: true, mode: 0o755 });
    await fs.mkdir(path.join(this.#options.notes, uid), { recursive: true, mode: 0o700 });
    await fs.writeFile(path.join(this.#options.notes, uid, note), '', { mode: 0o600 });
    for (const each of await this.#options.views.make(keyOf(uid, note), imageId))
      await this.#system.mount(each, folder);
    this.#newest.set(folder, note);
  }

  /** The pod is gone: unmounts, and gives its views back. Idempotent; a pod without image volumes costs a look at a folder. */
  async cleanUp(uid: string): Promise<void> {
    const notes = await this.#notesOf(uid);
    if (notes.length === 0) return;
    const folders = new Set(notes.map((note) => this.#options.folderOf(uid, note.slice(0, note.indexOf('@')))));
    for (const folder of folders) {
      const count = (await this.#system.mountPoints()).filter((point) => point === folder).length;
      for (let left = count; left > 0; left--) {
        if (!(await this.#system.unmount(folder))) throw new Error(`${folder} could not be unmounted`);
      }
      this.#newest.delete(folder);
    }
    for (const note of notes) {
      await this.#options.views.remove(keyOf(uid, note));
      await fs.rm(path.join(this.#options.notes, uid, note), { force: true });
    }
    await fs.rmdir(path.join(this.#options.notes, uid));
  }

  #notesOf(uid: string): Promise<readonly string[]> {
    return namesIn(path.join(this.#options.notes, uid));
  }
}

/** The ids of the images that volumes show, out of the notes. */
export async function mountedImageIds(notes: string): Promise<ReadonlySet<string>> {
  const pods = await namesIn(notes);
  const all = await Promise.all(pods.map((uid) => namesIn(path.join(notes, uid))));
  return new Set(all.flat().map((note) => `sha256:${note.slice(note.indexOf('@') + 1)}`));
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return (await fs.readdir(folder).catch(() => [])).toSorted();
}

/** The pods' hook: image volumes are mounted when their images are there, and go with the pod. */
export function imageVolumes(mounts: ImageMounts): PodHook {
  return { name: 'image-volumes', cleanUp: (uid) => mounts.cleanUp(uid) };
}

/** After a restart of the agent: the one that is mounted, where only one was. */
function soleNote(notes: readonly string[], name: string): string | undefined {
  const own = notes.filter((note) => note.startsWith(`${name}@`));
  return own.length === 1 ? own[0] : undefined;
}

function keyOf(uid: string, note: string): string {
  return `naru-volume/${uid}/${note}`;
}

const systemMounts: MountSystem = {
  mountPoints: async () => parseMountPoints(await fs.readFile('/proc/self/mountinfo', 'utf8')),
  unmount,
  async mount(mount, target) {
    const { options, folder } = shortened(mount.options);
    const { type, source } = mount;
    const how = type === 'bind' ? [] : ['-t', type];
    const args = ['--no-canonicalize', ...how, '-o', options.join(','), '--', source, target];
    try {
      await run('mount', args, { timeout: 30_000, ...(folder !== undefined && { cwd: folder }) });
    } catch (error) {
      const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
      throw new Error(stderr?.trim() || message, { cause: error });
    }
  },
};

/** The kernel takes one page of options, and an image may have a hundred layers: they are named from the folder that they share. */
export function shortened(options: readonly string[]): {
  readonly options: readonly string[];
  readonly folder?: string;
} {
  const layers = options.find((option) => option.startsWith('lowerdir='))?.slice('lowerdir='.length);
  if (layers === undefined) return { options };
  const paths = layers.split(':');
  const folder = path.dirname(path.dirname(paths[0] ?? ''));
  if (!paths.every((each) => each.startsWith(`${folder}/`))) return { options };
  const short = `lowerdir=${paths.map((each) => each.slice(folder.length + 1)).join(':')}`;
  return { folder, options: options.map((option) => (option.startsWith('lowerdir=') ? short : option)) };
}
