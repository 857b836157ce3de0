/**
 * For tests of DaemonSets: nodes that stay alive, a scheduler that binds each pod to the node it asks for, and what is seen of the pods.
 */
import type { DaemonSet, DaemonSetSpec } from '../../api/schema/types/apps-v1.ts';
import type { Pod, Taint } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { daemonSets, leases, namespaces, nodes, pods } from '../../client/resources.ts';
import type { TestApi } from '../../client/testing.ts';
import { formatTime } from '../../lib/clock.ts';
import type { Service } from '../../lib/service.ts';
import { isDeleting } from '../shared/context.ts';
import { isReady } from '../shared/pods.ts';
import { addNode, inDefault, startWorld, type World } from '../testing.ts';
import { targetNodeOf } from './placement.ts';

export const labels = { app: 'agent' };

export async function startDaemonWorld(
  nodeNames: readonly string[],
  options: { wrap?: (client: Client) => Client } = {},
): Promise<World> {
  const world = await startWorld({ ...options, services: (api) => [binder(api)] });
  for (const name of nodeNames) await addLiveNode(world, name);
  return world;
}

/** Its lease is renewed from now on. */
export async function addLiveNode({ client, clock }: Pick<TestApi, 'client' | 'clock'>, name: string): Promise<void> {
  await client.create(namespaces, { metadata: { name: 'kube-node-lease' } }).catch(unlessThere);
  await addNode(client, name);
  const reference = { namespace: 'kube-node-lease', name };
  const spec = () => ({ renewTime: formatTime(clock.now()).replace('Z', '.000000Z') });
  await client.create(leases, { metadata: reference, spec: spec() });
  const renew = (): void => {
    void client.patch(leases, reference, { type: 'merge', body: { spec: spec() } }).catch(() => {});
    clock.after(10_000, renew);
  };
  clock.after(10_000, renew);
}

function unlessThere(error: unknown): void {
  if (!hasReason(error, 'AlreadyExists')) throw error;
}

/** Pods that ask for no node go to `a`. Tries again, as a scheduler does. */
function binder({ client, clock, informers }: TestApi): Service {
  const see = (pod: Pod): void => {
    if (pod.spec?.nodeName || isDeleting(pod)) return;
    const { namespace = '', name = '' } = pod.metadata ?? {};
    const target = { kind: 'Node', name: targetNodeOf(pod) ?? 'a' };
    const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target };
    client.createSubresource(pods, { namespace, name }, 'binding', body).catch((error: unknown) => {
      if (hasReason(error, 'ServiceUnavailable')) clock.after(1000, () => see(pod));
    });
  };
  informers.informer(pods).addHandler({ added: see, updated: see });
  return { name: 'binder', start: () => Promise.resolve(), close: () => Promise.resolve() };
}

export function makeSet(spec: Partial<DaemonSetSpec> = {}, podSpec: object = {}): DaemonSet {
  const containers = [{ name: 'main', image: 'image:1' }];
  return {
    metadata: inDefault('agent'),
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers, ...podSpec } },
      ...spec,
    },
  };
}

export const daemonPods = async (world: World): Promise<readonly Pod[]> =>
  (await world.list(pods)).filter((pod) => pod.metadata?.labels?.app === 'agent');

/** `node image`, of those that are not ending, in order; with `!` where the pod is not ready. */
export async function layout(world: World): Promise<readonly string[]> {
  const living = (await daemonPods(world)).filter((pod) => !isDeleting(pod));
  const rows = living.map((pod) => {
    const version = pod.spec?.containers[0]?.image?.split(':').at(-1);
    return `${targetNodeOf(pod)} ${version}${isReady(pod) ? '' : '!'}`;
  });
  return rows.sort();
}

export const patchDaemonSet = (world: World, spec: object): Promise<DaemonSet> =>
  world.client.patch(daemonSets, inDefault('agent'), { type: 'strategic', body: { spec } });

export const setImage = (world: World, image: string): Promise<DaemonSet> =>
  patchDaemonSet(world, { template: { spec: { containers: [{ name: 'main', image }] } } });

export async function patchNode(world: World, name: string, body: object): Promise<void> {
  await world.client.patch(nodes, { namespace: '', name }, { type: 'merge', body });
}

export const taint = (world: World, name: string, taints: readonly Taint[]): Promise<void> =>
  patchNode(world, name, { spec: { taints } });

export const statusOf = async (world: World): Promise<DaemonSet['status']> =>
  (await world.get(daemonSets, 'agent'))?.status;
