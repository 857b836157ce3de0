import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nextInt, SeededPrng } from '../../lib/prng.ts';
import { ElementClaims } from './element-claims.ts';
import type { NftElement, NftFragment } from './nft-table.ts';

const fragmentOf = (...elements: readonly NftElement[]): NftFragment => ({ elements });
const element = (key: string, value: string): NftElement => ({ set: 'services', key, value });

/** What is held, as `key=value`, sorted. */
const heldBy = (claims: ElementClaims): string[] =>
  [...claims.held()].flatMap(([, elements]) => [...elements].map(({ key, value }) => `${key}=${value}`)).toSorted();

describe('claims of elements', () => {
  test('a first round that is taken back leaves nothing, and the next one says all again', () => {
    const claims = new ElementClaims();
    const wanted = fragmentOf(element('a', '1'), element('b', '2'));
    claims.move('one', undefined, wanted);
    claims.rollback();
    assert.deepEqual(heldBy(claims), []);
    claims.move('one', undefined, wanted);
    assert.deepEqual(claims.changes(), [{ owner: 'one', removed: [], added: wanted.elements }]);
    claims.commit();
    assert.deepEqual(claims.changes(), []);
  });

  test('whatever is moved, kept or taken back: the changes lead from what was held to what is', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const prng = new SeededPrng(seed);
      const claims = new ElementClaims();
      const kernel = new Map<string, string>();
      let accepted = new Map<string, NftFragment>();
      for (let round = 0; round < 20; round++) {
        const next = new Map(accepted);
        for (let moves = nextInt(prng, 4); moves >= 0; moves--) {
          const owner = `owner-${nextInt(prng, 3)}`;
          const count = nextInt(prng, 3);
          const keys = Array.from({ length: count }, (_, index) => `k${index * 2 + nextInt(prng, 2)}`);
          const fragment = fragmentOf(...keys.map((key) => element(key, String(nextInt(prng, 2)))));
          claims.move(owner, next.get(owner), fragment);
          next.set(owner, fragment);
        }
        if (nextInt(prng, 3) === 0) claims.rollback();
        else {
          const changes = claims.changes();
          for (const { removed } of changes)
            for (const { key } of removed) assert.ok(kernel.delete(key), `${key} was there, seed ${seed}`);
          for (const { added } of changes)
            for (const { key, value = '' } of added) {
              assert.ok(!kernel.has(key), `${key} was not there, seed ${seed}`);
              kernel.set(key, value);
            }
          claims.commit();
          accepted = next;
        }
        assert.deepEqual(
          heldBy(claims),
          [...kernel].map(([key, value]) => `${key}=${value}`).toSorted(),
          `seed ${seed}`,
        );
      }
    }
  });
});
