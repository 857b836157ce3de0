import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { nextInt, SeededPrng } from '../../lib/prng.ts';
import { NftKeeper } from './nft-keeper.ts';
import type { NftBase, NftElement, NftFragment } from './nft-table.ts';
import { FakeNft } from './testing.ts';

const base: NftBase = {
  family: 'inet',
  name: 'naru-test',
  sets: {
    ports: { kind: 'map', declaration: 'type inet_service : verdict' },
    pods: { kind: 'set', declaration: 'type ipv4_addr' },
  },
  chains: {
    'pre-routing': {
      hook: 'type nat hook prerouting priority dstnat; policy accept;',
      rules: ['th dport vmap @ports'],
    },
  },
};
const name = 'inet naru-test';

const web = (rule = 'drop', port = '80'): NftFragment => ({
  chains: { web: { rules: [rule] } },
  elements: [{ set: 'ports', key: port, value: 'goto web' }],
});

function world() {
  const nft = new FakeNft();
  const clock = new VirtualClock();
  const make = (): NftKeeper => new NftKeeper({ base, nft, clock, prng: new SeededPrng(1), log: silentLogger });
  return { nft, clock, make, keeper: make() };
}

describe('the keeper of a table', () => {
  test('replaces what an earlier agent left in one transaction', async () => {
    const { nft, make, keeper } = world();
    keeper.set('old', web());
    await keeper.apply();
    const next = make();
    next.set('new', { elements: [{ set: 'pods', key: '10.0.0.1' }] });
    await next.apply();
    assert.equal(nft.transactions.length, 2);
    assert.deepEqual(nft.elements(name, 'ports'), {});
    assert.deepEqual(nft.elements(name, 'pods'), { '10.0.0.1': '' });
    assert.deepEqual(nft.rules(name, 'pre-routing'), ['th dport vmap @ports']);
  });

  test('says only what is different, for all owners in one transaction', async () => {
    const { nft, keeper } = world();
    keeper.set('a', web());
    await keeper.apply();
    keeper.set('a', web('drop', '81'));
    keeper.set('b', { elements: [{ set: 'pods', key: '10.0.0.1' }] });
    await Promise.all([keeper.apply(), keeper.apply()]);
    assert.deepEqual(nft.transactions.slice(1), [
      [
        'delete element inet naru-test ports { 80 }',
        'add element inet naru-test ports { 81 : goto web }',
        'add element inet naru-test pods { 10.0.0.1 }',
      ],
    ]);
    keeper.set('a', web('drop', '81'));
    await keeper.apply();
    assert.equal(nft.transactions.length, 2);
    keeper.set('a', undefined);
    await keeper.apply();
    assert.deepEqual(nft.transactions[2], [
      'delete element inet naru-test ports { 81 }',
      'flush chain inet naru-test web',
      'delete chain inet naru-test web',
    ]);
  });

  test('a chain that changes is emptied and filled in one transaction', async () => {
    const { nft, keeper } = world();
    keeper.set('a', web('drop'));
    await keeper.apply();
    keeper.set('a', web('accept'));
    await keeper.apply();
    assert.deepEqual(nft.transactions[1], ['flush chain inet naru-test web', 'add rule inet naru-test web accept']);
  });

  test('an owner whose command is refused keeps what it had, and the others get what they want', async () => {
    const { nft, keeper } = world();
    keeper.set('a', web('drop'));
    await keeper.apply();
    nft.refuse(/bogus/, 'syntax error');
    keeper.set('a', web('bogus'));
    keeper.set('b', { elements: [{ set: 'pods', key: '10.0.0.1' }] });
    assert.deepEqual(await keeper.apply(), [{ owner: 'a', message: 'syntax error' }]);
    assert.deepEqual(nft.rules(name, 'web'), ['drop']);
    assert.deepEqual(nft.elements(name, 'pods'), { '10.0.0.1': '' });
    assert.deepEqual(await keeper.apply(), [], 'it is told once');
    keeper.set('a', web('accept'));
    assert.deepEqual(await keeper.apply(), []);
    assert.deepEqual(nft.rules(name, 'web'), ['accept']);
  });

  test('the owner at fault is found by halves where nft cannot say which command it was', async () => {
    const { nft, keeper } = world();
    nft.refuse(/10\.0\.0\.7/);
    for (let i = 0; i < 20; i++) keeper.set(`owner-${i}`, { elements: [{ set: 'pods', key: `10.0.0.${i}` }] });
    assert.deepEqual(await keeper.apply(), [{ owner: 'owner-7', message: 'Could not process rule' }]);
    assert.equal(Object.keys(nft.elements(name, 'pods')).length, 19);
  });

  test('an element that two owners want goes with the last of them', async () => {
    const { nft, keeper } = world();
    const pod = { elements: [{ set: 'pods', key: '10.0.0.1' }] };
    keeper.set('a', pod);
    keeper.set('b', pod);
    await keeper.apply();
    keeper.set('a', undefined);
    await keeper.apply();
    assert.deepEqual(nft.elements(name, 'pods'), { '10.0.0.1': '' });
    keeper.set('b', undefined);
    await keeper.apply();
    assert.deepEqual(nft.elements(name, 'pods'), {});
  });

  test('a key that two owners want otherwise stays with the first, and the second is told and follows it', async () => {
    const { nft, keeper } = world();
    const other = { elements: [{ set: 'ports', key: '80', value: 'drop' }] };
    keeper.set('a', web());
    keeper.set('b', other);
    assert.deepEqual(await keeper.apply(), [{ owner: 'b', message: '80 in ports is taken by a' }]);
    assert.deepEqual(nft.elements(name, 'ports'), { '80': 'goto web' });
    keeper.set('a', undefined);
    await keeper.apply();
    assert.deepEqual(nft.elements(name, 'ports'), { '80': 'drop' });
  });

  test('makes the table anew when nft died, and when somebody flushed the ruleset', async () => {
    const { nft, clock, keeper } = world();
    keeper.set('a', web());
    await keeper.apply();
    nft.failNext(2);
    keeper.set('b', { elements: [{ set: 'pods', key: '10.0.0.1' }] });
    const applied = keeper.apply();
    await clock.advance(5000);
    await applied;
    assert.deepEqual(nft.elements(name, 'pods'), { '10.0.0.1': '' });

    nft.flushRuleset();
    keeper.set('b', undefined);
    await keeper.apply();
    assert.deepEqual(nft.elements(name, 'ports'), { '80': 'goto web' });

    nft.flushRuleset();
    await clock.advance(60_000);
    assert.deepEqual(nft.elements(name, 'ports'), { '80': 'goto web' });
    await keeper.close();
    assert.equal(clock.pending, 0);
  });

  test('a base that changes its hooks replaces the table, and a base that is refused is tried until it is taken', async () => {
    const { nft, clock, keeper } = world();
    keeper.set('a', web());
    await keeper.apply();
    const chains = { 'pre-routing': { hook: 'type nat hook prerouting priority -101; policy accept;', rules: [] } };
    nft.refuse(/priority -101/, 'not supported');
    keeper.setBase({ ...base, chains });
    const applied = keeper.apply();
    await clock.advance(1000);
    assert.equal(nft.table(name)?.chains.get('pre-routing')?.hook, base.chains['pre-routing']?.hook);
    keeper.setBase({ ...base, chains: { other: { rules: ['accept'] } } });
    await clock.advance(5000);
    assert.deepEqual(await applied, []);
    assert.deepEqual(nft.rules(name, 'other'), ['accept']);
    nft.failNext(1000);
    keeper.set('a', undefined);
    const never = assert.rejects(keeper.apply(), /was closed/);
    await keeper.close();
    await never;
  });

  test('after any changes and refusals the table holds what a new keeper would make of it', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const { nft, keeper } = world();
      const prng = new SeededPrng(seed);
      nft.refuse(/10\.0\.0\.3[ ,]/, seed % 2 === 0 ? 'refused' : undefined);
      const kept = new Map<string, NftFragment | undefined>();
      for (let round = 0; round < 15; round++) {
        const said = new Map<string, NftFragment | undefined>();
        for (let i = nextInt(prng, 4); i >= 0; i--) said.set(`o${nextInt(prng, 5)}`, randomFragment(prng));
        for (const [owner, fragment] of said) keeper.set(owner, renamed(fragment, owner));
        const refusals = await keeper.apply();
        const refused = new Set(refusals.filter(({ message }) => !message.includes('taken')).map(({ owner }) => owner));
        for (const [owner, fragment] of said) if (!refused.has(owner)) kept.set(owner, renamed(fragment, owner));
        const wantedPods = [...kept.values()]
          .flatMap((fragment) => fragment?.elements ?? [])
          .filter(({ set }) => set === 'pods');
        assert.deepEqual(
          Object.keys(nft.elements(name, 'pods')),
          [...new Set(wantedPods.map(({ key }) => key))].toSorted(),
          `seed ${seed}`,
        );
        const wantedPorts = [...kept.values()]
          .flatMap((fragment) => fragment?.elements ?? [])
          .filter(({ set }) => set === 'ports');
        assert.deepEqual(
          Object.keys(nft.elements(name, 'ports')),
          [...new Set(wantedPorts.map(({ key }) => key))].toSorted(),
          `seed ${seed}`,
        );
        const chains = [...kept].filter(([, fragment]) => fragment?.chains !== undefined).map(([owner]) => owner);
        assert.deepEqual(
          [...(nft.table(name)?.chains.keys() ?? [])].toSorted(),
          [...chains, 'pre-routing'].toSorted(),
          `seed ${seed}`,
        );
      }
      await keeper.close();
    }
  });
});

function randomFragment(prng: SeededPrng): NftFragment | undefined {
  if (prng.next() < 0.25) return undefined;
  const elements: NftElement[] = [];
  for (let i = nextInt(prng, 4); i > 0; i--) elements.push({ set: 'pods', key: `10.0.0.${nextInt(prng, 5)}` });
  for (let i = nextInt(prng, 3); i > 0; i--)
    elements.push({ set: 'ports', key: String(80 + nextInt(prng, 4)), value: 'goto own' });
  return { chains: { own: { rules: prng.next() < 0.5 ? ['drop'] : ['accept'] } }, elements };
}

function renamed(fragment: NftFragment | undefined, owner: string): NftFragment | undefined {
  if (fragment === undefined) return undefined;
  const elements = (fragment.elements ?? []).map((element) =>
    element.value === undefined ? element : { ...element, value: `goto ${owner}` },
  );
  return { chains: { [owner]: fragment.chains?.['own'] ?? { rules: [] } }, elements };
}
