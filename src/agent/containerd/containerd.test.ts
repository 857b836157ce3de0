/** The pure parts of running containerd; what needs root and containers is in test/cluster/cri-runtime.test.ts. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { cniConfig, containerdConfig } from './config.ts';
import { isOurDaemon } from './daemon.ts';
import { findPrograms, hasCapability, parseContainerdVersion } from './machine.ts';
import { parseMountPoints } from './mounts.ts';
import { containerdPaths } from './paths.ts';
import { hostInterfaces, isOurShim } from './teardown.ts';

const paths = containerdPaths('/var/lib/naru');
const config = {
  paths,
  majorVersion: 1,
  sandboxImage: 'naru.local/pause:1',
  snapshotter: 'overlayfs',
  ociRuntime: '/usr/sbin/runc',
  cniBinFolder: '/usr/lib/cni',
  restrictOomScoreAdj: true,
  appArmor: false,
} as const;

describe('paths', () => {
  test('follow from home alone, and no two homes share one', () => {
    const other = containerdPaths('/srv/naru');
    for (const key of ['id', 'folder', 'address', 'cgroupRoot', 'network'] as const)
      assert.notEqual(paths[key], other[key]);
    assert.deepEqual(containerdPaths('/var/lib/naru'), paths);
    assert.ok(paths.cgroupRoot.endsWith(paths.id) && paths.network.endsWith(paths.id));
  });

  test('sockets stay within what a socket address holds, however long home is', () => {
    for (let length = 1; length < 200; length++) {
      const { address, socketFolder, folder } = containerdPaths(`/${'ü'.repeat(length)}`);
      assert.ok(Buffer.byteLength(`${address}.ttrpc`) <= 107);
      assert.equal(socketFolder === folder, Buffer.byteLength(`${folder}/c.sock.ttrpc`) <= 107);
    }
  });
});

describe('configuration', () => {
  test('version 2 is for containerd 1, version 3 for containerd 2, with the keys where each looks for them', () => {
    const two = containerdConfig(config);
    const three = containerdConfig({ ...config, majorVersion: 2 });
    assert.match(two, /^version = 2$/m);
    assert.match(two, /^\[plugins\."io\.containerd\.grpc\.v1\.cri"\]\nsandbox_image = "naru\.local\/pause:1"$/m);
    assert.match(two, /^bin_dir = "\/usr\/lib\/cni"$/m);
    assert.match(three, /^version = 3$/m);
    assert.match(
      three,
      /^\[plugins\."io\.containerd\.cri\.v1\.images"\.pinned_images\]\nsandbox = "naru\.local\/pause:1"$/m,
    );
    assert.match(three, /^bin_dirs = \["\/usr\/lib\/cni"\]$/m);
    for (const text of [two, three]) {
      assert.match(text, /^netns_mounts_under_state_dir = true$/m);
      assert.match(text, /^restrict_oom_score_adj = true$/m);
      assert.match(text, /^disable_apparmor = true$/m);
      assert.doesNotMatch(text, /image-verifier/, 'without that plugin containerd 2 has no CRI');
    }
  });

  test('runtimes beside the default are handlers of their own, with state apart', () => {
    const handlers = [
      { name: 'crun', type: 'io.containerd.runc.v2', program: '/usr/bin/crun' },
      { name: 'kata', type: 'io.containerd.kata.v2' },
    ];
    const text = containerdConfig({ ...config, majorVersion: 2, handlers });
    const parent = 'plugins."io.containerd.cri.v1.runtime".containerd.runtimes';
    assert.ok(
      text.includes(`[${parent}.default.options]\nBinaryName = "/usr/sbin/runc"\nRoot = "${paths.runtimeRoot}"\n`),
    );
    assert.ok(
      text.includes(`[${parent}.crun.options]\nBinaryName = "/usr/bin/crun"\nRoot = "${paths.runtimeRoot}/crun"\n`),
    );
    assert.ok(text.includes(`[${parent}.kata]\nruntime_type = "io.containerd.kata.v2"\n`));
    assert.ok(!text.includes(`${parent}.kata.options`));
  });

  test('a home with quotes and spaces is written as TOML writes it', () => {
    const text = containerdConfig({ ...config, paths: containerdPaths('/a "b" \\c') });
    assert.match(text, /^root = "\/a \\"b\\" \\\\c\/containerd\/root"$/m);
  });

  test('the pod network is this home’s, with its own leases', () => {
    const network = JSON.parse(
      cniConfig({ network: paths.network, podCidrs: ['10.42.3.0/24'], stateFolder: '/s' }),
    ) as {
      name: string;
      plugins: { type: string; mtu?: number; ipam: { dataDir: string; ranges: unknown } }[];
    };
    assert.equal(network.name, paths.network);
    assert.equal(network.plugins[0]?.type, 'ptp');
    assert.equal(network.plugins[0]?.mtu, undefined);
    assert.equal(network.plugins[0]?.ipam.dataDir, '/s');
    assert.deepEqual(network.plugins[0]?.ipam.ranges, [[{ subnet: '10.42.3.0/24' }]]);
  });

  test('pods have an address and a way out of each family of their node', () => {
    const podCidrs = ['10.42.3.0/24', 'fd00:42:3::/64'];
    const text = cniConfig({ network: paths.network, podCidrs, stateFolder: '/s', mtu: 1450 });
    const { plugins } = JSON.parse(text) as { plugins: { mtu: number; ipam: { ranges: unknown; routes: unknown } }[] };
    assert.equal(plugins[0]?.mtu, 1450);
    assert.deepEqual(plugins[0]?.ipam.ranges, [[{ subnet: '10.42.3.0/24' }], [{ subnet: 'fd00:42:3::/64' }]]);
    assert.deepEqual(plugins[0]?.ipam.routes, [{ dst: '0.0.0.0/0' }, { dst: '::/0' }]);
  });
});

describe('the machine', () => {
  test('containerd’s version is read in the forms that it is written in', () => {
    const debian = 'containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3\n';
    assert.deepEqual(parseContainerdVersion(debian), { text: '1.6.20~ds1', major: 1, minor: 6 });
    const upstream = 'containerd github.com/containerd/containerd/v2 v2.1.4 75cb2b7193e4e490e9fbdc236c0e811ccaba3376\n';
    assert.deepEqual(parseContainerdVersion(upstream), { text: 'v2.1.4', major: 2, minor: 1 });
    assert.throws(() => parseContainerdVersion('containerd x 1.4.13'), /1\.6 or later/);
    assert.throws(() => parseContainerdVersion('hello'), /names no version/);
  });

  test('capabilities are read from the effective set', () => {
    assert.equal(hasCapability('CapPrm:\t000001ffffffffff\nCapEff:\t000001fffeffffff\n', 24n), false);
    assert.equal(hasCapability('CapEff:\t000001ffffffffff\n', 24n), true);
    assert.equal(hasCapability('', 24n), false);
  });

  test('missing programs are named all at once', async () => {
    await assert.rejects(
      findPrograms(['/nonexistent'], ['/nonexistent']),
      /containerd.*runc.*ptp, host-local, loopback/,
    );
  });
});

describe('processes', () => {
  test('only arguments that name this home exactly make a process ours', () => {
    const shim = ['/usr/bin/containerd-shim-runc-v2', '-namespace', 'k8s.io', '-address', paths.address];
    assert.equal(isOurShim(shim, paths), true);
    assert.equal(isOurShim([...shim.slice(0, 4), `${paths.address}2`], paths), false);
    assert.equal(isOurShim(['/usr/bin/vi', '-address', paths.address], paths), false);
    assert.equal(isOurDaemon(['containerd', '--config', paths.config], paths), true);
    assert.equal(isOurDaemon(['containerd', '--config', `${paths.config}.new`], paths), false);
  });
});

describe('what is left behind', () => {
  test('mount points are read with their escapes', () => {
    const line = '36 35 98:0 / /mnt/a\\040b\\134c rw - ext4 /dev/x rw';
    assert.deepEqual(parseMountPoints(`${line}\n`), ['/mnt/a b\\c']);
  });

  test('the host’s end of a pod’s cable is read from CNI’s cache; a damaged file holds none', () => {
    const interfaces = [
      { name: 'veth1', mac: 'x' },
      { name: 'eth0', sandbox: '/run/netns/x' },
    ];
    assert.deepEqual(hostInterfaces(JSON.stringify({ result: { interfaces } })), ['veth1']);
    assert.deepEqual(hostInterfaces('{"result"'), []);
    assert.deepEqual(hostInterfaces('{}'), []);
  });
});
