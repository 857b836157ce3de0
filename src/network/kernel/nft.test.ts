import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseErrors } from './nft.ts';

test('what nft says is told by the command at fault, without what it quotes', () => {
  const file = '/home/nft/transaction.nft';
  const words = [
    `In file included from <cmdline>:1:1-26:`,
    `${file}:3:19-21: Error: No symbol type information`,
    'add rule inet p x foo bar',
    '                  ^^^',
    `${file}:4:24-26: Error: No such file or directory; did you mean chain 'svc' in table inet 'p'?`,
    'add rule inet p x jump yyy',
    '                       ^^^',
    'internal:0:0-0: Error: conflicting protocols specified: tcp vs. th',
    'Error: Could not process rule: Out of memory',
    '',
  ].join('\n');
  assert.deepEqual(parseErrors(words, file), [
    { command: 2, message: 'No symbol type information' },
    { command: 3, message: "No such file or directory; did you mean chain 'svc' in table inet 'p'?" },
    { message: 'conflicting protocols specified: tcp vs. th' },
    { message: 'Could not process rule: Out of memory' },
  ]);
  assert.deepEqual(parseErrors('', file), []);
});
