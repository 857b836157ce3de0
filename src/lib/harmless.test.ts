import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { harmless, harmlessData, harmlessLine } from './harmless.ts';

describe('texts of others', () => {
  test('lose what a terminal would obey, and keep lines, tabs and letters', () => {
    assert.equal(harmless('a\u001b[2Jb\u0007\u007f\u009b31m\tc\n나루'), 'a^[[2Jb^G^?31m\tc\n나루');
    assert.equal(harmlessLine('a\r\n  b\u001b]0;x\u0007'), 'a b^[]0;x^G');
  });

  test('are made so within data, where what was one thing stays one', () => {
    const shared = { what: 'x\u001b[1m' };
    const clean = harmlessData({ list: [shared, 1, null], again: shared });
    assert.deepEqual(clean, { list: [{ what: 'x^[[1m' }, 1, null], again: { what: 'x^[[1m' } });
    assert.equal(clean.list[0], clean.again);
  });
});
