/** VolumeZone: volumes that carry labels of a zone or region can be used only there. Nodes without such labels count as being everywhere. */
import { classNameOf, waitsForPod } from '../../api/persistent-volumes.ts';
import type { PersistentVolume, Pod } from '../../api/schema/types/core-v1.ts';
import { type FilterPlan, type Plugin, refusal, type World } from '../framework/plugin.ts';
import type { PodFacts } from '../pod-facts.ts';
import { always, type Hint } from '../queue/changes.ts';

const name = 'VolumeZone';
const refused = refusal(name, false, 'node(s) had no available volume zone');

/** The old names, each with the one that took its place. */
const topologyLabels: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'topology.kubernetes.io/region': 'topology.kubernetes.io/region',
};
const labelNames = Object.keys(topologyLabels);

interface Topology {
  readonly key: string;
  readonly values: ReadonlySet<string>;
}

export const volumeZone: Plugin = {
  name,
  filter: filterPlan,
  hints: {
    StorageClassAdd: (_pod, { after }) => waitsForPod(after as Parameters<typeof waitsForPod>[0]),
    NodeAdd: always,
    NodeLabel: always,
    PersistentVolumeClaimAdd: isOwnClaim,
    PersistentVolumeClaimUpdate: isOwnClaim,
    PersistentVolumeAdd: always,
    PersistentVolumeUpdate: (_pod, { before, after }) =>
      labelNames.some((label) => before?.metadata?.labels?.[label] !== after?.metadata?.labels?.[label]),
  },
};

const namedClaims = ({ spec }: Pod): string[] =>
  (spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);

function isOwnClaim(...[pod, { after }]: Parameters<Hint>): boolean {
  const isOfNamespace = after?.metadata?.namespace === pod.metadata?.namespace;
  return isOfNamespace && namedClaims(pod).includes(after?.metadata?.name ?? '');
}

function filterPlan({ pod, namespace }: PodFacts, { volumes }: World): FilterPlan {
  const topologies: Topology[] = [];
  for (const claimName of namedClaims(pod)) {
    const claim = volumes.claim(namespace, claimName);
    if (claim === undefined) return gone(`persistentvolumeclaim "${claimName}" not found`);
    const volumeName = claim.spec?.volumeName ?? '';
    if (volumeName === '') {
      const className = classNameOf(claim);
      if (className === '') return gone('PersistentVolumeClaim had no pv name and storageClass name');
      const storageClass = volumes.storageClass(className);
      if (storageClass === undefined) return gone(`storageclass.storage.k8s.io "${className}" not found`);
      if (!waitsForPod(storageClass)) return gone('PersistentVolume had no name');
      continue;
    }
    const volume = volumes.volume(volumeName);
    if (volume === undefined) return gone(`persistentvolume "${volumeName}" not found`);
    topologies.push(...topologiesOf(volume));
  }
  if (topologies.length === 0) return 'skip';
  return {
    refuse: ({ labels }) => {
      if (labelNames.every((label) => labels[label] === undefined)) return undefined;
      const suits = topologies.every(({ key, values }) => {
        const value = labels[key] ?? labels[topologyLabels[key] ?? key];
        return value !== undefined && values.has(value);
      });
      return suits ? undefined : refused;
    },
  };
}

const gone = (reason: string): FilterPlan => ({ refused: refusal(name, false, reason) });

/** Several zones are joined by `__`; a label with an empty one says nothing. */
function topologiesOf({ metadata }: PersistentVolume): Topology[] {
  return labelNames.flatMap((key) => {
    const zones = metadata?.labels?.[key]?.split('__').map((zone) => zone.trim());
    return zones === undefined || zones.includes('') ? [] : [{ key, values: new Set(zones) }];
  });
}
