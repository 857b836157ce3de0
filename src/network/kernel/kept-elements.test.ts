import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '../../lib/log.ts';
import { startNetworkWorld } from '../testing.ts';
import { isFilledByPackets, keeping } from './kept-elements.ts';
import { NftKeeper } from './nft-keeper.ts';
import type { NftFragment } from './nft-table.ts';

const listing = (...sets: readonly (readonly [name: string, elem: unknown])[]): string =>
  JSON.stringify({ nftables: [{ metainfo: {} }, ...sets.map(([name, elem]) => ({ set: { name, elem } }))] });
const client = (val: unknown, expires?: unknown): unknown => ({ elem: { val, expires } });

test('clients of sets that are there again keep what is left of their time; others are forgotten', () => {
  const answer = listing(
    ['clients4-a', [client('10.0.0.1', 39), client('10.0.0.2', 0), client('10.0.0.3', 10_800)]],
    ['clients6-a', [client('fd00::1', 5)]],
    ['gone', [client('10.0.0.9', 5)]],
    ['hairpin4', [{ concat: ['10.0.0.1', '10.0.0.1'] }]],
    ['empty', undefined],
  );
  assert.deepEqual(keeping('inet t', new Set(['clients4-a', 'clients6-a', 'hairpin4', 'empty']), answer), [
    'add element inet t clients4-a { 10.0.0.1 expires 39s, 10.0.0.3 expires 10800s }',
    'add element inet t clients6-a { fd00::1 expires 5s }',
  ]);
});

test('many are put back in several commands, and what is no client not at all', () => {
  const many = Array.from({ length: 2500 }, (_, index) => client(`10.1.${index >> 8}.${index & 255}`, 60));
  assert.equal(keeping('inet t', new Set(['c']), listing(['c', many])).length, 3);
  const strange = [
    '10.0.0.1',
    client({ range: [] }, 5),
    client('10.0.0.1 } ; x', 5),
    client('10.0.0.1', 'x'),
    client('::1'),
  ];
  assert.deepEqual(keeping('inet t', new Set(['c']), listing(['c', strange])), []);
  assert.throws(() => keeping('inet t', new Set(['c']), 'nothing'), SyntaxError);
});

const sticky = 'type ipv4_addr; flags dynamic,timeout; timeout 60s';

test('only sets that packets fill are meant', () => {
  assert.equal(isFilledByPackets({ kind: 'set', declaration: sticky }), true);
  assert.equal(isFilledByPackets({ kind: 'set', declaration: 'type ipv4_addr; flags interval' }), false);
});

test('a keeper that replaces a table puts its clients back, and does without where nft does not tell them', async (context) => {
  const world = await startNetworkWorld();
  context.after(() => world.close());
  const { nft } = world;
  const base = { family: 'inet', name: 't', sets: {}, chains: {} } as const;
  const fragment: NftFragment = { sets: { c: { kind: 'set', declaration: sticky } } };
  const asked: string[] = [];
  const answers = [
    () => Promise.resolve(listing(['c', [client('10.0.0.1', 30)]])),
    () => Promise.reject(new Error('no')),
  ];
  const listSets = (table: string): Promise<string> => {
    asked.push(table);
    return (answers.shift() ?? assert.fail('asked once too often'))();
  };
  for (const wanted of [{ '10.0.0.1 expires 30s': '' }, {}]) {
    const runner = { run: (commands: readonly string[]) => nft.run(commands), listSets };
    const keeper = new NftKeeper({ ...world.context, log: silentLogger, nft: runner, base });
    keeper.set('plain', { chains: { p: { rules: [] } } });
    assert.deepEqual(await keeper.apply(), []);
    keeper.set('s', fragment);
    assert.deepEqual(await keeper.apply(), []);
    await keeper.close();
    const next = new NftKeeper({ ...world.context, log: silentLogger, nft: runner, base });
    next.set('s', fragment);
    assert.deepEqual(await next.apply(), []);
    assert.deepEqual(nft.elements('inet t', 'c'), wanted);
    await next.close();
  }
  assert.deepEqual(asked, ['inet t', 'inet t'], 'a table without such sets is not asked for');
});
