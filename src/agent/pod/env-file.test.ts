import assert from 'node:assert/strict';
import { test } from 'node:test';
import { envFileValue } from './env-file.ts';

test('a file of variables is read in upstream’s strict form', () => {
  const cases: readonly (readonly [text: string, key: string, value: string | undefined])[] = [
    ["A='1'", 'A', '1'],
    ["  A='1'\n\n# B='no'\nB='2' # yes", 'B', '2'],
    ["A='1'\nA='2'", 'A', '1'],
    ["A=''", 'A', ''],
    ["A= '1'\nB='2'", 'A', ''],
    ["A= '1'\nB='2'", 'B', '2'],
    ['A=\'$B \\n "x" # not a comment\'', 'A', '$B \\n "x" # not a comment'],
    ["A='one\n\n  two'\nB='3'", 'A', 'one\n\n  two'],
    ["A='one\n\n  two'\nB='3'", 'B', '3'],
    ["A='1'\r\nB='2'\r\n", 'A', '1'],
    ["A='1'\nbroken", 'A', '1'],
    ['', 'A', undefined],
    ["B='1'", 'A', undefined],
  ];
  for (const [text, key, value] of cases) assert.equal(envFileValue(text, key), value, text);
});

test('what cannot be read says in which line, and why', () => {
  const cases: readonly (readonly [text: string, why: string])[] = [
    ['A', "at line 1: missing '='"],
    ["\n='1'", 'at line 2: empty variable name'],
    ["A ='1'", "at line 1: whitespace before '=' is not allowed"],
    ['A=1', 'at line 1: value must be enclosed in single quotes'],
    ['A="1"', 'at line 1: value must be enclosed in single quotes'],
    ["A='1'2", 'at line 1: unexpected content after closing quote'],
    ["B='1'\nA='1\n2", 'starting at line 2: unclosed single quote'],
  ];
  for (const [text, why] of cases) {
    assert.throws(() => envFileValue(text, 'Z'), { message: `invalid environment variable format ${why}` }, text);
  }
});
