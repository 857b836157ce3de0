import assert from 'node:assert/strict';
import { beforeEach, describe, test } from 'node:test';
import type { Container, Node, Pod } from '../../api/schema/types/core-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger as log } from '../../lib/log.ts';
import type { Refusal } from '../pod/pod-hook.ts';
import { plainContainer } from '../runtime-contract.ts';
import { make } from '../testing.ts';
import { DeviceInventory } from './device-inventory.ts';
import { DeviceManager, type DeviceState } from './device-manager.ts';
import { device, FakePlugin, MemoryState } from './device-testing.ts';
import { raisedToGiven } from './raised-node.ts';

const gpu = 'example.com/gpu';

function wants(count: number, name = 'app', changes: Partial<Container> = {}): Container {
  return make.container(name, { resources: { limits: { [gpu]: String(count) } }, ...changes });
}

function podOf(uid: string, containers: readonly Container[], initContainers: readonly Container[] = []): Pod {
  return make.pod({ containers, ...(initContainers.length > 0 && { initContainers }) }, { uid, name: uid });
}

describe('devices of device plugins', () => {
  let clock: VirtualClock;
  let store: MemoryState<DeviceState>;
  let inventory: DeviceInventory;
  let manager: DeviceManager;
  let refused: Map<string, Refusal>;

  const begin = async (): Promise<void> => {
    refused = new Map();
    inventory = new DeviceInventory({ clock, log, changed: () => void manager.save() });
    manager = new DeviceManager({ inventory, store, refuse: (uid, why) => void refused.set(uid, why), log });
    await manager.load();
  };
  beforeEach(async () => {
    clock = new VirtualClock();
    store = new MemoryState();
    await begin();
  });

  const identity = (pod: Pod) => ({ namespace: 'default', name: 'x', uid: pod.metadata?.uid ?? '' });
  const prepare = (pod: Pod) => manager.prepare(pod, identity(pod));
  const started = async (pod: Pod): Promise<void> => {
    assert.equal(manager.admit(pod), undefined);
    await prepare(pod);
  };
  const ids = (uid: string, container = 'app') => manager.of(uid)?.get(container)?.get(gpu)?.ids;
  const config = (pod: Pod, container: Container) =>
    manager.container(plainContainer('app', { name: 'app:1', id: 'i' }, []), {
      pod,
      container,
      identity: identity(pod),
      attempt: 0,
      sandboxId: 's',
      podIps: [],
    });
  const status = () => {
    const { capacity, allocatable } = inventory.statusPart({ capacity: { cpu: '2' } }, {} as never);
    return [capacity?.[gpu], allocatable?.[gpu]];
  };

  test('a node without plugins has nothing to do, and knows no such resource', async () => {
    const pod = podOf('a', [wants(1)]);
    await started(pod);
    assert.equal(manager.of('a'), undefined);
    assert.deepEqual(status(), [undefined, undefined]);
    const plain = plainContainer('app', { name: 'app:1', id: 'i' }, []);
    assert.equal(await config(pod, wants(1)).then(({ env }) => env.length), plain.env.length);
  });

  test('each pod gets devices of its own, until there are no more', async () => {
    const plugin = new FakePlugin([device('g0'), device('g1')]);
    await inventory.register(gpu, plugin);
    assert.deepEqual(status(), ['2', '2']);
    await started(podOf('a', [wants(1)]));
    await started(podOf('b', [wants(1)]));
    assert.deepEqual([ids('a'), ids('b')], [['g0'], ['g1']]);
    assert.deepEqual(plugin.asked, ['allocate g0', 'allocate g1']);
    assert.deepEqual(manager.admit(podOf('c', [wants(1)])), {
      reason: 'UnexpectedAdmissionError',
      message:
        'Allocate failed due to requested number of devices unavailable for example.com/gpu. Requested: 1, Available: 0, which is unexpected',
    });
    manager.release('a');
    await started(podOf('c', [wants(1)]));
    assert.deepEqual(ids('c'), ['g0']);
  });

  test('what a plugin answers reaches the container, and what the pod says itself holds', async () => {
    await inventory.register(gpu, new FakePlugin([device('g0')]));
    const pod = podOf('a', [wants(1)]);
    await started(pod);
    assert.deepEqual((await config(pod, wants(1))).env[0], { name: 'GPUS', value: 'g0' });
    const { env } = await manager.container(
      { ...plainContainer('app', { name: 'app:1', id: 'i' }, []), env: [{ name: 'GPUS', value: 'none' }] },
      { pod, container: wants(1), identity: identity(pod), attempt: 0, sandboxId: 's', podIps: [] },
    );
    assert.deepEqual(env, [{ name: 'GPUS', value: 'none' }]);
  });

  test('what init containers had, later ones take again; a sidecar keeps its own', async () => {
    await inventory.register(gpu, new FakePlugin(['g0', 'g1', 'g2'].map((id) => device(id))));
    const sidecar = wants(1, 'sidecar', { restartPolicy: 'Always' });
    await started(podOf('a', [wants(1), wants(1, 'other')], [wants(2, 'first'), sidecar, wants(1, 'last')]));
    assert.deepEqual(ids('a', 'first'), ['g0', 'g1']);
    assert.deepEqual(ids('a', 'sidecar'), ['g0']);
    assert.deepEqual(ids('a', 'last'), ['g1']);
    assert.deepEqual(ids('a', 'app'), ['g1']);
    assert.deepEqual(ids('a', 'other'), ['g2']);
  });

  test('a plugin that prefers other devices is followed, as far as they are free', async () => {
    const plugin = new FakePlugin(
      ['g0', 'g1', 'g2', 'g3'].map((id) => device(id)),
      { preferred: true },
    );
    await inventory.register(gpu, plugin);
    plugin.prefers = () => ['g3', 'g1'];
    await started(podOf('a', [wants(1), wants(1, 'other')]));
    assert.deepEqual([ids('a', 'app'), ids('a', 'other')], [['g3'], ['g1']]);
    assert.equal(plugin.asked[0], 'prefer 1 of g0,g1,g2,g3 with ');
    // It wants what another pod has, and takes its time, in which a third pod comes.
    const late = podOf('c', [wants(1)]);
    plugin.prefers = () => {
      assert.equal(manager.admit(late), undefined);
      return ['g3', ids('c')?.[0] ?? '', 'nonsense'];
    };
    await started(podOf('b', [wants(1)]));
    assert.deepEqual([ids('b'), ids('c')], [['g0'], ['g2']]);
  });

  test('a pod whose plugin does not give is refused, and holds nothing', async () => {
    const plugin = new FakePlugin([device('g0')]);
    await inventory.register(gpu, plugin);
    plugin.error = new Error('rpc error: code = Unknown desc = broken');
    const pod = podOf('a', [wants(1)]);
    assert.equal(manager.admit(pod), undefined);
    await assert.rejects(prepare(pod), /broken/);
    assert.deepEqual(refused.get('a'), {
      reason: 'UnexpectedAdmissionError',
      message: 'Allocate failed due to rpc error: code = Unknown desc = broken, which is unexpected',
    });
    assert.equal(manager.of('a'), undefined);
  });

  test('an unhealthy device is given to nobody, and those who have it are told', async () => {
    const plugin = new FakePlugin([device('g0'), device('g1')]);
    await inventory.register(gpu, plugin);
    await started(podOf('a', [wants(1)]));
    plugin.list([device('g0', false), device('g1')]);
    assert.deepEqual(status(), ['2', '1']);
    assert.deepEqual(manager.health('a')?.get('app'), [
      { name: gpu, resources: [{ resourceID: 'g0', health: 'Unhealthy' }] },
    ]);
    manager.release('a');
    assert.match(manager.admit(podOf('b', [wants(2)]))?.message ?? '', /Requested: 2, Available: 1/);
    plugin.list([device('g0', false), device('g1', false)]);
    assert.match(manager.admit(podOf('b', [wants(1)]))?.message ?? '', /no healthy devices present/);
  });

  test('when a plugin goes, its devices count as unhealthy; when it stays away, the resource counts nothing', async () => {
    const plugin = new FakePlugin([device('g0')]);
    await inventory.register(gpu, plugin);
    plugin.go();
    await clock.advance(1);
    assert.ok(plugin.isClosed);
    assert.deepEqual(status(), ['1', '0']);
    await clock.advance(5 * 60_000 + 1);
    assert.deepEqual(status(), ['0', '0']);
    assert.ok(!inventory.has(gpu));
    await inventory.register(gpu, new FakePlugin([device('g0')]));
    assert.deepEqual(status(), ['1', '1']);
    await clock.advance(10 * 60_000);
    assert.deepEqual(status(), ['1', '1']);
  });

  test('a plugin that registers again takes over, and the end of the one before changes nothing', async () => {
    const first = new FakePlugin([device('g0')]);
    await inventory.register(gpu, first);
    await inventory.register(gpu, new FakePlugin([device('g0'), device('g1')]));
    first.go();
    first.list([]);
    await clock.advance(1);
    assert.deepEqual(status(), ['2', '2']);
  });

  test('after a restart a pod has the devices that it had, and its containers get them before the plugin is back', async () => {
    await inventory.register(gpu, new FakePlugin([device('g0'), device('g1')]));
    const before = podOf('a', [wants(1)]);
    await started(before);
    await begin();
    assert.deepEqual(status(), ['0', '0']);
    const pod: Pod = { ...before, status: { startTime: '2026-01-01T00:00:00Z' } };
    assert.equal(manager.admit(pod), undefined);
    assert.deepEqual((await config(pod, wants(1))).env[0], { name: 'GPUS', value: 'g0' });
    // A new sandbox, as after the machine started anew, waits for its devices.
    await assert.rejects(
      prepare(pod),
      /no healthy devices present; cannot allocate unhealthy devices example.com\/gpu/,
    );
    const plugin = new FakePlugin([device('g0'), device('g1')]);
    await inventory.register(gpu, plugin);
    await prepare(pod);
    assert.deepEqual(plugin.asked, []);
    await started(podOf('b', [wants(1)]));
    assert.deepEqual(ids('b'), ['g1']);
  });

  test('a container is made ready by its plugin each time, and waits where that fails', async () => {
    const plugin = new FakePlugin([device('g0')], { preStart: true });
    await inventory.register(gpu, plugin);
    const pod = podOf('a', [wants(1)]);
    await started(pod);
    await config(pod, wants(1));
    await config(pod, wants(1));
    assert.deepEqual(plugin.asked, ['allocate g0', 'prestart g0', 'prestart g0']);
    plugin.error = new Error('hot');
    await assert.rejects(config(pod, wants(1)), {
      name: 'ConfigError',
      message: 'device plugin PreStartContainer rpc failed with err: hot',
    });
  });

  test('what was given out counts as there, though the plugin is away', async () => {
    await inventory.register(gpu, new FakePlugin([device('g0')]));
    await started(podOf('a', [wants(1)]));
    const node: Node = { metadata: { name: 'n' }, status: { allocatable: { cpu: '2', [gpu]: '0' } } };
    const source = raisedToGiven({ get: () => node, fetch: async () => node }, manager);
    assert.deepEqual(source.get()?.status?.allocatable, { cpu: '2', [gpu]: '1' });
    manager.release('a');
    assert.equal(source.get(), node);
  });

  test('a plugin of another version, or for no extended resource, is refused in upstream’s words', () => {
    assert.throws(
      () => inventory.check(gpu, ['v1alpha']),
      /requested API version "v1alpha" is not supported by kubelet. Supported version is \["v1beta1"\]/,
    );
    assert.throws(() => inventory.check('cpu', ['v1beta1']), /the ResourceName "cpu" is invalid/);
    assert.throws(() => inventory.check('kubernetes.io/x', ['v1beta1']), /is invalid/);
  });
});
