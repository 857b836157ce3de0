import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { LogFiles } from '../logs/log-files.ts';
import { SystemCgroups } from '../pod/cgroups.ts';
import type { PodHost } from '../pod/pod-host.ts';
import type { ContainerStatus, PodIdentity, Runtime, RuntimeState } from '../runtime.ts';
import { make } from '../testing.ts';
import { collectContainers } from './container-collector.ts';
import { orphansOf } from './decide-garbage.ts';
import { OrphanSweeper } from './orphan-sweeper.ts';

const identity = (uid: string): PodIdentity => ({ namespace: 'default', name: 'web', uid });

describe('what is kept for pods that are gone', () => {
  test('is told from what is kept for others, and from what is nobody’s', () => {
    const kept = {
      uids: ['gone', 'here', 'gone', '..', 'a b', ''],
      logs: [identity('gone-too'), identity('here')],
    };
    assert.deepEqual(
      orphansOf(kept, (uid) => uid === 'here'),
      { uids: ['gone'], logs: [identity('gone-too')] },
    );
  });

  async function startSweeper(context: TestContext, known: Set<string>) {
    const root = await fs.mkdtemp(path.join(os.tmpdir(), 'naru-garbage-'));
    context.after(() => fs.rm(root, { recursive: true }));
    const [podLogs, mount] = [path.join(root, 'logs'), path.join(root, 'cgroup')];
    const clock = new VirtualClock();
    const folders = new Set<string>();
    const stuck = new Set<string>();
    const cleaned: string[] = [];
    const warned: unknown[] = [];
    const log = { ...silentLogger, warn: (_: string, fields?: object) => void warned.push(fields) };
    const host = {
      clock,
      log,
      cgroupRoot: '/naru',
      source: { forget() {} },
      hooks: [
        { name: 'test', cleanUp: async (uid: string) => void cleaned.push(uid), uids: () => ['here', 'noted'] },
        {
          name: 'unreadable',
          uids: () => {
            throw new Error('no');
          },
        },
      ],
      platform: {
        storage: {
          uids: async () => [...folders],
          remove: async (uid: string) => {
            if (stuck.has(uid)) throw new Error('busy');
            folders.delete(uid);
          },
        },
        cgroups: new SystemCgroups({ log: silentLogger, mount }),
        logs: new LogFiles({ root: podLogs, clock }),
      },
    } as unknown as PodHost;
    const make = (folder: string) => fs.mkdir(path.join(root, folder), { recursive: true });
    const left = async () => [
      ...(await fs.readdir(podLogs)),
      ...(await fs.readdir(`${mount}/cpu/naru/kubepods/burstable`)),
    ];
    const sweeper = new OrphanSweeper(host, (uid) => known.has(uid));
    return { clock, folders, stuck, cleaned, warned, make, left, sweeper };
  }

  test('folders, cgroups and logs go, each by itself, and what is stuck is tried again a minute later', async (context) => {
    const node = await startSweeper(context, new Set(['here']));
    for (const uid of ['here', 'gone', 'stuck']) node.folders.add(uid);
    node.stuck.add('stuck');
    for (const name of ['default_web_here', 'default_web_gone-2', 'default_web', 'a_b_c_d'])
      await node.make(`logs/${name}`);
    for (const tier of ['cpu', 'memory']) {
      for (const pod of ['podhere', 'podgone-3/container', 'other']) {
        await node.make(`cgroup/${tier}/naru/kubepods/burstable/${pod}`);
      }
    }
    await node.sweeper.sweep();
    assert.deepEqual([...node.folders], ['here', 'stuck']);
    assert.deepEqual((await node.left()).sort(), ['a_b_c_d', 'default_web', 'default_web_here', 'other', 'podhere']);
    assert.deepEqual(node.cleaned.sort(), ['gone', 'gone-3', 'noted', 'stuck']);
    assert.equal(node.warned.length, 2, 'of the folder, and of the notes');

    node.stuck.clear();
    await node.clock.advance(30_000);
    await node.sweeper.sweep();
    assert.deepEqual([...node.folders], ['here', 'stuck']);
    await node.clock.advance(30_000);
    await node.sweeper.sweep();
    assert.deepEqual([...node.folders], ['here']);
  });
});

describe('containers of ended pods', () => {
  const over = identity('over');
  const running = identity('running');

  function runtimeOf(state: RuntimeState, stuck: string) {
    const removed: string[] = [];
    const remove = async (id: string): Promise<void> => {
      if (id === stuck) throw new Error(`${id} is busy`);
      removed.push(id);
    };
    const runtime = { state: async () => state, removeContainer: remove, removeSandbox: remove } as unknown as Runtime;
    const logs = { removeRun: async ({ id }: ContainerStatus) => void removed.push(`log of ${id}`) } as never;
    const pods = () => [
      { identity: over, isCleanedUp: true },
      { identity: running, isCleanedUp: false },
    ];
    return { removed, collect: () => collectContainers({ runtime, logs, pods }) };
  }

  const state: RuntimeState = {
    sandboxes: [
      make.sandbox({ id: 's-over', pod: over, ready: false }),
      make.sandbox({ id: 's-running', pod: running }),
    ],
    containers: [
      make.exited('app', 0, { id: 'over-1', pod: over, sandboxId: 's-over' }),
      make.exited('app', 1, { id: 'over-0', pod: over, sandboxId: 's-over' }),
      make.exited('app', 1, { id: 'running-0', pod: running, sandboxId: 's-running' }),
      make.run('app', { id: 'running-1', pod: running, sandboxId: 's-running' }),
    ],
  };

  test('go with their logs and sandboxes; those of pods that run stay', async () => {
    const { removed, collect } = runtimeOf(state, '');
    assert.equal(await collect(), 2);
    assert.deepEqual(removed, ['over-1', 'log of over-1', 'over-0', 'log of over-0', 's-over']);
  });

  test('one that cannot go holds up no other', async () => {
    const { removed, collect } = runtimeOf(state, 'over-1');
    await assert.rejects(collect(), /over-1 is busy/);
    assert.deepEqual(removed, ['over-0', 'log of over-0', 's-over']);
  });
});
