import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../api/schema/types/core-v1.ts';
import type { Device, ResourceSlice, ResourceSliceSpec } from '../../api/schema/types/resource-v1.ts';
import type { DeviceTaintRule } from '../../api/schema/types/resource-v1beta2.ts';
import { makeNode } from '../testing.ts';
import { Pools } from './pools.ts';
import { makeSlice, plainDevices, testDriver } from './testing.ts';

const device = (name: string): Device[] => [{ name }];

/** The slice `name` of a pool. */
function part(
  name: string,
  [pool, generation, resourceSliceCount]: readonly [string, number, number],
  spec: Partial<ResourceSliceSpec> = {},
): ResourceSlice {
  const more = { pool: { name: pool, generation, resourceSliceCount } };
  return makeSlice(name, spec.devices ?? device(`of-${name}`), { nodeName: 'a', ...more, ...spec });
}

/** `pool: devices`, or what is wrong with the pool. */
function seen(pools: Pools, node: Node = makeNode('a')): string[] {
  return pools.of(node).map(({ id, state, devices }) => {
    const what = state === 'usable' ? devices.map(({ device: { name } }) => name).join(' ') : state;
    return `${id.slice(testDriver.length + 1)}: ${what}`;
  });
}

function poolsOf(...slices: readonly ResourceSlice[]): Pools {
  const pools = new Pools();
  for (const slice of slices) pools.set(slice);
  return pools;
}

test('pools, slices and devices come by name, those with conditions last', () => {
  const slow = [{ name: 'slow', bindingConditions: ['ready'] }];
  const pools = poolsOf(
    part('3', ['z', 1, 1]),
    part('2', ['y', 1, 2]),
    part('1', ['y', 1, 2]),
    part('0', ['x', 1, 1], { devices: slow }),
  );
  assert.deepEqual(seen(pools), ['y: of-1 of-2', 'z: of-3', 'x: slow']);
});

test('a pool that is being rewritten is incomplete, and what was replaced is not there', () => {
  const pools = poolsOf(part('1', ['p', 1, 2]));
  assert.deepEqual(seen(pools), ['p: incomplete']);
  pools.set(part('2', ['p', 1, 2]));
  assert.deepEqual(seen(pools), ['p: of-1 of-2']);
  pools.set(part('3', ['p', 2, 1]));
  assert.deepEqual(seen(pools), ['p: of-3']);
  pools.remove('slice-3');
  assert.deepEqual(seen(pools), ['p: of-1 of-2']);
  pools.set(part('2', ['p', 2, 2]));
  assert.deepEqual(seen(pools), ['p: incomplete']);
  pools.set(part('1', ['p', 2, 2], { nodeName: 'b' }));
  assert.deepEqual(seen(pools), ['p: of-2']);
  assert.deepEqual(seen(pools, makeNode('b')), ['p: of-1']);
});

test('a newer generation elsewhere makes an older one here void', () => {
  const pools = poolsOf(part('1', ['p', 1, 1]), part('2', ['p', 2, 1], { nodeName: 'b' }));
  assert.deepEqual(seen(pools), []);
});

test('two devices with one name contradict each other', () => {
  const twice = { devices: device('same') };
  const pools = poolsOf(part('1', ['p', 1, 2], twice), part('2', ['p', 1, 2], twice));
  assert.deepEqual(seen(pools), ['p: invalid']);
});

test('what nodes may use follows their labels', () => {
  const nodeSelector = {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['z'] }] }],
  } as const;
  const pools = poolsOf(
    makeSlice('everywhere', device('all'), { allNodes: true }),
    makeSlice('zone', device('zonal'), { nodeSelector }),
    makeSlice(
      'each',
      [
        { name: 'mine', nodeName: 'a' },
        { name: 'theirs', nodeName: 'b' },
        { name: 'zonal', nodeSelector },
      ],
      {
        perDeviceNodeSelection: true,
      },
    ),
  );
  assert.deepEqual(seen(pools), ['each: mine', 'everywhere: all']);
  const inZone = makeNode('a', { labels: { zone: 'z' } });
  assert.deepEqual(seen(pools, inZone), ['each: mine zonal', 'everywhere: all', 'zone: zonal'], 'the node changed');
  assert.deepEqual(seen(pools, makeNode('c')), ['everywhere: all']);
});

test('what was found for a node holds until one of its pools changes', () => {
  const pools = poolsOf(part('1', ['p', 1, 1]), part('2', ['q', 1, 1], { nodeName: 'b' }));
  const node = makeNode('a');
  const first = pools.of(node);
  pools.set(part('2', ['q', 2, 1], { nodeName: 'b' }));
  assert.equal(pools.of(node), first);
  pools.set(part('1', ['p', 2, 1], { devices: plainDevices(1) }));
  assert.deepEqual(seen(pools), ['p: gpu-0']);
  pools.remove('slice-1');
  assert.deepEqual(seen(pools), []);
});

test('rules taint devices: by driver, pool and name; all by an empty selector; none without one', () => {
  const taint = { key: 'sick', effect: 'NoExecute' } as const;
  let rules: DeviceTaintRule[] = [];
  const pools = new Pools(() => rules);
  pools.set(part('1', ['p', 1, 1], { devices: plainDevices(2) }));
  const tainted = (spec: DeviceTaintRule['spec']): string[] => {
    rules = [{ spec }];
    pools.rulesChanged();
    return pools
      .of(makeNode('a'))
      .flatMap(({ devices }) =>
        devices.filter(({ taints }) => taints.includes(taint)).map(({ device: { name } }) => name),
      );
  };
  assert.deepEqual(tainted({ taint }), []);
  assert.deepEqual(tainted({ taint, deviceSelector: {} }), ['gpu-0', 'gpu-1']);
  assert.deepEqual(tainted({ taint, deviceSelector: { driver: testDriver, pool: 'p', device: 'gpu-1' } }), ['gpu-1']);
  assert.deepEqual(tainted({ taint, deviceSelector: { pool: 'q' } }), []);
});
