/**
 * What parts of a node's network need to work in a space of the lab as if it were a machine: their programs run there, over an API in this process that
 * all nodes of the test share, on the real clock.
 */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Node } from '../../src/api/schema/types/core-v1.ts';
import { InformerSet } from '../../src/client/informer.ts';
import { namespaces, nodes } from '../../src/client/resources.ts';
import { startTestApiOn, type TestApi } from '../../src/client/testing.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { JsonLogger } from '../../src/lib/log.ts';
import { MetricRegistry } from '../../src/lib/metrics.ts';
import type { NetworkContext } from '../../src/network/context.ts';
import { NftProcess } from '../../src/network/kernel/nft.ts';
import type { NetworkCommands } from '../../src/network/pod-network/commands.ts';
import { type RecordedEvent, TestConfiguration } from '../../src/network/testing.ts';
import type { NetLab, NetSpace } from './net-lab.ts';

export interface LabNode {
  readonly space: NetSpace;
  readonly context: NetworkContext;
  readonly commands: NetworkCommands;
  readonly configuration: TestConfiguration;
  readonly events: readonly RecordedEvent[];
  readonly mtus: readonly (number | undefined)[];
  /** Lets go of what the context holds; the parts are their owners' to close. */
  close(): Promise<void>;
}

export class LabCluster {
  readonly api: TestApi<RealClock>;
  readonly #lab: NetLab;
  readonly #logged: string[] = [];

  private constructor(api: TestApi<RealClock>, lab: NetLab) {
    this.api = api;
    this.#lab = lab;
  }

  static async start(lab: NetLab): Promise<LabCluster> {
    const api = await startTestApiOn(new RealClock({ keepsAlive: true }));
    await api.client.create(namespaces, { metadata: { name: 'kube-system' } });
    await api.informers.start();
    return new LabCluster(api, lab);
  }

  /** What the parts of all nodes logged, for a test that failed. */
  get logged(): string {
    return this.#logged.join('');
  }

  /** The Node as its agent would report it. */
  async addNode(name: string, addresses: readonly string[], podCIDRs: readonly string[]): Promise<Node> {
    await this.api.client.create(nodes, { metadata: { name }, spec: { podCIDR: podCIDRs[0] ?? '', podCIDRs } });
    const status = { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) };
    const reference = { namespace: '', name };
    return this.api.client.patch(nodes, reference, { type: 'merge', body: { status } }, { subresource: 'status' });
  }

  /** @param id of its home: nodes with one space each may have the same */
  node(space: NetSpace, id = '0123abcd'): LabNode {
    const { api } = this;
    const folder = path.join(this.#lab.folder, space.name);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const events: RecordedEvent[] = [];
    const mtus: (number | undefined)[] = [];
    const configuration = new TestConfiguration();
    const { clock } = api;
    const log = new JsonLogger({ clock, write: (line) => void this.#logged.push(line) }).with({ node: space.name });
    const informers = new InformerSet({ ...api, log });
    const nft = new NftProcess({ folder, clock, program: space.inside(['nft']) });
    const context: NetworkContext = {
      ...api,
      log,
      informers,
      configuration,
      metrics: new MetricRegistry(),
      events: {
        record: ({ kind }, { metadata = {} }, type, reason, message) => {
          const about = [kind, [metadata.namespace, metadata.name].filter(Boolean).join('/')].join(' ');
          events.push({ about, type, reason, message });
        },
      },
      machine: {
        usePodMtu: async (mtu) => void mtus.push(mtu),
        addPodGate: () => () => {},
        addPodFarewell: () => () => {},
      },
      nft,
      nodeName: space.name,
      id,
      folder,
    };
    void informers.start();
    const close = async (): Promise<void> => {
      await nft.close();
      await informers.close();
    };
    return { space, context, commands: commandsIn(space), configuration, events, mtus, close };
  }

  async close(): Promise<void> {
    await this.api.informers.close();
    await this.api.store.close();
  }
}

export function commandsIn(space: NetSpace): NetworkCommands {
  return {
    async run(program, args, input = '') {
      const { code, stdout, stderr } = await space.run([program, ...args], { input });
      if (code !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${stderr}`);
      return stdout;
    },
    readSetting: async (name) => (await space.run(['cat', `/proc/sys/${name}`])).stdout.trim(),
    writeSetting: async (name, value) => void (await space.must('sh', '-c', `echo ${value} >/proc/sys/${name}`)),
    follow(program, args, line) {
      const child = space.spawn([program, ...args]);
      let rest = '';
      child.child.stdout?.on('data', (text: string) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        lines.forEach(line);
      });
      return {
        get isOver() {
          return !child.isRunning;
        },
        stop: () => void child.stop(),
      };
    },
  };
}
