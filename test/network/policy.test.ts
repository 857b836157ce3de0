/**
 * NetworkPolicies in the real kernel: which of nine pods on two nodes reach each other, for the policies of upstream's own tests and more, and what
 * happens to connections when policies change.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../../src/api/schema/types/networking-v1.ts';
import { eventually } from '../harness.ts';
import { needsNetwork } from './net-lab.ts';
import { PolicyLab } from './policy-lab.ts';

type Spec = NonNullable<NetworkPolicy['spec']>;

const policy = (namespace: string, name: string, spec: Spec): NetworkPolicy => ({
  metadata: { namespace, name },
  spec,
});
const onPod = (pod: string): Spec['podSelector'] => ({ matchLabels: { pod } });
const named = (name: string): NetworkPolicyPeer['namespaceSelector'] => ({
  matchLabels: { 'kubernetes.io/metadata.name': name },
});
const notNamed = (name: string): NetworkPolicyPeer['namespaceSelector'] => ({
  matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: [name] }],
});
const podIn = (...values: string[]): NetworkPolicyPeer['podSelector'] => ({
  matchExpressions: [{ key: 'pod', operator: 'In', values }],
});

/** In x, on x/a unless told otherwise. */
function ingress(
  from: readonly NetworkPolicyPeer[] | undefined,
  ports?: readonly NetworkPolicyPort[],
  on = onPod('a'),
): Spec {
  return {
    podSelector: on ?? {},
    policyTypes: ['Ingress'],
    ingress: [{ ...(from && { from }), ...(ports && { ports }) }],
  };
}
function egress(
  to: readonly NetworkPolicyPeer[] | undefined,
  ports?: readonly NetworkPolicyPort[],
  on = onPod('a'),
): Spec {
  return { podSelector: on ?? {}, policyTypes: ['Egress'], egress: [{ ...(to && { to }), ...(ports && { ports }) }] };
}
const denyIngress: Spec = { podSelector: {}, policyTypes: ['Ingress'] };
const denyEgress: Spec = { podSelector: {}, policyTypes: ['Egress'] };
const denyAll: Spec = { podSelector: {}, policyTypes: ['Ingress', 'Egress'] };

/** Says by its exit code whether the connection to ADDRESS PORT was made. */
const dial =
  "require('net').connect(process.argv[2], process.argv[1]).on('connect', () => process.exit(0)).on('error', () => process.exit(1))";

interface Scenario {
  readonly name: string;
  /** By name, in x; `y/name` for another namespace. */
  readonly policies: Readonly<Record<string, Spec>>;
  readonly prepare?: (lab: PolicyLab) => void;
  readonly family?: 'ip6';
}

const x = { a: '10.42.0.2', b: '10.42.0.3', c: '10.42.1.4' };
const y = { b: '10.42.0.6' };

/** The order matters: each is reached from the one before, with labels and policies that come and go. */
const scenarios: readonly Scenario[] = [
  { name: 'no policy', policies: {} },
  { name: 'default deny ingress', policies: { deny: denyIngress } },
  { name: 'default deny all', policies: { deny: denyAll } },
  { name: 'default deny egress', policies: { deny: denyEgress } },
  { name: 'deny all of one pod', policies: { deny: { ...denyAll, podSelector: onPod('a') ?? {} } } },
  { name: 'from a pod of the same namespace', policies: { p: ingress([{ podSelector: onPod('b') ?? {} }]) } },
  {
    name: 'deny all, and one target open to all pods',
    policies: { deny: denyIngress, p: ingress([{ podSelector: {}, namespaceSelector: {} }]) },
  },
  { name: 'from all namespaces', policies: { p: ingress([{ namespaceSelector: {} }]) } },
  { name: 'from another namespace', policies: { p: ingress([{ namespaceSelector: named('y') ?? {} }]) } },
  { name: 'pods by expression', policies: { p: ingress([{ podSelector: podIn('b') ?? {} }]) } },
  { name: 'namespaces by expression', policies: { p: ingress([{ namespaceSelector: notNamed('x') ?? {} }]) } },
  {
    name: 'a pod or a namespace',
    policies: { p: ingress([{ namespaceSelector: notNamed('x') ?? {} }, { podSelector: onPod('b') ?? {} }]) },
  },
  {
    name: 'a pod and a namespace',
    policies: { p: ingress([{ namespaceSelector: notNamed('x') ?? {}, podSelector: onPod('b') ?? {} }]) },
  },
  {
    name: 'several pods of several namespaces',
    policies: { p: ingress([{ namespaceSelector: notNamed('x') ?? {}, podSelector: podIn('b', 'c') ?? {} }]) },
  },
  {
    name: 'any of two pods',
    policies: { p: ingress([{ podSelector: onPod('b') ?? {} }, { podSelector: onPod('c') ?? {} }]) },
  },
  {
    name: 'one pod of one other namespace',
    policies: { p: ingress([{ namespaceSelector: named('y') ?? {}, podSelector: onPod('a') ?? {} }]) },
  },
  {
    name: 'one port from one namespace',
    policies: { p: ingress([{ namespaceSelector: named('y') ?? {} }], [{ port: 81 }]) },
  },
  {
    name: 'two policies for two ports',
    policies: {
      p: ingress([{ namespaceSelector: named('y') ?? {} }], [{ port: 81 }]),
      q: ingress([{ namespaceSelector: named('z') ?? {} }], [{ port: 80 }]),
    },
  },
  { name: 'allow all ingress', policies: { p: ingress(undefined, undefined, {}) } },
  { name: 'a named port', policies: { p: ingress(undefined, [{ port: 'serve-81-tcp' }], {}) } },
  {
    name: 'a named port from a namespace',
    policies: { p: ingress([{ namespaceSelector: named('y') ?? {} }], [{ port: 'serve-80-tcp', protocol: 'TCP' }]) },
  },
  { name: 'a named port of UDP', policies: { p: ingress(undefined, [{ port: 'serve-80-udp', protocol: 'UDP' }], {}) } },
  { name: 'egress to a named port', policies: { p: egress(undefined, [{ port: 'serve-80-tcp' }], {}) } },
  {
    name: 'a namespace whose labels changed',
    policies: { p: ingress([{ namespaceSelector: { matchLabels: { ns2: 'updated' } } }]) },
    prepare: (lab) => lab.namespace('y', { ns2: 'updated' }),
  },
  {
    name: 'a pod whose labels changed',
    policies: { p: ingress([{ podSelector: { matchLabels: { pod2: 'updated' } } }]) },
    prepare: (lab) => lab.tell('x/b', { pod2: 'updated' }),
  },
  {
    name: 'a pod that its new labels isolate',
    policies: { p: { podSelector: { matchLabels: { target: 'isolated' } }, policyTypes: ['Ingress'] } },
    prepare: (lab) => lab.tell('x/a', { target: 'isolated' }),
  },
  { name: 'only the own namespace', policies: { p: ingress([{ podSelector: {} }], undefined, {}) } },
  { name: 'no egress of one pod', policies: { p: { ...denyEgress, podSelector: onPod('a') ?? {} } } },
  {
    name: 'ingress and egress in one policy',
    policies: {
      p: {
        podSelector: onPod('a') ?? {},
        policyTypes: ['Ingress', 'Egress'],
        ingress: [{ from: [{ podSelector: onPod('b') ?? {} }] }],
        egress: [{ ports: [{ port: 80 }] }],
      },
    },
  },
  {
    name: 'egress denied where ingress is allowed',
    policies: {
      p: egress([{ namespaceSelector: named('y') ?? {}, podSelector: onPod('a') ?? {} }]),
      'y/from-xa-on-ya': ingress([{ namespaceSelector: named('x') ?? {}, podSelector: onPod('a') ?? {} }]),
      'y/from-xa-on-yb': ingress(
        [{ namespaceSelector: named('x') ?? {}, podSelector: onPod('a') ?? {} }],
        undefined,
        onPod('b'),
      ),
    },
  },
  {
    name: 'egress to one pod of another namespace',
    policies: { p: egress([{ namespaceSelector: named('y') ?? {}, podSelector: onPod('a') ?? {} }]) },
  },
  { name: 'one protocol on all ports', policies: { p: ingress(undefined, [{ protocol: 'TCP' }]) } },
  {
    name: 'allow all beside one port',
    policies: { p: ingress(undefined, [{ port: 80 }], {}), all: ingress(undefined, undefined, {}) },
  },
  {
    name: 'allow all egress beside one port',
    policies: { p: egress(undefined, [{ port: 80 }], {}), all: egress(undefined, undefined, {}) },
  },
  { name: 'egress to a block', policies: { p: egress([{ ipBlock: { cidr: `${y.b}/32` } }]) } },
  {
    name: 'egress to a block with an exception',
    policies: { p: egress([{ ipBlock: { cidr: '10.42.0.0/16', except: [`${x.b}/32`] } }]) },
  },
  {
    name: 'an exception that another block allows',
    policies: {
      p: egress([{ ipBlock: { cidr: '10.42.0.0/16', except: [`${x.b}/32`] } }]),
      q: egress([{ ipBlock: { cidr: `${x.b}/32` } }]),
    },
  },
  {
    name: 'ingress from a block on a range of ports',
    policies: { p: ingress([{ ipBlock: { cidr: '10.42.1.0/24' } }], [{ port: 1, endPort: 80 }]) },
  },
  {
    name: 'egress on a range of ports by UDP',
    policies: { p: egress(undefined, [{ port: 81, endPort: 90, protocol: 'UDP' }]) },
  },
  {
    name: 'egress open and ingress closed of one pod',
    policies: { open: egress(undefined), deny: { ...denyIngress, podSelector: onPod('a') ?? {} } },
  },
  { name: 'SCTP is not TCP', policies: { deny: denyIngress, p: ingress(undefined, [{ port: 81, protocol: 'SCTP' }]) } },
  {
    name: 'overlapping ranges for different peers',
    policies: {
      p: {
        podSelector: {},
        ingress: [
          { from: [{ namespaceSelector: named('y') ?? {} }], ports: [{ port: 70, endPort: 80 }] },
          {
            from: [{ podSelector: onPod('c') ?? {} }],
            ports: [
              { port: 75, endPort: 90 },
              { port: 81, protocol: 'UDP' },
            ],
          },
        ],
      },
    },
  },
  {
    name: 'policies in all three namespaces',
    policies: {
      deny: denyAll,
      'y/p': ingress([{ namespaceSelector: named('z') ?? {} }], undefined, {}),
      'z/p': egress([{ podSelector: {} }, { namespaceSelector: named('y') ?? {} }], [{ port: 80 }], {}),
    },
  },
  { name: 'IPv6: no policy', policies: {}, family: 'ip6' },
  {
    name: 'IPv6: pods, blocks and named ports',
    family: 'ip6',
    policies: {
      p: ingress(
        [{ podSelector: onPod('b') ?? {} }, { ipBlock: { cidr: 'fd42:1::/64', except: ['fd42:1::4/128'] } }],
        [{ port: 'serve-80-tcp' }, { port: 81, protocol: 'UDP' }],
      ),
      q: egress([{ namespaceSelector: named('y') ?? {} }], undefined, onPod('b')),
    },
  },
];

describe('network policies in the kernel', needsNetwork, () => {
  let lab: PolicyLab;

  before(async () => {
    lab = await PolicyLab.open();
  });
  after(() => lab?.close());

  for (const { name, policies, prepare, family } of scenarios) {
    it(`who reaches whom: ${name}`, async () => {
      for (const namespace of ['x', 'y', 'z']) lab.namespace(namespace);
      for (const key of lab.pods.keys()) lab.tell(key);
      prepare?.(lab);
      await lab.use(
        Object.entries(policies).map(([key, spec]) => {
          const [namespace = '', policyName = ''] = key.includes('/') ? key.split('/') : ['x', key];
          return policy(namespace, policyName, spec);
        }),
      );
      const allowed = await lab.verify(family);
      const all = lab.pods.size ** 2 * 4;
      assert.ok(Object.keys(policies).length === 0 ? allowed === all : allowed > 0, `${allowed} of ${all}`);
    });
  }

  it('a node reaches its pods whatever policies say, and pods reach the node only where egress allows it', async () => {
    await lab.reset();
    const { node, prober } = lab.pod('x/a');
    const server = await node.space.echo('tcp:9000', 'udp:9001');
    const asks = (): Promise<boolean[]> =>
      prober.ask({ ask: ['tcp 10.42.0.1 9000', 'tcp 10.90.0.1 9000', 'udp 10.90.0.1 9001'] });
    assert.deepEqual(await asks(), [true, true, true]);
    await lab.use([policy('x', 'deny', denyAll)]);
    assert.deepEqual(await asks(), [false, false, false]);
    const dialled = await node.space.run([process.execPath, '-e', dial, x.a, '80']);
    assert.equal(dialled.code, 0, dialled.stderr);
    await lab.use([policy('x', 'node', egress([{ ipBlock: { cidr: '10.90.0.1/32' } }], [{ port: 9000 }], {}))]);
    assert.deepEqual(await asks(), [false, true, false]);
    await server.stop();
  });

  it('connections that policies no longer allow are cut in both directions, and go on when they allow them again', async () => {
    await lab.reset();
    const [client, server] = [lab.pod('x/a'), lab.pod('y/c')];
    for (const protocol of ['tcp', 'udp']) {
      for (const cut of [policy('y', 'cut', denyIngress), policy('x', 'cut', denyEgress)]) {
        const held = await client.prober.ask<number>({ hold: `${protocol} ${server.ip} 80` });
        const says = (): Promise<boolean> => client.prober.ask({ say: held });
        const hears = async (): Promise<boolean> => {
          const earlier = await client.prober.ask<number>({ heard: held });
          await server.prober.ask({ push: true });
          await client.prober.ask({ ask: ['udp 127.0.0.1 80'] });
          return (await client.prober.ask<number>({ heard: held })) > earlier;
        };
        const what = `${protocol} ${cut.metadata?.namespace}`;
        assert.deepEqual([await says(), await hears()], [true, true], `${what} before`);
        await lab.use([cut]);
        assert.deepEqual([await says(), await hears()], [false, false], `${what} cut`);
        await lab.use([]);
        // TCP sends again what was lost, after a while that grows.
        await eventually(`${what} goes on`, says);
      }
    }
  });

  it('answers need no rule: a pod without ingress hears what it asked for', async () => {
    await lab.reset();
    await lab.use([policy('x', 'deny', denyIngress)]);
    const answers = await lab
      .pod('x/a')
      .prober.ask<boolean[]>({ ask: [`tcp ${y.b} 80`, `udp ${y.b} 81`, 'tcp 10.42.1.7 80'] });
    assert.deepEqual(answers, [true, true, true]);
  });

  it('a pod that the policies do not know yet is closed, and open when they know that nothing selects it', async () => {
    await lab.reset();
    await lab.use([policy('x', 'p', denyIngress)]);
    const { prober } = await lab.wirePod('y/new', 0, 99);
    const both = async (): Promise<boolean[]> => [
      ...(await prober.ask<boolean[]>({ ask: [`tcp ${y.b} 80`] })),
      ...(await lab.pod('y/a').prober.ask<boolean[]>({ ask: ['tcp 10.42.0.99 80'] })),
    ];
    assert.deepEqual(await both(), [false, false]);
    lab.tell('y/new');
    await lab.apply();
    assert.deepEqual(await both(), [true, true]);
  });

  it('a policy of a thousand rules is loaded by the kernel, and holds', async () => {
    await lab.reset();
    const rules = Array.from({ length: 1000 }, (_, index) => ({
      from: [
        { ipBlock: { cidr: `172.${16 + (index >> 8)}.${index & 255}.0/24` } },
        { podSelector: { matchLabels: { role: `r${index}` } } },
      ],
      ports: [{ port: 1000 + index }, { port: 20_000, endPort: 20_000 + index }],
    }));
    const last = { from: [{ podSelector: onPod('b') ?? {} }], ports: [{ port: 80 }] };
    await lab.use([policy('x', 'thousand', { podSelector: onPod('a') ?? {}, ingress: [...rules, last] })]);
    await lab.verify();
  });

  it('without policies there is nothing in the tables', async () => {
    await lab.reset();
    for (const { space } of lab.nodes) {
      const table = await space.must('nft', 'list', 'table', 'inet', 'naru-policy-0123abcd');
      assert.equal(table.trim(), 'table inet naru-policy-0123abcd {\n}');
    }
  });
});
