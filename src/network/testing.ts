/**
 * For tests of the network's parts: the context that they are made from, over an API in this process under a virtual clock. Nothing acts by
 * itself; the informers are started, so that a part sees what the test writes through `client` after `settle()`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { KubeObject } from '../api/object.ts';
import type { Client } from '../client/client.ts';
import { namespaces } from '../client/resources.ts';
import { startTestApi, type TestApi } from '../client/testing.ts';
import type { Logger } from '../lib/log.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import type { NetworkConfigurationSource, Section, SectionSource } from './configuration.ts';
import type { NetworkContext } from './context.ts';
import { FakeNft } from './kernel/testing.ts';

export interface RecordedEvent {
  /** `Service default/web`; cluster-wide objects have no namespace. */
  readonly about: string;
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

export interface NetworkWorld extends TestApi {
  readonly context: NetworkContext;
  /** What the parts told about objects, in order. */
  readonly events: readonly RecordedEvent[];
  readonly configuration: TestConfiguration;
  /** What the parts' tables are in. */
  readonly nft: FakeNft;
  /** Until everything that was written is seen and done, as far as no time must pass for it. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

export async function startNetworkWorld(
  options: { seed?: number; nodeName?: string; id?: string; log?: Logger; wrap?: (client: Client) => Client } = {},
): Promise<NetworkWorld> {
  const api = await startTestApi(options);
  await api.client.create(namespaces, { metadata: { name: 'kube-system' } });
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-network-'));
  const events: RecordedEvent[] = [];
  const configuration = new TestConfiguration();
  const nft = new FakeNft();
  const context: NetworkContext = {
    client: api.client,
    informers: api.informers,
    events: {
      record: (resource, object, type, reason, message) =>
        void events.push({ about: `${resource.kind} ${nameOf(object)}`, type, reason, message }),
    },
    configuration,
    metrics: new MetricRegistry(),
    machine: { usePodMtu: () => Promise.resolve(), addPodGate: () => () => {}, addPodFarewell: () => () => {} },
    nft,
    nodeName: options.nodeName ?? 'node-1',
    id: options.id ?? '0123abcd',
    folder,
    clock: api.clock,
    prng: api.prng,
    log: api.log,
  };
  await api.informers.start();
  return {
    ...api,
    context,
    events,
    configuration,
    nft,
    settle: () => api.clock.advance(0),
    async close() {
      await api.informers.close();
      await api.store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function nameOf({ metadata }: KubeObject): string {
  const { namespace, name = '' } = metadata ?? {};
  return namespace ? `${namespace}/${name}` : name;
}

/** Settings that a test writes: as the file's, but without the ConfigMap. */
export class TestConfiguration implements NetworkConfigurationSource {
  readonly #sections = new Map<string, (value: unknown) => void>();
  readonly #values = new Map<string, unknown>();

  /** @throws Error as `parse` of the section does */
  set(name: string, value: unknown): void {
    this.#values.set(name, value);
    this.#sections.get(name)?.(value);
  }

  section<T>(name: string, section: Section<T>): SectionSource<T> {
    const listeners = new Set<(value: T) => void>();
    const source = {
      current: this.#values.has(name) ? section.parse(this.#values.get(name)) : section.defaults,
      onChange(changed: (value: T) => void) {
        listeners.add(changed);
        return () => void listeners.delete(changed);
      },
    };
    this.#sections.set(name, (value) => {
      source.current = value === undefined ? section.defaults : section.parse(value);
      for (const changed of listeners) changed(source.current);
    });
    return source;
  }
}
