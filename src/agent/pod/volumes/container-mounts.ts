/**
 * What one run of a container gets of the pod's prepared volumes: its mounts, with parts of volumes (`subPath`) held fast by a mount of
 * their own, so that no link that a program puts there later leads anywhere else, and block devices.
 *
 * ```
 * pods/UID/volume-subpaths/VOLUME/CONTAINER/INDEX      what container's mount no. INDEX shows of the volume
 * ```
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import type { Container, VolumeMount } from '../../../api/schema/types/core-v1.ts';
import type { DeviceConfig, MountConfig, RuntimeFeatures } from '../../runtime.ts';
import { ConfigError } from '../config-error.ts';
import { expandStrictly } from '../expansion.ts';
import type { Mounter } from './mounter.ts';
import type { PreparedVolume } from './plugin.ts';
import type { ContainerMountFacts } from './pod-storage.ts';
import { checkSubPath, makeInside, openInside, pathOf } from './safe-path.ts';

const propagations = { None: 'private', HostToContainer: 'host-to-container', Bidirectional: 'bidirectional' } as const;

export interface MountTools {
  /** `pods/UID`. */
  readonly folder: string;
  readonly mounter: Mounter;
  readonly volumes: ReadonlyMap<string, PreparedVolume>;
  /** What a pod is not told about its node's disk. */
  readonly log: (message: string, error: unknown) => void;
}

export async function volumeMounts(facts: ContainerMountFacts, tools: MountTools): Promise<MountConfig[]> {
  const mounts: MountConfig[] = [];
  for (const [index, mount] of (facts.container.volumeMounts ?? []).entries()) {
    mounts.push(await volumeMount(facts, tools, mount, index));
  }
  return mounts;
}

async function volumeMount(
  { env, container, features }: ContainerMountFacts,
  tools: MountTools,
  mount: VolumeMount,
  index: number,
): Promise<MountConfig> {
  const volume = tools.volumes.get(mount.name);
  if (volume === undefined || volume.isBlock) {
    throw new ConfigError(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
  }
  const subPath = mount.subPathExpr ? expandStrictly(mount.subPathExpr, env) : (mount.subPath ?? '');
  const target = path.join(tools.folder, 'volume-subpaths', mount.name, container.name, String(index));
  const hostPath =
    subPath === '' ? volume.path : await partOf(tools, { volume, subPath, target, mount: mount.name, container });
  const propagation = propagations[mount.mountPropagation ?? 'None'];
  if (propagation === undefined) throw new ConfigError(`invalid MountPropagation mode: "${mount.mountPropagation}"`);
  return {
    hostPath,
    containerPath: path.posix.resolve('/', mount.mountPath),
    readOnly: (mount.readOnly ?? false) || volume.readOnly,
    ...(propagation !== 'private' && { propagation }),
    ...(isRecursive(mount, features) && { recursiveReadOnly: true }),
  };
}

/** @throws ConfigError where it must be, and the runtime cannot */
function isRecursive({ name, recursiveReadOnly }: VolumeMount, { recursiveReadOnlyMounts }: RuntimeFeatures): boolean {
  if (recursiveReadOnly === 'Enabled' && !recursiveReadOnlyMounts) {
    const why = `volume "${name}" requested recursive read-only mode, but it is not supported by the runtime`;
    throw new ConfigError(`failed to resolve recursive read-only mode: ${why}`);
  }
  return recursiveReadOnlyMounts && (recursiveReadOnly === 'Enabled' || recursiveReadOnly === 'IfPossible');
}

interface Part {
  readonly volume: PreparedVolume;
  readonly subPath: string;
  readonly target: string;
  readonly mount: string;
  readonly container: Container;
}

/** The pod is told that it failed, and the log why: paths of the node are none of the pod's business. */
async function partOf({ mounter, log }: MountTools, part: Part): Promise<string> {
  const { volume, subPath, target, mount, container } = part;
  checkSubPath(subPath);
  let doing = 'create subPath directory';
  try {
    if (!(await isThere(path.join(volume.path, subPath)))) await makeInside(volume.path, subPath);
    doing = 'prepare subPath';
    const handle = await openInside(volume.path, subPath);
    try {
      await makeTarget(target, (await handle.stat()).isDirectory());
      await mounter.bind(pathOf(handle), target);
    } finally {
      await handle.close();
    }
    return target;
  } catch (error) {
    const message = `failed to ${doing} for volumeMount "${mount}" of container "${container.name}"`;
    log(message, error);
    throw new ConfigError(message, { cause: error });
  }
}

const isThere = (at: string): Promise<boolean> =>
  fs.stat(at).then(
    () => true,
    () => false,
  );

/** A folder to mount a folder on, or a file for anything else. What an earlier run left there may be mounted on. */
async function makeTarget(target: string, isFolder: boolean): Promise<void> {
  await fs.mkdir(path.dirname(target), { recursive: true, mode: 0o750 });
  const found = await fs.lstat(target).catch(() => undefined);
  if (found !== undefined && found.isDirectory() === isFolder) return;
  if (isFolder) await fs.mkdir(target, { mode: 0o750 });
  else await (await fs.open(target, 'a', 0o600)).close();
}

export function volumeDevices(container: Container, volumes: MountTools['volumes']): DeviceConfig[] {
  return (container.volumeDevices ?? []).map(({ name, devicePath }) => {
    const volume = volumes.get(name);
    if (!volume?.isBlock)
      throw new ConfigError(`cannot find volume "${name}" to pass into container "${container.name}"`);
    return { hostPath: volume.path, containerPath: devicePath, permissions: volume.readOnly ? 'r' : 'mrw' };
  });
}
