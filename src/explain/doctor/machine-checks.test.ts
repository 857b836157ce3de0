/** A machine's facts and what is said of them: each row one thing that differs from a good machine. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { machineChecks } from './machine-checks.ts';
import type { MachineFacts } from './machine-facts.ts';

const nowMs = Date.parse('2026-05-01T12:00:00Z');
const dayMs = 24 * 3_600_000;
const disk = {
  what: 'NARU_HOME',
  path: '/var/lib/naru',
  freeBytes: 80e9,
  totalBytes: 100e9,
  freeInodes: 900,
  totalInodes: 1000,
};
const good: MachineFacts = {
  nowMs,
  platform: 'linux',
  isRoot: true,
  kernel: '6.12',
  cgroup: 'v2',
  modules: { overlay: 'here', nf_tables: 'here', nf_conntrack: 'here', veth: 'here', vxlan: 'loadable' },
  nftables: { works: true, says: '' },
  settings: { 'net/ipv4/ip_forward': 1, 'fs/inotify/max_user_instances': 1024 },
  memoryBytes: 8e9,
  freeMemoryBytes: 4e9,
  fileSystems: [disk],
  ports: [{ port: 443, protocol: 'tcp', use: 'Ingresses', isTaken: false, isOurs: false }],
  packages: { missing: [], broken: [] },
  nameServers: [{ address: '10.0.0.1', answers: true }],
  clockKeeper: 'synchronized',
  certificates: [{ file: 'ca.crt', fromMs: nowMs - dayMs, toMs: nowMs + 3000 * dayMs }],
  isHomeOpen: false,
  networkParts: [{ name: 'proxy' }],
  isSimulated: false,
};

const rows: readonly (readonly [
  name: string,
  change: Partial<MachineFacts>,
  check: string,
  state: string,
  says: RegExp,
])[] = [
  ['another system', { platform: 'darwin' }, 'system', 'problem', /--simulated-nodes/],
  ['no root', { isRoot: false }, 'system', 'warning', /sudo/],
  ['packages to come', { packages: { missing: ['runc'], broken: [] } }, 'packages', 'warning', /apt-get install runc/],
  [
    'half-installed packages',
    { packages: { missing: [], broken: ['nftables (half-configured)'] } },
    'packages',
    'problem',
    /dpkg --configure -a/,
  ],
  ['no cgroups', { cgroup: 'none' }, 'cgroups', 'problem', /no cgroups/],
  ['old cgroups', { cgroup: 'v1' }, 'cgroups', 'hint', /version 1/],
  ['a kernel without overlay', { modules: { ...good.modules, overlay: 'absent' } }, 'kernel', 'problem', /overlay/],
  [
    'nftables that does not work',
    { nftables: { works: false, says: 'Operation not permitted' } },
    'kernel',
    'problem',
    /not permitted/,
  ],
  ['a kernel without VXLAN', { modules: { ...good.modules, vxlan: 'absent' } }, 'kernel', 'hint', /vxlan/],
  [
    'a port that nginx has',
    {
      ports: [
        { port: 443, protocol: 'tcp', use: 'Ingresses', isTaken: true, isOurs: false, holder: 'nginx (process 9)' },
      ],
    },
    'ports',
    'warning',
    /443\/tcp \(Ingresses\): nginx \(process 9\).*httpPort/s,
  ],
  [
    'a part of the network that does not run',
    { networkParts: [{ name: 'proxy' }, { name: 'dns', problem: 'port 53 is taken' }] },
    'network',
    'problem',
    /1 of 2 parts/,
  ],
  [
    'a disk that is nearly full',
    { fileSystems: [{ ...disk, freeBytes: 12e9 }] },
    'disk',
    'warning',
    /11.2Gi of 93.1Gi free/,
  ],
  ['a disk that is full', { fileSystems: [{ ...disk, freeBytes: 5e9 }] }, 'disk', 'problem', /naru image list/],
  ['no inodes', { fileSystems: [{ ...disk, freeInodes: 20 }] }, 'disk', 'problem', /2 % of inodes/],
  ['little memory', { freeMemoryBytes: 100e6 }, 'memory', 'warning', /95.4Mi/],
  [
    'low limits',
    { settings: { 'fs/inotify/max_user_instances': 64 } },
    'limits',
    'warning',
    /sysctl -w fs.inotify.max_user_instances=256/,
  ],
  ['a clock that nobody keeps', { clockKeeper: 'none' }, 'clock', 'hint', /time service/],
  ['a clock that is not right yet', { clockKeeper: 'unsynchronized' }, 'clock', 'warning', /not synchronized/],
  ['no name server', { nameServers: [] }, 'dns', 'warning', /resolv\.conf/],
  [
    'a name server that is silent',
    { nameServers: [{ address: '10.0.0.1', answers: false }] },
    'dns',
    'problem',
    /no name server answers: 10.0.0.1/,
  ],
  [
    'an expired certificate',
    { certificates: [{ file: 'server.crt', fromMs: 0, toMs: nowMs - 3 * dayMs }] },
    'certificates',
    'problem',
    /server.crt \(3 days ago\)/,
  ],
  [
    'an authority near its end',
    { certificates: [{ file: 'ca.crt', fromMs: 0, toMs: nowMs + 90 * dayMs }] },
    'certificates',
    'warning',
    /ca.crt \(in 90 days\)/,
  ],
  [
    'a certificate of the future',
    { certificates: [{ file: 'server.crt', fromMs: nowMs + dayMs, toMs: nowMs + 90 * dayMs }] },
    'certificates',
    'problem',
    /clock is wrong/,
  ],
  ['an open NARU_HOME', { isHomeOpen: true }, 'home', 'warning', /chmod 700/],
];

describe("the machine's half of naru doctor", () => {
  test('a good machine is well in all respects', () => {
    assert.deepEqual(
      machineChecks(good).filter(({ state }) => state !== 'ok'),
      [],
    );
  });

  for (const [name, change, check, state, says] of rows) {
    test(name, () => {
      const found = machineChecks({ ...good, ...change }).filter((one) => one.state !== 'ok');
      assert.deepEqual(
        found.map((one) => [one.name, one.state]),
        [[check, state]],
      );
      const [only] = found;
      assert.match([only?.says, ...(only?.fix ?? []).map(({ say, run = '' }) => `${say} ${run}`)].join('\n'), says);
    });
  }

  test('a machine whose nodes are simulated needs nothing of containers', () => {
    const bare = {
      ...good,
      isSimulated: true,
      platform: 'darwin',
      isRoot: false,
      cgroup: 'none' as const,
      packages: { missing: ['runc'], broken: [] },
    };
    assert.deepEqual(
      machineChecks(bare).filter(({ state }) => state !== 'ok'),
      [],
    );
  });
});
