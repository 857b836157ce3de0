import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Printed, readKernel, routeCommands, routeMetric } from './kernel-routes.ts';
import { hardwareOf, type Link, type NetworkNode, planRoutes, podMtu, type RouteQuestion, tunnelId } from './routes.ts';
import { podNetworkSettings } from './settings.ts';
import { defaultDevice } from './underlay.ts';

const id = '0123abcd';
const device = 'naru-vx-0123ab';
const mark = `proto 110 metric ${routeMetric(id)}`;

const link = (name: string, ...addresses: readonly string[]): Link => ({
  name,
  mtu: 1500,
  isUp: true,
  addresses: addresses.map((text) => ({ address: text.split('/')[0] ?? '', prefix: Number(text.split('/')[1]) })),
});
const node = (name: string, addresses: readonly string[], ...ranges: readonly string[]): NetworkNode => ({
  name,
  addresses,
  ranges,
});

const own = node('n1', ['10.90.0.11'], '10.42.1.0/24');
const near = node('n2', ['10.90.0.12'], '10.42.2.0/24');
const far = node('n3', ['10.91.0.13'], '10.42.3.0/24');
const links = [link('lo', '127.0.0.1/8'), link('eth0', '10.90.0.11/24'), link('veth0', '10.42.1.1/32')];

function plan(changes: Partial<RouteQuestion> = {}) {
  const tunnel = { device, id: 77, port: 8472, mtu: 1450 };
  return planRoutes({ own, others: [near, far], links, backend: 'auto', tunnel, ...changes });
}

/** `10.42.2.0/24 10.90.0.12@eth0`; `!` for what is unreachable. */
const ways = (changes: Partial<RouteQuestion> = {}): string[] =>
  plan(changes).routes.map(({ range, via }) => `${range} ${via === undefined ? '!' : `${via.address}@${via.device}`}`);
const problems = (changes: Partial<RouteQuestion>): string[] =>
  plan(changes).problems.map(({ node: name, message }) => `${name}: ${message}`);

describe('the way to the pods of other nodes', () => {
  const toSelf = '10.42.1.0/24 !';
  const direct = '10.42.2.0/24 10.90.0.12@eth0';
  const tunnelled = '10.42.3.0/24 10.42.3.0@naru-vx-0123ab';
  const rows: readonly (readonly [what: string, changes: Partial<RouteQuestion>, expected: readonly string[]])[] = [
    ['a neighbour by its address, others by the tunnel', {}, [toSelf, direct, tunnelled]],
    ['all by the tunnel', { backend: 'vxlan' }, [toSelf, '10.42.2.0/24 10.42.2.0@naru-vx-0123ab', tunnelled]],
    ['neighbours alone', { backend: 'direct' }, [toSelf, direct]],
    ['nobody, where the network is somebody else’s', { backend: 'none' }, []],
    ['a node alone', { others: [] }, [toSelf]],
    ['a node without a range yet', { others: [node('n2', ['10.90.0.12'])] }, [toSelf]],
    [
      'an interface that is down has no neighbours',
      { others: [near], links: [{ ...link('eth0', '10.90.0.11/24'), isUp: false }] },
      [toSelf, '10.42.2.0/24 10.42.2.0@naru-vx-0123ab'],
    ],
    [
      'a cable with an address alone leads to no other node',
      { others: [near], links: [link('veth0', '10.90.0.12/32')] },
      [toSelf, '10.42.2.0/24 10.42.2.0@naru-vx-0123ab'],
    ],
    [
      'another node in this very machine needs no way',
      { others: [node('n9', ['10.90.0.11'], '10.42.9.0/24')] },
      [toSelf],
    ],
    ['a range that says a host’s bits', { others: [node('n2', ['10.90.0.12'], '10.42.2.7/24')] }, [toSelf, direct]],
    [
      'both families, each by its own',
      {
        own: node('n1', ['10.90.0.11', 'fd00:90::11'], '10.42.1.0/24', 'fd00:42:1::/64'),
        others: [
          node('n2', ['10.90.0.12', 'fd00:90::12'], '10.42.2.0/24', 'fd00:42:2::/64'),
          node('n4', ['10.90.0.14'], 'fd00:42:4::/64'),
        ],
        links: [link('eth0', '10.90.0.11/24', 'fd00:90::11/64', 'fe80::1/64')],
      },
      [
        toSelf,
        'fd00:42:1::/64 !',
        direct,
        'fd00:42:2::/64 fd00:90::12@eth0',
        'fd00:42:4::/64 fd00:42:4::@naru-vx-0123ab',
      ],
    ],
  ];
  for (const [what, changes, expected] of rows) test(what, () => assert.deepEqual(ways(changes), expected));

  test('what cannot be reached as it should be is told of', () => {
    const twin = node('n9', ['10.90.0.12'], '10.42.9.0/24');
    assert.deepEqual(problems({ others: [near, twin] }), [
      'n9: it has the address 10.90.0.12 of node n2: packets for one reach the other',
    ]);
    assert.deepEqual(problems({ others: [node('n5', ['10.90.0.15'], '10.42.2.0/24'), near] }), [
      'n5: its range 10.42.2.0/24 is another node’s, too; pods of one of them are not reached'.replace('’', "'"),
    ]);
    assert.match(
      problems({ others: [far], backend: 'direct' })[0] ?? '',
      /^n3: there is no way to its pods .* is direct$/,
    );
    assert.match(
      problems({ others: [node('n6', ['fd00:91::6'], '10.42.6.0/24')] })[0] ?? '',
      /^n6: .* no address of this node's family/,
    );
    assert.deepEqual(problems({}), []);
  });

  test('the tunnel is there for those behind it alone, with an address of its own', () => {
    assert.equal(plan({ others: [near] }).tunnel, undefined);
    const { tunnel, peers } = plan();
    const hardware = hardwareOf('10.90.0.11');
    assert.deepEqual(tunnel, {
      device,
      id: 77,
      port: 8472,
      mtu: 1450,
      local: '10.90.0.11',
      hardware,
      addresses: ['10.42.1.0'],
    });
    assert.deepEqual(peers, [{ hardware: '02:6e:0a:5b:00:0d', node: '10.91.0.13', gateways: ['10.42.3.0'] }]);
  });

  test('pods’ packets leave room for the tunnel where one may come to be', () => {
    assert.equal(podMtu('auto', 1500, '10.90.0.11'), 1450);
    assert.equal(podMtu('vxlan', 9000, 'fd00::1'), 8930);
    assert.equal(podMtu('direct', 1500, '10.90.0.11'), 1500);
    assert.equal(podMtu('auto', 1300, '10.90.0.11'), 1280, 'IPv6 needs so much');
  });

  test('clusters have tunnels of their own', () => {
    assert.notEqual(tunnelId('a'), tunnelId('b'));
    assert.ok(tunnelId('a') > 0 && tunnelId('a') < 2 ** 24);
  });
});

describe('the kernel is brought to the plan', () => {
  const nothing: Printed = { addresses: [], routes: [], neighbours: [], forwarding: [] };
  const metric = routeMetric(id);
  /** As the kernel shows what `plan()` asks for. */
  const done: Printed = {
    addresses: [
      {
        ifname: device,
        flags: ['UP'],
        mtu: 1450,
        address: hardwareOf('10.90.0.11'),
        linkinfo: { info_kind: 'vxlan', info_data: { id: 77, port: 8472, local: '10.90.0.11' } },
        addr_info: [
          { local: '10.42.1.0', prefixlen: 32, scope: 'global' },
          { local: 'fe80::1', prefixlen: 64, scope: 'link' },
        ],
      },
    ],
    routes: [
      { type: 'unreachable', dst: '10.42.1.0/24', metric },
      { dst: '10.42.2.0/24', gateway: '10.90.0.12', dev: 'eth0', metric },
      { dst: '10.42.3.0/24', gateway: '10.42.3.0', dev: device, metric },
    ],
    neighbours: [{ dst: '10.42.3.0', dev: device, lladdr: '02:6e:0a:5b:00:0d' }],
    forwarding: [{ mac: '02:6e:0a:5b:00:0d', dst: '10.91.0.13' }, { mac: '33:33:00:00:00:01' }],
  };
  const commands = (changes: Partial<RouteQuestion>, printed: Printed): string[] => {
    const { before, bridge, after } = routeCommands(plan(changes), readKernel(printed, id), id);
    return [...before, ...bridge, ...after];
  };
  const up = `link set ${device} up`;

  test('from nothing: the device, who is behind it, then the routes', () => {
    assert.deepEqual(commands({}, nothing), [
      `link add ${device} type vxlan id 77 local 10.90.0.11 dstport 8472 nolearning`,
      `link set ${device} address 02:6e:0a:5a:00:0b mtu 1450`,
      up,
      `address add 10.42.1.0/32 dev ${device}`,
      `neighbour replace 10.42.3.0 lladdr 02:6e:0a:5b:00:0d dev ${device} nud permanent`,
      `fdb replace 02:6e:0a:5b:00:0d dev ${device} dst 10.91.0.13`,
      `route replace unreachable 10.42.1.0/24 ${mark}`,
      `route replace 10.42.2.0/24 via 10.90.0.12 dev eth0 ${mark}`,
      `route replace 10.42.3.0/24 via 10.42.3.0 dev ${device} onlink ${mark}`,
    ]);
  });

  test('what is as it should be is left alone', () => assert.deepEqual(commands({}, done), [up]));

  test('a node that is gone takes its entries along, and the last one the tunnel', () => {
    assert.deepEqual(commands({ others: [far] }, done), [up, `route delete 10.42.2.0/24 ${mark}`]);
    assert.deepEqual(commands({ others: [near] }, done), [`link delete ${device}`]);
  });

  test('a node that moved is followed', () => {
    const moved = { ...far, addresses: ['10.91.0.99'] };
    assert.deepEqual(commands({ others: [near, moved] }, done), [
      up,
      `neighbour replace 10.42.3.0 lladdr 02:6e:0a:5b:00:63 dev ${device} nud permanent`,
      `fdb delete 02:6e:0a:5b:00:0d dev ${device} dst 10.91.0.13`,
      `fdb replace 02:6e:0a:5b:00:63 dev ${device} dst 10.91.0.99`,
    ]);
    const closer = { ...far, addresses: ['10.90.0.13'] };
    assert.deepEqual(commands({ others: [near, closer] }, done), [
      `route replace 10.42.3.0/24 via 10.90.0.13 dev eth0 ${mark}`,
      `link delete ${device}`,
    ]);
  });

  test('another id of the tunnel makes it anew, with all that went with it', () => {
    const tunnel = { device, id: 78, port: 8472, mtu: 1450 };
    const all = commands({ tunnel }, done);
    assert.equal(all[0], `link delete ${device}`);
    assert.ok(all.includes(`route replace 10.42.3.0/24 via 10.42.3.0 dev ${device} onlink ${mark}`));
    assert.ok(!all.some((command) => command.includes('10.42.2.0/24')));
  });

  test('routes of others, and of other homes, are not ours', () => {
    const foreign = [{ dst: '10.42.9.0/24', gateway: '10.90.0.1', dev: 'eth0', metric: routeMetric('ffffffff') }];
    assert.deepEqual(commands({}, { ...done, routes: [...done.routes, ...foreign] }), [up]);
  });
});

test('the settings of the pod network', () => {
  const { parse, defaults } = podNetworkSettings;
  assert.deepEqual(parse({ backend: 'vxlan', vxlan: { port: 4789 } }), {
    ...defaults,
    backend: 'vxlan',
    vxlan: { id: 0, port: 4789 },
  });
  const rows: readonly (readonly [value: object, fault: RegExp])[] = [
    [{ backend: 'bgp' }, /^Error: backend takes one of auto, direct, vxlan, none, and got "bgp"$/],
    [{ vxlan: { id: 2 ** 24 } }, /^Error: vxlan\.id takes a whole number from 0 to 16777215/],
    [{ mtu: 500 }, /^Error: mtu takes a whole number from 1280/],
    [{ nonMasqueradeCIDRs: ['10.0.0.0/33'] }, /^Error: nonMasqueradeCIDRs\[0\] takes a range/],
    [{ mtus: 1 }, /^Error: there is no field mtus/],
  ];
  for (const [value, fault] of rows) assert.throws(() => parse(value), fault);
});

test('the machine’s way out is its default route with the lowest metric', () => {
  const table = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
wlan0	00000000	0102A8C0	0003	0	0	600	00000000	0	0	0
eth0	00000000	0100A8C0	0003	0	0	100	00000000	0	0	0
eth1	0000A8C0	00000000	0001	0	0	0	00FFFFFF	0	0	0
`;
  assert.equal(defaultDevice(table), 'eth0');
  assert.equal(defaultDevice(''), undefined);
});
