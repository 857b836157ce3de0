import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { forwardingSettings, forwardRules, forwardRulesRemoved, routerListeners } from './forwarding.ts';
import { changedUdpPorts, hostPortFragment, hostPortMappings, surroundingsFragment } from './table.ts';

type Ports = NonNullable<NonNullable<Pod['spec']>['containers'][number]['ports']>;

const pod = (name: string, ports: Ports, changes: { status?: object; spec?: object; metadata?: object } = {}): Pod => ({
  metadata: { namespace: 'default', name, ...changes.metadata },
  spec: { containers: [{ name: 'c', ports }], ...changes.spec },
  status: { phase: 'Running', startTime: '2026-01-01T00:00:00Z', podIPs: [{ ip: '10.42.0.5' }], ...changes.status },
});
const web = { containerPort: 8080, hostPort: 80 };

const elements = (...pods: readonly Pod[]): string[] =>
  (hostPortFragment(hostPortMappings(pods))?.elements ?? []).map(({ set, key, value }) =>
    [set, key, ...(value ? [value] : [])].join(' | '),
  );

describe('ports of the node that are pods’', () => {
  const itself = 'itself4 | 10.42.0.5 . 10.42.0.5';
  const rows: readonly (readonly [what: string, pod: Pod, expected: readonly string[]])[] = [
    ['on all addresses', pod('a', [web]), ['ports4 | tcp . 80 | 10.42.0.5 . 8080', itself]],
    [
      'on one address',
      pod('a', [{ ...web, hostIP: '192.0.2.7', protocol: 'UDP' }]),
      ['addressports4 | 192.0.2.7 . udp . 80 | 10.42.0.5 . 8080', itself],
    ],
    [
      '0.0.0.0 is all of IPv4',
      pod('a', [{ ...web, hostIP: '0.0.0.0', protocol: 'SCTP' }]),
      ['ports4 | sctp . 80 | 10.42.0.5 . 8080', itself],
    ],
    [
      'both families',
      pod('a', [web], { status: { podIPs: [{ ip: '10.42.0.5' }, { ip: 'fd00::5' }] } }),
      [
        'ports4 | tcp . 80 | 10.42.0.5 . 8080',
        'ports6 | tcp . 80 | fd00::5 . 8080',
        itself,
        'itself6 | fd00::5 . fd00::5',
      ],
    ],
    [
      ':: is all of IPv6',
      pod('a', [{ ...web, hostIP: '::' }], { status: { podIPs: [{ ip: '10.42.0.5' }, { ip: 'fd00::5' }] } }),
      ['ports6 | tcp . 80 | fd00::5 . 8080', 'itself6 | fd00::5 . fd00::5'],
    ],
    ['a port of the container alone', pod('a', [{ containerPort: 80 }]), []],
    ['a pod on the host’s network listens by itself', pod('a', [web], { spec: { hostNetwork: true } }), []],
    ['a pod that ended', pod('a', [web], { status: { phase: 'Failed' } }), []],
    ['a pod without an address yet', pod('a', [web], { status: { podIPs: [] } }), []],
    [
      'a sidecar’s',
      pod('a', [], { spec: { initContainers: [{ name: 's', restartPolicy: 'Always', ports: [web] }] } }),
      ['ports4 | tcp . 80 | 10.42.0.5 . 8080', itself],
    ],
    [
      'not those of a container that only comes first',
      pod('a', [], { spec: { initContainers: [{ name: 's', ports: [web] }] } }),
      [],
    ],
  ];
  for (const [what, one, expected] of rows) test(what, () => assert.deepEqual(elements(one), expected));

  test('the pod that stays has the port, then the one that began last', () => {
    const at = (ip: string, more: object = {}): object => ({ podIPs: [{ ip }], ...more });
    const ending = pod('b', [web], {
      status: at('10.42.0.6'),
      metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' },
    });
    const later = pod('c', [web], { status: at('10.42.0.7', { startTime: '2026-01-03T00:00:00Z' }) });
    const first = (...pods: readonly Pod[]): string | undefined => hostPortMappings(pods)[0]?.address;
    assert.equal(first(pod('a', [web]), ending), '10.42.0.5');
    assert.equal(first(ending, pod('a', [web])), '10.42.0.5');
    assert.equal(first(later, pod('a', [web])), '10.42.0.7');
    assert.equal(first(ending), '10.42.0.6', 'until it ends it answers');
  });

  test('UDP ports that lead elsewhere now are to be forgotten', () => {
    const dns = { containerPort: 53, hostPort: 5353, protocol: 'UDP' } as const;
    const mappings = (ip: string) => hostPortMappings([pod('a', [dns, web], { status: { podIPs: [{ ip }] } })]);
    assert.deepEqual(changedUdpPorts([], mappings('10.42.0.5')), [5353]);
    assert.deepEqual(changedUdpPorts(mappings('10.42.0.5'), mappings('10.42.0.5')), []);
    assert.deepEqual(changedUdpPorts(mappings('10.42.0.5'), mappings('10.42.0.6')), [5353]);
    assert.deepEqual(changedUdpPorts(mappings('10.42.0.5'), []), [5353]);
  });
});

describe('who keeps its address', () => {
  const around = {
    own: ['10.42.1.0/24', 'fd00:42:1::/64'],
    podRanges: ['10.42.1.0/24', '10.42.2.0/24', 'fd00:42:1::/64'],
    nodeAddresses: ['10.90.0.11', 'fd00:90::11', '10.42.2.9'],
    masquerade: true,
    nonMasqueradeCIDRs: ['10.90.0.0/16'],
  };
  const sets = (changes: Partial<typeof around>): string[] =>
    (surroundingsFragment({ ...around, ...changes }).elements ?? []).map(({ set, key }) => `${set} ${key}`);

  test('inside are pods, nodes, what was named, and groups of receivers, in ranges that do not overlap', () => {
    assert.deepEqual(
      sets({}).filter((line) => line.includes('4 ')),
      [
        'own4 10.42.1.0-10.42.1.255',
        'inside4 10.42.1.0-10.42.2.255',
        'inside4 10.90.0.0-10.90.255.255',
        'inside4 224.0.0.0-239.255.255.255',
      ],
    );
  });

  test('everything is, where nothing is to be masqueraded', () => {
    assert.ok(sets({ masquerade: false }).includes('inside4 0.0.0.0-255.255.255.255'));
  });
});

describe('the machine lets pods’ packets pass', () => {
  const id = '0123abcd';
  const names = (...parameters: Parameters<typeof forwardingSettings>): string[] =>
    forwardingSettings(...parameters).map(({ name, value }) => `${name}=${value}`);

  test('only what its pods need is set', () => {
    assert.deepEqual(names(['10.42.1.0/24'], undefined), ['net/ipv4/ip_forward=1']);
    assert.deepEqual(names(['fd00::/64'], 'naru-vx-1'), [
      'net/ipv6/conf/all/forwarding=1',
      'net/ipv4/conf/naru-vx-1/rp_filter=2',
    ]);
    assert.deepEqual(routerListeners(['eth0'])[0]?.accepted, ['0', '2'], 'who never listened is not told to');
  });

  test('another’s firewall that drops lets our ranges through, once, and without them again', () => {
    const accepts = '-P FORWARD ACCEPT\n';
    const docker = '-P FORWARD DROP\n-A FORWARD -j DOCKER-USER\n';
    assert.deepEqual(forwardRules(accepts, ['10.42.1.0/24'], id), []);
    const rules = forwardRules(docker, ['10.42.1.0/24'], id);
    assert.deepEqual(
      rules[0]?.join(' '),
      '-w 5 -I FORWARD 1 -s 10.42.1.0/24 -m comment --comment naru-0123abcd -j ACCEPT',
    );
    assert.equal(rules.length, 2);
    const ours = ['-s', '-d'].map(
      (side) => `-A FORWARD ${side} 10.42.1.0/24 -m comment --comment naru-0123abcd -j ACCEPT\n`,
    );
    const after = `${docker}${ours.join('')}-A FORWARD -s 10.1.0.0/24 -m comment --comment naru-0123abce -j ACCEPT\n`;
    assert.deepEqual(forwardRules(after, ['10.42.1.0/24'], id), []);
    assert.deepEqual(
      forwardRulesRemoved(after, id).map((rule) => rule.join(' ')),
      ['-s', '-d'].map((side) => `-w 5 -D FORWARD ${side} 10.42.1.0/24 -m comment --comment naru-0123abcd -j ACCEPT`),
    );
  });
});
