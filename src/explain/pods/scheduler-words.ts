/** The scheduler's own words as sentences, for what is not reckoned again node by node. A new reason is a row. Pure. */
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { type Finding, finding, type Remedy, remedy } from '../finding.ts';

interface Row {
  readonly pattern: RegExp;
  readonly code: string;
  readonly what: string;
  readonly fix: readonly Remedy[];
}

const rows: readonly Row[] = [
  {
    pattern: /didn't match pod topology spread constraints/,
    code: 'TopologySpread',
    what: 'its topology spread constraints allow no node: the pods would be spread more unevenly than maxSkew allows',
    fix: [remedy('Set whenUnsatisfiable: ScheduleAnyway, raise maxSkew, or add nodes in the zones that have too few')],
  },
  {
    pattern:
      /missing required label.*topology|node\(s\) didn't match pod topology spread constraints \(missing required label\)/,
    code: 'TopologyLabelMissing',
    what: 'the nodes do not carry the label by which its pods are to be spread',
    fix: [remedy('Label the nodes, such as', 'naru label node/NAME topology.kubernetes.io/zone=ZONE')],
  },
  {
    pattern: /didn't match pod anti-affinity rules|didn't satisfy existing pods anti-affinity/,
    code: 'PodAntiAffinity',
    what: 'a pod that it must not stand beside (anti-affinity) is on every node that it could use',
    fix: [
      remedy(
        'Use preferredDuringScheduling… instead of required, run fewer replicas than nodes, or let a machine join',
      ),
    ],
  },
  {
    pattern: /didn't match pod affinity rules/,
    code: 'PodAffinity',
    what: 'no node has the pods that it must stand beside (pod affinity)',
    fix: [
      remedy(
        'Look whether the pods that its affinity names run, and carry those labels',
        'naru get pods -A --show-labels',
      ),
    ],
  },
  {
    pattern: /volume node affinity conflict|no available volume zone|didn't match PersistentVolume's node affinity/,
    code: 'VolumeElsewhere',
    what: 'its volume can only be used on another node or in another zone than those that are free for it',
    fix: [remedy('See where the volume is (nodeAffinity), and make that node usable again', 'naru get pv -o yaml')],
  },
  {
    pattern: /exceed max volume count/,
    code: 'TooManyVolumes',
    what: 'every node carries as many volumes of its driver as it can',
    fix: [remedy('Let a machine join, or use fewer volumes')],
  },
  {
    pattern: /did not have enough free storage|bind.*persistentvolume|didn't find available persistent volumes to bind/,
    code: 'NoVolumeForNode',
    what: 'no node has a volume for its claims, and none can be made there',
    fix: [remedy('See which claims wait and what for', 'naru get pvc')],
  },
  {
    pattern: /gang|minCount|pod group/i,
    code: 'GroupIncomplete',
    what: 'it starts only together with the other pods of its group, and there is no room for all of them',
    fix: [remedy('Look at the group and the pods it has', 'naru get podgroups')],
  },
  {
    pattern: /resourceclaim|cannot allocate all claims|device/i,
    code: 'DeviceMissing',
    what: 'no node has the devices that it claims',
    fix: [
      remedy('See which devices there are', 'naru get resourceslices'),
      remedy('And what is claimed', 'naru get resourceclaims -A'),
    ],
  },
];

export function schedulerWords(pod: Pod, message: string, why: readonly string[]): Finding {
  const row = rows.find(({ pattern }) => pattern.test(message));
  if (row !== undefined) return finding(pod, row.code, row.what, { why, fix: row.fix });
  return finding(
    pod,
    'Unschedulable',
    `the scheduler finds no node for it: ${message.slice(0, 300) || 'it does not say why'}`,
    {
      why,
      fix: [
        remedy('The scheduler tries again by itself when something changes that may help; what it says', 'naru events'),
      ],
    },
  );
}
