/** VolumeRestrictions: disks that no two pods may mount, and claims that one pod has for itself (ReadWriteOncePod). */
import { claimsOf } from '../../api/pod-volumes.ts';
import type { Pod, Volume } from '../../api/schema/types/core-v1.ts';
import { matchEverything } from '../../api/selector.ts';
import { type FilterPlan, type Plugin, refusal, type World } from '../framework/plugin.ts';
import type { PodFacts } from '../pod-facts.ts';
import { always, type Hint } from '../queue/changes.ts';
import type { PodCounter } from '../snapshot/pod-counters.ts';
import type { NodeInfo } from '../snapshot/snapshot.ts';

const name = 'VolumeRestrictions';
const diskTaken = refusal(name, true, 'node(s) had no available disk');
const claimTaken = refusal(
  name,
  true,
  'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode',
);

export const volumeRestrictions: Plugin = {
  name,
  filter: filterPlan,
  hints: { AssignedPodDelete: gaveUpVolume, NodeAdd: always, PersistentVolumeClaimAdd: isOwnClaim },
};

function filterPlan(pod: PodFacts, world: World): FilterPlan {
  const disks = (pod.pod.spec?.volumes ?? []).filter(isDisk);
  const exclusive = exclusiveClaims(pod, world);
  if (disks.length + exclusive.length === 0) return 'skip';
  return {
    refuse: (node) => {
      if (disks.length > 0 && [...node.pods.values()].some((placed) => conflicts(disks, placed.pod))) return diskTaken;
      return exclusive.some(({ claim, counter }) => isUsed(node, claim, counter)) ? claimTaken : undefined;
    },
  };
}

interface ExclusiveClaim {
  readonly claim: string;
  readonly counter: PodCounter;
}

function exclusiveClaims({ pod, namespace }: PodFacts, { volumes, snapshot }: World): ExclusiveClaim[] {
  return claimsOf(pod).flatMap(({ name: claim }) => {
    if (volumes.claim(namespace, claim)?.spec?.accessModes?.includes('ReadWriteOncePod') !== true) return [];
    const counter = snapshot.counter({
      key: `claim\0${namespace}/${claim}`,
      selector: matchEverything,
      readsNamespaces: false,
      matches: (other) => other.namespace === namespace && uses(other.pod, claim),
    });
    return [{ claim, counter }];
  });
}

const uses = (pod: Pod, claim: string): boolean => claimsOf(pod).some(({ name: used }) => used === claim);

/** By any placed pod on any node; whoever would be gone does not count. */
function isUsed({ gone, come }: NodeInfo, claim: string, counter: PodCounter): boolean {
  const among = (pods: readonly PodFacts[] = []): number =>
    pods.filter(({ pod, namespace }) => {
      return counter.pods.key === `claim\0${namespace}/${claim}` && uses(pod, claim);
    }).length;
  return counter.total + among(come) - among(gone) > 0;
}

const isDisk = ({ gcePersistentDisk, awsElasticBlockStore, rbd, iscsi }: Volume): boolean =>
  (gcePersistentDisk ?? awsElasticBlockStore ?? rbd ?? iscsi) !== undefined;

const conflicts = (disks: readonly Volume[], { spec }: Pod): boolean =>
  disks.some((disk) => (spec?.volumes ?? []).some((other) => isSameDisk(disk, other)));

/** Some disks may be shared by those that only read. */
function isSameDisk(a: Volume, b: Volume): boolean {
  const [gce, otherGce] = [a.gcePersistentDisk, b.gcePersistentDisk];
  if (gce && otherGce && gce.pdName === otherGce.pdName && !(gce.readOnly && otherGce.readOnly)) return true;
  const [aws, otherAws] = [a.awsElasticBlockStore, b.awsElasticBlockStore];
  if (aws && otherAws && aws.volumeID === otherAws.volumeID) return true;
  const [iscsi, otherIscsi] = [a.iscsi, b.iscsi];
  if (iscsi && otherIscsi && iscsi.iqn === otherIscsi.iqn && !(iscsi.readOnly && otherIscsi.readOnly)) return true;
  const [rbd, otherRbd] = [a.rbd, b.rbd];
  if (rbd === undefined || otherRbd === undefined || (rbd.readOnly && otherRbd.readOnly)) return false;
  const sharesMonitor = rbd.monitors.some((monitor) => otherRbd.monitors.includes(monitor));
  return sharesMonitor && (rbd.pool ?? 'rbd') === (otherRbd.pool ?? 'rbd') && rbd.image === otherRbd.image;
}

function gaveUpVolume(...[pod, { before }]: Parameters<Hint>): boolean {
  const gone = before as Pod;
  if (conflicts((pod.spec?.volumes ?? []).filter(isDisk), gone)) return true;
  if (gone.metadata?.namespace !== pod.metadata?.namespace) return false;
  return claimsOf(pod).some(({ name: claim }) => uses(gone, claim));
}

function isOwnClaim(...[pod, { after }]: Parameters<Hint>): boolean {
  const isOfNamespace = after?.metadata?.namespace === pod.metadata?.namespace;
  return isOfNamespace && uses(pod, after?.metadata?.name ?? '');
}
