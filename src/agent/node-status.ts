/** The Node object of this machine: its labels, and its status from facts and from what the runtime says. Pure. */
import { volumesAnnotation } from '../api/local-volumes.ts';
import { formatQuantity, quantityFromInteger, quantityFromMilli } from '../api/quantity.ts';
import type { ContainerImage, Node, NodeCondition, NodeStatus, Taint } from '../api/schema/types/core-v1.ts';
import { formatTime } from '../lib/clock.ts';
import type { NodeFacts } from './node-facts.ts';
import type { ImageStatus, RuntimeInfo } from './runtime.ts';

export const kubeletVersion = 'v1.36.0+naru';

/** The largest so many are reported where nothing else is said, each with so many names. */
const imagesMaxByDefault = 50;
const imageNamesMax = 5;

export interface NodeReport {
  readonly facts: NodeFacts;
  readonly runtime: RuntimeInfo;
  readonly images: readonly ImageStatus[];
  /** So many of them are told; -1: all. */
  readonly imagesMax?: number;
  /** What else keeps it from being ready. */
  readonly problems?: readonly string[];
  readonly nowMs: number;
}

/** One concern's view of the node's status, laid over what is decided so far. Pure. */
export type NodeStatusPart = (status: NodeStatus, report: NodeReport) => NodeStatus;

export function withParts(status: NodeStatus, parts: readonly NodeStatusPart[], report: NodeReport): NodeStatus {
  return parts.reduce((changed, part) => part(changed, report), status);
}

export function newNode(
  name: string,
  facts: NodeFacts,
  podCidr: string | undefined,
  labels: Readonly<Record<string, string>>,
  taints: readonly Taint[] = [],
): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { ...labels, ...ownLabels(facts) }, annotations: ownAnnotations(facts) },
    spec: {
      ...podRanges(podCidr),
      ...(taints.length > 0 && { taints }),
    },
  };
}

/** @param podCidr one of a family, with a comma between */
function podRanges(podCidr: string | undefined): Pick<NonNullable<Node['spec']>, 'podCIDR' | 'podCIDRs'> {
  const [podCIDR, ...others] = podCidr?.split(',') ?? [];
  return podCIDR === undefined ? {} : { podCIDR, podCIDRs: [podCIDR, ...others] };
}

/** Labels that always say what the machine is, whatever somebody wrote there. */
export function ownLabels({ hostname, operatingSystem, architecture }: NodeFacts): Readonly<Record<string, string>> {
  return {
    'beta.kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': operatingSystem,
    'kubernetes.io/arch': architecture,
    'kubernetes.io/hostname': hostname,
    'kubernetes.io/os': operatingSystem,
  };
}

/** Volumes are attached to the node, and detached, by the control loop, as with upstream's default. */
const ownAnnotations = ({ volumes }: NodeFacts): Readonly<Record<string, string>> => ({
  'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
  ...(volumes !== undefined && { [volumesAnnotation]: volumes }),
});

/** Those of its own annotations that `node` has not, for a merge patch; undefined where all is well. @param more null: it is to have none */
export function wrongAnnotations(
  { metadata }: Node,
  facts: NodeFacts,
  more: Readonly<Record<string, string | null>> = {},
): Readonly<Record<string, string | null>> | undefined {
  const wanted = Object.entries({ ...ownAnnotations(facts), ...more });
  const wrong = wanted.filter(([key, value]) => (metadata?.annotations?.[key] ?? null) !== value);
  return wrong.length === 0 ? undefined : Object.fromEntries(wrong);
}

/** Those of its own labels that `node` has not, or with other values; undefined where all is well. */
export function wrongLabels({ metadata }: Node, facts: NodeFacts): Readonly<Record<string, string>> | undefined {
  const wrong = Object.entries(ownLabels(facts)).filter(([key, value]) => metadata?.labels?.[key] !== value);
  return wrong.length === 0 ? undefined : Object.fromEntries(wrong);
}

/** @param known the status that the API has: what others wrote there is kept, and times of conditions that did not change */
export function nodeStatus(known: NodeStatus, report: NodeReport): NodeStatus {
  const { facts, runtime } = report;
  const resources = resourcesOf(facts);
  const { images: _, ...kept } = known;
  const images = imagesOf(report);
  return {
    ...kept,
    capacity: { ...known.capacity, ...resources },
    allocatable: { ...known.allocatable, ...resources },
    conditions: conditionsOf(known.conditions ?? [], report),
    addresses: [
      ...facts.addresses.map((address) => ({ type: 'InternalIP' as const, address })),
      { type: 'Hostname' as const, address: facts.hostname },
    ],
    daemonEndpoints: known.daemonEndpoints ?? { kubeletEndpoint: { Port: 10250 } },
    nodeInfo: {
      machineID: facts.machineId,
      systemUUID: facts.systemUuid,
      bootID: facts.bootId,
      kernelVersion: facts.kernelVersion,
      osImage: facts.osImage,
      containerRuntimeVersion: `${runtime.name}://${runtime.version}`,
      kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: facts.operatingSystem,
      architecture: facts.architecture,
    },
    ...(images.length > 0 && { images }),
  };
}

export function resourcesOf(facts: NodeFacts): Readonly<Record<string, string>> {
  return {
    cpu: formatQuantity(quantityFromMilli(facts.milliCpu)),
    memory: wholeKibibytes(facts.memoryBytes),
    pods: formatQuantity(quantityFromInteger(facts.podsMax)),
    'ephemeral-storage': wholeKibibytes(facts.ephemeralStorageBytes),
    ...Object.fromEntries(
      Object.entries(facts.hugepageBytes ?? {}).map(([size, bytes]) => [
        `hugepages-${size}`,
        formatQuantity(quantityFromInteger(bytes, 'BinarySI')),
      ]),
    ),
    ...Object.fromEntries(
      Object.entries(facts.extendedResources ?? {}).map(([name, count]) => [
        name,
        formatQuantity(quantityFromInteger(count)),
      ]),
    ),
  };
}

/** As the API writes it, or every look would find a difference. */
function wholeKibibytes(bytes: number): string {
  return formatQuantity(quantityFromInteger(Math.floor(bytes / 1024) * 1024, 'BinarySI'));
}

function conditionsOf(
  known: readonly NodeCondition[],
  { runtime, problems = [], nowMs }: NodeReport,
): readonly NodeCondition[] {
  const reasons = [runtime.problem, ...problems].filter((problem) => problem !== '');
  const down = reasons.length > 1 ? `[${reasons.join(', ')}]` : (reasons[0] ?? '');
  const own: readonly NodeCondition[] = [
    good('MemoryPressure', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
    good('DiskPressure', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
    good('PIDPressure', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
    {
      type: 'Ready',
      status: down === '' ? 'True' : 'False',
      reason: down === '' ? 'KubeletReady' : 'KubeletNotReady',
      message: down === '' ? 'kubelet is posting ready status' : down,
    },
  ];
  const now = formatTime(nowMs);
  const types = new Set(own.map(({ type }) => type));
  return [
    ...known.filter(({ type }) => !types.has(type)),
    ...own.map((condition) => {
      const before = known.find(({ type }) => type === condition.type);
      const unchanged = before?.status === condition.status && before.lastTransitionTime !== undefined;
      return {
        ...condition,
        lastHeartbeatTime: now,
        lastTransitionTime: unchanged ? before.lastTransitionTime : now,
      };
    }),
  ];
}

function good(type: string, reason: string, message: string): NodeCondition {
  return { type, status: 'False', reason, message };
}

/** The same images in another order are no change. */
function imagesOf({ images, imagesMax = imagesMaxByDefault }: NodeReport): readonly ContainerImage[] {
  const bySize = images.toSorted((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1));
  const largest = imagesMax < 0 ? bySize : bySize.slice(0, imagesMax);
  return largest.map(({ tags, digests, sizeBytes }) => ({
    names: [...digests, ...tags].slice(0, imageNamesMax),
    sizeBytes,
  }));
}

/** `status` without the times that change with every look: what is worth a write at once. */
export function withoutHeartbeats(status: NodeStatus): NodeStatus {
  const timeless = (condition: NodeCondition): NodeCondition => {
    const { type, status, reason = '', message = '', lastTransitionTime = '' } = condition;
    return { type, status, reason, message, lastTransitionTime };
  };
  return { ...status, conditions: (status.conditions ?? []).map(timeless) };
}
