import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitWords } from './shell-words.ts';

const rows: readonly (readonly [string, readonly string[]])[] = [
  ['', []],
  ['  a  b ', ['a', 'b']],
  ['sh -c "echo $HOME && ls"', ['sh', '-c', 'echo $HOME && ls']],
  ["a 'b c'd e", ['a', 'b cd', 'e']],
  ['"" \'\'', ['', '']],
  ['a\\ b', ['a b']],
  ['"a\\"b" "c\\d"', ['a"b', 'c\\d']],
  ["'a\\b'", ['a\\b']],
  ['a \\\n b', ['a', 'b']],
  ['--opt="x y"', ['--opt=x y']],
];

for (const [text, words] of rows) {
  test(`${JSON.stringify(text)} is ${JSON.stringify(words)}`, () => assert.deepEqual(splitWords(text, 'x'), words));
}
