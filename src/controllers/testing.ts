/**
 * For tests of whole loops: an API in this process under a virtual clock, all control loops and the scheduler, and a player of the kubelet
 * that runs what is bound: a pod becomes ready after a while, and goes when it is told to.
 */
import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { Deployment } from '../api/schema/types/apps-v1.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import type { Client, Resource } from '../client/client.ts';
import { nodes, pods } from '../client/resources.ts';
import { startTestApi, type TestApi } from '../client/testing.ts';
import { formatTime } from '../lib/clock.ts';
import type { Service } from '../lib/service.ts';
import { allControllers } from './index.ts';

export interface World extends TestApi {
  readonly kubelet: KubeletPlayer;
  /** All objects of a resource in `default`. */
  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Promise<readonly T[]>;
  get<T extends KubeObject>(resource: Resource<T>, name: string): Promise<T | undefined>;
  close(): Promise<void>;
}

export async function startWorld(
  options: {
    seed?: number;
    wrap?: (client: Client) => Client;
    services?: (api: TestApi) => readonly Service[];
  } = {},
): Promise<World> {
  const api = await startTestApi(options);
  const kubelet = new KubeletPlayer(api);
  const { services = () => [] } = options;
  const started = [api.informers, ...allControllers({ ...api, rootCa: 'CA' }), ...services(api)];
  for (const service of started) await service.start();
  await api.clock.advance(0);
  const { client } = api;
  return {
    ...api,
    kubelet,
    list: async (resource, namespace = 'default') =>
      (await client.list(resource, resource.namespaced ? { namespace } : {})).items,
    get: (resource, name) =>
      client.get(resource, { namespace: resource.namespaced ? 'default' : '', name }).catch(() => undefined),
    async close() {
      for (const service of started.toReversed()) await service.close();
      await api.store.close();
    },
  };
}

/** Plays every node's kubelet. Pods need not be bound, unless `onlyBound` is set. */
export class KubeletPlayer {
  readyMs = 1000;
  endMs = 500;
  onlyBound = false;
  /** Pods for which it does nothing. */
  ignore: (pod: Pod) => boolean = () => false;
  readonly #api: TestApi;

  constructor(api: TestApi) {
    this.#api = api;
    api.informers.informer(pods).addHandler({ added: (pod) => this.#see(pod), updated: (pod) => this.#see(pod) });
  }

  #see(pod: Pod): void {
    if (this.ignore(pod) || (this.onlyBound && !pod.spec?.nodeName)) return;
    const { clock } = this.#api;
    if (pod.metadata?.deletionTimestamp !== undefined) clock.after(this.endMs, () => void this.#end(pod).catch(() => {}));
    else if (pod.status?.phase === 'Pending') clock.after(this.readyMs, () => void this.setReady(pod, true).catch(() => {}));
  }

  async #end(pod: Pod): Promise<void> {
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
    await this.#api.client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, uid });
  }

  async setReady(pod: Pod, ready: boolean): Promise<void> {
    const { client, clock } = this.#api;
    const { namespace = '', name = '', uid } = pod.metadata ?? {};
    const lastTransitionTime = formatTime(clock.now());
    const condition = { type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime };
    const body = { metadata: { uid }, status: { phase: 'Running', conditions: [condition] } };
    await client.patch(pods, { namespace, name }, { type: 'strategic', body }, { subresource: 'status' });
  }
}

export function makeDeployment(name: string, more: { image?: string; spec?: Partial<NonNullable<Deployment['spec']>> } = {}): Deployment {
  const labels = { app: name };
  const containers = [{ name: 'main', image: more.image ?? 'image:1' }];
  return {
    metadata: { namespace: 'default', name },
    spec: {
      replicas: 3,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
      ...more.spec,
    },
  };
}

export const withImage = (image: string) =>
  ({ type: 'strategic', body: { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } } }) as const;

export const inDefault = (name: string): ObjectReference => ({ namespace: 'default', name });

export async function addNode(client: Client, name: string, allocatable: Record<string, string> = {}): Promise<void> {
  const capacity = { cpu: '4', memory: '8Gi', pods: '110', ...allocatable };
  const conditions = [{ type: 'Ready', status: 'True' }];
  const created = await client.create(nodes, { metadata: { name } });
  await client.update(nodes, { ...created, status: { capacity, allocatable: capacity, conditions } }, { subresource: 'status' });
}
