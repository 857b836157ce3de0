/** Invariants of pods and nodes: where a pod is, how far it got, what a node can carry. */
import { integerValue, milliValue } from '../../../api/quantity.ts';
import type { Node, Pod } from '../../../api/schema/types/core-v1.ts';
import type { StoreEvent } from '../../../store/store.ts';
import { before, type Checker, named, uidOf } from './checker.ts';

/** What runs on a node, as its runtime knows it. */
export interface RunningPods {
  /** Whether a container of the pod runs there now. */
  runs(node: string, podUid: string): boolean;
}

export function podCheckers(running: RunningPods): readonly Checker[] {
  return [placement(), progress(), capacity(), goneMeansStopped(running)];
}

const ofPods = ({ entry }: StoreEvent): boolean => entry.key.collection === 'pods';
const isFinished = (pod: Pod | undefined): boolean =>
  pod?.status?.phase === 'Succeeded' || pod?.status?.phase === 'Failed';

/** A pod is bound once, to a node that is there, and not when it is being deleted. */
export function placement(): Checker {
  const nodes = new Set<string>();
  return {
    name: 'a pod is bound once',
    check: (event) => {
      const { key } = event.entry;
      if (key.collection === 'nodes') {
        if (event.type === 'deleted') nodes.delete(key.name);
        else nodes.add(key.name);
      }
      if (!ofPods(event)) return undefined;
      const was = before<Pod>(event)?.spec?.nodeName ?? '';
      const pod = event.entry.object as Pod;
      const now = pod.spec?.nodeName ?? '';
      if (was === now) return undefined;
      if (was !== '') return `${named(event)} moved from ${was} to ${now || 'no node'}`;
      if (pod.metadata?.deletionTimestamp !== undefined) return `${named(event)} was bound while it was being deleted`;
      return nodes.has(now) ? undefined : `${named(event)} was bound to ${now}, which is not there`;
    },
  };
}

/** Restart counts never fall; a pod that finished stays so, and one that ran does not wait for its start again. */
export function progress(): Checker {
  return {
    name: 'a pod never goes back',
    check: (event) => {
      if (!ofPods(event)) return undefined;
      const old = before<Pod>(event);
      const pod = event.entry.object as Pod;
      const wentBack = old?.status?.phase === 'Running' && pod.status?.phase === 'Pending';
      if (wentBack || (isFinished(old) && pod.status?.phase !== old?.status?.phase)) {
        return `${named(event)} went from ${old?.status?.phase} to ${pod.status?.phase}`;
      }
      const counts = new Map(old?.status?.containerStatuses?.map(({ name, restartCount }) => [name, restartCount]));
      for (const { name, restartCount } of pod.status?.containerStatuses ?? []) {
        const was = counts.get(name) ?? 0;
        if ((restartCount ?? 0) < was)
          return `${named(event)}: restartCount of ${name} fell from ${was} to ${restartCount}`;
      }
      return undefined;
    },
  };
}

interface Load {
  milliCpu: number;
  memoryBytes: number;
  pods: number;
}

/** What is bound to a node and has not finished never asks for more than the node has. Judged at each binding. */
export function capacity(): Checker {
  const allocatable = new Map<string, Load>();
  const bound = new Map<string, Map<string, Load>>();
  const podsOf = (node: string): Map<string, Load> => {
    const pods = bound.get(node) ?? new Map<string, Load>();
    bound.set(node, pods);
    return pods;
  };
  return {
    name: 'a node is never filled beyond what it has',
    check: (event) => {
      const { key, object } = event.entry;
      if (key.collection === 'nodes' && event.type !== 'deleted') allocatable.set(key.name, allocatableOf(object));
      if (key.collection !== 'pods') return undefined;
      const pod = object as Pod;
      const node = pod.spec?.nodeName ?? '';
      if (node === '') return undefined;
      const pods = podsOf(node);
      if (event.type === 'deleted' || isFinished(pod)) {
        pods.delete(uidOf(pod));
        return undefined;
      }
      if (pods.has(uidOf(pod))) return undefined;
      pods.set(uidOf(pod), requestsOf(pod));
      return overflow(node, [...pods.values()], allocatable.get(node));
    },
  };
}

function overflow(node: string, loads: readonly Load[], limit: Load | undefined): string | undefined {
  const total = { milliCpu: 0, memoryBytes: 0, pods: 0 };
  for (const load of loads) {
    total.milliCpu += load.milliCpu;
    total.memoryBytes += load.memoryBytes;
    total.pods += load.pods;
  }
  for (const what of ['milliCpu', 'memoryBytes', 'pods'] as const) {
    const most = limit?.[what] ?? 0;
    if (total[what] > most) return `pods on ${node} ask for ${total[what]} ${what}, and it has ${most}`;
  }
  return undefined;
}

export function allocatableOf({ status }: Node): Load {
  const { cpu = 0, memory = 0, pods = 0 } = status?.allocatable ?? {};
  return { milliCpu: milliValue(cpu), memoryBytes: integerValue(memory), pods: integerValue(pods) };
}

/** The workload's pods have plain containers only: their sum is the whole. */
export function requestsOf({ spec }: Pod): Load {
  const load = { milliCpu: 0, memoryBytes: 0, pods: 1 };
  for (const { resources } of spec?.containers ?? []) {
    load.milliCpu += milliValue(resources?.requests?.cpu ?? 0);
    load.memoryBytes += integerValue(resources?.requests?.memory ?? 0);
  }
  return load;
}

/** Whoever sees a pod gone may rely on it: nothing of it runs any more (nobody in a run deletes pods by force). */
export function goneMeansStopped(running: RunningPods): Checker {
  return {
    name: 'a pod that is gone does not run',
    check: (event) => {
      if (!ofPods(event) || event.type !== 'deleted') return undefined;
      const node = (event.entry.object as Pod).spec?.nodeName ?? '';
      if (node === '' || !running.runs(node, uidOf(event.entry.object))) return undefined;
      return `${named(event)} was removed while its containers ran on ${node}`;
    },
  };
}
