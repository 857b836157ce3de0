/**
 * Nine pods of three namespaces on two nodes, under policies in the real kernel: `a` and `b` of each namespace on the first node, `c` on the second.
 *
 * ```
 *   x/a x/b y/a y/b z/a z/b ── one (10.42.0.0/24) ──10.90.0.0/24── two (10.42.1.0/24) ── x/c y/c z/c
 * ```
 * Policies reach the nodes as in production, by the program and the keeper of each node's table; only the API is left out.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import type { Namespace, Pod } from '../../src/api/schema/types/core-v1.ts';
import type { NetworkPolicy } from '../../src/api/schema/types/networking-v1.ts';
import { RealClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { SeededPrng } from '../../src/lib/prng.ts';
import { NftProcess } from '../../src/network/kernel/nft.ts';
import { NftKeeper } from '../../src/network/kernel/nft-keeper.ts';
import { emptyBase } from '../../src/network/policy/base.ts';
import { PolicyProgram } from '../../src/network/policy/program.ts';
import { type Connection, isAllowed } from '../../src/network/policy/testing.ts';
import { eventually } from '../harness.ts';
import { NetLab, type NetProcess, type NetSpace } from './net-lab.ts';

export const namespaceNames = ['x', 'y', 'z'] as const;
export const podNames = ['a', 'b', 'c'] as const;
type Labels = Readonly<Record<string, string>>;

const id = '0123abcd';

export class PolicyNode {
  readonly name: string;
  readonly space: NetSpace;
  readonly program: PolicyProgram;
  readonly keeper: NftKeeper;
  readonly #nft: NftProcess;

  constructor(name: string, space: NetSpace, ranges: readonly string[], folder: string) {
    this.name = name;
    this.space = space;
    const clock = new RealClock();
    this.#nft = new NftProcess({ folder: path.join(folder, `state-${name}`), clock, program: space.inside(['nft']) });
    this.keeper = new NftKeeper({
      base: emptyBase(id),
      nft: this.#nft,
      clock,
      prng: new SeededPrng(1),
      log: silentLogger,
    });
    this.program = new PolicyProgram({ id, nodeName: name });
    this.program.setLocalRanges(ranges);
  }

  /** What changed goes to the kernel, which refuses nothing. */
  async apply(): Promise<void> {
    this.keeper.setBase(this.program.base);
    for (const { owner, fragment } of this.program.take()) this.keeper.set(owner, fragment);
    assert.deepEqual(await this.keeper.apply(), []);
  }

  async close(): Promise<void> {
    await this.keeper.close();
    await this.#nft.close();
  }
}

/** A pod's process, which is asked one thing at a time. */
class Prober {
  readonly #process: NetProcess;
  #answers = 1;

  constructor(process: NetProcess) {
    this.#process = process;
  }

  async ask<T>(command: object): Promise<T> {
    const place = this.#answers++;
    this.#process.write(`${JSON.stringify(command)}\n`);
    const line = await eventually('the pod answers', () => {
      const lines = this.#process.text.split('\n');
      return lines.length > place + 1 ? lines[place] : undefined;
    });
    return JSON.parse(line ?? '') as T;
  }
}

export interface LabPod {
  readonly key: string;
  readonly ip: string;
  readonly ip6: string;
  readonly node: PolicyNode;
  readonly prober: Prober;
}

export class PolicyLab {
  readonly net: NetLab;
  readonly nodes: readonly [PolicyNode, PolicyNode];
  readonly pods = new Map<string, LabPod>();
  policies: readonly NetworkPolicy[] = [];
  readonly #objects = new Map<string, Pod>();
  readonly #namespaces = new Map<string, Namespace>();

  private constructor(net: NetLab, nodes: readonly [PolicyNode, PolicyNode]) {
    this.net = net;
    this.nodes = nodes;
  }

  static async open(): Promise<PolicyLab> {
    const net = await NetLab.open();
    const [one, two] = await net.spaces('one', 'two');
    await net.cable([one, 'eth0', '10.90.0.1/24', 'fd90::1/64'], [two, 'eth0', '10.90.0.2/24', 'fd90::2/64']);
    for (const [space, peer] of [
      [one, 2],
      [two, 1],
    ] as const) {
      // Connections are tracked from their first packet on, policies or not: on a node the service proxy's rules see to that.
      await space.nft(
        'table inet proxy { chain c { type filter hook prerouting priority -110; ct state new counter; }\n}\n',
      );
      await space.sysctl('net.ipv4.ip_forward', 1);
      await space.sysctl('net.ipv6.conf.all.forwarding', 1);
      await space.ip(`route add 10.42.${peer - 1}.0/24 via 10.90.0.${peer}`);
      await space.ip(`-6 route add fd42:${peer - 1}::/64 via fd90::${peer}`);
    }
    const nodes = [
      new PolicyNode('one', one, ['10.42.0.0/24', 'fd42:0::/64'], net.folder),
      new PolicyNode('two', two, ['10.42.1.0/24', 'fd42:1::/64'], net.folder),
    ] as const;
    const lab = new PolicyLab(net, nodes);
    const all = namespaceNames.flatMap((namespace) => podNames.map((name) => ({ namespace, name })));
    await Promise.all(all.map(({ namespace, name }, index) => lab.#wire(namespace, name, index + 2)));
    await lab.reset();
    return lab;
  }

  async #wire(namespace: string, name: string, number: number): Promise<void> {
    const place = name === 'c' ? 1 : 0;
    await this.wirePod(`${namespace}/${name}`, place, number);
  }

  /** The pod's network and its process; the policies hear of it by `tell`. */
  async wirePod(key: string, place: 0 | 1, number: number): Promise<LabPod> {
    const node = this.nodes[place];
    const [ip, ip6] = [`10.42.${place}.${number}`, `fd42:${place}::${number}`];
    const label = key.replace('/', '-');
    const space = await this.net.pod(node.space, label, ip, `10.42.${place}.1`);
    await node.space.ip(`-6 address replace fd42:${place}::1/128 dev v-${label} nodad`);
    await node.space.ip(`-6 route add ${ip6}/128 dev v-${label}`);
    await space.ip(`-6 address add ${ip6}/128 dev eth0 nodad`);
    await space.ip(`-6 route add fd42:${place}::1/128 dev eth0`);
    await space.ip(`-6 route add default via fd42:${place}::1 dev eth0`);
    const process = space.script('test/network/policy-prober.ts');
    await process.says('listening', 30_000);
    const pod = { key, ip, ip6, node, prober: new Prober(process) };
    this.pods.set(key, pod);
    return pod;
  }

  pod(key: string): LabPod {
    const pod = this.pods.get(key);
    assert.ok(pod, `there is no pod ${key}`);
    return pod;
  }

  /** All pods and namespaces with the labels of upstream's tests, and no policies. */
  async reset(): Promise<void> {
    for (const name of namespaceNames) this.namespace(name);
    for (const key of this.pods.keys()) this.tell(key);
    await this.use([]);
  }

  namespace(name: string, labels: Labels = {}): void {
    const namespace = { metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } } };
    this.#namespaces.set(name, namespace);
    for (const { program } of this.nodes) program.setNamespace(name, namespace);
  }

  tell(key: string, labels: Labels = {}): void {
    const [namespace = '', name = ''] = key.split('/');
    const { ip, ip6, node } = this.pod(key);
    const named = ([80, 81] as const).flatMap((containerPort) =>
      (['TCP', 'UDP'] as const).map((protocol) => ({
        name: `serve-${containerPort}-${protocol.toLowerCase()}`,
        containerPort,
        protocol,
      })),
    );
    const pod: Pod = {
      metadata: { namespace, name, uid: key, labels: { pod: name, ...labels } },
      spec: { nodeName: node.name, containers: [{ name: 'app', ports: named }] },
      status: { phase: 'Running', podIP: ip, podIPs: [{ ip }, { ip: ip6 }] },
    };
    this.#objects.set(key, pod);
    for (const { program } of this.nodes) program.setPod(key, pod);
  }

  /** These policies and no others. */
  async use(policies: readonly NetworkPolicy[]): Promise<void> {
    const keyOf = ({ metadata }: NetworkPolicy): string => `${metadata?.namespace}/${metadata?.name}`;
    const kept = new Set(policies.map(keyOf));
    for (const { program } of this.nodes) {
      for (const old of this.policies) if (!kept.has(keyOf(old))) program.setPolicy(keyOf(old), undefined);
      for (const policy of policies) assert.deepEqual(program.setPolicy(keyOf(policy), policy), []);
    }
    this.policies = policies;
    await this.apply();
  }

  async apply(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.apply()));
  }

  /** Every pod asks every pod on both ports and protocols, and hears what Kubernetes says it should. @returns how many connections are allowed */
  async verify(family: 'ip' | 'ip6' = 'ip'): Promise<number> {
    return eventually(
      'the pods reach whom they may, and nobody else',
      async () => {
        const found = await Promise.all([...this.pods.values()].map((from) => this.#verifyFrom(from, family)));
        assert.deepEqual(
          found.flatMap(({ wrong }) => wrong),
          [],
        );
        return found.reduce((sum, { allowed }) => sum + allowed, 0);
      },
      20_000,
    );
  }

  async #verifyFrom(
    from: LabPod,
    family: 'ip' | 'ip6',
  ): Promise<{ readonly wrong: string[]; readonly allowed: number }> {
    const questions = [...this.pods.values()].flatMap((to) =>
      (['tcp', 'udp'] as const).flatMap((protocol) => [80, 81].map((port) => ({ to, protocol, port }))),
    );
    const answers = await from.prober.ask<boolean[]>({
      ask: questions.map(({ to, protocol, port }) => `${protocol} ${to[family]} ${port}`),
    });
    const expected = questions.map(({ to, protocol, port }) =>
      this.#isAllowed({ from: from[family], to: to[family], protocol, port }),
    );
    const wrong = questions.flatMap(({ to, protocol, port }, index) =>
      answers[index] === expected[index] ? [] : [`${from.key} > ${to.key} ${protocol} ${port}: ${answers[index]}`],
    );
    return { wrong, allowed: expected.filter((each) => each).length };
  }

  #isAllowed(connection: Connection): boolean {
    const pods = [...this.#objects.values()];
    return isAllowed({ policies: this.policies, pods, namespaces: [...this.#namespaces.values()] }, connection);
  }

  async close(): Promise<void> {
    for (const node of this.nodes) await node.close();
    await this.net.close();
  }
}
