/**
 * The end that everything must reach once faults are over: what the store says is wanted is what there is, down to the containers, and then nobody
 * writes any more. Read from the store and the runtimes; every sentence names one thing that is not there yet.
 */
import { matchesNode } from '../../api/node-matching.ts';
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { Deployment, ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { Node, Pod } from '../../api/schema/types/core-v1.ts';
import type { Store } from '../../store/store.ts';
import { allocatableOf, requestsOf } from './checkers/pods.ts';
import { customKindsServed } from './convergence-custom.ts';
import { controlled, isFinished, isReady, isTrue, list } from './convergence-list.ts';
import { countsTrue } from './convergence-policies.ts';
import { addressesHeld, servicesKnown } from './convergence-services.ts';
import { setsComplete } from './convergence-sets.ts';
import { claimsBound } from './convergence-storage.ts';
import type { SimulatedCluster } from './simulated-cluster.ts';

/** Empty where the cluster is as it should be. */
export async function unconverged(cluster: SimulatedCluster): Promise<readonly string[]> {
  const { store } = cluster;
  return [
    ...everythingDeleted(store),
    ...ownersThere(store),
    ...nodesReady(store),
    ...deploymentsComplete(store),
    ...replicaSetsFull(store),
    ...setsComplete(store),
    ...jobsAtRest(store),
    ...countsTrue(store),
    ...servicesKnown(store),
    ...addressesHeld(store),
    ...claimsBound(store),
    ...customKindsServed(store),
    ...podsSettled(store),
    ...(await runtimesTrue(cluster)),
  ];
}

const podsOf = (store: Store): readonly Pod[] => list(store, 'pods');
const nodesOf = (store: Store): readonly Node[] => list(store, 'nodes');
const deploymentsOf = (store: Store): readonly Deployment[] => list(store, 'deployments.apps');
const replicaSetsOf = (store: Store): readonly ReplicaSet[] => list(store, 'replicasets.apps');

/** Events have no owners, and there are many. */
const collectionsOf = (store: Store): readonly string[] =>
  [...store.counts().keys()].filter((name) => name !== 'events');

/** What was told to go is gone, and so is what stood in namespaces that are gone. */
function everythingDeleted(store: Store): readonly string[] {
  const namespaces = new Set(list(store, 'namespaces').map(({ metadata }) => metadata?.name));
  return collectionsOf(store).flatMap((collection) =>
    list(store, collection).flatMap((object) => {
      const { namespace, deletionTimestamp } = object.metadata ?? {};
      const lost = namespace !== undefined && !namespaces.has(namespace);
      if (deletionTimestamp !== undefined) return [`${collection} ${objectKey(object)} is still being deleted`];
      return lost ? [`${collection} ${objectKey(object)} stands in a namespace that is gone`] : [];
    }),
  );
}

/** Whoever names owners still has one. */
function ownersThere(store: Store): readonly string[] {
  const collections = collectionsOf(store);
  const uids = new Set(
    collections.flatMap((collection) => list(store, collection).map(({ metadata }) => metadata?.uid)),
  );
  return collections.flatMap((collection) =>
    list(store, collection).flatMap((object) => {
      const missing = object.metadata?.ownerReferences?.find(({ uid }) => !uids.has(uid));
      return missing === undefined
        ? []
        : [`${collection} ${objectKey(object)} names the owner ${missing.kind} ${missing.name}, which is gone`];
    }),
  );
}

function nodesReady(store: Store): readonly string[] {
  return nodesOf(store).flatMap((node) => {
    const taint = node.spec?.taints?.[0];
    if (!isReady(node)) return [`node ${objectKey(node)} is not ready`];
    return taint === undefined ? [] : [`node ${objectKey(node)} still has the taint ${taint.key}`];
  });
}

function deploymentsComplete(store: Store): readonly string[] {
  const sets = replicaSetsOf(store);
  const pods = podsOf(store);
  return deploymentsOf(store).flatMap((deployment) => {
    const problem = deploymentProblem(deployment, controlled(sets, deployment), pods);
    return problem === undefined ? [] : [`deployment ${objectKey(deployment)} ${problem}`];
  });
}

function deploymentProblem(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  pods: readonly Pod[],
): string | undefined {
  const wanted = deployment.spec?.replicas ?? 1;
  const { observedGeneration, ...status } = deployment.status ?? {};
  if (observedGeneration !== deployment.metadata?.generation) return 'was changed, and its status does not know';
  const counts = [status.replicas, status.updatedReplicas, status.readyReplicas, status.availableReplicas].map(
    (count) => count ?? 0,
  );
  if (counts.some((count) => count !== wanted))
    return `has replicas/updated/ready/available ${counts.join('/')} of ${wanted}`;
  const image = deployment.spec?.template.spec?.containers[0]?.image;
  const running = sets.flatMap((set) => controlled(pods, set)).filter((pod) => !isFinished(pod));
  const newest = running.filter((pod) => isReady(pod) && pod.spec?.containers[0]?.image === image);
  if (running.length !== wanted || newest.length !== wanted)
    return `has ${newest.length} new ready pods among ${running.length}, and wants ${wanted}`;
  const revision = Math.max(...sets.map(revisionOf));
  if (sets.length > 0 && revisionOf(deployment) !== revision)
    return `shows the revision ${revisionOf(deployment)}, and its newest ReplicaSet has ${revision}`;
  const active = sets.filter(({ spec }) => (spec?.replicas ?? 0) > 0);
  return active.length > 1 ? `has ${active.length} ReplicaSets that are not scaled to 0` : undefined;
}

const revisionOf = ({ metadata }: KubeObject): number =>
  Number(metadata?.annotations?.['deployment.kubernetes.io/revision'] ?? 0);

function replicaSetsFull(store: Store): readonly string[] {
  return replicaSetsOf(store).flatMap((set) => {
    const { observedGeneration, replicas = 0, readyReplicas = 0 } = set.status ?? {};
    const wanted = set.spec?.replicas ?? 1;
    const isFull = observedGeneration === set.metadata?.generation && replicas === wanted && readyReplicas === wanted;
    return isFull
      ? []
      : [`replica set ${objectKey(set)} has ${readyReplicas} ready of ${replicas}, and wants ${wanted}`];
  });
}

/** A job has finished, or sleeps; what it says of its pods is true, and nothing holds them. */
function jobsAtRest(store: Store): readonly string[] {
  const pods = podsOf(store);
  const jobs = list(store, 'jobs.batch') as readonly Job[];
  return jobs.flatMap((job) => {
    const problem = jobProblem(job, controlled(pods, job));
    return problem === undefined ? [] : [`job ${objectKey(job)} ${problem}`];
  });
}

function jobProblem({ spec, ...job }: Job, pods: readonly Pod[]): string | undefined {
  const { status } = job;
  const hasEnded = isTrue(job, 'Complete') || isTrue(job, 'Failed');
  if (!hasEnded && !(spec?.suspend && isTrue(job, 'Suspended'))) return 'goes on';
  if (hasEnded && spec?.ttlSecondsAfterFinished !== undefined) return 'has ended, and its time to be kept is short';
  const running = pods.filter((pod) => !isFinished(pod)).length;
  if (running > 0 || (status?.active ?? 0) > 0) return `has ended, and ${running} pods run`;
  const isShort = (status?.succeeded ?? 0) < (spec?.completions ?? 1);
  if (isTrue(job, 'Complete') && isShort && spec?.successPolicy === undefined)
    return 'is complete without its completions';
  return pods.some(({ metadata }) => metadata?.finalizers?.length)
    ? 'holds on to a pod that it has counted'
    : undefined;
}

function podsSettled(store: Store): readonly string[] {
  const pods = podsOf(store);
  const nodes = nodesOf(store);
  return pods.flatMap((pod) => {
    if (isFinished(pod)) return [];
    const phase = pod.status?.phase;
    if (pod.spec?.nodeName) {
      const isWell = phase === 'Running' && isReady(pod);
      return isWell ? [] : [`pod ${objectKey(pod)} on ${pod.spec.nodeName} is ${phase} and not ready`];
    }
    const node = nodes.find((one) => fits(pod, one, pods));
    return node === undefined ? [] : [`pod ${objectKey(pod)} is ${phase}, and fits on ${objectKey(node)}`];
  });
}

function fits(pod: Pod, node: Node, pods: readonly Pod[]): boolean {
  if ((node.spec?.taints?.length ?? 0) > 0 || node.spec?.unschedulable || !matchesNode(pod.spec, node)) return false;
  const there = pods.filter((other) => other.spec?.nodeName === node.metadata?.name && !isFinished(other));
  const limit = allocatableOf(node);
  const loads = [...there, pod].map(requestsOf);
  return (['milliCpu', 'memoryBytes', 'pods'] as const).every(
    (what) => loads.reduce((sum, load) => sum + load[what], 0) <= limit[what],
  );
}

/** Each runtime runs one container for each container of the pods bound to its node, and holds nothing of pods that are gone. */
async function runtimesTrue({ store, nodes }: SimulatedCluster): Promise<readonly string[]> {
  const pods = podsOf(store);
  const problems: string[] = [];
  for (const { name, runtime } of nodes) {
    const bound = new Map(
      pods.filter((pod) => pod.spec?.nodeName === name).map((pod) => [pod.metadata?.uid ?? '', pod]),
    );
    const { sandboxes } = await runtime.state();
    const strange = sandboxes.find(({ pod }) => !bound.has(pod.uid));
    if (strange !== undefined) problems.push(`${name} keeps a sandbox of ${strange.pod.name}, which is not there`);
    for (const [uid, pod] of bound) {
      const running = runtime.running().filter((container) => container.pod.uid === uid).length;
      const wanted = isFinished(pod) ? 0 : (pod.spec?.containers.length ?? 0);
      if (running !== wanted)
        problems.push(`${name} runs ${running} containers of ${objectKey(pod)}, and should run ${wanted}`);
    }
  }
  return problems;
}
