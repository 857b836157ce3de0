/**
 * Volumes behind a PersistentVolumeClaim: the claim that the pod names (`persistentVolumeClaim`), or the one that was made for it
 * (`ephemeral`). The claim must be bound, its volume be bound to it and be usable on this node; then what lies behind is mounted.
 *
 * Behind it may be a path of the machine (`hostPath`) or a disk of it (`local`). Neither needs to be attached by a control loop.
 */
import fs from 'node:fs/promises';
import { isLocalVolume } from '../../../api/local-volumes.ts';
import { matchesNodeSelector } from '../../../api/node-matching.ts';
import { claimOf, isOwnedBy } from '../../../api/pod-volumes.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../api/schema/types/core-v1.ts';
import { VolumeError } from '../config-error.ts';
import { allContainers } from '../containers.ts';
import { checkHostPath } from './host-path.ts';
import { giveToGroup } from './ownership.ts';
import type { PreparedVolume, VolumeContext, VolumePlugin } from './plugin.ts';

const gidAnnotation = 'pv.beta.kubernetes.io/gid';

export const claimPlugins: readonly VolumePlugin[] = (['persistentVolumeClaim', 'ephemeral'] as const).map((field) => ({
  field,
  usage: () => 'foreign',
  prepare: prepareClaim,
}));

async function prepareClaim(context: VolumeContext): Promise<PreparedVolume> {
  const { pod, volume, book } = context;
  const found = await boundVolume(context);
  const name = found.metadata?.name ?? '';
  const uid = pod.metadata?.uid ?? '';
  const isBlock = found.spec?.volumeMode === 'Block';
  checkMode(pod, volume.name, isBlock);
  const what = isBlock ? 'MapVolume' : 'MountVolume';
  await checkNode(context, found);
  if (isForOnePod(found) && book.isUsedElsewhere(name, uid)) {
    const why = 'volume uses the ReadWriteOncePod access mode and is already in use by another pod';
    throw failed(`${what}.SetUp failed`, name, why);
  }
  const readOnly = volume.persistentVolumeClaim?.readOnly ?? false;
  const isFirst = !book.isUsedElsewhere(name, uid);
  book.use(name, uid);
  const path = await openVolume(context, found, { isBlock, isFirst: isFirst && !readOnly });
  const gid = gidOf(found);
  return { path, isBlock, readOnly, volumeName: name, ...(gid !== undefined && { gid }) };
}

/** In the words of a node for whom something went wrong with one volume. */
function failed(what: string, volumeName: string, why: string): VolumeError {
  return new VolumeError(`${what} for volume "${volumeName}" : ${why}`);
}

async function boundVolume(context: VolumeContext): Promise<PersistentVolume> {
  const { pod, volume, source } = context;
  const { namespace = '', name: podName } = pod.metadata ?? {};
  const wanted = claimOf(pod, volume);
  const name = wanted?.name ?? '';
  const refused = (why: string): VolumeError => {
    const list = `unmounted volumes=[${volume.name}], unattached volumes=[], failed to process volumes=[${volume.name}]`;
    return new VolumeError(`Unable to attach or mount volumes: ${list}: ${why}`);
  };
  const about = (why: string): VolumeError => refused(`error processing PVC ${namespace}/${name}: ${why}`);
  const claim = await source.claim({ namespace, name });
  const absent = `failed to fetch PVC from API server: persistentvolumeclaims "${name}" not found`;
  if (claim === undefined) throw about(absent);
  if (claim.metadata?.deletionTimestamp !== undefined) throw about('PVC is being deleted');
  if (claim.status?.phase !== 'Bound') throw about('PVC is not bound');
  const volumeName = claim.spec?.volumeName ?? '';
  if (volumeName === '') throw about('PVC has empty pvc.Spec.VolumeName');
  if (wanted?.isEphemeral && !isOwnedBy(claim, pod)) {
    throw refused(`PVC ${namespace}/${name} was not created for pod ${namespace}/${podName} (pod is not owner)`);
  }
  const found = await source.volume(volumeName);
  if (found === undefined) {
    throw about(`failed to fetch PV ${volumeName} from API server: persistentvolumes "${volumeName}" not found`);
  }
  const wrong = notBoundTo(found, claim);
  if (wrong !== undefined) throw about(wrong);
  return found;
}

function notBoundTo({ metadata, spec }: PersistentVolume, claim: PersistentVolumeClaim): string | undefined {
  const name = metadata?.name;
  const uid = claim.metadata?.uid;
  if (spec?.claimRef === undefined) {
    return `found PV object ${name} with a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`;
  }
  if (spec.claimRef.uid === uid) return undefined;
  return `found PV object ${name} with a pv.Spec.ClaimRef.UID ${spec.claimRef.uid} that does not point to claim.UID ${uid}`;
}

/** A disk is for `volumeDevices`, a file system for `volumeMounts`. */
function checkMode(pod: Pod, volumeName: string, isBlock: boolean): void {
  const uses = (list: readonly { readonly name: string }[] | undefined) =>
    list?.some(({ name }) => name === volumeName);
  for (const { volumeMounts, volumeDevices } of allContainers(pod)) {
    if (isBlock && uses(volumeMounts)) {
      throw new VolumeError(`volume ${volumeName} has volumeMode Block, but is specified in volumeMounts`);
    }
    if (!isBlock && uses(volumeDevices)) {
      throw new VolumeError(`volume ${volumeName} has volumeMode Filesystem, but is specified in volumeDevices`);
    }
  }
}

async function checkNode({ pod, source }: VolumeContext, { metadata, spec }: PersistentVolume): Promise<void> {
  const required = spec?.nodeAffinity?.required;
  if (required === undefined) return;
  const node = await source.node(pod.spec?.nodeName ?? '');
  if (matchesNodeSelector(required, node)) return;
  throw failed('MountVolume.NodeAffinity check failed', metadata?.name ?? '', 'no matching NodeSelectorTerms');
}

const isForOnePod = ({ spec }: PersistentVolume): boolean =>
  spec?.accessModes?.length === 1 && spec.accessModes[0] === 'ReadWriteOncePod';

/** Whoever made the volume says so which group may use it. */
function gidOf({ metadata }: PersistentVolume): number | undefined {
  const text = metadata?.annotations?.[gidAnnotation];
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) > 0 ? Number(text) : undefined;
}

interface Wish {
  readonly isBlock: boolean;
  /** No other pod uses it, and this one may write: it is given to the pod's group. */
  readonly isFirst: boolean;
}

async function openVolume(context: VolumeContext, found: PersistentVolume, wish: Wish): Promise<string> {
  const { metadata, spec } = found;
  const name = metadata?.name ?? '';
  if (spec?.hostPath !== undefined && !wish.isBlock) {
    await checkHostPath(spec.hostPath).catch((error: Error) => {
      throw failed('MountVolume.SetUp failed', name, error.message);
    });
    return spec.hostPath.path;
  }
  if (isLocalVolume(found) && !wish.isBlock) {
    const folder = await context.localFolders.make(name).catch((error: Error) => {
      throw failed('MountVolume.SetUp failed', name, error.message);
    });
    return openLocal(context, name, folder, wish);
  }
  if (spec?.local !== undefined) return openLocal(context, name, spec.local.path, wish);
  const kind = kindOf(spec);
  const mode = wish.isBlock ? ' as a block device' : '';
  throw failed(wish.isBlock ? 'MapVolume.SetUp failed' : 'MountVolume.SetUp failed', name, notSupported(kind, mode));
}

/** The one field of a PersistentVolume's spec that says what it is. */
function kindOf(spec: PersistentVolume['spec']): string {
  const common = new Set([
    'accessModes',
    'capacity',
    'claimRef',
    'mountOptions',
    'nodeAffinity',
    'persistentVolumeReclaimPolicy',
    'storageClassName',
    'volumeAttributesClassName',
    'volumeMode',
  ]);
  return Object.keys(spec ?? {}).find((field) => !common.has(field)) ?? 'unknown';
}

export function notSupported(kind: string, mode = ''): string {
  const use = 'use emptyDir, hostPath, or a claim of a hostPath or local volume';
  return `volumes of type ${kind} are not supported${mode} on this node: ${use}`;
}

async function openLocal(context: VolumeContext, name: string, path: string, wish: Wish): Promise<string> {
  const what = wish.isBlock ? 'MapVolume' : 'MountVolume';
  if (path.split('/').includes('..')) throw failed(`${what}.SetUp failed`, name, `invalid path: ${path}`);
  const stats = await fs.stat(path).catch(() => undefined);
  const initialization = wish.isBlock ? 'MapVolume.NewBlockVolumeMapper' : 'MountVolume.NewMounter';
  if (stats === undefined)
    throw failed(`${initialization} initialization failed`, name, `path "${path}" does not exist`);
  if (wish.isBlock) {
    if (stats.isBlockDevice()) return path;
    throw failed('MapVolume.SetUp failed', name, `${path} is not a block device`);
  }
  if (!stats.isDirectory()) {
    const why = `${path} is not a directory: a disk must be formatted and mounted first`;
    throw failed('MountVolume.SetUp failed', name, why);
  }
  if (wish.isFirst) await own(context, path);
  return path;
}

/** Once in the pod's life: the volume's folder below the pod's tells a later agent that it is done. */
async function own({ pod, folder }: VolumeContext, path: string): Promise<void> {
  const { fsGroup: gid, fsGroupChangePolicy } = pod.spec?.securityContext ?? {};
  const isDone = await fs.stat(folder).then(
    () => true,
    () => false,
  );
  if (gid === undefined || isDone) return;
  const policy = fsGroupChangePolicy === 'OnRootMismatch' ? 'OnRootMismatch' : 'Always';
  await giveToGroup(path, { gid, policy });
  await fs.mkdir(folder, { recursive: true, mode: 0o750 });
}
