/**
 * One folder for each pod, by uid, under the node's home:
 *
 * ```
 * pods/UID/volumes/NAME/…                       emptyDir, and what is made from objects
 *          volume-subpaths/VOLUME/CONTAINER/N   parts of volumes, mounted
 *          containers/NAME/termination-log-3    what run 3 says about its end
 *          etc-hosts
 * pods-memory/UID/NAME/…                        secrets and tokens: one file system in memory for the whole node
 * ```
 * Kept true: a path that a pod names inside a volume (`subPath`) never leads out of it; what was made for a pod is gone with its
 * folder, mounts first. What a kind of volume needs is its plugin's business (`plugins.ts`).
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Container, Pod, Volume } from '../../../api/schema/types/core-v1.ts';
import type { Logger } from '../../../lib/log.ts';
import type { MountConfig } from '../../runtime.ts';
import { VolumeError } from '../config-error.ts';
import { allContainers } from '../containers.ts';
import { hostsFile } from '../hosts-file.ts';
import { volumeDevices, volumeMounts } from './container-mounts.ts';
import { LocalFolders } from './local-folders.ts';
import type { Mounter } from './mounter.ts';
import type { PreparedVolume, VolumeContext, VolumePlugin } from './plugin.ts';
import { pluginOf, volumePlugins } from './plugins.ts';
import type { ContainerMountFacts, ContainerVolumes, PodStorage, StorageFacts, VolumePlace } from './pod-storage.ts';
import { PodTokens } from './pod-tokens.ts';
import { removeFolder } from './remove-folder.ts';
import { openInside, pathOf } from './safe-path.ts';
import { VolumeBook } from './volume-book.ts';

const terminationMessageBytesMax = 4096;
/** How often a removal is tried before what is busy is let go lazily. */
const politeRemovals = 4;

export interface PodFoldersOptions {
  readonly root: string;
  /** Where the file system in memory is mounted: with one for each volume, every pod would pay for a mount, since every pod has a token. */
  readonly memory: string;
  /** Where the folders of volumes lie that naru makes itself. */
  readonly volumes: string;
  readonly mounter: Mounter;
  readonly log: Logger;
  /** Beside those that every node has. */
  readonly plugins?: readonly VolumePlugin[];
}

/** What is known of a pod's volumes in this life of the agent. */
interface PodVolumes {
  readonly tokens: PodTokens;
  readonly prepared: Map<string, PreparedVolume>;
}

export class PodFolders implements PodStorage {
  readonly #root: string;
  readonly #memory: string;
  #memoryMount: Promise<void> | undefined;
  readonly #mounter: Mounter;
  readonly #log: Logger;
  readonly #plugins: readonly VolumePlugin[];
  readonly #pods = new Map<string, PodVolumes>();
  readonly #book = new VolumeBook();
  readonly #localFolders: LocalFolders;
  readonly #removals = new Map<string, number>();

  constructor({ root, memory, volumes, mounter, log, plugins = [] }: PodFoldersOptions) {
    this.#root = root;
    this.#memory = memory;
    this.#mounter = mounter;
    this.#log = log;
    this.#plugins = [...plugins, ...volumePlugins];
    this.#localFolders = new LocalFolders(volumes, mounter);
  }

  async prepare(facts: StorageFacts): Promise<number> {
    const { volumes = [] } = facts.pod.spec ?? {};
    const uid = facts.pod.metadata?.uid ?? '';
    const known = this.#pods.get(uid) ?? { tokens: new PodTokens(), prepared: new Map() };
    this.#pods.set(uid, known);
    if (volumes.length > 0) await fs.mkdir(this.#volumeFolder(uid, ''), { recursive: true, mode: 0o750 });
    let refreshAtMs = Number.POSITIVE_INFINITY;
    for (const volume of volumes) refreshAtMs = Math.min(refreshAtMs, await this.#prepareVolume(facts, volume, known));
    return refreshAtMs;
  }

  async #prepareVolume(facts: StorageFacts, volume: Volume, { tokens, prepared }: PodVolumes): Promise<number> {
    const folder = this.#volumeFolder(facts.pod.metadata?.uid ?? '', volume.name);
    const memoryFolder = () => this.#memoryFolder(facts.pod.metadata?.uid ?? '', volume.name);
    const own = { mounter: this.#mounter, book: this.#book, localFolders: this.#localFolders };
    const context = { ...facts, tokens, volume, folder, memoryFolder, ...own };
    try {
      const plugin = pluginOf(this.#plugins, volume);
      if (plugin.isRefreshed || !prepared.has(volume.name)) {
        const made = await plugin.prepare(context);
        if (!made.isBlock) await this.#share(context, made);
        prepared.set(volume.name, made);
      }
      return plugin.refreshAtMs?.(context) ?? Number.POSITIVE_INFINITY;
    } catch (error) {
      throw mountFailure(volume, error);
    }
  }

  /** What is mounted into a volume travels only where its folder is a shared mount. A path of the machine is its owner's to share. */
  async #share({ pod, volume, folder, mounter }: VolumeContext, made: PreparedVolume): Promise<void> {
    const travels = allContainers(pod).some((container) =>
      container.volumeMounts?.some(
        ({ name, mountPropagation = 'None' }) => name === volume.name && mountPropagation !== 'None',
      ),
    );
    if (travels && made.path === folder) await mounter.share(folder);
  }

  async containerVolumes(facts: ContainerMountFacts): Promise<ContainerVolumes> {
    const { pod, container } = facts;
    const uid = pod.metadata?.uid ?? '';
    const volumes: ReadonlyMap<string, PreparedVolume> = this.#pods.get(uid)?.prepared ?? new Map();
    const log = (message: string, error: unknown): void => this.#log.warn(message, { uid, error });
    const tools = { folder: this.#folder(uid), mounter: this.#mounter, volumes, log };
    const mounts = await volumeMounts(facts, tools);
    const taken = new Set(mounts.map(({ containerPath }) => containerPath));
    if (!taken.has('/etc/hosts')) mounts.push(await this.#hostsMount(facts));
    const message = container.terminationMessagePath || '/dev/termination-log';
    if (!taken.has(message)) mounts.push(await this.#terminationMount(pod, facts.attempt, container, message));
    const groups = [...volumes.values()].flatMap(({ gid }) => gid ?? []);
    return { mounts, devices: volumeDevices(container, volumes), groups: [...new Set(groups)] };
  }

  async readFile({ metadata }: Pod, volume: string, name: string, bytesMax: number): Promise<Buffer> {
    const found = this.#pods.get(metadata?.uid ?? '')?.prepared.get(volume);
    if (found === undefined) throw new VolumeError(`the pod has no volume "${volume}"`);
    const handle = await openInside(found.path, name);
    try {
      if (!(await handle.stat()).isFile()) throw new VolumeError(`${name} in volume "${volume}" is not a file`);
      return await readStart(pathOf(handle), bytesMax);
    } finally {
      await handle.close();
    }
  }

  places({ metadata, spec }: Pod): readonly VolumePlace[] {
    const prepared = this.#pods.get(metadata?.uid ?? '')?.prepared;
    return (spec?.volumes ?? []).flatMap((volume) => {
      const found = prepared?.get(volume.name);
      if (found === undefined || found.isBlock) return [];
      const usage = pluginOf(this.#plugins, volume).usage(volume);
      const claim = volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral && `${metadata?.name}-${volume.name}`);
      return [{ name: volume.name, path: found.path, usage, ...(claim !== undefined && { claim }) }];
    });
  }

  async #hostsMount({ pod, podIps, clusterDomain }: ContainerMountFacts): Promise<MountConfig> {
    const hostPath = path.join(this.#folder(pod.metadata?.uid ?? ''), 'etc-hosts');
    const hostFile = await fs.readFile('/etc/hosts', 'utf8').catch(() => '');
    await fs.mkdir(path.dirname(hostPath), { recursive: true, mode: 0o750 });
    await fs.writeFile(hostPath, hostsFile(pod, podIps, hostFile, clusterDomain));
    await fs.chmod(hostPath, 0o644);
    return { hostPath, containerPath: '/etc/hosts', readOnly: false };
  }

  async #terminationMount(pod: Pod, attempt: number, { name }: Container, containerPath: string): Promise<MountConfig> {
    const hostPath = this.#terminationLog(pod.metadata?.uid ?? '', name, attempt);
    await fs.mkdir(path.dirname(hostPath), { recursive: true, mode: 0o750 });
    await fs.writeFile(hostPath, '');
    // Whatever user the container runs as must be able to write it.
    await fs.chmod(hostPath, 0o666);
    return { hostPath, containerPath, readOnly: false };
  }

  async terminationMessage(uid: string, container: string, attempt: number): Promise<string> {
    const message = await readStart(this.#terminationLog(uid, container, attempt), terminationMessageBytesMax).catch(
      () => Buffer.alloc(0),
    );
    return message.toString();
  }

  async remove(uid: string): Promise<void> {
    const folder = this.#folder(uid);
    const tries = (this.#removals.get(uid) ?? 0) + 1;
    this.#removals.set(uid, tries);
    await removeFolder(folder, this.#mounter, tries > politeRemovals);
    await removeFolder(this.#memoryOf(uid), this.#mounter, false);
    this.#removals.delete(uid);
    this.#pods.delete(uid);
    this.#book.release(uid);
  }

  async removeVolume(name: string): Promise<void> {
    if (this.#book.isUsedElsewhere(name, '')) throw new VolumeError(`volume ${name} is used by a pod of this node`);
    await this.#localFolders.remove(name);
  }

  async uids(): Promise<readonly string[]> {
    const found = await Promise.all([this.#root, this.#memory].map((folder) => fs.readdir(folder).catch(() => [])));
    return [...new Set(found.flat())];
  }

  #folder(uid: string): string {
    return path.join(this.#root, checkedUid(uid));
  }

  #memoryOf(uid: string): string {
    return path.join(this.#memory, checkedUid(uid));
  }

  /** The mount is made with the first volume that needs it, and found again by the next agent; the teardown of the node takes it away. */
  async #memoryFolder(uid: string, name: string): Promise<string> {
    this.#memoryMount ??= this.#mountMemory();
    await this.#memoryMount;
    const folder = this.#memoryOf(uid);
    await fs.mkdir(folder, { recursive: true, mode: 0o750 });
    return path.join(folder, name);
  }

  async #mountMemory(): Promise<void> {
    try {
      await fs.mkdir(this.#memory, { recursive: true, mode: 0o750 });
      await this.#mounter.mountMemory(this.#memory, { mode: 0o750, sizeBytes: 0 });
    } catch (error) {
      // The next that needs it tries again.
      this.#memoryMount = undefined;
      throw error;
    }
  }

  #volumeFolder(uid: string, name: string): string {
    return path.join(this.#folder(uid), 'volumes', name);
  }

  #terminationLog(uid: string, container: string, attempt: number): string {
    return path.join(this.#folder(uid), 'containers', container, `termination-log-${attempt}`);
  }
}

/** A uid that is no uid must not lead elsewhere. */
function checkedUid(uid: string): string {
  if (!/^[\w-]+$/.test(uid)) throw new VolumeError(`"${uid}" is not the uid of a pod`);
  return uid;
}

async function readStart(file: string, bytesMax: number): Promise<Buffer> {
  const handle = await fs.open(file);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(bytesMax), 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Some errors say all there is to say; the others are of the volume's set-up. */
function mountFailure({ name }: Volume, error: unknown): VolumeError {
  const why = error instanceof Error ? error.message : String(error);
  const isWhole = /^(MountVolume|MapVolume|Unable to attach|volume \S+ has volumeMode)/.test(why);
  return new VolumeError(isWhole ? why : `MountVolume.SetUp failed for volume "${name}" : ${why}`, { cause: error });
}
