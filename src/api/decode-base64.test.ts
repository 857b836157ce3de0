import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBase64 } from './decode-base64.ts';

test('what Go reads comes out as Go writes it', () => {
  assert.equal(decodeBase64(''), '');
  assert.equal(decodeBase64('YQ=='), 'YQ==');
  assert.equal(decodeBase64('aGVs\r\nbG8=\n'), 'aGVsbG8=');
  // The last bits of the last digit belong to no byte.
  assert.equal(decodeBase64('YR=='), 'YQ==');
  assert.equal(decodeBase64('YWJjYWF='), 'YWJjYWE=');
});

test('what Go does not read fails at the byte at which Go gives up', () => {
  const cases = [
    ['!!!', 0],
    ['aGVs*', 4],
    ['Y', 0],
    ['YWJjY', 4],
    ['YQ', 0],
    ['aGVsbG8', 4],
    ['YQ=', 3],
    ['YQ=a', 2],
    ['=', 0],
    ['Y===', 1],
    ['YQ===', 4],
    ['YQ==YQ==', 4],
    ['YWI=YQ==', 4],
    ['Y\nQ=\na', 4],
    ['aé', 1],
  ] as const;
  for (const [text, at] of cases) {
    assert.throws(() => decodeBase64(text), { message: `illegal base64 data at input byte ${at}` }, text);
  }
});
