import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../api/schema/types/networking-v1.ts';
import { nextInt, SeededPrng } from '../../lib/prng.ts';
import { keyOf, Lab, namespace, node, pod, policy } from './program-testing.ts';
import { type Connection, isAllowed, type TableModel } from './testing.ts';

/** Words for policies by chance: few labels, ports and blocks, so that they meet. */
class Chance {
  readonly #prng: SeededPrng;

  constructor(seed: number) {
    this.#prng = new SeededPrng(seed);
  }

  below(limit: number): number {
    return nextInt(this.#prng, limit);
  }

  oneOf<T>(...choices: readonly [T, ...T[]]): T {
    return choices[this.below(choices.length)] ?? choices[0];
  }

  some<T>(countMax: number, make: () => T): T[] {
    return Array.from({ length: this.below(countMax + 1) }, make);
  }

  labels(): Record<string, string> {
    return { app: this.oneOf('a', 'b', 'c'), ...(this.below(2) === 0 && { role: this.oneOf('x', 'y') }) };
  }

  selector(): NonNullable<NetworkPolicyPeer['podSelector']> {
    const values = [this.oneOf('a', 'b', 'c'), this.oneOf('x', 'y')];
    return this.oneOf<NonNullable<NetworkPolicyPeer['podSelector']>>(
      {},
      { matchLabels: { app: this.oneOf('a', 'b', 'c') } },
      { matchLabels: { role: this.oneOf('x', 'y') } },
      { matchExpressions: [{ key: this.oneOf('app', 'role'), operator: this.oneOf('In', 'NotIn'), values }] },
      { matchExpressions: [{ key: 'role', operator: this.oneOf('Exists', 'DoesNotExist') }] },
    );
  }

  peer(): NetworkPolicyPeer {
    const cidr = this.oneOf('10.42.0.0/24', '10.42.0.0/29', '192.0.2.0/24', '0.0.0.0/0', '10.42.0.3/32');
    const except = this.some(2, () => this.oneOf('10.42.0.0/30', '10.42.0.2/31', '192.0.2.1/32', '10.42.1.0/24'));
    return this.oneOf<NetworkPolicyPeer>(
      { podSelector: this.selector() },
      { namespaceSelector: this.selector() },
      { podSelector: this.selector(), namespaceSelector: this.selector() },
      { ipBlock: { cidr, except } },
    );
  }

  port(): NetworkPolicyPort {
    const protocol = this.oneOf('TCP', 'UDP', 'SCTP');
    const port = this.oneOf(80, 81, 82);
    return this.oneOf<NetworkPolicyPort>(
      { port },
      { protocol },
      { protocol, port },
      { protocol, port, endPort: port + this.below(3) },
      { protocol, port: this.oneOf('web', 'other') },
    );
  }

  policy(namespace: string, name: string): NetworkPolicy {
    return policy(namespace, name, {
      podSelector: this.selector(),
      ...(this.below(2) === 0 && { policyTypes: this.oneOf(['Ingress'], ['Egress'], ['Ingress', 'Egress']) }),
      ingress: this.some(3, () => ({ from: this.some(2, () => this.peer()), ports: this.some(3, () => this.port()) })),
      egress: this.some(3, () => ({ to: this.some(2, () => this.peer()), ports: this.some(3, () => this.port()) })),
    });
  }

  pod(namespace: string, name: string): Pod {
    return pod(namespace, name, this.below(9) === 0 ? '' : `10.42.${this.below(2)}.${1 + this.below(6)}`, {
      labels: this.labels(),
      // Two pods with one address are for a test of their own: here each address has the node of its range, and one pod.
      phase: this.oneOf('Running', 'Running', 'Running', 'Pending', 'Failed'),
      hostNetwork: this.below(12) === 0,
      ports: this.some(2, () => ({
        name: this.oneOf('web', 'other'),
        containerPort: this.oneOf(80, 81, 82),
        protocol: this.oneOf('TCP', 'UDP'),
      })),
    });
  }
}

/** No two pods with one address, and each on the node whose range it is from. */
function settled(world: Lab['world'], added: Pod): Pod {
  const ip = added.status?.podIPs?.[0]?.ip;
  const isTaken = world.pods.some((each) => keyOf(each) !== keyOf(added) && each.status?.podIPs?.[0]?.ip === ip);
  const nodeName = ip?.startsWith('10.42.0.') ? node : 'node-2';
  const spec = { containers: [], ...added.spec, nodeName };
  return ip === undefined || isTaken ? { ...added, spec, status: {} } : { ...added, spec };
}

describe('policies by chance', () => {
  const namespacesOf = ['x', 'y', 'z'] as const;
  const outside = ['192.0.2.1', '192.0.2.9'];

  for (let seed = 1; seed <= 12; seed++) {
    it(`say what Kubernetes says, whatever changed before (seed ${seed})`, () => {
      const chance = new Chance(seed);
      const lab = new Lab().namespaces(...namespacesOf.map((name) => namespace(name, chance.labels())));
      for (let step = 0; step < 20; step++) {
        for (let change = chance.below(4); change >= 0; change--) {
          const where = chance.oneOf(...namespacesOf);
          const name = `n${chance.below(4)}`;
          const act = chance.below(8);
          if (act < 3) lab.policies(chance.policy(where, name));
          else if (act < 6) lab.pods(settled(lab.world, chance.pod(where, name)));
          else if (act === 6) lab.namespaces(namespace(where, chance.labels()));
          else lab.remove(chance.oneOf('pods', 'policies'), `${where}/${name}`);
        }
        lab.apply();
        compare(lab);
      }
      const anew = new Lab()
        .namespaces(...lab.world.namespaces)
        .pods(...lab.world.pods)
        .policies(...lab.world.policies);
      anew.apply();
      assert.deepEqual(contents(lab.table), contents(anew.table));
    });
  }

  /** Every connection between local pods, those of the other node and two addresses outside. */
  function compare({ table, world }: Lab): void {
    const loaded = table.load();
    const holders = world.pods.filter(({ spec, status }) => !spec?.hostNetwork && status?.phase !== 'Failed');
    const ips = [...holders.flatMap(({ status }) => status?.podIPs?.map(({ ip }) => ip) ?? []), ...outside];
    for (const from of ips) {
      for (const to of ips) {
        // A node judges its own pods alone: the other end counts where it is local, too.
        const here = judgedHere(world, { from, to });
        for (const protocol of ['tcp', 'udp'] as const) {
          for (const port of [80, 81, 83]) {
            const connection = { from, to, protocol, port };
            const expected = isAllowed(here, connection);
            const passes = loaded.forwards(connection);
            if (passes !== expected) assert.fail(`passes: ${passes} ${JSON.stringify({ connection, world })}`);
          }
        }
      }
    }
  }

  function judgedHere(world: Lab['world'], { from, to }: Pick<Connection, 'from' | 'to'>): Lab['world'] {
    const isLocal = (ip: string): boolean => ip.startsWith('10.42.0.');
    const types = [...(isLocal(to) ? ['Ingress'] : []), ...(isLocal(from) ? ['Egress'] : [])];
    const policies = world.policies.map((each) => {
      const own = each.spec?.policyTypes ?? (each.spec?.egress?.length ? ['Ingress', 'Egress'] : ['Ingress']);
      return { ...each, spec: { ...each.spec, policyTypes: own.filter((type) => types.includes(type)) } };
    });
    return { ...world, policies };
  }

  function contents(table: TableModel): Record<string, unknown> {
    return Object.fromEntries(
      [...table.owners]
        .sort(([one], [other]) => (one < other ? -1 : 1))
        .map(([owner, { elements = [], ...rest }]) => [
          owner,
          { ...rest, elements: elements.map((each) => JSON.stringify(each)).sort() },
        ]),
    );
  }
});
