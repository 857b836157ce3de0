import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from './near-words.ts';

const words = ['volumes', 'volumes_from', 'networks', 'command'];

for (const [word, near] of [
  ['volume', 'volumes'],
  ['netwroks', 'networks'],
  ['comand', 'command'],
  ['command', 'command'],
  ['privileged', undefined],
  ['', undefined],
] as const) {
  test(`${word || 'nothing'} is near ${near ?? 'to nothing'}`, () => assert.equal(nearest(word, words), near));
}

test('no farther than asked, and of equals the first', () => {
  assert.equal(nearest('volu', words, 2), undefined);
  assert.equal(nearest('ab', ['ac', 'ad'], 1), 'ac');
});
