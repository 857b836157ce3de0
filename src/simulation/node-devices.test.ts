import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ResourceSlice } from '../api/schema/types/resource-v1.ts';
import { validateResourceSlice } from '../registry/validation/resource-slice.ts';
import { decideSlices } from './device-publisher.ts';
import { slicesOf } from './node-devices.ts';
import { type NodePlan, planNodes, readNodeTemplates } from './node-template.ts';

const plansOf = (devices: string): NodePlan['devices'] => {
  const text = `apiVersion: simulation.naru.dev/v1\nkind: SimulatedNodes\nnodes: [{name: gpu, devices: ${devices}}]`;
  return planNodes(readNodeTemplates(text), 1)[0]?.devices ?? [];
};
const slices = (devices: string): readonly ResourceSlice[] => slicesOf('gpu-1', plansOf(devices));

describe('devices of a template', () => {
  test('are published as their driver would', () => {
    const like =
      'attributes: {model: a100, cores: 108, mig: true, release: {version: 1.2.3}}, capacity: {memory: 80Gi, lanes: 16}';
    const [slice, ...others] = slices(`[{driver: gpu.example.com, name: gpu, count: 2, ${like}}]`);
    assert.deepEqual(others, []);
    assert.equal(slice?.metadata?.name, 'gpu-1-gpu.example.com-0');
    const device = {
      attributes: {
        model: { string: 'a100' },
        cores: { int: 108 },
        mig: { bool: true },
        release: { version: '1.2.3' },
      },
      capacity: { memory: { value: '80Gi' }, lanes: { value: '16' } },
    };
    assert.deepEqual(slice?.spec, {
      driver: 'gpu.example.com',
      nodeName: 'gpu-1',
      pool: { name: 'gpu-1', generation: 1, resourceSliceCount: 1 },
      devices: [
        { name: 'gpu-0', ...device },
        { name: 'gpu-1', ...device },
      ],
    });
  });

  test('are of one pool for each driver, or of those that are named', () => {
    const found = slices('[{driver: a.b}, {driver: a.b, name: other}, {driver: a.b, pool: fast}, {driver: c.d}]');
    assert.deepEqual(
      found.map(({ metadata, spec }) => [metadata?.name, spec.pool.name, spec.devices?.map(({ name }) => name)]),
      [
        ['gpu-1-a.b-0', 'gpu-1', ['device-0', 'other-0']],
        ['gpu-1-a.b-fast-0', 'gpu-1/fast', ['device-0']],
        ['gpu-1-c.d-0', 'gpu-1', ['device-0']],
      ],
    );
  });

  test('make as many slices as the API wants, all valid', () => {
    const sizes = (devices: string): readonly (number | undefined)[] => {
      const found = slices(devices);
      assert.deepEqual(
        found.flatMap((slice) => validateResourceSlice(slice)),
        [],
      );
      assert.ok(found.every(({ spec }) => spec.pool.resourceSliceCount === found.length));
      return found.map(({ spec }) => spec.devices?.length);
    };
    assert.deepEqual(sizes('[{driver: a.b, count: 128}]'), [128]);
    assert.deepEqual(sizes('[{driver: a.b, count: 130}]'), [128, 2]);
    assert.deepEqual(sizes('[{driver: a.b, count: 130, taints: [{key: k, effect: None}]}]'), [64, 64, 2]);
    assert.deepEqual(sizes('[{driver: a.b, count: 0}]'), [0]);
  });

  const mistakes: readonly (readonly [string, string])[] = [
    ['[{}]', 'nodes[0].devices[0].driver: is missing; it is a name such as gpu.example.com'],
    [
      '[{driver: a.b, cores: 1}]',
      `nodes[0].devices[0].cores: unknown field; there are driver, name, count, pool, attributes, capacity, taints`,
    ],
    [
      '[{driver: a.b}, {driver: a.b}]',
      'nodes[0].devices: there are two devices a.b node device-0; give each item another name',
    ],
    [
      '[{driver: a.b, pool: x/y}, {driver: a.b, pool: x-y}]',
      'nodes[0].devices: two pools would both be published as node-a.b-x-y-0; rename one',
    ],
    [
      '[{driver: a.b, attributes: {share: 0.5}}]',
      'nodes[0].devices[0].attributes.share: must be a text, a whole number, true, false or {version: 1.2.3}',
    ],
    [
      '[{driver: a.b, attributes: {v: {version: one}}}]',
      'nodes[0].devices[0]: attributes[v].version: Invalid value: "one": must be a string compatible with semver.org spec 2.0.0',
    ],
    [
      '[{driver: a.b, capacity: {memory: much}}]',
      'nodes[0].devices[0].capacity.memory: must be a quantity such as 4 or 80Gi',
    ],
    [
      '[{driver: a.b, taints: [{effect: None}]}]',
      'nodes[0].devices[0]: taints[0].key: Invalid value: "": name part must be non-empty',
    ],
  ];
  for (const [devices, message] of mistakes) {
    test(`are refused: ${devices}`, () => assert.throws(() => plansOf(devices), { message }));
  }
});

describe('publishing', () => {
  const owned = (uid: string, found: readonly ResourceSlice[]): ResourceSlice[] =>
    found.map((slice) => ({
      ...slice,
      metadata: { ...slice.metadata, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'gpu-1', uid }] },
    }));
  const wanted = (devices: string): ResourceSlice[] => owned('uid', slices(devices));
  const told = (standing: readonly ResourceSlice[], devices: string): object => {
    const { create, replace, remove } = decideSlices(wanted(devices), standing);
    const names = (found: readonly ResourceSlice[]): readonly string[] =>
      found.map(({ metadata, spec }) => `${metadata?.name} ${spec.pool.generation}`);
    return { create: names(create), replace: names(replace), remove: names(remove) };
  };
  const one = '[{driver: a.b}]';
  const many = '[{driver: a.b, count: 130}]';

  test('writes what is not there', () =>
    assert.deepEqual(told([], one), { create: ['gpu-1-a.b-0 1'], replace: [], remove: [] }));

  test('leaves what is there already, whatever its generation', () => {
    const [slice] = wanted(one);
    const pool = { name: 'gpu-1', generation: 7, resourceSliceCount: 1 };
    const standing = [{ ...slice, spec: { ...slice?.spec, driver: 'a.b', pool } }];
    assert.deepEqual(told(standing, one), { create: [], replace: [], remove: [] });
  });

  test('leaves tainted devices to the time that the API gave them', () => {
    const tainted = '[{driver: a.b, taints: [{key: k, effect: NoExecute}]}]';
    const standing = wanted(tainted).map((slice) => {
      const taints = [{ key: 'k', effect: 'NoExecute' as const, timeAdded: '2026-01-01T00:00:00Z' }];
      return { ...slice, spec: { ...slice.spec, devices: [{ name: 'device-0', taints }] } };
    });
    assert.deepEqual(told(standing, tainted), { create: [], replace: [], remove: [] });
  });

  test('gives a changed pool a new generation in all its slices', () =>
    assert.deepEqual(told(wanted(one), many), {
      create: ['gpu-1-a.b-1 2'],
      replace: ['gpu-1-a.b-0 2'],
      remove: [],
    }));

  test('takes away what is too much', () => {
    assert.deepEqual(told(wanted(many), one), {
      create: [],
      replace: ['gpu-1-a.b-0 2'],
      remove: ['gpu-1-a.b-1 1'],
    });
    assert.deepEqual(told(wanted('[{driver: a.b}, {driver: c.d}]'), one), {
      create: [],
      replace: [],
      remove: ['gpu-1-c.d-0 1'],
    });
  });

  test('takes over what a Node of the same name left', () =>
    assert.deepEqual(told(owned('gone', slices(one)), one), { create: [], replace: ['gpu-1-a.b-0 2'], remove: [] }));
});
