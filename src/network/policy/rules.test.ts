import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NetworkPolicy } from '../../api/schema/types/networking-v1.ts';
import { a, b, c, from, Lab, namespace, onA, pod, policy, smallWorld, to } from './program-testing.ts';

/** What a policy in x, which selects a, lets through. */
const rows: readonly { name: string; spec: NetworkPolicy['spec']; passes?: string[]; drops?: string[] }[] = [
  {
    name: 'without rules nobody comes in, and what goes out is not its business',
    spec: onA,
    passes: [`${a}>${b}:80`, `${b}>${c}:80`, `${a}>${a}:80`],
    drops: [`${b}>${a}:80`, `${c}>${a}:80`, `192.0.2.1>${a}:80`],
  },
  {
    name: 'an empty rule lets everybody in on all ports and protocols',
    spec: { ...onA, ingress: [{}] },
    passes: [`${b}>${a}:80`, `192.0.2.1>${a}:1/icmp`, `${c}>${a}:81/udp`],
  },
  {
    name: 'an empty list of rules lets nobody in',
    spec: { ...onA, ingress: [] },
    drops: [`${b}>${a}:80`],
  },
  {
    name: 'empty lists of peers and ports are as none',
    spec: { ...onA, ingress: [{ from: [], ports: [] }] },
    passes: [`192.0.2.1>${a}:80`],
  },
  {
    name: 'egress counts where rules are there, without being told as a type, and ingress is closed then',
    spec: { ...onA, egress: [{ to: [{ podSelector: {} }] }] },
    passes: [`${a}>${b}:80`],
    drops: [`${a}>${c}:80`, `${b}>${a}:80`],
  },
  {
    name: 'with egress as the only type ingress stays open',
    spec: { ...onA, policyTypes: ['Egress'] },
    passes: [`${b}>${a}:80`],
    drops: [`${a}>${b}:80`, `${a}>192.0.2.1:80`],
  },
  {
    name: 'egress rules do not count where ingress is the only type',
    spec: { ...onA, policyTypes: ['Ingress'], egress: [{ to: [{ podSelector: { matchLabels: { app: 'none' } } }] }] },
    passes: [`${a}>${b}:80`],
    drops: [`${b}>${a}:80`],
  },
  {
    name: 'a pod selector alone looks into the policy’s own namespace',
    spec: from([{ podSelector: {} }]),
    passes: [`${b}>${a}:80`],
    drops: [`${c}>${a}:80`],
  },
  {
    name: 'an empty namespace selector is all namespaces, but nobody outside',
    spec: from([{ namespaceSelector: {} }]),
    passes: [`${b}>${a}:80`, `${c}>${a}:80`],
    drops: [`192.0.2.1>${a}:80`],
  },
  {
    name: 'both selectors of one peer must match',
    spec: from([{ namespaceSelector: { matchLabels: { team: 'two' } }, podSelector: { matchLabels: { app: 'b' } } }]),
    drops: [`${b}>${a}:80`, `${c}>${a}:80`],
  },
  {
    name: 'of two peers one is enough',
    spec: from([
      { namespaceSelector: { matchLabels: { team: 'two' } } },
      { podSelector: { matchLabels: { app: 'b' } } },
    ]),
    passes: [`${b}>${a}:80`, `${c}>${a}:80`],
  },
  {
    name: 'a block is addresses without its exceptions, also of exceptions that overlap',
    spec: from([{ ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.0/28', '192.0.2.8/29', '192.0.2.255/32'] } }]),
    passes: [`192.0.2.16>${a}:80`, `192.0.2.254>${a}:80`],
    drops: [`192.0.2.0>${a}:80`, `192.0.2.15>${a}:80`, `192.0.2.255>${a}:80`, `${b}>${a}:80`, `198.51.100.1>${a}:80`],
  },
  {
    name: 'an exception that equals its block leaves nothing',
    spec: from([{ ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.0/24'] } }]),
    drops: [`192.0.2.1>${a}:80`],
  },
  {
    name: 'what one block excepts another may allow',
    spec: from([
      { ipBlock: { cidr: '192.0.2.0/24', except: ['192.0.2.0/28'] } },
      { ipBlock: { cidr: '192.0.2.4/30' } },
      { ipBlock: { cidr: '192.0.2.0/25', except: ['192.0.2.0/26'] } },
    ]),
    passes: [`192.0.2.5>${a}:80`, `192.0.2.16>${a}:80`],
    drops: [`192.0.2.1>${a}:80`],
  },
  {
    name: 'a block holds pods, too',
    spec: from([{ ipBlock: { cidr: `${b}/32` } }]),
    passes: [`${b}>${a}:80`],
    drops: [`${c}>${a}:80`],
  },
  {
    name: 'ports are numbers, ranges and protocols; TCP where nothing is said',
    spec: from([{ podSelector: {} }], [{ port: 80 }, { port: 80 }, { port: 90, endPort: 99 }, { protocol: 'UDP' }]),
    passes: [`${b}>${a}:80`, `${b}>${a}:90`, `${b}>${a}:99`, `${b}>${a}:53/udp`, `${b}>${a}:1/udp`],
    drops: [`${b}>${a}:81`, `${b}>${a}:100`, `${b}>${a}:80/sctp`, `${b}>${a}:80/icmp`, `${c}>${a}:80`],
  },
  {
    name: 'a named port is what the pod which is asked calls so, by protocol',
    spec: from([{ podSelector: {} }], [{ port: 'web' }, { port: 'dns', protocol: 'UDP' }, { port: 'dns' }]),
    passes: [`${b}>${a}:8080`, `${b}>${a}:53/udp`],
    drops: [`${b}>${a}:53`, `${b}>${a}:9090`, `${c}>${a}:8080`],
  },
  {
    name: 'a named port on the way out is each pod’s own',
    spec: to([{ namespaceSelector: {} }], [{ port: 'web' }]),
    passes: [`${a}>${c}:9090`],
    drops: [`${a}>${c}:8080`, `${a}>${b}:8080`, `${a}>192.0.2.1:9090`],
  },
  {
    name: 'a named port without peers is that of every pod',
    spec: { ...onA, policyTypes: ['Egress'], egress: [{ ports: [{ port: 'web' }] }] },
    passes: [`${a}>${c}:9090`],
    drops: [`${a}>192.0.2.1:9090`],
  },
  {
    name: 'a name and the same number both count',
    spec: { ...onA, ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 'web' }] }, { ports: [{ port: 8080 }] }] },
    passes: [`${b}>${a}:8080`, `${c}>${a}:8080`],
  },
  {
    name: 'SCTP has its own ports',
    spec: from([{ podSelector: {} }], [{ protocol: 'SCTP', port: 80 }]),
    passes: [`${b}>${a}:80/sctp`],
    drops: [`${b}>${a}:80`, `${b}>${a}:81/sctp`],
  },
  {
    name: 'rules whose ports overlap give each port what any of them allows',
    spec: {
      ...onA,
      ingress: [
        { from: [{ podSelector: {} }], ports: [{ port: 80, endPort: 90 }] },
        { from: [{ namespaceSelector: { matchLabels: { team: 'two' } } }], ports: [{ port: 85, endPort: 99 }] },
        { ports: [{ port: 88 }] },
      ],
    },
    passes: [`${b}>${a}:80`, `${b}>${a}:86`, `${c}>${a}:86`, `${c}>${a}:95`, `192.0.2.1>${a}:88`],
    drops: [`${c}>${a}:80`, `${b}>${a}:95`, `192.0.2.1>${a}:87`, `192.0.2.1>${a}:89`],
  },
  {
    name: 'egress to a block on a port',
    spec: to([{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.0.0.0/8'] } }], [{ port: 443 }]),
    passes: [`${a}>192.0.2.1:443`],
    drops: [`${a}>${b}:443`, `${a}>192.0.2.1:80`],
  },
];

describe('what a policy lets through', () => {
  for (const { name, spec, passes = [], drops = [] } of rows) {
    it(name, () => {
      const lab = smallWorld().policies(policy('x', 'p', spec));
      for (const text of passes) assert.ok(lab.passes(text), `${text} must pass`);
      for (const text of drops) assert.ok(!lab.passes(text), `${text} must not pass`);
    });
  }

  it('is the union of all policies that select the pod', () => {
    const lab = smallWorld().policies(
      policy('x', 'deny', { podSelector: {} }),
      policy('x', 'p', from([{ podSelector: {} }])),
    );
    assert.ok(lab.passes(`${b}>${a}:80`));
    assert.ok(!lab.passes(`${a}>${b}:80`));
    lab.policies(policy('x', 'q', from([{ namespaceSelector: { matchLabels: { team: 'two' } } }], [{ port: 80 }])));
    assert.ok(lab.passes(`${c}>${a}:80`));
    assert.ok(!lab.passes(`${c}>${a}:81`));
  });

  it('is about both families of a pod', () => {
    const lab = new Lab()
      .namespaces(namespace('x'))
      .pods(pod('x', 'a', '10.42.0.11,fd42::b'), pod('x', 'b', '10.42.0.12,FD42:0::000C'))
      .policies(
        policy(
          'x',
          'p',
          from([
            { podSelector: { matchLabels: { app: 'b' } } },
            { ipBlock: { cidr: '2001:db8::/32', except: ['2001:db8:1::/48'] } },
          ]),
        ),
      );
    assert.ok(lab.passes('fd42::c>fd42::b:80'));
    assert.ok(lab.passes('2001:db8:2::1>fd42::b:80'));
    assert.ok(!lab.passes('2001:db8:1::1>fd42::b:80'));
    assert.ok(!lab.passes('fd42::d>fd42::b:80'));
  });

  it('is not about pods with the node’s address, and those are no peers', () => {
    const lab = smallWorld()
      .pods(pod('x', 'host', '172.16.0.1', { hostNetwork: true }))
      .policies(policy('x', 'p', { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }));
    assert.ok(!lab.passes(`172.16.0.1>${a}:80`));
    assert.ok(lab.passes(`${c}>172.16.0.1:80`));
  });

  it('is not about pods that ended, and those are no peers', () => {
    const lab = smallWorld().policies(policy('x', 'p', from([{ podSelector: {} }])));
    assert.ok(lab.passes(`${b}>${a}:80`));
    lab.pods(pod('x', 'b', b, { phase: 'Succeeded' }));
    assert.ok(!lab.passes(`${b}>${a}:80`));
  });

  it('also holds for what pods ask the node', () => {
    const lab = smallWorld().policies(
      policy('x', 'p', to([{ ipBlock: { cidr: '10.43.0.10/32' } }], [{ port: 53, protocol: 'UDP' }])),
    );
    lab.apply();
    const hears = (from: string, port: number): boolean =>
      lab.table.load().hears({ from, to: '10.43.0.10', protocol: 'udp', port });
    assert.deepEqual([hears(a, 53), hears(a, 54), hears(b, 54)], [true, false, true]);
  });
});
