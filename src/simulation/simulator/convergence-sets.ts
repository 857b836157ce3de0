/** What StatefulSets and DaemonSets must reach once faults are over: every pod there, of the wanted template, ready, and the status true. */
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { DaemonSet, StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import type { Store } from '../../store/store.ts';
import { controlled, list } from './convergence-list.ts';

export function setsComplete(store: Store): readonly string[] {
  const pods = list<Pod>(store, 'pods');
  const nodes = list<Node>(store, 'nodes');
  return [
    ...list<StatefulSet>(store, 'statefulsets.apps').flatMap((set) =>
      told('stateful set', set, statefulSetProblem(set, controlled(pods, set))),
    ),
    ...list<DaemonSet>(store, 'daemonsets.apps').flatMap((set) =>
      told('daemon set', set, daemonSetProblem(set, controlled(pods, set), nodesFor(set, nodes))),
    ),
  ];
}

const told = (kind: string, object: KubeObject, problem: string | undefined): readonly string[] =>
  problem === undefined ? [] : [`${kind} ${objectKey(object)} ${problem}`];

function nodesFor({ spec }: DaemonSet, nodes: readonly Node[]): number {
  const wanted = Object.entries(spec?.template.spec?.nodeSelector ?? {});
  return nodes.filter(({ metadata }) => wanted.every(([key, value]) => metadata?.labels?.[key] === value)).length;
}

function statefulSetProblem({ metadata, spec, status }: StatefulSet, pods: readonly Pod[]): string | undefined {
  if (status?.observedGeneration !== metadata?.generation) return 'was changed, and its status does not know';
  const wanted = spec?.replicas ?? 1;
  if (status?.currentRevision !== status?.updateRevision) return 'still has two revisions';
  const names = pods.map((pod) => pod.metadata?.name ?? '').sort();
  const expected = Array.from({ length: wanted }, (_, index) => `${metadata?.name}-${index}`);
  if (names.join() !== expected.join()) return `has the pods ${names.join()}, and wants ${expected.join()}`;
  const { replicas, readyReplicas, availableReplicas, currentReplicas, updatedReplicas } = status ?? {};
  const counts = [replicas, readyReplicas, availableReplicas, currentReplicas, updatedReplicas].map((one) => one ?? 0);
  return counts.every((count) => count === wanted) ? undefined : `wants ${wanted} pods, and tells of ${counts.join()}`;
}

function daemonSetProblem({ metadata, status }: DaemonSet, pods: readonly Pod[], nodes: number): string | undefined {
  if (status?.observedGeneration !== metadata?.generation) return 'was changed, and its status does not know';
  const places = new Set(pods.map(({ spec }) => spec?.nodeName ?? ''));
  if (places.size !== nodes || pods.length !== nodes)
    return `has ${pods.length} pods on ${places.size} of ${nodes} nodes`;
  const { desiredNumberScheduled, currentNumberScheduled, numberReady, numberAvailable, updatedNumberScheduled } =
    status ?? {};
  const counts = [desiredNumberScheduled, currentNumberScheduled, numberReady, numberAvailable, updatedNumberScheduled];
  if (!counts.every((count) => (count ?? 0) === nodes)) return `has ${nodes} pods, and tells of ${counts.join()}`;
  return (status?.numberMisscheduled ?? 0) === 0 ? undefined : 'tells of pods where none belongs';
}
