/**
 * One folder for each pod, by uid, under the node's home:
 *
 * ```
 * pods/UID/volumes/NAME/…                       emptyDir, and what is made from objects
 *          containers/NAME/termination-log-3    what run 3 says about its end
 *          etc-hosts
 * ```
 * Kept true: a path that a pod names inside a volume (`subPath`) never leads out of it; what was made for a pod is gone with its
 * folder, mounts first. Volumes of other kinds are refused with a message.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import { integerValue } from '../../../api/quantity.ts';
import type { Container, Pod, Volume, VolumeMount } from '../../../api/schema/types/core-v1.ts';
import type { MountConfig } from '../../runtime.ts';
import { ConfigError, VolumeError } from '../config-error.ts';
import { expand } from '../expansion.ts';
import { hostsFile } from '../hosts-file.ts';
import { writeFolder } from './atomic-folder.ts';
import { checkHostPath } from './host-path.ts';
import type { Mounter } from './mounter.ts';
import type { ContainerMountFacts, PodStorage, StorageFacts } from './pod-storage.ts';
import { PodTokens } from './pod-tokens.ts';
import { isProjected, projectedFiles } from './projected-files.ts';

const terminationMessageBytesMax = 4096;
const propagations = { None: 'private', HostToContainer: 'host-to-container', Bidirectional: 'bidirectional' } as const;

export class PodFolders implements PodStorage {
  readonly #root: string;
  readonly #mounter: Mounter;
  readonly #tokens = new Map<string, PodTokens>();

  constructor(options: { readonly root: string; readonly mounter: Mounter }) {
    this.#root = options.root;
    this.#mounter = options.mounter;
  }

  async prepare(facts: StorageFacts): Promise<void> {
    for (const volume of facts.pod.spec?.volumes ?? []) {
      try {
        await this.#prepareVolume(facts, volume);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        throw new VolumeError(`MountVolume.SetUp failed for volume "${volume.name}" : ${why}`, { cause: error });
      }
    }
  }

  async #prepareVolume(facts: StorageFacts, volume: Volume): Promise<void> {
    const { pod } = facts;
    const uid = pod.metadata?.uid ?? '';
    const folder = this.#volumeFolder(uid, volume.name);
    const gid = pod.spec?.securityContext?.fsGroup;
    if (volume.hostPath !== undefined) {
      await checkHostPath(volume.hostPath);
    } else if (isProjected(volume)) {
      const tokens = this.#tokens.get(uid) ?? new PodTokens();
      this.#tokens.set(uid, tokens);
      await writeFolder(folder, await projectedFiles({ ...facts, tokens }, volume), gid);
    } else if (volume.emptyDir !== undefined) {
      await this.#makeEmpty(folder, volume.emptyDir, gid);
    } else {
      const kind = Object.keys(volume).find((key) => key !== 'name') ?? 'unknown';
      throw new VolumeError(`volumes of type ${kind} are not supported`);
    }
  }

  async #makeEmpty(folder: string, source: NonNullable<Volume['emptyDir']>, gid?: number): Promise<void> {
    const { medium = '', sizeLimit } = source;
    await fs.mkdir(folder, { recursive: true });
    if (medium === 'Memory') {
      await this.#mounter.mountMemory(folder, sizeLimit === undefined ? 0 : integerValue(sizeLimit));
    } else if (medium !== '') {
      throw new VolumeError(`emptyDir on the medium ${medium} is not supported`);
    }
    if (gid !== undefined) await fs.chown(folder, -1, gid).catch(() => {});
    await fs.chmod(folder, gid === undefined ? 0o777 : 0o2777);
  }

  async containerMounts(facts: ContainerMountFacts): Promise<readonly MountConfig[]> {
    const { pod, container } = facts;
    const mounts: MountConfig[] = [];
    for (const mount of container.volumeMounts ?? []) mounts.push(await this.#volumeMount(facts, mount));
    const taken = new Set(mounts.map(({ containerPath }) => containerPath));
    if (!taken.has('/etc/hosts')) mounts.push(await this.#hostsMount(facts));
    const message = container.terminationMessagePath || '/dev/termination-log';
    if (!taken.has(message)) mounts.push(await this.#terminationMount(pod, facts.attempt, container, message));
    return mounts;
  }

  async #volumeMount({ pod, env }: ContainerMountFacts, mount: VolumeMount): Promise<MountConfig> {
    const volume = pod.spec?.volumes?.find(({ name }) => name === mount.name);
    if (volume === undefined) throw new ConfigError(`the pod has no volume "${mount.name}"`);
    const root = volume.hostPath?.path ?? this.#volumeFolder(pod.metadata?.uid ?? '', volume.name);
    const subPath = mount.subPath || (mount.subPathExpr ? expand(mount.subPathExpr, env) : '');
    const isReadOnlyKind = isProjected(volume);
    const propagation = propagations[mount.mountPropagation ?? 'None'];
    return {
      hostPath: subPath === '' ? root : await pathInside(root, subPath, pod.spec?.securityContext?.fsGroup),
      containerPath: path.posix.resolve('/', mount.mountPath),
      readOnly: (mount.readOnly ?? false) || isReadOnlyKind,
      ...(propagation !== 'private' && { propagation }),
    };
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
    const file = await fs.open(this.#terminationLog(uid, container, attempt)).catch(() => undefined);
    if (file === undefined) return '';
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(terminationMessageBytesMax), 0);
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  }

  async remove(uid: string): Promise<void> {
    this.#tokens.delete(uid);
    await this.#mounter.unmountBelow(this.#folder(uid));
    await fs.rm(this.#folder(uid), { recursive: true, force: true });
  }

  async uids(): Promise<readonly string[]> {
    return fs.readdir(this.#root).catch(() => []);
  }

  #folder(uid: string): string {
    // A uid that is no uid must not lead elsewhere.
    if (!/^[\w-]+$/.test(uid)) throw new VolumeError(`"${uid}" is not the uid of a pod`);
    return path.join(this.#root, uid);
  }

  #volumeFolder(uid: string, name: string): string {
    return path.join(this.#folder(uid), 'volumes', name);
  }

  #terminationLog(uid: string, container: string, attempt: number): string {
    return path.join(this.#folder(uid), 'containers', container, `termination-log-${attempt}`);
  }
}

/** Resolves links, so that the runtime mounts the thing itself; makes the folder where nothing stands there. */
async function pathInside(root: string, subPath: string, gid?: number): Promise<string> {
  if (path.isAbsolute(subPath) || subPath.split('/').includes('..')) {
    throw new ConfigError(`subPath "${subPath}" must stay within its volume`);
  }
  const real = await fs.realpath(root);
  const wanted = path.join(real, subPath);
  let found = await fs.realpath(wanted).catch(() => undefined);
  if (found === undefined) {
    await checkParents(real, path.dirname(wanted));
    await fs.mkdir(wanted, { recursive: true, mode: 0o750 });
    await fs.chmod(wanted, 0o777);
    if (gid !== undefined) await fs.chown(wanted, -1, gid).catch(() => {});
    found = await fs.realpath(wanted);
  }
  if (found !== real && !found.startsWith(`${real}/`)) {
    throw new ConfigError(`subPath "${subPath}" leads out of its volume`);
  }
  return found;
}

/** Before a folder is made: what stands of the way there must lie inside, too. */
async function checkParents(real: string, folder: string): Promise<void> {
  let at = folder;
  for (let found: string | undefined; found === undefined; at = path.dirname(at)) {
    found = await fs.realpath(at).catch(() => undefined);
    if (found !== undefined && found !== real && !found.startsWith(`${real}/`)) {
      throw new ConfigError(`subPath leads out of its volume`);
    }
  }
}
