import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import type { Client } from '../../client/client.ts';
import { RealClock } from '../../lib/clock.ts';
import { silentLogger as log } from '../../lib/log.ts';
import { loadService, PluginClient } from '../plugins/grpc-service.ts';
import type { Refusal } from '../pod/pod-hook.ts';
import { plainContainer } from '../runtime-contract.ts';
import { make } from '../testing.ts';
import { SocketDriver, SocketPlugin } from './device-testing.ts';
import { dynamicResources } from './dynamic-resources.ts';
import { NodeDevices } from './node-devices.ts';

const clock = new RealClock({ keepsAlive: true });
const gpu = 'example.com/gpu';
const plain = plainContainer('app', { name: 'app:1', id: 'i' }, []);

async function until(what: string, check: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = clock.monotonic() + 20_000;
  while (!(await check())) {
    assert.ok(clock.monotonic() < endMs, `never: ${what}`);
    await clock.sleep(10);
  }
}

/** Of a claim that `user` may use. */
function claimFor(user: Pod, name: string): ResourceClaim {
  const results = [{ request: 'gpu', driver: 'gpu.example.com', pool: 'p', device: 'd' }];
  const { name: pod = '', uid = '' } = user.metadata ?? {};
  return {
    metadata: { namespace: 'default', name, uid: `uid-of-${name}` },
    spec: {},
    status: { allocation: { devices: { results } }, reservedFor: [{ resource: 'pods', name: pod, uid }] },
  };
}

describe('plugins on real sockets', () => {
  let home: string;
  let devices: NodeDevices;
  let wiped: (string | undefined)[];
  let claims: Map<string, ResourceClaim>;
  let active: Pod[];
  let refused: Refusal[];
  const ends: (() => unknown)[] = [];
  const at = (...parts: string[]) => path.join(home, ...parts);

  const client = {
    deleteCollection: async (_: unknown, { fieldSelector }: { fieldSelector?: string }) =>
      void wiped.push(fieldSelector),
    get: async (_: unknown, { name }: { name: string }) => claims.get(name),
  } as unknown as Client;
  const runtime = { info: async () => ({ name: 'containerd', version: '2.1.9', problem: '' }) };
  const begin = async (): Promise<void> => {
    devices = new NodeDevices({ client, runtime, nodeName: 'n', home, pluginRoot: home, clock, log });
    devices.attach({ active: () => active, wake: () => {}, refuse: (_, refusal) => void refused.push(refusal) });
    await devices.service.start();
  };
  beforeEach(async () => {
    home = mkdtempSync(path.join(os.tmpdir(), 'naru-plugins-'));
    [wiped, claims, active, refused] = [[], new Map(), [], []];
    await begin();
  });
  afterEach(async () => {
    for (const end of ends.splice(0)) await end();
    await devices.service.close();
    rmSync(home, { recursive: true });
  });

  const pluginOf = async (answer: (ids: readonly string[]) => object): Promise<SocketPlugin> => {
    const plugin = new SocketPlugin(at('device-plugins'), gpu, ['g0', 'g1'], answer);
    await plugin.start();
    ends.push(() => plugin.stop());
    return plugin;
  };
  const driverOf = async (info: ConstructorParameters<typeof SocketDriver>[1]): Promise<SocketDriver> => {
    const driver = new SocketDriver(at('plugins_registry'), info);
    await driver.start();
    ends.push(() => driver.stop());
    return driver;
  };
  const status = () => {
    const { capacity, allocatable } = devices.statusPart({}, {} as never);
    return `${capacity?.[gpu]}/${allocatable?.[gpu]}`;
  };
  const target = (pod: Pod) => ({
    pod,
    container: pod.spec?.containers[0] ?? make.container('app'),
    identity: { namespace: 'default', name: 'web', uid: pod.metadata?.uid ?? '' },
    attempt: 0,
    sandboxId: 's',
    podIps: [],
  });
  const withGpu = (uid: string): Pod =>
    make.pod({ containers: [make.container('app', { resources: { limits: { [gpu]: '1' } } })] }, { uid });

  test('sockets and state are nobody else’s, and stale sockets go', async () => {
    const stale = at('device-plugins', 'stale.sock');
    const listener = net.createServer().listen(stale);
    await until('it listens', () => listener.listening);
    writeFileSync(at('device-plugins', 'other'), '');
    await devices.service.close();
    await begin();
    listener.close();
    const mode = (...parts: string[]) => (statSync(at(...parts)).mode & 0o777).toString(8);
    for (const folder of ['device-plugins', 'pod-resources', 'plugins_registry']) assert.equal(mode(folder), '700');
    assert.equal(mode('device-plugins', 'kubelet.sock'), '600');
    assert.equal(mode('pod-resources', 'kubelet.sock'), '600');
    assert.throws(() => statSync(stale), /ENOENT/);
    assert.ok(statSync(at('device-plugins', 'other')).isFile());
  });

  test('a device plugin registers, gives a device, tells of its health, goes, and comes back after a restart', async () => {
    const plugin = await pluginOf(([id]) => ({
      envs: { GPU: id },
      devices: [{ container_path: '/dev/gpu', host_path: `/dev/${id}`, permissions: 'rw' }],
      mounts: [{ container_path: '/lib/gpu', host_path: '/usr/lib', read_only: true }],
      annotations: { made: 'here' },
      cdi_devices: [{ name: `example.com/gpu=${id}` }],
    }));
    await plugin.register(clock);
    await until('the devices are told', () => status() === '2/2');
    const pod = withGpu('a');
    const [hook] = devices.hooks;
    assert.equal(hook?.admit?.(pod, []), undefined);
    await hook?.prepare?.(pod, target(pod).identity);
    const config = await hook?.container?.(plain, target(pod));
    assert.deepEqual(config?.env, [{ name: 'GPU', value: 'g0' }, ...plain.env]);
    assert.deepEqual(config.devices, [{ containerPath: '/dev/gpu', hostPath: '/dev/g0', permissions: 'rw' }]);
    assert.deepEqual(config.mounts.at(-1), { containerPath: '/lib/gpu', hostPath: '/usr/lib', readOnly: true });
    assert.deepEqual([config.annotations['made'], config.cdiDevices], ['here', ['example.com/gpu=g0']]);
    plugin.setHealth('g0', 'Unhealthy');
    await until('it is known', () => status() === '2/1');
    assert.equal(devices.health(pod)?.get('app')?.[0]?.resources?.[0]?.health, 'Unhealthy');
    plugin.stop();
    await until('it is gone', () => status() === '2/0');

    await devices.service.close();
    assert.equal((statSync(at('allocated_devices_state')).mode & 0o777).toString(8), '600');
    await begin();
    assert.equal(status(), '0/0');
    await plugin.start();
    await plugin.register(clock);
    await until('it is back', () => status() === '2/1');
    const again = await devices.hooks[0]?.container?.(plain, target(pod));
    assert.deepEqual(again?.devices, config.devices);
    assert.deepEqual(plugin.allocated, ['g0']);
  });

  test('a device plugin that cannot be is told why', async () => {
    const plugin = await pluginOf(() => ({}));
    await assert.rejects(plugin.register(clock, { version: 'v1' }), /requested API version "v1" is not supported/);
    await assert.rejects(plugin.register(clock, { resource_name: 'gpu' }), /the ResourceName "gpu" is invalid/);
    await assert.rejects(plugin.register(clock, { endpoint: '../x.sock' }), /is no name of a socket/);
    assert.equal(status(), 'undefined/undefined');
  });

  test('a driver prepares claims once, its devices reach the container that asks, and the last pod gives them back', async () => {
    const driver = await driverOf({ name: 'gpu.example.com' });
    await until('it is told', () => driver.told.length === 1);
    assert.deepEqual(driver.told, ['']);
    const claimsOf = (request: string) => [{ name: 'mine', ...(request !== '' && { request }) }];
    const podOf = (uid: string, request = '') =>
      make.pod(
        {
          resourceClaims: [{ name: 'mine', resourceClaimName: 'c' }],
          containers: [make.container('app', { resources: { claims: claimsOf(request) } })],
        },
        { uid },
      );
    const [a, b] = [podOf('a', 'gpu'), podOf('b', 'other')];
    const claim = claimFor(a, 'c');
    const reservedFor = [a, b].map(({ metadata }) => ({ resource: 'pods', name: 'web', uid: metadata?.uid ?? '' }));
    claims.set('c', { ...claim, status: { ...claim.status, reservedFor } });
    const hook = () => dynamicResources(client, devices.drivers);
    driver.errors.set('c', 'too hot');
    await assert.rejects(async () => hook().prepare?.(a, target(a).identity), {
      message: 'NodePrepareResources failed for ResourceClaim c: too hot',
    });
    driver.errors.clear();
    await Promise.all([hook().prepare?.(a, target(a).identity), hook().prepare?.(b, target(b).identity)]);
    assert.deepEqual(driver.asked, ['prepare default/c', 'prepare default/c']);
    assert.deepEqual((await hook().container?.(plain, target(a)))?.cdiDevices, ['example.com/gpu=c']);
    assert.equal((await hook().container?.(plain, target(b)))?.cdiDevices, undefined);

    await devices.service.close();
    await begin();
    await until('it registers again', () => driver.told.length === 2);
    await hook().prepare?.(a, target(a).identity);
    assert.deepEqual((await hook().container?.(plain, target(a)))?.cdiDevices, ['example.com/gpu=c']);
    assert.deepEqual([...(hook().uids?.() ?? [])].toSorted(), ['a', 'b']);
    await hook().cleanUp?.('a');
    assert.equal(driver.asked.length, 2);
    driver.errors.set('c', 'still in use');
    await assert.rejects(
      async () => hook().cleanUp?.('b'),
      /NodeUnprepareResources failed for ResourceClaim c: still in use/,
    );
    driver.errors.clear();
    await hook().cleanUp?.('b');
    await hook().cleanUp?.('b');
    assert.deepEqual(driver.asked.slice(2), ['unprepare default/c', 'unprepare default/c']);
    assert.deepEqual([...(hook().uids?.() ?? [])], []);
    assert.deepEqual(wiped, ['spec.nodeName=n', 'spec.nodeName=n']);
  });

  test('an older driver is spoken to in its version, and one whose socket goes is not there any more', async () => {
    const driver = await driverOf({ name: 'gpu.example.com', versions: ['v1beta1.DRAPlugin'] });
    await until('it is there', () => devices.drivers.canPrepare('gpu.example.com'));
    const pod = make.pod({}, { uid: 'a' });
    await devices.drivers.claims?.prepare('a', [claimFor(pod, 'c')]);
    assert.deepEqual(driver.asked, ['prepare default/c']);
    await driver.stop();
    await until('it is gone', () => !devices.drivers.canPrepare('gpu.example.com'));
    await assert.rejects(async () => devices.drivers.claims?.unprepare('a'), {
      message: 'DRA driver gpu.example.com is not registered',
    });
    await driver.start();
    await until('it is back', () => devices.drivers.canPrepare('gpu.example.com'));
    await devices.drivers.claims?.unprepare('a');
  });

  test('plugins that nobody here serves are told so', async () => {
    const csi = await driverOf({ name: 'csi.example.com', type: 'CSIPlugin' });
    const future = await driverOf({ name: 'future.example.com', versions: ['v9.DRAPlugin'] });
    await until('both are told', () => csi.told.length > 0 && future.told.length > 0);
    assert.match(
      csi.told[0] ?? '',
      /^RegisterPlugin error -- no handler registered for plugin type: CSIPlugin at socket/,
    );
    assert.match(
      future.told[0] ?? '',
      /^RegisterPlugin error -- plugin validation failed with err: invalid supported gRPC versions of DRA driver plugin/,
    );
  });

  test('monitors are told who has what', async () => {
    const plugin = await pluginOf(() => ({}));
    await plugin.register(clock);
    await until('the devices are told', () => status() === '2/2');
    const pod = withGpu('a');
    await devices.hooks[0]?.prepare?.(pod, target(pod).identity);
    active = [pod];
    const service = await loadService(path.join(import.meta.dirname, 'pod-resources.proto'), 'v1.PodResourcesLister');
    const monitor = new PluginClient(service, at('pod-resources', 'kubelet.sock'), clock);
    ends.push(() => monitor.close());
    interface Listed {
      name: string;
      containers: { devices: { resource_name: string; device_ids: string[] }[] }[];
    }
    const { pod_resources: listed } = await monitor.call<{ pod_resources: Listed[] }>('List', {}, 5000);
    assert.deepEqual(
      listed[0]?.containers[0]?.devices.map(({ resource_name: name, device_ids: ids }) => [name, ids]),
      [[gpu, ['g0']]],
    );
    const all = await monitor.call<{ devices: { device_ids: string[] }[] }>('GetAllocatableResources', {}, 5000);
    assert.deepEqual(all.devices[0]?.device_ids, ['g0', 'g1']);
    const asked = { pod_name: 'web', pod_namespace: 'default' };
    const one = await monitor.call<{ pod_resources: Listed }>('Get', asked, 5000);
    assert.equal(one.pod_resources.name, 'web');
    await assert.rejects(monitor.call('Get', { ...asked, pod_name: 'other' }, 5000), {
      message: 'rpc error: code = NotFound desc = pod other in namespace default not found',
    });
  });
});
