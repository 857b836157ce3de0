/**
 * Volumes that are folders of a node (`naru.io/local`): what the control loop that makes them and the agent that keeps them agree on. Pure.
 *
 * ```
 *  claim with a node ──▶ PersistentVolume pvc-UID, for that node alone ──▶ VOLUMES/pvc-UID on it
 * ```
 * Kept true: where a folder lies follows from the node's own settings and the claim's uid, never from what a user wrote.
 */
import type { Node, PersistentVolume } from './schema/types/core-v1.ts';

export const localProvisioner = 'naru.io/local';
export const localClassName = 'naru-local';

/** On a volume: who made it for its claim, and will remove it. */
const provisionedBy = 'pv.kubernetes.io/provisioned-by';
/** On a Node: the folder below which its volumes lie. Nodes that are simulated have none. */
export const volumesAnnotation = 'naru.io/volumes';
/** What a volume shows as its folder where its node says nothing: the one of a NARU_HOME that nobody chose otherwise. */
const usualFolder = '/var/lib/naru/volumes';

export const localVolumeName = (claimUid: string): string => `pvc-${claimUid}`;

/** A name that `localVolumeName` made: it leads nowhere else. */
export const isLocalVolumeName = (name: string): boolean =>
  /^pvc-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);

export const isLocalVolume = ({ metadata, spec }: PersistentVolume): boolean =>
  spec?.local !== undefined && metadata?.annotations?.[provisionedBy] === localProvisioner;

/** The annotations of a volume that naru makes. */
export const localVolumeMarks: Readonly<Record<string, string>> = { [provisionedBy]: localProvisioner };

/** For people: the agent goes by its own settings. */
export function localVolumePath(node: Node, volume: string): string {
  return `${node.metadata?.annotations?.[volumesAnnotation] ?? usualFolder}/${volume}`;
}

const nodePathPrefix = '/localVolumes/';

/** `DELETE` of this path of the node's agent removes what a volume kept there. */
export const localVolumeNodePath = (volume: string): string => `${nodePathPrefix}${encodeURIComponent(volume)}`;

/** Undefined: the path is another. */
export function parseLocalVolumePath(path: string): string | undefined {
  return path.startsWith(nodePathPrefix) ? path.slice(nodePathPrefix.length) : undefined;
}
