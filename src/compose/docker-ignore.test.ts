import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dockerIgnore } from './docker-ignore.ts';

const rows: readonly (readonly [string, string, boolean])[] = [
  ['*.log', 'a.log', true],
  ['*.log', 'sub/a.log', false],
  ['**/*.log', 'sub/deep/a.log', true],
  ['**/*.log', 'a.log', true],
  ['node_modules', 'node_modules/x/y.js', true],
  ['/dist/', 'dist/x', true],
  ['dist', 'distant', false],
  ['a?c', 'abc', true],
  ['a?c', 'a/c', false],
  ['# *.js\n\n', 'a.js', false],
  ['*\n!src', 'src', false],
  ['*\n!src', 'src/a.js', false],
  ['*\n!src', 'other', true],
  ['docs\n!docs/keep.md', 'docs', false],
  ['docs\n!docs/keep.md', 'docs/keep.md', false],
  ['docs\n!docs/keep.md', 'docs/other.md', true],
  ['!a\na', 'a', true],
];

for (const [patterns, file, expected] of rows) {
  test(`${JSON.stringify(patterns)} ${expected ? 'leaves out' : 'keeps'} ${file}`, () => {
    assert.equal(dockerIgnore(patterns).leavesOut(file), expected);
  });
}
