/**
 * What every store must do, as tests: `store.test.ts` runs them on each implementation. Not part of naru itself.
 *
 * What an implementation cannot do it skips by name: without `reopen`, the tests of durability.
 */
import { describe } from 'node:test';
import { modelTest } from './contract/any-run.ts';
import { conflictTests } from './contract/conflicts.ts';
import { durabilityTests } from './contract/durability.ts';
import type { OpenStore } from './contract/fixtures.ts';
import { objectTests } from './contract/objects.ts';
import { watchTests } from './contract/watches.ts';

export type { OpenedStore, OpenStore } from './contract/fixtures.ts';

export function storeContract(name: string, open: OpenStore): void {
  void describe(`${name} store`, () => {
    void describe('objects', () => objectTests(open));
    void describe('conflicts', () => conflictTests(open));
    void describe('watches', () => watchTests(open));
    void describe('durability', () => durabilityTests(open));
    modelTest(open);
  });
}
