/**
 * Lifts the gate `naru.io/depends-on` of pods when what they wait for holds (`api/dependency-gate.ts` says what that is), and tells in an
 * event what a pod waits for. A gate that was lifted does not come back: whoever runs goes on when a dependency fails later.
 *
 * It keeps the keys of gated pods by namespace and nothing else: where nobody waits, a change of a pod or workload costs one look.
 */
import { dependencyGate, type PodDependency, parseDependencies } from '../../api/dependency-gate.ts';
import { type KubeObject, objectKey } from '../../api/object.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { hasReason } from '../../api/status-error.ts';
import { ControlLoop, done, type Outcome } from '../../client/controller.ts';
import type { Informer } from '../../client/informer.ts';
import { daemonSets, deployments, jobs, pods as podsResource, statefulSets } from '../../client/resources.ts';
import type { Service } from '../../lib/service.ts';
import { finishedConditionOf } from '../job/conditions.ts';
import { type ControllerContext, contextFor, isDeleting, namespaceOf, referenceOf, uidOf } from '../shared/context.ts';
import { isReady } from '../shared/pods.ts';
import { decideGate, type WorkloadState } from './decide.ts';

const isGated = ({ spec }: Pod): boolean => spec?.schedulingGates?.some(({ name }) => name === dependencyGate) ?? false;

const hasStarted = (pod: Pod): boolean => pod.status?.phase === 'Running' || pod.status?.phase === 'Succeeded';

export function dependencyGateController(context: ControllerContext): Service {
  const own = contextFor(context, 'dependency-gate-controller');
  const pods = own.informers.informer(podsResource);
  const workloads = new Workloads(own, pods);
  const waiting = new Waiting();
  const loop: ControlLoop = new ControlLoop({
    ...own,
    name: 'dependency-gate',
    informers: [pods, ...workloads.informers],
    reconcile: async (key) => {
      const pod = pods.cache.byKey(key);
      if (pod === undefined || isDeleting(pod) || !isGated(pod)) return done;
      const dependencies = dependenciesOf(pod);
      if (typeof dependencies === 'string') return say(pod, 'Warning', 'InvalidDependencies', dependencies);
      const decision = decideGate(dependencies, (service) => workloads.state(namespaceOf(pod), service));
      if (decision.kind === 'wait') {
        return say(pod, 'Normal', 'WaitingForDependencies', `Waits for ${decision.reasons.join('; ')}`);
      }
      await open(own, pod);
      return done;
    },
  });

  /** Once for each thing there is to say. */
  function say(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string): Outcome {
    if (waiting.isNew(pod, message)) own.events.record(podsResource, pod, type, reason, message);
    return done;
  }

  const wake = (object: KubeObject): void => {
    for (const key of waiting.keysIn(namespaceOf(object))) loop.queue.add(key);
  };
  const see = (pod: Pod): void => {
    if (!isGated(pod) || isDeleting(pod)) return waiting.remove(pod);
    waiting.add(pod);
    loop.queue.add(objectKey(pod));
  };
  pods.addHandler({
    added: see,
    updated: (pod, before) => {
      if (isGated(pod) || isGated(before)) see(pod);
      else if (hasStarted(pod) !== hasStarted(before) || isReady(pod) !== isReady(before)) wake(pod);
    },
    deleted: (pod) => waiting.remove(pod),
  });
  workloads.follow(wake);
  return loop;
}

/** In words where the annotation cannot be read: the pod waits until somebody mends it. */
function dependenciesOf(pod: Pod): PodDependency[] | string {
  try {
    return parseDependencies(pod.metadata?.annotations?.[dependencyGate]);
  } catch (error) {
    return `The annotation ${dependencyGate} cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function open({ client }: ControllerContext, pod: Pod): Promise<void> {
  const body = {
    metadata: { uid: uidOf(pod) },
    spec: { schedulingGates: [{ $patch: 'delete', name: dependencyGate }] },
  };
  try {
    await client.patch(podsResource, referenceOf(pod), { type: 'strategic', body });
  } catch (error) {
    // It is gone, or another pod has its name.
    if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
  }
}

/** The gated pods, by namespace, with what was last said of each. */
class Waiting {
  readonly #byNamespace = new Map<string, Map<string, string>>();

  add(pod: Pod): void {
    const namespace = namespaceOf(pod);
    const keys = this.#byNamespace.get(namespace) ?? new Map<string, string>();
    this.#byNamespace.set(namespace, keys);
    const key = objectKey(pod);
    if (!keys.has(key)) keys.set(key, '');
  }

  remove(pod: Pod): void {
    const keys = this.#byNamespace.get(namespaceOf(pod));
    if (keys === undefined) return;
    keys.delete(objectKey(pod));
    if (keys.size === 0) this.#byNamespace.delete(namespaceOf(pod));
  }

  keysIn(namespace: string): Iterable<string> {
    return this.#byNamespace.get(namespace)?.keys() ?? [];
  }

  isNew(pod: Pod, message: string): boolean {
    const keys = this.#byNamespace.get(namespaceOf(pod));
    const said = `${uidOf(pod)} ${message}`;
    if (keys === undefined || keys.get(objectKey(pod)) === said) return false;
    keys.set(objectKey(pod), said);
    return true;
  }
}

/** The workloads that may be waited for, as the caches have them. */
class Workloads {
  readonly #pods: Informer<Pod>;
  readonly #deployments;
  readonly #statefulSets;
  readonly #daemonSets;
  readonly #jobs;

  constructor({ informers }: ControllerContext, pods: Informer<Pod>) {
    this.#pods = pods;
    this.#deployments = informers.informer(deployments);
    this.#statefulSets = informers.informer(statefulSets);
    this.#daemonSets = informers.informer(daemonSets);
    this.#jobs = informers.informer(jobs);
  }

  get informers(): readonly { readonly synced: Promise<void> }[] {
    return [this.#deployments, this.#statefulSets, this.#daemonSets, this.#jobs];
  }

  follow(wake: (object: KubeObject) => void): void {
    const handler = { added: wake, updated: wake, deleted: wake };
    this.#deployments.addHandler(handler);
    this.#statefulSets.addHandler(handler);
    this.#daemonSets.addHandler(handler);
    this.#jobs.addHandler(handler);
  }

  state(namespace: string, name: string): WorkloadState | undefined {
    const key = `${namespace}/${name}`;
    const deployment = this.#deployments.cache.byKey(key);
    if (deployment) return this.#seen('Deployment', deployment, readyOf(deployment, deployment.status?.readyReplicas));
    const statefulSet = this.#statefulSets.cache.byKey(key);
    if (statefulSet)
      return this.#seen('StatefulSet', statefulSet, readyOf(statefulSet, statefulSet.status?.readyReplicas));
    const daemonSet = this.#daemonSets.cache.byKey(key);
    if (daemonSet) return this.#seen('DaemonSet', daemonSet, readyOf(daemonSet, daemonSet.status?.numberReady));
    const job = this.#jobs.cache.byKey(key);
    if (job === undefined) return undefined;
    const finished = finishedConditionOf(job)?.type;
    const end = finished === 'Complete' ? 'complete' : finished === 'Failed' ? 'failed' : undefined;
    return { ...this.#seen('Job', job, job.status?.ready ?? 0), end };
  }

  #seen(kind: string, workload: KubeObject & Selecting, ready: number): WorkloadState {
    return { kind, ready, hasStarted: ready > 0 || this.#hasStarted(namespaceOf(workload), workload.spec?.selector) };
  }

  #hasStarted(namespace: string, selector: LabelSelector | undefined): boolean {
    const matcher = labelMatcher(selector);
    return this.#pods.cache
      .list(namespace)
      .some((pod) => hasStarted(pod) && !isDeleting(pod) && matcher.matches(pod.metadata?.labels ?? {}));
  }
}

interface Selecting {
  readonly spec?: { readonly selector?: LabelSelector };
}

/** A status that speaks of what was wanted before says nothing of now. */
function readyOf(
  workload: KubeObject & { readonly status?: { readonly observedGeneration?: number } },
  ready = 0,
): number {
  const { generation = 0 } = workload.metadata ?? {};
  return (workload.status?.observedGeneration ?? 0) >= generation ? ready : 0;
}
