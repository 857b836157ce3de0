/** The search against a model that tries every way there is: what exists is found, and what is found is right. Without administrators: with them, who comes first decides. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type {
  Device,
  DeviceConstraint,
  DeviceRequest,
  ResourceClaim,
  ResourceSlice,
} from '../../api/schema/types/resource-v1.ts';
import { nextInt, type Prng, SeededPrng } from '../../lib/prng.ts';
import { makeNode } from '../testing.ts';
import { allocate } from './allocate.ts';
import { DeviceSelectors } from './device-selectors.ts';
import { Ledger } from './ledger.ts';
import { Pools } from './pools.ts';
import { alternatives, byAttribute, makeClaim, makeClass, makeSlice, request, testDriver } from './testing.ts';

const classes = [
  makeClass('gpu'),
  makeClass('x', byAttribute('model', 'x')),
  makeClass('y', byAttribute('model', 'y')),
];
const classNames = ['gpu', 'gpu', 'x', 'y'];
const memoryTotal = 8;
const capacityTotal = 4;

interface Case {
  readonly slices: readonly ResourceSlice[];
  readonly devices: readonly Device[];
  readonly taken: ReadonlySet<string>;
  readonly claims: readonly ResourceClaim[];
}

const pick = <T>(prng: Prng, from: readonly T[]): T => from[nextInt(prng, from.length)] as T;
const chance = (prng: Prng, percent: number): boolean => nextInt(prng, 100) < percent;

function makeDevice(prng: Prng, index: number): Device {
  const isShared = chance(prng, 20);
  return {
    name: `gpu-${index}`,
    attributes: { model: { string: pick(prng, ['x', 'y']) }, numa: { int: nextInt(prng, 2) } },
    ...(chance(prng, 20) && { taints: [{ key: 'sick', effect: 'NoSchedule' as const }] }),
    ...(isShared && { allowMultipleAllocations: true, capacity: { slots: { value: String(capacityTotal) } } }),
    ...(chance(prng, 40) && {
      consumesCounters: [{ counterSet: 'board', counters: { memory: { value: String(1 + nextInt(prng, 5)) } } }],
    }),
  };
}

function makeRequest(prng: Prng, name: string): DeviceRequest {
  const form = () => ({
    deviceClassName: pick(prng, classNames),
    count: 1 + nextInt(prng, 2),
    ...(chance(prng, 30) && { tolerations: [{ operator: 'Exists' as const }] }),
    ...(chance(prng, 15) && { capacity: { requests: { slots: String(1 + nextInt(prng, 3)) } } }),
  });
  return chance(prng, 25) ? alternatives(name, form(), form()) : request(name, form());
}

function makeConstraints(prng: Prng, requests: readonly DeviceRequest[]): DeviceConstraint[] {
  if (chance(prng, 50)) return [];
  const attribute = `${testDriver}/${pick(prng, ['numa', 'model'])}`;
  const some = chance(prng, 50) ? {} : { requests: requests.slice(0, 2).map(({ name }) => name) };
  return [{ ...some, ...(chance(prng, 70) ? { matchAttribute: attribute } : { distinctAttribute: attribute }) }];
}

function makeCase(seed: number): Case {
  const prng = new SeededPrng(seed);
  const devices = Array.from({ length: 2 + nextInt(prng, 4) }, (_, index) => makeDevice(prng, index));
  const pool = { name: 'a', generation: 1, resourceSliceCount: 2 };
  const counters = { memory: { value: String(memoryTotal) } };
  const slices = [
    makeSlice('counters', [], { nodeName: 'a', pool, sharedCounters: [{ name: 'board', counters }] }),
    makeSlice('devices', devices, { nodeName: 'a', pool }),
  ];
  const alone = devices.filter(({ allowMultipleAllocations }) => !allowMultipleAllocations);
  const taken = new Set(alone.filter(() => chance(prng, 15)).map(({ name }) => name));
  const claims = Array.from({ length: 1 + nextInt(prng, 2) }, (_, at) => {
    const requests = Array.from({ length: 1 + nextInt(prng, 2) }, (_unused, index) => makeRequest(prng, `r${index}`));
    return makeClaim(`c${at}`, requests, { constraints: makeConstraints(prng, requests) });
  });
  return { slices, devices, taken, claims };
}

interface Choice {
  readonly claim: number;
  readonly request: string;
  readonly name: string;
  readonly className: string;
  readonly isTolerant: boolean;
  readonly slots: number | undefined;
  readonly device: Device;
}

/** Each device that a claim needs, with the alternatives that were taken: one list for each way to take them. */
function* needs(claims: readonly ResourceClaim[]): Generator<Omit<Choice, 'device'>[]> {
  const all = claims.flatMap(({ spec }, claim) => (spec.devices?.requests ?? []).map((one) => ({ claim, one })));
  function* from(at: number): Generator<Omit<Choice, 'device'>[]> {
    const entry = all[at];
    if (entry === undefined) {
      yield [];
      return;
    }
    const { name: base, exactly, firstAvailable = [] } = entry.one;
    for (const asked of exactly === undefined ? firstAvailable : [exactly]) {
      const need = {
        claim: entry.claim,
        request: base,
        name: 'name' in asked ? `${base}/${asked.name}` : base,
        className: asked.deviceClassName,
        isTolerant: (asked.tolerations?.length ?? 0) > 0,
        slots: asked.capacity?.requests?.['slots'] === undefined ? undefined : Number(asked.capacity.requests['slots']),
      };
      for (const rest of from(at + 1)) yield [...Array.from({ length: asked.count ?? 1 }, () => need), ...rest];
    }
  }
  yield* from(0);
}

const isShared = ({ allowMultipleAllocations }: Device): boolean => allowMultipleAllocations === true;
const drawnBy = ({ consumesCounters = [] }: Device): number =>
  Number(consumesCounters[0]?.counters['memory']?.value ?? 0);

/** All rules, over a whole assignment at once. */
function isRight(choices: readonly Choice[], { devices, taken, claims }: Case): boolean {
  for (const { device, className, isTolerant, slots } of choices) {
    if (className !== 'gpu' && device.attributes?.['model']?.string !== className) return false;
    if ((device.taints?.length ?? 0) > 0 && !isTolerant) return false;
    if (slots !== undefined && (device.capacity === undefined || slots > capacityTotal)) return false;
    if (taken.has(device.name)) return false;
  }
  for (const device of devices) {
    const users = choices.filter((choice) => choice.device === device);
    const used = users.reduce((sum, { slots = capacityTotal }) => sum + slots, 0);
    if (isShared(device) ? used > capacityTotal : users.length > 1) return false;
  }
  return (
    drawn(choices, devices, taken) &&
    claims.every((claim, at) =>
      meets(
        claim,
        choices.filter(({ claim: of }) => of === at),
      ),
    )
  );
}

/** Each user of a device draws, but those of one that allows many draw together. */
function drawn(choices: readonly Choice[], devices: readonly Device[], taken: ReadonlySet<string>): boolean {
  const before = devices.filter(({ name }) => taken.has(name)).reduce((sum, device) => sum + drawnBy(device), 0);
  const counted = choices.filter(
    ({ device }, at) => !isShared(device) || choices.findIndex((other) => other.device === device) === at,
  );
  const now = counted.reduce((sum, { device }) => sum + drawnBy(device), 0);
  return counted.every(({ device }) => drawnBy(device) === 0) || before + now <= memoryTotal;
}

function meets({ spec }: ResourceClaim, choices: readonly Choice[]): boolean {
  return (spec.devices?.constraints ?? []).every(({ requests = [], matchAttribute, distinctAttribute }) => {
    const meant = choices.filter(({ request: one }) => requests.length === 0 || requests.includes(one));
    const attribute = (matchAttribute ?? distinctAttribute ?? '').slice(testDriver.length + 1);
    const values = new Set(meant.map(({ device }) => JSON.stringify(device.attributes?.[attribute])));
    return matchAttribute === undefined ? values.size === meant.length : values.size <= 1;
  });
}

function exists(one: Case): boolean {
  for (const need of needs(one.claims)) if (assign(need, 0, [], one)) return true;
  return false;
}

function assign(need: readonly Omit<Choice, 'device'>[], at: number, choices: Choice[], one: Case): boolean {
  // What is wrong already does not become right by more devices.
  if (!isRight(choices, one)) return false;
  const next = need[at];
  if (next === undefined) return true;
  return one.devices.some((device) => assign(need, at + 1, [...choices, { ...next, device }], one));
}

test('in random pools exactly what exists is found', () => {
  const counts = { found: 0, none: 0 };
  for (let seed = 1; seed <= 600; seed++) {
    const one = makeCase(seed);
    const pools = new Pools();
    for (const slice of one.slices) pools.set(slice);
    const ledger = new Ledger();
    const results = [...one.taken].map((device) => ({ request: 'r', driver: testDriver, pool: 'a', device }));
    ledger.set('others', { devices: { results } });
    const outcome = allocate({
      claims: one.claims,
      pools: pools.of(makeNode('a')),
      ledger,
      classOf: (name) => classes.find(({ metadata }) => metadata?.name === name),
      selectors: new DeviceSelectors(),
      stepsMax: 100_000,
    });
    assert.equal(outcome.kind === 'found', exists(one), `seed ${seed}: ${JSON.stringify(one)}`);
    counts[outcome.kind]++;
    if (outcome.kind === 'none') continue;
    const choices = outcome.claims.flatMap(({ picks }, claim) =>
      picks.map(({ wish, device, consumed }): Choice => {
        const slots = consumed?.get('slots');
        return {
          claim,
          request: wish.request,
          name: wish.name,
          className: wish.deviceClass.metadata?.name ?? '',
          isTolerant: wish.tolerations.length > 0,
          slots: slots === undefined ? undefined : Number(slots),
          device: device.device,
        };
      }),
    );
    assert.ok(isRight(choices, one), `seed ${seed}: ${JSON.stringify(choices)}`);
  }
  assert.ok(counts.found > 150 && counts.none > 150, JSON.stringify(counts));
});
