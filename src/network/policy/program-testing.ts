/** For tests of the program: a small world of pods, namespaces and policies whose changes go to a table of the model. */
import assert from 'node:assert/strict';
import type { Namespace, Pod } from '../../api/schema/types/core-v1.ts';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/schema/types/networking-v1.ts';
import { PolicyProgram } from './program.ts';
import { type Connection, TableModel } from './testing.ts';

export const node = 'node-1';
const localRanges = ['10.42.0.0/24', 'fd42::/64'];

export function pod(namespace: string, name: string, ip: string, more: Partial<PodWords> = {}): Pod {
  const { labels = { app: name }, nodeName = node, ports = [], phase = 'Running', hostNetwork, created = '0' } = more;
  return {
    metadata: { namespace, name, uid: `${namespace}/${name}`, labels, creationTimestamp: created },
    spec: { nodeName, containers: [{ name: 'app', ports }], ...(hostNetwork && { hostNetwork }) },
    status: { phase, podIPs: ip === '' ? [] : ip.split(',').map((each) => ({ ip: each })) },
  };
}

interface PodWords {
  readonly labels: Readonly<Record<string, string>>;
  readonly nodeName: string;
  readonly ports: NonNullable<NonNullable<NonNullable<Pod['spec']>['containers'][number]>['ports']>;
  readonly phase: NonNullable<NonNullable<Pod['status']>['phase']>;
  readonly hostNetwork: boolean;
  readonly created: string;
}

export const namespace = (name: string, labels: Readonly<Record<string, string>> = {}): Namespace => ({
  metadata: { name, labels: { 'kubernetes.io/metadata.name': name, ...labels } },
});

export const policy = (namespace: string, name: string, spec: NetworkPolicy['spec'] = {}): NetworkPolicy => ({
  metadata: { namespace, name },
  spec,
});

export const keyOf = ({ metadata }: { readonly metadata?: Pod['metadata'] }): string =>
  `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;

/** A program whose changes go to a table of the model. */
export class Lab {
  readonly program = new PolicyProgram({ id: '0123abcd', nodeName: node });
  readonly table = new TableModel();
  readonly world = { policies: [] as NetworkPolicy[], pods: [] as Pod[], namespaces: [] as Namespace[] };

  constructor() {
    this.program.setLocalRanges(localRanges);
  }

  namespaces(...all: readonly Namespace[]): this {
    for (const each of all) {
      const name = each.metadata?.name ?? '';
      this.world.namespaces = [...this.world.namespaces.filter(({ metadata }) => metadata?.name !== name), each];
      this.program.setNamespace(name, each);
    }
    return this;
  }

  pods(...all: readonly Pod[]): this {
    for (const each of all) {
      this.world.pods = [...this.world.pods.filter((other) => keyOf(other) !== keyOf(each)), each];
      this.program.setPod(keyOf(each), each);
    }
    return this;
  }

  policies(...all: readonly NetworkPolicy[]): this {
    for (const each of all) {
      this.world.policies = [...this.world.policies.filter((other) => keyOf(other) !== keyOf(each)), each];
      assert.deepEqual(this.program.setPolicy(keyOf(each), each), []);
    }
    return this;
  }

  remove(kind: 'pods' | 'policies', key: string): this {
    this.world.pods = this.world.pods.filter((each) => kind !== 'pods' || keyOf(each) !== key);
    this.world.policies = this.world.policies.filter((each) => kind !== 'policies' || keyOf(each) !== key);
    if (kind === 'pods') this.program.setPod(key, undefined);
    else this.program.setPolicy(key, undefined);
    return this;
  }

  /** The owners that changed. */
  apply(): string[] {
    const changes = this.program.take();
    this.table.setBase(this.program.base);
    for (const { owner, fragment } of changes) this.table.set(owner, fragment);
    return changes.map(({ owner }) => owner).sort();
  }

  /** `10.42.0.1>10.42.0.2:80`, with `/udp` where it is not TCP. */
  passes(text: string): boolean {
    this.apply();
    const [, from = '', to = '', port, protocol = 'tcp'] = /^(\S+)>(\S+):(\d+)(?:\/(\w+))?$/.exec(text) ?? [];
    const connection = { from, to, port: Number(port), protocol: protocol as Connection['protocol'] };
    return this.table.load().forwards(connection);
  }
}

/** Three pods in two namespaces: a and b in x, c in y. */
export const [a, b, c] = ['10.42.0.11', '10.42.0.12', '10.42.0.13'];
export const smallWorld = (): Lab =>
  new Lab().namespaces(namespace('x', { team: 'one' }), namespace('y', { team: 'two' })).pods(
    pod('x', 'a', a, {
      ports: [
        { name: 'web', containerPort: 8080 },
        { name: 'dns', containerPort: 53, protocol: 'UDP' },
      ],
    }),
    pod('x', 'b', b),
    pod('y', 'c', c, { ports: [{ name: 'web', containerPort: 9090 }] }),
  );

export const onA = { podSelector: { matchLabels: { app: 'a' } } };
export const from = (
  peers: readonly NetworkPolicyPeer[],
  ports?: readonly NetworkPolicyPort[],
): NetworkPolicy['spec'] => ({
  ...onA,
  ingress: [{ from: peers, ...(ports && { ports }) }],
});
export const to = (
  peers: readonly NetworkPolicyPeer[],
  ports?: readonly NetworkPolicyPort[],
): NetworkPolicy['spec'] => ({
  ...onA,
  policyTypes: ['Egress'],
  egress: [{ to: peers, ...(ports && { ports }) }],
});
