import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineSplitter } from './line-splitter.ts';

function linesOf(chunks: readonly Buffer[], lineBytesMax = 100): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter(lineBytesMax, (line) => lines.push(line));
  for (const chunk of chunks) splitter.push(chunk);
  return lines;
}

test('lines come whole however the bytes are cut, also within a character', () => {
  const bytes = Buffer.from('one\n\nzwei ü\ndrei\nunfinished');
  for (let size = 1; size <= bytes.length; size++) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
    assert.deepEqual(linesOf(chunks), ['one', 'zwei ü', 'drei']);
  }
});

test('a line may be as long as the bound, and no longer', () => {
  assert.deepEqual(linesOf([Buffer.from('1234\n')], 4), ['1234']);
  assert.throws(() => linesOf([Buffer.from('123'), Buffer.from('45')], 4), /exceeds 4 bytes/);
});
