import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Node } from '../../api/schema/types/core-v1.ts';
import type {
  AllocationResult,
  Device,
  DeviceClass,
  ResourceClaim,
  ResourceSlice,
} from '../../api/schema/types/resource-v1.ts';
import { makeNode } from '../testing.ts';
import { allocate } from './allocate.ts';
import { allocationResult } from './allocation-result.ts';
import { DeviceSelectors } from './device-selectors.ts';
import { Ledger } from './ledger.ts';
import { Pools } from './pools.ts';
import {
  alternatives,
  byAttribute,
  makeClaim,
  makeClass,
  makeSlice,
  plainDevices,
  request,
  testDriver,
} from './testing.ts';

interface Setting {
  readonly claims: readonly ResourceClaim[];
  readonly slices: readonly ResourceSlice[];
  readonly classes?: readonly DeviceClass[];
  readonly node?: Node;
  /** What other claims have. */
  readonly given?: readonly AllocationResult[];
  readonly stepsMax?: number;
}

const gpu = makeClass('gpu');

function outcome({ claims, slices, classes = [], node = makeNode('a'), given = [], stepsMax = 10_000 }: Setting) {
  const pools = new Pools();
  for (const slice of slices) pools.set(slice);
  const ledger = new Ledger();
  for (const [index, allocation] of given.entries()) ledger.set(`given-${index}`, allocation);
  const all = [gpu, ...classes];
  return allocate({
    claims,
    pools: pools.of(node),
    ledger,
    classOf: (name) => all.find(({ metadata }) => metadata?.name === name),
    selectors: new DeviceSelectors(),
    stepsMax,
  });
}

/** What each claim gets, or undefined. */
function results(setting: Setting): AllocationResult[] | undefined {
  const found = outcome(setting);
  if (found.kind === 'none') return undefined;
  let shares = 0;
  const node = setting.node?.metadata?.name ?? 'a';
  return found.claims.map(({ claim, picks }) => allocationResult(claim, picks, node, () => `share-${shares++}`));
}

const namesOf = (found: readonly AllocationResult[] | undefined): string[][] | undefined =>
  found?.map(({ devices }) => (devices?.results ?? []).map((result) => `${result.request}=${result.device}`));

/** `request=device` by claim. */
const names = (setting: Setting): string[][] | undefined => namesOf(results(setting));

const reason = (setting: Setting): string | undefined => {
  const found = outcome(setting);
  return found.kind === 'none' ? found.reason : undefined;
};

const given = (...devices: readonly string[]): AllocationResult => ({
  devices: { results: devices.map((device) => ({ request: 'r', driver: testDriver, pool: 'a', device })) },
});

const slice = makeSlice('a', plainDevices(3));

describe('devices of a node', () => {
  test('as many as are asked for, in order, and nobody gets what somebody has', () => {
    assert.deepEqual(names({ claims: [makeClaim('c', [request('r', { count: 2 })])], slices: [slice] }), [
      ['r=gpu-0', 'r=gpu-1'],
    ]);
    assert.deepEqual(
      names({ claims: [makeClaim('c', [request('r', { count: 2 })])], slices: [slice], given: [given('gpu-1')] }),
      [['r=gpu-0', 'r=gpu-2']],
    );
    const two = [makeClaim('c', [request('r')]), makeClaim('d', [request('x'), request('y')])];
    assert.deepEqual(names({ claims: two, slices: [slice] }), [['r=gpu-0'], ['x=gpu-1', 'y=gpu-2']]);
    assert.equal(names({ claims: two, slices: [slice], given: [given('gpu-0')] }), undefined);
  });

  test('what is on another node is not there', () => {
    const claims = [makeClaim('c', [request('r')])];
    assert.equal(names({ claims, slices: [makeSlice('b', plainDevices(1))] }), undefined);
    assert.equal(names({ claims, slices: [] }), undefined);
  });

  test('the expressions of class and request both must mean the device', () => {
    const devices: Device[] = ['x', 'y', 'x'].map((model, index) => ({
      name: `gpu-${index}`,
      attributes: { model: { string: model }, cores: { int: index } },
    }));
    const classes = [makeClass('x', byAttribute('model', 'x'))];
    const selectors = [{ cel: { expression: `device.attributes["${testDriver}"].cores > 0` } }];
    const slices = [makeSlice('a', devices)];
    assert.deepEqual(names({ claims: [makeClaim('c', [request('r', { deviceClassName: 'x' })])], slices, classes }), [
      ['r=gpu-0'],
    ]);
    const both = [makeClaim('c', [request('r', { deviceClassName: 'x', selectors })])];
    assert.deepEqual(names({ claims: both, slices, classes }), [['r=gpu-2']]);
  });

  test('an expression that fails says whose it is', () => {
    const bad = (expression: string) => ({ selectors: [{ cel: { expression } }] });
    const missing = `device.attributes["${testDriver}"].none == 1`;
    assert.equal(
      reason({ claims: [makeClaim('c', [request('r', bad(missing))])], slices: [slice] }),
      'claim default/c: selector #0: CEL runtime error: no such key: none',
    );
    const claims = [makeClaim('c', [request('r', { deviceClassName: 'x' })])];
    assert.match(
      reason({ claims, slices: [slice], classes: [makeClass('x', bad('?!'))] }) ?? '',
      /^class x: selector #0: CEL compile error: compilation failed: .*Syntax error/s,
    );
    assert.equal(reason({ claims, slices: [slice] }), 'request r: device class x does not exist');
  });

  test('all means all that match, and only if each of them can be had', () => {
    const claims = [makeClaim('c', [request('r', { allocationMode: 'All' })])];
    assert.deepEqual(names({ claims, slices: [slice] }), [['r=gpu-0', 'r=gpu-1', 'r=gpu-2']]);
    assert.equal(names({ claims, slices: [slice], given: [given('gpu-2')] }), undefined);
    assert.equal(names({ claims, slices: [] }), undefined, 'none at all is not all');
  });

  test('no claim gets more devices than its results can hold', () => {
    const slices = [makeSlice('a', plainDevices(40))];
    const asked = (count: number): Setting => ({ claims: [makeClaim('c', [request('r', { count })])], slices });
    assert.equal(names(asked(32))?.[0]?.length, 32);
    assert.equal(reason(asked(33)), 'claim default/c: number of requested devices 33 exceeds the claim limit of 32');
    const choice = alternatives('s', { count: 8 }, { count: 4 });
    assert.deepEqual(
      names({ claims: [makeClaim('c', [request('r', { count: 28 }), choice])], slices })?.[0]?.filter((name) =>
        name.startsWith('s'),
      ),
      ['s/sub-1=gpu-28', 's/sub-1=gpu-29', 's/sub-1=gpu-30', 's/sub-1=gpu-31'],
    );
  });

  test('of alternatives the first that can be had is taken, whatever comes after it', () => {
    const claim = makeClaim('c', [alternatives('r', { count: 4 }, { count: 2 }, { count: 1 })]);
    assert.deepEqual(names({ claims: [claim], slices: [slice] }), [['r/sub-1=gpu-0', 'r/sub-1=gpu-1']]);
    const more = makeClaim('c', [alternatives('r', { count: 3 }, { count: 2 }), request('s')]);
    assert.deepEqual(names({ claims: [more], slices: [slice] }), [['r/sub-1=gpu-0', 'r/sub-1=gpu-1', 's=gpu-2']]);
  });

  test('administrators get devices that others have, each once for a claim', () => {
    const admin = request('r', { adminAccess: true });
    const found = results({ claims: [makeClaim('c', [admin])], slices: [slice], given: [given('gpu-0')] });
    assert.deepEqual(namesOf(found), [['r=gpu-0']]);
    assert.equal(found?.[0]?.devices?.results?.[0]?.adminAccess, true);
    const twice = makeClaim('c', [admin, request('s', { adminAccess: true })]);
    assert.deepEqual(names({ claims: [twice], slices: [slice] }), [['r=gpu-0', 's=gpu-1']]);
    const apart = [makeClaim('c', [admin]), makeClaim('d', [admin])];
    assert.deepEqual(names({ claims: apart, slices: [slice] }), [['r=gpu-0'], ['r=gpu-0']]);
    const ledger = new Ledger();
    ledger.set('c', found?.[0]);
    assert.equal(ledger.isTaken(`${testDriver}/a/gpu-0`), false);
  });

  test('a search that would take too long is given up', () => {
    const devices = plainDevices(24).map((device, index) => ({ ...device, attributes: { at: { int: index } } }));
    const claim = makeClaim('c', [request('r', { count: 12 })], {
      constraints: [{ matchAttribute: `${testDriver}/at` }],
    });
    assert.equal(outcome({ claims: [claim], slices: [makeSlice('a', devices)] }).kind, 'none');
    const many = makeClaim('c', [request('r', { count: 12 }), request('s', { count: 12 }), request('t')]);
    assert.equal(
      reason({ claims: [many], slices: [makeSlice('a', devices)], stepsMax: 1000 }),
      'timed out trying to allocate devices',
    );
  });

  test('equal devices are not tried one for another', () => {
    const many = makeClaim('c', [request('r', { count: 12 }), request('s', { count: 12 }), request('t')]);
    const found = outcome({ claims: [many], slices: [makeSlice('a', plainDevices(24))], stepsMax: 1000 });
    assert.deepEqual([found.kind, found.kind === 'none' && found.reason], ['none', undefined]);
  });
});

describe('constraints', () => {
  const devices: Device[] = [
    ['n0', 1],
    ['n1', 1],
    ['n1', 2],
    ['n0', 2],
  ].map(([numa, slot], index) => ({
    name: `gpu-${index}`,
    attributes: { numa: { string: String(numa) }, [`${testDriver}/slot`]: { int: Number(slot) } },
  }));
  const slices = [makeSlice('a', devices)];

  test('devices have an attribute in common', () => {
    const match = { constraints: [{ matchAttribute: `${testDriver}/numa` }] };
    const claim = makeClaim('c', [request('r', { count: 2 })], match);
    assert.deepEqual(names({ claims: [claim], slices }), [['r=gpu-0', 'r=gpu-3']]);
    assert.deepEqual(names({ claims: [claim], slices, given: [given('gpu-0')] }), [['r=gpu-1', 'r=gpu-2']]);
    const three = makeClaim('c', [request('r', { count: 3 })], match);
    assert.equal(names({ claims: [three], slices }), undefined);
    const both = makeClaim('c', [request('r', { count: 2 })], {
      constraints: [{ matchAttribute: `${testDriver}/numa` }, { matchAttribute: `${testDriver}/slot` }],
    });
    assert.equal(names({ claims: [both], slices }), undefined);
  });

  test('a constraint binds only the requests that it names', () => {
    const requests = [request('r'), request('s'), request('t')];
    const constraints = [{ requests: ['r', 't'], matchAttribute: `${testDriver}/numa` }];
    assert.deepEqual(names({ claims: [makeClaim('c', requests, { constraints })], slices }), [
      ['r=gpu-0', 's=gpu-1', 't=gpu-3'],
    ]);
    const choice = [alternatives('r', {}), request('s')];
    const byName = [{ requests: ['r/sub-0', 's'], matchAttribute: `${testDriver}/slot` }];
    assert.deepEqual(names({ claims: [makeClaim('c', choice, { constraints: byName })], slices }), [
      ['r/sub-0=gpu-0', 's=gpu-1'],
    ]);
  });

  test('devices differ in an attribute', () => {
    const constraints = [{ distinctAttribute: `${testDriver}/numa` }];
    const pair = makeClaim('c', [request('r', { count: 2 })], { constraints });
    assert.deepEqual(names({ claims: [pair], slices }), [['r=gpu-0', 'r=gpu-1']]);
    const three = makeClaim('c', [request('r', { count: 3 })], { constraints });
    assert.equal(names({ claims: [three], slices }), undefined);
  });

  test('a device without the attribute is in no such set, and an attribute of another domain is another', () => {
    const matching = (name: string) => makeClaim('c', [request('r')], { constraints: [{ matchAttribute: name }] });
    assert.equal(names({ claims: [matching(`${testDriver}/none`)], slices }), undefined);
    assert.equal(names({ claims: [matching('other.example.com/numa')], slices }), undefined);
    assert.deepEqual(names({ claims: [matching(`${testDriver}/slot`)], slices }), [['r=gpu-0']]);
  });

  test('all devices that cannot stand together are told, not searched', () => {
    const claim = makeClaim('c', [request('r', { allocationMode: 'All' })], {
      constraints: [{ matchAttribute: `${testDriver}/numa` }],
    });
    assert.equal(
      reason({ claims: [claim], slices }),
      `claim default/c, request r: cannot add device ${testDriver}/a/gpu-1 because a claim constraint would not be satisfied`,
    );
  });
});

describe('taints', () => {
  const tainted = (effect: 'NoSchedule' | 'NoExecute' | 'None'): ResourceSlice =>
    makeSlice('a', [{ name: 'gpu-0', taints: [{ key: 'sick', value: 'very', effect }] }]);

  test('keep off whoever does not tolerate them', () => {
    const claims = [makeClaim('c', [request('r')])];
    assert.equal(names({ claims, slices: [tainted('NoSchedule')] }), undefined);
    assert.equal(names({ claims, slices: [tainted('NoExecute')] }), undefined);
    assert.deepEqual(names({ claims, slices: [tainted('None')] }), [['r=gpu-0']]);
  });

  test('tolerations are told in the result', () => {
    const tolerations = [{ key: 'sick', operator: 'Exists', effect: 'NoSchedule' }] as const;
    const claims = [makeClaim('c', [request('r', { tolerations })])];
    const found = results({ claims, slices: [tainted('NoSchedule')] });
    assert.deepEqual(found?.[0]?.devices?.results?.[0]?.tolerations, tolerations);
    assert.equal(names({ claims, slices: [tainted('NoExecute')] }), undefined);
  });
});

describe('what devices draw on together', () => {
  const part = (name: string, memory: string, set = 'board'): Device => ({
    name,
    consumesCounters: [{ counterSet: set, counters: { memory: { value: memory } } }],
  });
  const pool = { name: 'a', generation: 1, resourceSliceCount: 2 };
  const counters = makeSlice('counters', [], {
    nodeName: 'a',
    pool,
    sharedCounters: [{ name: 'board', counters: { memory: { value: '40Gi' } } }],
  });
  const partsOf = (...devices: Device[]): ResourceSlice => makeSlice('parts', devices, { nodeName: 'a', pool });
  const parts = partsOf(part('whole', '40Gi'), part('half-0', '20Gi'), part('half-1', '20Gi'), part('tiny', '1Gi'));
  const slices = [counters, parts];

  test('is not given out twice', () => {
    assert.deepEqual(names({ claims: [makeClaim('c', [request('r')])], slices }), [['r=whole']]);
    assert.deepEqual(names({ claims: [makeClaim('c', [request('r', { count: 2 })])], slices }), [
      ['r=half-0', 'r=half-1'],
    ]);
    assert.equal(names({ claims: [makeClaim('c', [request('r', { count: 3 })])], slices }), undefined);
    assert.deepEqual(names({ claims: [makeClaim('c', [request('r')])], slices, given: [given('half-0')] }), [
      ['r=half-1'],
    ]);
    assert.equal(names({ claims: [makeClaim('c', [request('r')])], slices, given: [given('whole')] }), undefined);
  });

  test('counts devices on other nodes, too', () => {
    const three = { ...pool, resourceSliceCount: 3 };
    const all = [counters, parts].map((one) => ({ ...one, spec: { ...one.spec, pool: three } }));
    const elsewhere = makeSlice('far', [part('far', '30Gi')], { nodeName: 'b', pool: three });
    const claims = [makeClaim('c', [request('r')])];
    assert.deepEqual(names({ claims, slices: [...all, elsewhere] }), [['r=whole']]);
    assert.deepEqual(names({ claims, slices: [...all, elsewhere], given: [given('far')] }), [['r=tiny']]);
  });

  test('makes a pool invalid where it is not there, or there twice', () => {
    const claims = [makeClaim('c', [request('r')])];
    const unknown = [counters, partsOf(part('lost', '1Gi', 'none'))];
    assert.equal(reason({ claims, slices: unknown }), 'invalid resource pools were encountered');
    const twice = makeSlice('again', [], {
      nodeName: 'a',
      pool,
      sharedCounters: [{ name: 'board', counters: { memory: { value: '1Gi' } } }],
    });
    assert.equal(reason({ claims, slices: [counters, twice] }), 'invalid resource pools were encountered');
  });
});

describe('devices that allow many', () => {
  const policy = { default: '1Gi', validRange: { min: '1Gi', step: '1Gi', max: '8Gi' } };
  const device: Device = {
    name: 'gpu-0',
    allowMultipleAllocations: true,
    capacity: { memory: { value: '10Gi', requestPolicy: policy } },
  };
  const slices = [makeSlice('a', [device])];
  const asking = (memory: string | undefined) =>
    request('r', memory === undefined ? {} : { capacity: { requests: { memory } } });
  const share = (memory: string): AllocationResult => ({
    devices: {
      results: [
        { request: 'r', driver: testDriver, pool: 'a', device: 'gpu-0', shareID: 's', consumedCapacity: { memory } },
      ],
    },
  });

  test('give each a share, rounded up as their policy says', () => {
    const rows: readonly (readonly [string | undefined, string | undefined])[] = [
      ['4Gi', '4Gi'],
      ['3500Mi', '4Gi'],
      ['1Mi', '1Gi'],
      [undefined, '1Gi'],
      ['9Gi', undefined],
    ];
    for (const [asked, used] of rows) {
      const [result] = results({ claims: [makeClaim('c', [asking(asked)])], slices })?.[0]?.devices?.results ?? [];
      assert.equal(result?.consumedCapacity?.['memory'], used, asked ?? 'nothing');
      assert.equal(result?.shareID, used && 'share-0');
    }
  });

  test('are full when their capacity is used up', () => {
    const claims = [makeClaim('c', [asking('4Gi')])];
    assert.deepEqual(names({ claims, slices, given: [share('6Gi')] }), [['r=gpu-0']]);
    assert.equal(names({ claims, slices, given: [share('7Gi')] }), undefined);
    const two = [makeClaim('c', [asking('6Gi')]), makeClaim('d', [asking('6Gi')])];
    assert.equal(names({ claims: two, slices }), undefined);
    const one = [makeClaim('c', [asking('5Gi'), { ...asking('5Gi'), name: 's' }])];
    assert.deepEqual(names({ claims: one, slices }), [['r=gpu-0', 's=gpu-0']], 'one claim may have two shares');
    const distinct = makeClaim('c', [asking('1Gi'), { ...asking('1Gi'), name: 's' }], {
      constraints: [{ distinctAttribute: `${testDriver}/id` }],
    });
    const withId = makeSlice('a', [{ ...device, attributes: { id: { int: 1 } } }]);
    assert.equal(names({ claims: [distinct], slices: [withId] }), undefined);
  });

  test('a share of what they do not have cannot be had', () => {
    const claims = [makeClaim('c', [request('r', { capacity: { requests: { cores: '1' } } })])];
    assert.equal(names({ claims, slices }), undefined);
  });

  test('a device for one alone must have at least what is asked for', () => {
    const alone = { name: 'gpu-0', capacity: { memory: { value: '10Gi' } } };
    const claims = (memory: string) => [makeClaim('c', [asking(memory)])];
    const found = results({ claims: claims('8Gi'), slices: [makeSlice('a', [alone])] });
    assert.deepEqual(namesOf(found), [['r=gpu-0']]);
    assert.equal(found?.[0]?.devices?.results?.[0]?.consumedCapacity, undefined);
    assert.equal(names({ claims: claims('11Gi'), slices: [makeSlice('a', [alone])] }), undefined);
  });

  test('values that a policy lists are the only ones', () => {
    const listed = { name: 'gpu-0', allowMultipleAllocations: true } satisfies Device;
    const capacity = { memory: { value: '10Gi', requestPolicy: { default: '2Gi', validValues: ['2Gi', '4Gi'] } } };
    const of = (asked: string) =>
      results({ claims: [makeClaim('c', [asking(asked)])], slices: [makeSlice('a', [{ ...listed, capacity }])] });
    assert.equal(of('3Gi')?.[0]?.devices?.results?.[0]?.consumedCapacity?.['memory'], '4Gi');
    assert.equal(of('5Gi'), undefined);
  });
});

describe('results', () => {
  test('say where the devices can be used', () => {
    const claims = [makeClaim('c', [request('r')])];
    const node = makeNode('a', { labels: { zone: 'z', rack: '7' } });
    const here = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['a'] }] }] };
    const zone = {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['z'] }] }],
    } as const;
    const of = (one: ResourceSlice) => results({ claims, slices: [one], node })?.[0]?.nodeSelector;
    assert.deepEqual(of(slice), here);
    assert.deepEqual(of(makeSlice('p', plainDevices(1), { nodeSelector: zone })), zone);
    assert.equal(of(makeSlice('p', plainDevices(1), { allNodes: true })), undefined);
    assert.deepEqual(of(makeSlice('p', [{ name: 'gpu-0', bindsToNode: true }], { allNodes: true })), here);
    const each: Device[] = [
      { name: 'gpu-0', nodeName: 'b' },
      { name: 'gpu-1', nodeSelector: zone },
    ];
    const perDevice = makeSlice('p', each, { perDeviceNodeSelection: true });
    assert.deepEqual(of(perDevice), zone);
    assert.deepEqual(names({ claims, slices: [perDevice], node }), [['r=gpu-1']]);
  });

  test('carry the configuration of classes, then of the claim, for the requests that got devices', () => {
    const opaque = (text: string) => ({ opaque: { driver: testDriver, parameters: { text } } });
    const classes = [makeClass('x', { config: [opaque('class')] })];
    const requests = [
      request('q', { deviceClassName: 'x' }),
      alternatives('r', { count: 9 }, { deviceClassName: 'x' }),
    ];
    const config = [
      opaque('all'),
      { requests: ['r/sub-0'], ...opaque('not chosen') },
      { requests: ['r/sub-1'], ...opaque('chosen') },
      { requests: ['r'], ...opaque('either') },
    ];
    const found = results({ claims: [makeClaim('c', requests, { config })], slices: [slice], classes });
    assert.deepEqual(found?.[0]?.devices?.config, [
      { source: 'FromClass', requests: ['q', 'r/sub-1'], ...opaque('class') },
      { source: 'FromClaim', ...opaque('all') },
      { source: 'FromClaim', requests: ['r/sub-1'], ...opaque('chosen') },
      { source: 'FromClaim', requests: ['r'], ...opaque('either') },
    ]);
  });

  test('carry what has to become true before the pod is bound', () => {
    const conditions = { bindingConditions: ['ready'], bindingFailureConditions: ['broken'] };
    const found = results({
      claims: [makeClaim('c', [request('r')])],
      slices: [makeSlice('a', [{ name: 'gpu-0', ...conditions }])],
    });
    assert.deepEqual(found?.[0]?.devices?.results, [
      { request: 'r', driver: testDriver, pool: 'a', device: 'gpu-0', ...conditions },
    ]);
  });
});
