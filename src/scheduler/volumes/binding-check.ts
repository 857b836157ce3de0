/**
 * What has become of the volumes that were set aside for a pod, as upstream's binder asks each second: all bound, not yet, or never on this
 * node. Pure. Asked are objects as the server told them, not as they were assumed; what it told before it was written says nothing.
 */
import { isFullyBound, selectedNode } from '../../api/persistent-volumes.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../api/schema/types/core-v1.ts';
import { suitsNode } from '../../api/volume-matching.ts';

export interface Told {
  claim(of: PersistentVolumeClaim): PersistentVolumeClaim | undefined;
  volume(name: string): PersistentVolume | undefined;
}

/** As the server answered the writes. */
export interface Written {
  readonly bindings: readonly { readonly volume: PersistentVolume; readonly claim: PersistentVolumeClaim }[];
  readonly provisions: readonly PersistentVolumeClaim[];
}

/** @throws Error where it will come to nothing here: the pod is decided on again */
export function areBound({ bindings, provisions }: Written, node: Node, told: Told): boolean {
  return (
    bindings.every(({ volume, claim }) => isBindingDone(volume, claim, node, told)) &&
    provisions.every((claim) => isProvisionDone(claim, node, told))
  );
}

function isBindingDone(written: PersistentVolume, of: PersistentVolumeClaim, node: Node, told: Told): boolean {
  const name = written.metadata?.name ?? '';
  const volume = told.volume(name);
  if (volume === undefined) throw new Error(`failed to check binding: could not find v1.PersistentVolume "${name}"`);
  const claim = claimStill(of, told, 'failed to check binding');
  if (isOlder(volume, written)) return false;
  checkNode(volume, node);
  if (!volume.spec?.claimRef?.uid) throw new Error(`ClaimRef got reset for pv "${name}"`);
  return isFullyBound(claim);
}

function isProvisionDone(written: PersistentVolumeClaim, node: Node, told: Told): boolean {
  const claim = claimStill(written, told, 'failed to check provisioning pvc');
  if (isOlder(claim, written)) return false;
  const name = claim.metadata?.name ?? '';
  const { annotations } = claim.metadata ?? {};
  if (annotations === undefined) throw new Error(`selectedNode annotation reset for PVC "${name}"`);
  // Whoever could not make the volume there took it away.
  if (annotations[selectedNode] !== node.metadata?.name) throw new Error(`provisioning failed for PVC "${name}"`);
  const { volumeName } = claim.spec ?? {};
  if (!volumeName) return false;
  const volume = told.volume(volumeName);
  if (volume === undefined) return false;
  checkNode(volume, node);
  return isFullyBound(claim);
}

function claimStill(of: PersistentVolumeClaim, told: Told, what: string): PersistentVolumeClaim {
  const claim = told.claim(of);
  if (claim !== undefined && claim.metadata?.uid === of.metadata?.uid) return claim;
  const { namespace = '', name = '' } = of.metadata ?? {};
  throw new Error(`${what}: could not find v1.PersistentVolumeClaim "${namespace}/${name}"`);
}

function checkNode(volume: PersistentVolume, node: Node): void {
  if (suitsNode(volume, node)) return;
  const [pv, name] = [volume.metadata?.name ?? '', node.metadata?.name ?? ''];
  throw new Error(`pv "${pv}" node affinity doesn't match node "${name}": no matching NodeSelectorTerms`);
}

type Versioned = PersistentVolume | PersistentVolumeClaim;

const isOlder = (one: Versioned, other: Versioned): boolean =>
  Number(one.metadata?.resourceVersion) < Number(other.metadata?.resourceVersion);
