import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../lib/limits.ts';
import { bodyObject } from './body-object.ts';

const read = (text: string): unknown => bodyObject([Buffer.from(text)], 'application/yaml', true);

test('YAML is read for an event where that takes no time', () => {
  const value = { a: { b: 1 } };
  assert.deepEqual(read('a: {b: 1}'), { value });
  assert.deepEqual(read('a:\n  b: 1\n'), { value });
  assert.deepEqual(read('too large'), { value: 'too large' });
  const comment = `# ${'x'.repeat(limits.yamlCharactersInlineMax)}\n`;
  assert.deepEqual(read(`${comment}a:\n  b: 1\n`), { value });
  assert.equal(read(`${comment}a: {b: 1}\n`), 'too large');
});
