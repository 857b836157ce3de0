/**
 * A whole control plane with its own rights, and one node of which the gateway alone runs, with the real HAProxy: for tests in a network of their own.
 * Servers have addresses of 10.99.0.0/24, which Services name by EndpointSlices.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../src/api/object.ts';
import { hasReason } from '../../src/api/status-error.ts';
import type { Resource } from '../../src/client/client.ts';
import * as resources from '../../src/client/resources.ts';
import { type Cluster, startCluster } from '../../src/cluster.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { JsonLogger } from '../../src/lib/log.ts';
import { MetricRegistry } from '../../src/lib/metrics.ts';
import { SeededPrng } from '../../src/lib/prng.ts';
import type { Service } from '../../src/lib/service.ts';
import { gatewayPart } from '../../src/network/gateway/gateway-part.ts';
import { nodeNetwork } from '../../src/network/node-network.ts';
import { eventually } from '../harness.ts';

export const nodeAddress = '10.99.0.1';
const nodeName = 'node-1';
/** Of servers: none that a gateway of the test listens on. */
const serverPort = 7000;

const kinds = Object.values(resources).filter(
  (one) => typeof one === 'object' && 'kind' in one,
) as readonly Resource<KubeObject>[];

export class GatewayCluster {
  readonly clock = new RealClock({ keepsAlive: true });
  readonly cluster: Cluster;
  readonly #folder = mkdtempSync(path.join(os.tmpdir(), 'naru-gw-'));
  readonly #network: Service;
  readonly #logged: string[] = [];
  readonly #stop = new AbortController();
  #beating: Promise<void> | undefined;
  #addresses = 10;

  private constructor(cluster: Cluster) {
    this.cluster = cluster;
    const user = { name: `system:node:${nodeName}`, groups: ['system:nodes', 'system:authenticated'] };
    const unused = (): never => {
      throw new Error('the gateway needs none of it');
    };
    this.#network = nodeNetwork({
      client: cluster.client(user),
      nodeName,
      id: '0123abcd',
      folder: this.#folder,
      machine: { usePodMtu: unused, addPodGate: unused, addPodFarewell: unused },
      metrics: new MetricRegistry(),
      clock: this.clock,
      prng: new SeededPrng(1),
      log: new JsonLogger({ clock: this.clock, write: (line) => void this.#logged.push(line) }),
      parts: [gatewayPart],
    });
  }

  static async start(): Promise<GatewayCluster> {
    const own = new GatewayCluster(await startCluster({ nodes: { kind: 'none', name: nodeName } }));
    const client = own.cluster.client();
    await client.create(resources.nodes, { metadata: { name: nodeName } });
    await own.#beat();
    own.#beating = own.#keepBeating();
    await own.#network.start();
    return own;
  }

  /** The node says that it is well, as its agent would: else nobody is sent there. */
  async #beat(): Promise<void> {
    const ready = { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'ready' };
    const conditions = [{ ...ready, lastHeartbeatTime: new Date(this.clock.now()).toISOString() }];
    const status = { addresses: [{ type: 'InternalIP', address: nodeAddress }], conditions };
    const client = this.cluster.client();
    const reference = { namespace: '', name: nodeName };
    await client.patch(resources.nodes, reference, { type: 'merge', body: { status } }, { subresource: 'status' });
  }

  async #keepBeating(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await this.clock.sleep(10_000, signal).catch(() => undefined);
      if (!signal.aborted) await this.#beat();
    }
  }

  /** What the gateway logged, for a test that failed. */
  get logged(): string {
    return this.#logged.join('');
  }

  /** Creates objects, or puts them in place of those that are there; texts are YAML. */
  async put(...objects: readonly (KubeObject | string)[]): Promise<void> {
    const client = this.cluster.client();
    for (const object of objects.flatMap(read)) {
      const resource = resourceOf(object);
      const metadata = { ...(resource.namespaced && { namespace: 'default' }), ...object.metadata };
      try {
        await client.create(resource, { ...object, metadata });
      } catch (error) {
        if (!hasReason(error, 'AlreadyExists')) throw error;
        const known = await client.get(resource, { namespace: metadata.namespace ?? '', name: metadata.name ?? '' });
        const { resourceVersion } = known.metadata ?? {};
        await client.update(resource, {
          ...object,
          metadata: { ...metadata, ...(resourceVersion && { resourceVersion }) },
        });
      }
    }
  }

  async remove(object: KubeObject): Promise<void> {
    const { namespace = 'default', name = '' } = object.metadata ?? {};
    await this.cluster.client().delete(resourceOf(object), { namespace, name });
  }

  async get<T extends KubeObject>(resource: Resource<T>, name: string, namespace = 'default'): Promise<T> {
    return this.cluster.client().get(resource, { namespace, name });
  }

  /** Starts a server on an address of its own, and names it by a Service. */
  async serve(name: string, server: Server, more: ServiceFacts = {}): Promise<string> {
    const address = `10.99.0.${this.#addresses++}`;
    server.listen(serverPort, address);
    await once(server, 'listening');
    server.unref();
    await this.put(...serviceOf(name, address, more));
    return address;
  }

  /** `Ingress web BadPath: …` of all that was told. */
  async told(): Promise<readonly string[]> {
    const { items } = await this.cluster.client().list(resources.events, {});
    return items.map(
      ({ involvedObject: about, reason, message }) => `${about.kind} ${about.name} ${reason}: ${message}`,
    );
  }

  async isTold(pattern: RegExp): Promise<void> {
    await this.becomes(`an event like ${pattern}`, async () => assert.match((await this.told()).join('\n'), pattern));
  }

  /** Until it does not throw. */
  async becomes(what: string, look: () => Promise<void> | void, timeoutMs = 45_000): Promise<void> {
    const isSo = async (): Promise<true> => {
      await look();
      return true;
    };
    await eventually(what, isSo, timeoutMs);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#beating;
    await this.#network.close();
    await this.cluster.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

export interface ServiceFacts {
  readonly namespace?: string;
  readonly appProtocol?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

function serviceOf(
  name: string,
  address: string,
  { namespace = 'default', appProtocol, annotations = {} }: ServiceFacts,
): KubeObject[] {
  const port = { name: 'http', port: 80, protocol: 'TCP', targetPort: serverPort, ...(appProtocol && { appProtocol }) };
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace, annotations },
    spec: { ports: [port] },
  };
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-1`, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: serverPort, protocol: 'TCP' }],
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
  };
  return [service, slice];
}

function read(given: KubeObject | string): KubeObject[] {
  return typeof given === 'string'
    ? parseAllDocuments(given).map((document) => document.toJS() as KubeObject)
    : [given];
}

function resourceOf({ kind, apiVersion = '' }: KubeObject): Resource<KubeObject> {
  const found = kinds.find(
    (one) => one.kind === kind && (one.group === '' ? one.version : `${one.group}/${one.version}`) === apiVersion,
  );
  if (found === undefined) throw new Error(`no resource for ${apiVersion} ${kind}`);
  return found;
}
