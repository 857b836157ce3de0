import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nextInt, SeededPrng } from '../../lib/prng.ts';
import type { Endpoint } from '../services/endpoints.ts';
import { placed, serviceProgram } from './fragment.ts';
import type { ProxiedPort } from './service-ports.ts';

const endpoint = (ip: string, nodeName = 'n2'): Endpoint => ({
  ip,
  port: 8080,
  nodeName,
  ready: true,
  serving: true,
  terminating: false,
  hintedZones: [],
  hintedNodes: [],
});

const [a, b] = [endpoint('10.42.1.5', 'n1'), endpoint('10.42.2.5')];

const port = (more: Partial<ProxiedPort> = {}): ProxiedPort => ({
  family: 'IPv4',
  protocol: 'tcp',
  port: 80,
  clusterIp: '10.43.0.1',
  externalIps: [],
  guardedIps: [],
  sourceRanges: [],
  internalLocal: false,
  externalLocal: false,
  cluster: [a, b],
  local: [a],
  hasAny: true,
  ...more,
});

/** The fragment as lines, with short names for chains: `ext4`, `all4`, … */
function lines(more: Partial<ProxiedPort>): string[] {
  const { fragment } = serviceProgram('default/web', [port(more)], new Map(), 'n1');
  const short = (text: string): string =>
    text.replace(/((?:ext|all|here|fw|ep|clients)[46])-[0-9a-f]{12}-default\/web\/(tcp|udp)\/\d+/g, '$1');
  const chains = Object.entries(fragment.chains ?? {}).flatMap(([name, { rules }]) =>
    rules.map((rule) => `${name}| ${rule}`),
  );
  const elements = (fragment.elements ?? []).map(
    ({ set, key, value }) => `${set}: ${key}${value === undefined ? '' : ` = ${value}`}`,
  );
  return [...chains, ...elements].map(short);
}

const mark = 'meta mark set meta mark or 0x1000';
const toA = 'meta l4proto tcp dnat ip to 10.42.1.5:8080';
const toB = 'meta l4proto tcp dnat ip to 10.42.2.5:8080';
const plain = [
  'services4: 10.43.0.1 . tcp . 80 = goto pick4-tcp-2',
  'endpoints4-tcp: 10.43.0.1 . 80 . 0 = 10.42.1.5 . 8080',
  'endpoints4-tcp: 10.43.0.1 . 80 . 1 = 10.42.2.5 . 8080',
];
const hairpin = 'hairpin4: 10.42.1.5 . 10.42.1.5';

const rows: readonly { name: string; port: Partial<ProxiedPort>; lines: readonly string[] }[] = [
  { name: 'a plain port is elements alone', port: { local: [] }, lines: [...plain, hairpin] },
  {
    name: 'without endpoints it is rejected',
    port: { cluster: [], local: [], hasAny: false },
    lines: ['no-endpoints4: 10.43.0.1 . tcp . 80 = goto rejected'],
  },
  {
    name: 'with an internal policy of Local it has the endpoints of this node',
    port: { internalLocal: true },
    lines: [
      'services4: 10.43.0.1 . tcp . 80 = goto pick4-tcp-1',
      'endpoints4-tcp: 10.43.0.1 . 80 . 0 = 10.42.1.5 . 8080',
      hairpin,
      hairpin,
    ],
  },
  {
    name: 'and is silent where there are none, as others have some',
    port: { internalLocal: true, local: [], cluster: [b] },
    lines: ['no-endpoints4: 10.43.0.1 . tcp . 80 = drop'],
  },
  {
    name: 'a node port and external addresses are marked, and go to all',
    port: { nodePort: 30_080, externalIps: ['203.0.113.7'], local: [] },
    lines: [
      `all4| numgen random mod 2 0 ${toA}`,
      `all4| ${toB}`,
      `ext4| ${mark}`,
      'ext4| goto all4',
      ...plain,
      'services4: 203.0.113.7 . tcp . 80 = goto ext4',
      'node-ports4: tcp . 30080 = goto ext4',
      hairpin,
    ],
  },
  {
    name: 'with an external policy of Local outsiders reach this node’s endpoints unmarked',
    port: { nodePort: 30_080, externalLocal: true },
    lines: [
      `all4| numgen random mod 2 0 ${toA}`,
      `all4| ${toB}`,
      `here4| ${toA}`,
      'ext4| ip saddr @pods4 goto all4',
      `ext4| fib saddr type local ${mark}`,
      'ext4| fib saddr type local goto all4',
      'ext4| goto here4',
      ...plain,
      'node-ports4: tcp . 30080 = goto ext4',
      hairpin,
      hairpin,
    ],
  },
  {
    name: 'and nothing where there are none here, while those within are served',
    port: { nodePort: 30_080, externalIps: ['203.0.113.7'], externalLocal: true, local: [], cluster: [b] },
    lines: [
      `all4| ${toB}`,
      'ext4| ip saddr @pods4 goto all4',
      `ext4| fib saddr type local ${mark}`,
      'ext4| fib saddr type local goto all4',
      'services4: 10.43.0.1 . tcp . 80 = goto pick4-tcp-1',
      'endpoints4-tcp: 10.43.0.1 . 80 . 0 = 10.42.2.5 . 8080',
      'services4: 203.0.113.7 . tcp . 80 = goto ext4',
      'node-ports4: tcp . 30080 = goto ext4',
      'no-endpoints4: 203.0.113.7 . tcp . 80 = drop',
      'no-endpoint-ports4: tcp . 30080 = drop',
    ],
  },
  {
    name: 'source ranges stand before the address',
    port: {
      cluster: [],
      local: [],
      hasAny: false,
      externalIps: ['203.0.113.7'],
      guardedIps: ['203.0.113.7'],
      sourceRanges: ['10.0.0.0/8'],
    },
    lines: [
      'fw4| ip saddr 10.0.0.0/8 return',
      'fw4| ip saddr 203.0.113.7 return',
      'fw4| drop',
      'no-endpoints4: 10.43.0.1 . tcp . 80 = goto rejected',
      'no-endpoints4: 203.0.113.7 . tcp . 80 = goto rejected',
      'firewall4: 203.0.113.7 . tcp . 80 = goto fw4',
    ],
  },
  {
    name: 'IPv6 has sets of its own',
    port: { family: 'IPv6', clusterIp: 'fd00::1', cluster: [endpoint('fd00:42::5')], local: [], nodePort: 30_080 },
    lines: [
      'all6| meta l4proto tcp dnat ip6 to [fd00:42::5]:8080',
      `ext6| ${mark}`,
      'ext6| goto all6',
      'services6: fd00::1 . tcp . 80 = goto pick6-tcp-1',
      'endpoints6-tcp: fd00::1 . 80 . 0 = fd00:42::5 . 8080',
      'node-ports6: tcp . 30080 = goto ext6',
    ],
  },
];

describe('the program of a Service', () => {
  for (const row of rows) {
    test(row.name, () => assert.deepEqual(lines(row.port), row.lines));
  }

  test('affinity gives each endpoint a chain and a set of its clients, which another timeout makes anew', () => {
    const of = (affinitySeconds: number) =>
      serviceProgram('default/web', [port({ affinitySeconds })], new Map(), 'n1').fragment;
    const [first, second] = [of(60), of(90)];
    assert.deepEqual(
      Object.values(first.sets ?? {}).map(({ declaration }) => declaration),
      Array(2).fill('type ipv4_addr; flags dynamic,timeout; timeout 60s'),
    );
    const sets = Object.keys(first.sets ?? {});
    assert.equal(sets.filter((set) => second.sets?.[set] !== undefined).length, 0);
    const [, choice] = Object.entries(first.chains ?? {}).find(([name]) => name.startsWith('all4')) ?? [];
    assert.equal(choice?.rules.filter((rule) => rule.startsWith('ip saddr @clients4-')).length, 2);
    const [, own] = Object.entries(first.chains ?? {}).find(([name]) => name.startsWith('ep4')) ?? [];
    assert.match(own?.rules[0] ?? '', /^update @clients4-\S+ \{ ip saddr \}$/);
  });

  test('many endpoints of a node port are one rule', () => {
    const cluster = Array.from({ length: 20 }, (_, i) => endpoint(`10.42.3.${i}`));
    const { fragment } = serviceProgram('default/web', [port({ cluster, nodePort: 30_080 })], new Map(), 'n1');
    const [, all] = Object.entries(fragment.chains ?? {}).find(([name]) => name.startsWith('all4')) ?? [];
    assert.equal(all?.rules.length, 1);
    assert.match(all?.rules[0] ?? '', /numgen random mod 20 map \{ 0 : 10\.42\.3\.0 \. 8080, /);
  });

  test('one endpoint that goes or comes moves at most one other, and slots are always filled from 0 on', () => {
    const prng = new SeededPrng(7);
    let slots: readonly string[] = [];
    for (let round = 0; round < 500; round++) {
      const wanted = slots.toSorted();
      if (prng.next() < 0.5 || wanted.length === 0) wanted.push(`new-${round}`);
      else wanted.splice(nextInt(prng, wanted.length), 1);
      const next = placed(slots, wanted.toSorted());
      assert.deepEqual(next.toSorted(), wanted.toSorted());
      const changed = next.filter((one, slot) => slots[slot] !== one).length;
      assert.ok(changed <= 1, `round ${round}: ${changed} slots changed`);
      slots = next;
    }
  });
});
