/**
 * Where a volume is to be attached, and where no more. Pure.
 *
 * ```
 *  a pod there wants it ── attached, or on its way ───────────▶ nothing to do
 *         │                └ another node has it, and only one may ▶ refused, or waits while that one lets go
 *         │                └ else ────────────────────────────▶ attach
 *  nobody wants it ── the node has it mounted ────────────────▶ waits; for a node that is not ready 6 minutes, then by force
 *                  └─ not mounted, or the node is out of service ▶ detach
 * ```
 * Kept true: a volume for one node is on its way to no second one while any attachment of it stands, also one that is being undone.
 */
import type { Node, PersistentVolume, Pod } from '../../api/schema/types/core-v1.ts';
import type { VolumeAttachment } from '../../api/schema/types/storage-v1.ts';
import { isDeleting, nameOf, namespaceOf } from '../shared/context.ts';
import {
  hasEnded,
  isAttached,
  isForOneNode,
  isHealthy,
  isManaged,
  isOutOfService,
  keepsEnded,
  mayBeMounted,
} from './facts.ts';

/** How long (ms) a node that is not ready may keep what it has mounted, as upstream. */
const forceAfterMs = 6 * 60_000;

type FindNode = (name: string) => Node | undefined;

export interface VolumeObserved {
  readonly volume: PersistentVolume;
  /** As the status of nodes calls it. */
  readonly uniqueName: string;
  /** The pods that want it, by node. */
  readonly wanted: ReadonlyMap<string, readonly Pod[]>;
  /** Those that this loop makes, of this volume. */
  readonly attachments: readonly VolumeAttachment[];
  readonly node: FindNode;
  /** For how long (ms) nobody on the node has wanted it. */
  readonly unwantedMs: (node: string) => number;
}

export interface Detaching {
  readonly attachment: VolumeAttachment;
  /** Why it is not asked whether the node has it mounted still. */
  readonly force?: 'timeout' | 'out-of-service';
}

export interface Refused {
  readonly pod: Pod;
  readonly message: string;
}

export interface VolumePlan {
  readonly attach: readonly string[];
  readonly detach: readonly Detaching[];
  /** What is told to a pod that cannot have it. */
  readonly refused: readonly Refused[];
  /** When (ms from now) a node has kept it for too long. */
  readonly againMs?: number;
}

export function decideVolume(observed: VolumeObserved): VolumePlan {
  const { attachments, wanted } = observed;
  const unwanted = attachments.filter((one) => !wanted.has(one.spec.nodeName) && !isDeleting(one));
  const detach = unwanted.flatMap((one) => decideDetaching(one, observed) ?? []);
  const waits = unwanted
    .filter((one) => !detach.some(({ attachment }) => attachment === one))
    .map((one) => forceAfterMs - observed.unwantedMs(one.spec.nodeName))
    .filter((ms) => ms >= 0);
  return {
    detach,
    ...decideAttaching(observed, detach),
    ...(waits.length > 0 && { againMs: Math.min(...waits) + 1 }),
  };
}

/** Of the pods that use a volume those that want it, by their node: one that attaches by itself is not asked for. */
export function wantedByNode(users: readonly Pod[], find: FindNode): ReadonlyMap<string, readonly Pod[]> {
  const wanted = new Map<string, Pod[]>();
  for (const pod of users) {
    const name = pod.spec?.nodeName ?? '';
    const node = find(name);
    if (!isManaged(node) || (hasEnded(pod) && !keepsEnded(node))) continue;
    wanted.set(name, [...(wanted.get(name) ?? []), pod]);
  }
  return wanted;
}

function decideDetaching(attachment: VolumeAttachment, observed: VolumeObserved): Detaching | undefined {
  const { nodeName } = attachment.spec;
  const node = observed.node(nodeName);
  if (isOutOfService(node)) return { attachment, force: 'out-of-service' };
  if (!mayBeMounted(node, observed.uniqueName)) return { attachment };
  const isOver = observed.unwantedMs(nodeName) > forceAfterMs;
  return isOver && !isHealthy(node) ? { attachment, force: 'timeout' } : undefined;
}

function decideAttaching(
  { volume, attachments, wanted }: VolumeObserved,
  detach: readonly Detaching[],
): Pick<VolumePlan, 'attach' | 'refused'> {
  const missing = [...wanted.keys()].filter((node) => !attachments.some(({ spec }) => spec.nodeName === node)).sort();
  if (!isForOneNode(volume)) return { attach: missing, refused: [] };
  if (attachments.length === 0) return { attach: missing.slice(0, 1), refused: [] };
  const leaving = new Set(detach.map(({ attachment }) => attachment));
  const holders = attachments.filter((one) => isAttached(one) && !leaving.has(one)).map(({ spec }) => spec.nodeName);
  if (holders.length === 0) return { attach: [], refused: [] };
  const others = holders.flatMap((node) => wanted.get(node) ?? []);
  const refused = missing.flatMap((node) =>
    (wanted.get(node) ?? []).map((pod) => ({ pod, message: refusalFor(pod, nameOf(volume), others) })),
  );
  return { attach: [], refused };
}

/** Pods of other namespaces are counted, not named: who asks may not know of them. */
function refusalFor(pod: Pod, volume: string, others: readonly Pod[]): string {
  const names = others.filter((one) => namespaceOf(one) === namespaceOf(pod)).map(nameOf);
  const elsewhere = others.length - names.length;
  const foreign = `${elsewhere} pod(s) in different namespaces`;
  const named = `pod(s) ${names.join(', ')}`;
  const both = names.length > 0 && elsewhere > 0 ? `${named} and ${foreign}` : names.length > 0 ? named : foreign;
  const why =
    others.length === 0
      ? "Volume is already exclusively attached to one node and can't be attached to another"
      : `Volume is already used by ${both}`;
  return `Multi-Attach error for volume "${volume}" ${why}`;
}
