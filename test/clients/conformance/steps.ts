/**
 * What the steps of workloads have in common: sets and pods as upstream's tests make them, how a simulated container shall behave, and
 * waiting for what an object says. Nothing here sleeps: all waits end with the state that they are for.
 */
import { behaviourAnnotation, type ContainerBehaviour } from '../../../src/simulation/container-behaviour.ts';
import { eventually } from '../../harness.ts';
import type { ResourceClient } from './client.ts';
import type { Sent } from './wire.ts';

export const image = 'registry.k8s.io/pause:3.10';
export const otherImage = 'registry.k8s.io/e2e-test-images/agnhost:2.53';

/** No program runs in a simulated container: its course stands in an annotation of its pod. */
export function behaves(behaviour: Partial<ContainerBehaviour>): Record<string, string> {
  return { [behaviourAnnotation]: JSON.stringify(behaviour) };
}

export interface PodParts {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Beside its one container. */
  readonly spec?: object;
  /** Beside the container's name and image. */
  readonly container?: object;
}

export function podTemplate({ labels = {}, annotations = {}, spec = {}, container = {} }: PodParts): Sent {
  const containers = [{ name: 'c', image, ...container }];
  return { metadata: { labels, annotations }, spec: { terminationGracePeriodSeconds: 0, containers, ...spec } };
}

export function podOf(name: string, parts: PodParts = {}): Sent {
  const { metadata, spec } = podTemplate(parts);
  return { metadata: { ...metadata, name }, spec };
}

/** A Deployment, ReplicaSet, StatefulSet or DaemonSet: of its pods' labels is its selector made. */
export function setOf(name: string, pod: PodParts, spec: object): Sent {
  const labels = pod.labels ?? { name };
  const template = podTemplate({ ...pod, labels });
  return { metadata: { name, labels }, spec: { selector: { matchLabels: labels }, template, ...spec } };
}

/** The object as soon as it is so. What was seen last stands in the error. */
export async function until(
  client: ResourceClient,
  name: string,
  what: string,
  holds: (object: Sent) => unknown,
): Promise<Sent> {
  let last: Sent;
  try {
    return await eventually(`${name}: ${what}`, async () => {
      last = await client.get(name);
      return holds(last) ? last : undefined;
    });
  } catch (error) {
    throw new Error(`${name}: ${what}; it says ${JSON.stringify(last?.status)}`, { cause: error });
  }
}

/** The same of all objects that a selector finds. */
export async function untilAll(
  client: ResourceClient,
  labelSelector: string,
  what: string,
  holds: (items: readonly Sent[]) => unknown,
): Promise<readonly Sent[]> {
  let last: readonly Sent[] = [];
  try {
    return await eventually(`${labelSelector}: ${what}`, async () => {
      last = (await client.list({ labelSelector })).items;
      return holds(last) ? last : undefined;
    });
  } catch (error) {
    const seen = last.map(({ metadata, status }) => [metadata.name, metadata.deletionTimestamp, status]);
    throw new Error(`${labelSelector}: ${what}; there are ${JSON.stringify(seen)}`, { cause: error });
  }
}

/** Its loop has seen the newest specification. */
export const isObserved = ({ metadata, status }: Sent): boolean => status?.observedGeneration >= metadata.generation;

const hasRollouts = new Set(['Deployment', 'StatefulSet']);

/** All that are wanted are ready, of the newest template, and no other is left. */
export function settled(client: ResourceClient, name: string, replicas: number): Promise<Sent> {
  return until(client, name, `${replicas} are ready`, (object) => {
    const { replicas: all = 0, readyReplicas = 0, updatedReplicas = 0 } = object.status ?? {};
    const updated = hasRollouts.has(client.info.kind) ? updatedReplicas : all;
    return isObserved(object) && [all, readyReplicas, updated].every((count) => count === replicas);
  });
}

export const runs = (pods: ResourceClient, name: string): Promise<Sent> =>
  until(pods, name, 'it runs', ({ status }) => status?.phase === 'Running');

export const gone = (client: ResourceClient, name: string): Promise<unknown> =>
  eventually(`${name} is gone`, () => client.isGone(name));

export const conditionOf = ({ status }: Sent, type: string): Sent =>
  status?.conditions?.find((each: Sent) => each.type === type);

export const isTrue = (object: Sent, type: string): boolean => conditionOf(object, type)?.status === 'True';

export const controllerOf = ({ metadata }: Sent): Sent =>
  (metadata.ownerReferences ?? []).find(({ controller }: Sent) => controller === true);

export const isLive = ({ metadata, status }: Sent): boolean =>
  metadata.deletionTimestamp === undefined && !['Failed', 'Succeeded'].includes(status?.phase);

export const namesOf = (items: readonly Sent[]): readonly string[] =>
  items.map(({ metadata }) => metadata.name).toSorted();
