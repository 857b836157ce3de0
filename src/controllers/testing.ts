/**
 * For tests of whole loops: an API in this process under a virtual clock, all control loops and the scheduler, and a player of the kubelet
 * that runs what is bound: a pod becomes ready after a while, and goes when it is told to.
 */
import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { Deployment } from '../api/schema/types/apps-v1.ts';
import type { Pod } from '../api/schema/types/core-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client, Resource } from '../client/client.ts';
import { InformerSet } from '../client/informer.ts';
import { interceptCalls } from '../client/intercept.ts';
import { nodes, pods } from '../client/resources.ts';
import { startTestApi, type TestApi } from '../client/testing.ts';
import { formatTime } from '../lib/clock.ts';
import type { MetricRegistry } from '../lib/metrics.ts';
import type { Service } from '../lib/service.ts';
import { allControllers } from './index.ts';

export interface World extends TestApi {
  readonly kubelet: KubeletPlayer;
  /** All objects of a resource in `default`. */
  list<T extends KubeObject>(resource: Resource<T>, namespace?: string): Promise<readonly T[]>;
  get<T extends KubeObject>(resource: Resource<T>, name: string): Promise<T | undefined>;
  /** The loops end, and after `downMs` others begin that know nothing but what is stored. */
  restart(downMs?: number): Promise<void>;
  close(): Promise<void>;
}

export async function startWorld(
  options: {
    seed?: number;
    wrap?: (client: Client) => Client;
    /** Who places pods; where absent, the kubelet's player takes all to the node `node`. */
    services?: (api: TestApi) => readonly Service[];
    /** What the loops count goes here. */
    metrics?: MetricRegistry;
  } = {},
): Promise<World> {
  const api = await startTestApi(options);
  const kubelet = new KubeletPlayer(api);
  kubelet.binds = options.services === undefined;
  if (kubelet.binds) await addNode(api.client, 'node');
  const metrics = options.metrics && { metrics: options.metrics };
  const loopsOver = (informers: InformerSet) => allControllers({ ...api, informers, rootCa: 'CA', ...metrics });
  let loops: Service[] = loopsOver(api.informers);
  const others = options.services?.(api) ?? [];
  for (const service of [api.informers, ...loops, ...others]) await service.start();
  await api.clock.advance(0);
  const { client } = api;
  return {
    ...api,
    kubelet,
    list: async (resource, namespace = 'default') =>
      (await client.list(resource, resource.namespaced ? { namespace } : {})).items,
    get: (resource, name) =>
      client.get(resource, { namespace: resource.namespaced ? 'default' : '', name }).catch(() => undefined),
    async restart(downMs = 0) {
      for (const loop of loops.toReversed()) await loop.close();
      await api.clock.advance(downMs);
      const informers = new InformerSet(api);
      loops = [informers, ...loopsOver(informers)];
      for (const service of loops) await service.start();
      await api.clock.advance(0);
    },
    async close() {
      for (const service of [api.informers, ...loops, ...others].toReversed()) await service.close();
      await api.store.close();
    },
  };
}

/** Plays every node's kubelet. */
export class KubeletPlayer {
  readyMs = 1000;
  endMs = 500;
  /** It also gives each pod the node `node`. */
  binds = true;
  /** Its nodes say every 20 s that they live; those that do not are lost after a while. */
  beats = true;
  /** Pods for which it does nothing. */
  ignore: (pod: Pod) => boolean = () => false;
  readonly #api: TestApi;

  constructor(api: TestApi) {
    this.#api = api;
    api.informers.informer(pods).addHandler({ added: (pod) => this.#see(pod), updated: (pod) => this.#see(pod) });
    api.informers.informer(nodes).addHandler({ added: ({ metadata }) => this.#beat(metadata?.name ?? '') });
  }

  #beat(name: string): void {
    const { client, clock, informers } = this.#api;
    clock.after(20_000, () => {
      const node = informers.informer(nodes).cache.byKey(name);
      if (node === undefined) return;
      const isReady = node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
      if (this.beats && isReady) {
        const body = { status: { conditions: [{ type: 'Ready', lastHeartbeatTime: formatTime(clock.now()) }] } };
        const patch = { type: 'strategic', body } as const;
        client.patch(nodes, { namespace: '', name }, patch, { subresource: 'status' }).catch(() => {});
      }
      this.#beat(name);
    });
  }

  #see(pod: Pod): void {
    const { clock } = this.#api;
    if (!pod.spec?.nodeName) {
      if (this.binds && pod.metadata?.deletionTimestamp === undefined) this.#insist(() => this.#bind(pod));
      return;
    }
    if (pod.metadata?.deletionTimestamp === undefined && this.ignore(pod)) return;
    if (pod.metadata?.deletionTimestamp !== undefined)
      clock.after(this.endMs, () => this.#insist(() => this.#end(pod)));
    else if (pod.status?.phase === 'Pending')
      clock.after(this.readyMs, () => this.#insist(() => this.setReady(pod, true)));
  }

  /** Like a kubelet, it tries again where nobody answered; anything else means that the pod has changed. */
  #insist(act: () => Promise<void>): void {
    act().catch((error: unknown) => {
      if (hasReason(error, 'ServiceUnavailable')) this.#api.clock.after(1000, () => this.#insist(act));
    });
  }

  async #bind(pod: Pod): Promise<void> {
    const { namespace = '', name = '' } = pod.metadata ?? {};
    const body = { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { kind: 'Node', name: 'node' } };
    await this.#api.client.createSubresource(pods, { namespace, name }, 'binding', body);
  }

  async #end(pod: Pod): Promise<void> {
    const { namespace = '', name = '', uid = '', finalizers = [] } = pod.metadata ?? {};
    // Whoever holds the pod waits to hear how it ended.
    if (finalizers.length > 0 && pod.status?.phase === 'Running') {
      const body = { metadata: { uid }, status: { phase: 'Failed' } };
      await this.#api.client.patch(pods, { namespace, name }, { type: 'strategic', body }, { subresource: 'status' });
    }
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

export function makeDeployment(
  name: string,
  more: { image?: string; spec?: Partial<NonNullable<Deployment['spec']>> } = {},
): Deployment {
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
  await client.create(nodes, { metadata: { name } });
  const body = { status: { capacity, allocatable: capacity, conditions } };
  await client.patch(nodes, { namespace: '', name }, { type: 'merge', body }, { subresource: 'status' });
}

export interface WriteCounter {
  readonly wrap: (client: Client) => Client;
  /** How often something was written to each resource since it was asked last, whether that succeeded or not. */
  taken(): Readonly<Record<string, number>>;
}

/** Counts what is written through a client: by loops that should have nothing to do, above all. Events are not counted. */
export function writeCounter(): WriteCounter {
  let counts: Record<string, number> = {};
  return {
    wrap: (client) =>
      interceptCalls(client, async ({ verb, resource }) => {
        if (verb === 'get' || verb === 'list' || resource.resource === 'events') return;
        counts[resource.resource] = (counts[resource.resource] ?? 0) + 1;
      }),
    taken() {
      const all = counts;
      counts = {};
      return all;
    },
  };
}
