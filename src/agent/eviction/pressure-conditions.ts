/** How the node's pressures show: as conditions of the Node, as its events, and to pods that are new. Pure. */
import { tolerates } from '../../api/node-matching.ts';
import { qualityOfService } from '../../api/pod-quality.ts';
import type { NodeCondition, NodeStatus, Pod } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { isCriticalPod } from '../pod/critical-pod.ts';
import type { Refusal } from '../pod/pod-hook.ts';
import type { Pressure } from './signals.ts';

/** Since when, by the wall clock. */
export type Pressures = ReadonlyMap<Pressure, number>;

interface Words {
  readonly reason: string;
  readonly message: string;
  /** The reasons of the events when it begins and ends. */
  readonly begins: string;
  readonly ends: string;
}

export const pressureWords: Readonly<Record<Pressure, Words>> = {
  MemoryPressure: {
    reason: 'KubeletHasInsufficientMemory',
    message: 'kubelet has insufficient memory available',
    begins: 'NodeHasInsufficientMemory',
    ends: 'NodeHasSufficientMemory',
  },
  DiskPressure: {
    reason: 'KubeletHasDiskPressure',
    message: 'kubelet has disk pressure',
    begins: 'NodeHasDiskPressure',
    ends: 'NodeHasNoDiskPressure',
  },
  PIDPressure: {
    reason: 'KubeletHasInsufficientPID',
    message: 'kubelet has insufficient PID available',
    begins: 'NodeHasInsufficientPID',
    ends: 'NodeHasSufficientPID',
  },
};

/** Says so where the node is under pressure; that it is not stands there already. */
export function withPressures(status: NodeStatus, pressures: Pressures): NodeStatus {
  if (pressures.size === 0) return status;
  const conditions = (status.conditions ?? []).map((condition): NodeCondition => {
    const sinceMs = pressures.get(condition.type as Pressure);
    if (sinceMs === undefined) return condition;
    const { reason, message } = pressureWords[condition.type as Pressure];
    return { ...condition, status: 'True', reason, message, lastTransitionTime: formatTime(sinceMs) };
  });
  return { ...status, conditions };
}

const memoryTaint = { key: 'node.kubernetes.io/memory-pressure', effect: 'NoSchedule' } as const;

/** Memory alone keeps out only pods that ask for nothing, and do not say that they can bear it. */
export function refusalUnder(pressures: readonly Pressure[], pod: Pod): Refusal | undefined {
  if (pressures.length === 0 || isCriticalPod(pod)) return undefined;
  if (pressures.every((pressure) => pressure === 'MemoryPressure')) {
    const { tolerations = [] } = pod.spec ?? {};
    if (qualityOfService(pod.spec) !== 'BestEffort') return undefined;
    if (tolerations.some((toleration) => tolerates(toleration, memoryTaint))) return undefined;
  }
  return { reason: 'Evicted', message: `The node had condition: [${pressures.join(' ')}]. ` };
}
