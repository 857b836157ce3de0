import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { RealClock } from '../../lib/clock.ts';
import { NftProcess, parseErrors } from './nft.ts';

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

test('a disk that takes no file does not keep rules from the kernel', async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'naru-nft-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = path.join(folder, 'nft');
  const heard = path.join(folder, 'heard');
  const refusal = "echo '/dev/stdin:2:1-3: Error: syntax error' >&2; exit 1";
  writeFileSync(program, `#!/bin/sh\ncat > ${heard}\ngrep -q bad ${heard} && { ${refusal}; }\nexit 0\n`, {
    mode: 0o700,
  });
  // A file stands where the folder should be made.
  const nft = new NftProcess({ folder: path.join(program, 'state'), clock: new RealClock(), program: [program] });
  context.after(() => nft.close());
  assert.deepEqual(await nft.run(['add table inet x', 'add table inet y']), []);
  assert.equal(readFileSync(heard, 'utf8'), 'add table inet x\nadd table inet y\n');
  assert.deepEqual(await nft.run(['add table inet x', 'bad']), [{ command: 1, message: 'syntax error' }]);
});
