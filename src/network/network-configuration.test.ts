import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { describe, test } from 'node:test';
import { configMaps } from '../client/resources.ts';
import type { Section } from './configuration.ts';
import { NetworkConfiguration } from './network-configuration.ts';
import { fieldsOf, integer, listOf, oneOf, text, yesOrNo } from './settings-fields.ts';
import { startNetworkWorld } from './testing.ts';

interface Dns {
  readonly cacheSeconds: number;
  readonly upstreams: readonly string[];
}

const defaults: Dns = { cacheSeconds: 30, upstreams: [] };
const parseDns = fieldsOf<Dns>(defaults, { cacheSeconds: integer(0, 3600), upstreams: listOf(text) });
const section: Section<Dns> = { defaults, parse: (value) => parseDns(value, '') };
const reference = { namespace: 'kube-system', name: 'naru-network' };
const where = { metadata: reference };

async function open() {
  const world = await startNetworkWorld();
  const configuration = new NetworkConfiguration(world.context);
  const heard: Dns[] = [];
  const dns = configuration.section('dns', section);
  dns.onChange((value) => void heard.push(value));
  await configuration.start();
  return {
    ...world,
    dns,
    heard,
    faults: () => world.events.map(({ about, message }) => `${about}: ${message}`),
    async write(yaml: string) {
      await world.client.patch(configMaps, reference, { type: 'merge', body: { data: { 'network.yaml': yaml } } });
      await world.settle();
    },
    close: () => configuration.close().then(() => world.close()),
  };
}

describe('the settings of the network', () => {
  test('a section has its defaults without the ConfigMap, follows it, and has them again without', async () => {
    const world = await open();
    assert.deepEqual(world.dns.current, defaults);
    const data = { 'network.yaml': 'dns:\n  cacheSeconds: 5\n' };
    await world.client.create(configMaps, { ...where, data });
    await world.settle();
    assert.deepEqual(world.dns.current, { cacheSeconds: 5, upstreams: [] });
    await world.write('dns: {cacheSeconds: 5}\n# another text, the same value\n');
    await world.write('dns: {cacheSeconds: 5, upstreams: [1.1.1.1]}');
    await world.client.delete(configMaps, reference);
    await world.settle();
    assert.deepEqual(
      world.heard.map(({ cacheSeconds, upstreams }) => [cacheSeconds, ...upstreams]),
      [[5], [5, '1.1.1.1'], [30]],
    );
    assert.deepEqual(world.events, []);
    await world.close();
  });

  test('what is wrong is told once, and the last good values stay', async () => {
    const world = await open();
    await world.client.create(configMaps, { ...where, data: { 'network.yaml': 'dns: {cacheSeconds: 7}' } });
    await world.settle();
    const about = 'ConfigMap kube-system/naru-network: network.yaml: ';
    const stays = '; its last good settings stay';
    const rows: readonly (readonly [yaml: string, fault: string])[] = [
      [
        'dns: {cacheSeconds: many}',
        `section dns: cacheSeconds takes a whole number from 0 to 3600, and got "many"${stays}`,
      ],
      ['dns: {cache: 1}', `section dns: there is no field cache; there are cacheSeconds, upstreams${stays}`],
      ['dns: {upstreams: [1]}', `section dns: upstreams[0] takes a text, and got 1${stays}`],
      ['dns: 3', `section dns: the section takes fields, and got 3${stays}`],
      ['- dns', 'it takes sections, each with its fields; the last good settings stay'],
      ['dns: {cacheSeconds: 1', 'yaml: '],
      ['dns: {}\ndns: {}', 'yaml: unmarshal errors: line 2: key "dns" already set in map; the last good settings stay'],
    ];
    for (const [yaml, fault] of rows) {
      const before = world.events.length;
      await world.write(yaml);
      const told = world.faults().slice(before);
      assert.equal(told.length, 1, `${yaml}: ${told.join('\n')}`);
      assert.ok(told[0]?.startsWith(about + fault), `${yaml}: ${told[0]}`);
      assert.equal(world.dns.current.cacheSeconds, 7);
    }
    await world.write('dns: {cacheSeconds: 8}\nnames: {}');
    assert.equal(world.dns.current.cacheSeconds, 8);
    assert.match(world.faults().at(-1) ?? '', /there is no section names; there are acme, dns, /);
    await world.close();
  });

  test('a section asked for later has what was read already', async () => {
    const world = await startNetworkWorld();
    await world.client.create(configMaps, { ...where, data: { 'network.yaml': 'dns: {cacheSeconds: 7}' } });
    const configuration = new NetworkConfiguration(world.context);
    await configuration.start();
    assert.equal(configuration.section('dns', section).current.cacheSeconds, 7);
    await configuration.close();
    await world.close();
  });

  test('a server that does not answer holds nobody up', async () => {
    const world = await startNetworkWorld({ wrap: (client) => ({ ...client, list: () => new Promise(() => {}) }) });
    const configuration = new NetworkConfiguration(world.context);
    let isStarted = false;
    const starting = configuration.start().then(() => (isStarted = true));
    await world.clock.advance(1000);
    assert.equal(isStarted, false);
    await world.clock.advance(2000);
    await starting;
    assert.deepEqual(configuration.section('dns', section).current, defaults);
    // What waits for that server for good cannot be closed.
    rmSync(world.context.folder, { recursive: true });
  });
});

test('fields of settings say what they take', () => {
  const parse = fieldsOf<{ on: boolean; mode: 'a' | 'b' }>(
    { on: true, mode: 'a' },
    { on: yesOrNo, mode: oneOf('a', 'b') },
  );
  assert.deepEqual(parse({ mode: 'b', on: null }, ''), { on: true, mode: 'b' });
  assert.throws(() => parse({ on: 'yes' }, 'x'), /^Error: x\.on takes true or false, and got "yes"$/);
  assert.throws(() => parse({ mode: 'c'.repeat(200) }, ''), /^Error: mode takes one of a, b, and got "c{79}…$/);
  assert.throws(() => parse([], 'x'), /^Error: x takes fields, and got \[\]$/);
});
