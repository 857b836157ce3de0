import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, normalVersion, parseVersion } from './version.ts';

function compared(a: string, b: string): number {
  const [left, right] = [parseVersion(a), parseVersion(b)];
  assert.ok(left !== undefined && right !== undefined, `${a} and ${b} are versions`);
  return compareVersions(left, right);
}

test('versions come in the order that semver.org gives', () => {
  const ascending = [
    '1.0.0-alpha',
    '1.0.0-alpha.1',
    '1.0.0-alpha.beta',
    '1.0.0-beta',
    '1.0.0-beta.2',
    '1.0.0-beta.11',
    '1.0.0-rc.1',
    '1.0.0',
    '1.0.1',
    '1.2.0',
    '1.10.0',
    '2.0.0',
  ];
  for (const [index, lower] of ascending.entries()) {
    assert.equal(compared(lower, lower), 0);
    for (const higher of ascending.slice(index + 1)) {
      assert.equal(compared(lower, higher), -1, `${lower} < ${higher}`);
      assert.equal(compared(higher, lower), 1, `${higher} > ${lower}`);
    }
  }
  assert.equal(compared('1.0.0+one', '1.0.0+two'), 0);
});

test('what is no version is not taken for one', () => {
  for (const text of ['', '1', '1.0', 'v1.0.0', '01.0.0', '1.0.0-', '1.0.0-01', '1.0.0-a..b', '1.0.0+', '1.0.0.0'])
    assert.equal(parseVersion(text), undefined, text);
  assert.equal(parseVersion('18446744073709551616.0.0'), undefined);
});

test('a loose version is made whole', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['v1.0.0', '1.0.0'],
    ['1.0', '1.0.0'],
    ['1', '1.0.0'],
    ['01.01.01', '1.1.1'],
    ['v00.7', '0.7.0'],
    ['1.0.0-pre', '1.0.0-pre'],
    ['1.0-pre', '1.0-pre'],
  ];
  for (const [loose, whole] of rows) assert.equal(normalVersion(loose), whole);
});
