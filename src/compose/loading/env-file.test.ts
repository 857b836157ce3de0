import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readEnvFile, readRawEnvFile } from './env-file.ts';

const read = (text: string, values: Readonly<Record<string, string>> = {}): object =>
  readEnvFile(text, '.env', { values, unset: () => {} });

/** The rules of the specification's page on env_file, each with its example. */
const rows: readonly (readonly [string, Readonly<Record<string, string | undefined>>])[] = [
  ['# a comment\n\nVAR=VAL', { VAR: 'VAL' }],
  ['VAR="VAL"', { VAR: 'VAL' }],
  ["VAR='VAL'", { VAR: 'VAL' }],
  ['VAR=VAL # comment', { VAR: 'VAL' }],
  ['VAR=VAL# not a comment', { VAR: 'VAL# not a comment' }],
  ['VAR="VAL # not a comment"', { VAR: 'VAL # not a comment' }],
  ['VAR="VAL" # comment', { VAR: 'VAL' }],
  ["VAR='$OTHER'", { VAR: '$OTHER' }],
  ["VAR='${OTHER}'", { VAR: '${OTHER}' }],
  ["VAR='Let\\'s go!'", { VAR: "Let's go!" }],
  ['VAR="{\\"hello\\": \\"json\\"}"', { VAR: '{"hello": "json"}' }],
  ['VAR="some\\tvalue"', { VAR: 'some\tvalue' }],
  ["VAR='some\\tvalue'", { VAR: 'some\\tvalue' }],
  ['VAR=some\\tvalue', { VAR: 'some\\tvalue' }],
  ['VAR=', { VAR: '' }],
  ['VAR', { VAR: undefined }],
  ['export VAR=VAL', { VAR: 'VAL' }],
  ['VAR = VAL', { VAR: 'VAL' }],
  ['VAR: VAL', { VAR: 'VAL' }],
  ['A=1\nB=${A}2\nC="$B"', { A: '1', B: '12', C: '12' }],
  ['VAR="two\nlines"\nNEXT=1', { VAR: 'two\nlines', NEXT: '1' }],
  ['VAR=a=b', { VAR: 'a=b' }],
  ['URL=postgres://a:b@db/x?y=z#1', { URL: 'postgres://a:b@db/x?y=z#1' }],
  ['VAR=1\r\nB=2\r\n', { VAR: '1', B: '2' }],
  ['\ufeffVAR=1', { VAR: '1' }],
  ['VAR="\\$NOT"', { VAR: '$NOT' }],
  ['dotted.name=1', { 'dotted.name': '1' }],
];

for (const [text, expected] of rows) {
  test(`env file: ${JSON.stringify(text)}`, () => assert.deepEqual(read(text), expected));
}

test("the shell's variables come before those further up in the file", () => {
  assert.deepEqual(read('A=file\nB=$A', { A: 'shell' }), { A: 'file', B: 'shell' });
  assert.deepEqual(read('A', { A: 'shell' }), { A: 'shell' });
});

for (const [text, expected] of [
  ['A=1\n=2', '.env:2: a line must be NAME=value, and this one is not'],
  ['A="open', '.env:1: the value that begins with " does not end'],
  ['A B=1', '.env:1: a line must be NAME=value, and this one is not'],
] as const) {
  test(`env file: ${JSON.stringify(text)} is refused`, () => assert.throws(() => read(text), { message: expected }));
}

test('the raw format takes what stands after the sign', () => {
  assert.deepEqual(readRawEnvFile('# no\nA="$X" # all\nB\n'), { A: '"$X" # all', B: undefined });
});
