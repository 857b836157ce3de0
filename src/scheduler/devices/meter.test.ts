/** What bounds a search for devices is what it costs, whatever makes it long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Device, ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import { type Allocation, allocate } from './allocate.ts';
import { DeviceSelectors } from './device-selectors.ts';
import { Ledger } from './ledger.ts';
import { Pools } from './pools.ts';
import { makeClaim, makeClass, makeSlice, request, testDriver } from './testing.ts';

class AskedLedger extends Ledger {
  asked = 0;

  override isTaken(device: string): boolean {
    this.asked++;
    return super.isTaken(device);
  }
}

interface Setting {
  readonly claim: ResourceClaim;
  readonly devices: readonly Device[];
  readonly ledger?: Ledger;
  readonly selectors?: DeviceSelectors;
}

function allocateOf({ claim, devices, ledger = new Ledger(), selectors = new DeviceSelectors() }: Setting): Allocation {
  const pools = new Pools();
  pools.set(makeSlice('node', devices));
  const node = { metadata: { name: 'node' } };
  const classOf = () => makeClass('gpu');
  return allocate({ claims: [claim], pools: pools.of(node), ledger, classOf, selectors, stepsMax: 5000 });
}

const unlike = (count: number): Device[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `gpu-${index}`,
    attributes: { kind: { string: `kind-${index % 7}` }, at: { int: index } },
  }));

const tooLong = 'timed out trying to allocate devices';

test('each look at a device counts, not only each one that is taken', () => {
  const ledger = new AskedLedger();
  const claim = makeClaim('c', [request('r', { count: 8 })], {
    constraints: [{ distinctAttribute: `${testDriver}/kind` }],
  });
  const found = allocateOf({ claim, devices: unlike(512), ledger });
  assert.equal(found.kind === 'none' && found.reason, tooLong);
  // When it is free, it is looked at once more as it is taken.
  assert.ok(ledger.asked <= 2 * 5000 + 1, `${ledger.asked} looks`);
});

test('devices that somebody has cost little', () => {
  const ledger = new Ledger();
  const results = unlike(400).map(({ name }) => ({ request: 'r', driver: testDriver, pool: 'node', device: name }));
  ledger.set('other', { devices: { results } });
  const found = allocateOf({ claim: makeClaim('c', [request('r')]), devices: unlike(401), ledger });
  assert.ok(found.kind === 'found' && found.steps < 100);
});

test('what expressions cost counts; what they said is remembered, so that a search that is made again comes further', () => {
  const list = `[${Array.from({ length: 30 }, (_, at) => at).join(',')}]`;
  const costly = `${list}.all(a, ${list}.all(b, a + b >= 0)) && device.attributes["${testDriver}"].at == 9`;
  const claim = makeClaim('c', [request('r', { selectors: [{ cel: { expression: costly } }] })]);
  const selectors = new DeviceSelectors();
  const devices = unlike(10);
  const first = allocateOf({ claim, devices, selectors });
  assert.equal(first.kind === 'none' && first.reason, tooLong);
  let again = first;
  for (let attempt = 0; attempt < 10 && again.kind === 'none'; attempt++) {
    again = allocateOf({ claim, devices, selectors });
  }
  assert.equal(again.kind, 'found');
});

test('to compile an expression costs, too', () => {
  const selectors = Array.from({ length: 30 }, (_, at) => ({
    cel: { expression: `true${' '.repeat(1000)} || ${at} > 0` },
  }));
  const found = allocateOf({ claim: makeClaim('c', [request('r', { selectors })]), devices: unlike(1) });
  assert.equal(found.kind === 'none' && found.reason, tooLong);
});
