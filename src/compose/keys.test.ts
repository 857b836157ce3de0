import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Key } from './key.ts';
import { composeFile } from './keys.ts';

/** The specification's own list: a path and the types that may stand there, a line each. */
const lines = readFileSync(new URL('specification-keys.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n');

function keyAt(path: string): Key | undefined {
  const steps = path
    .split('.')
    .flatMap((step) => [...step.replace(/(\[\])+$/, '').split(' '), ...(step.match(/\[\]/g) ?? [])]);
  return steps.reduce<Key | undefined>((key, step) => {
    if (step === '[]') return key?.items;
    return step === '*' ? key?.entries : key?.keys?.[step];
  }, composeFile);
}

function pathsOf(key: Key, path: string): string[] {
  const own = path === '' ? [] : [path];
  const inner = Object.entries(key.keys ?? {}).flatMap(([name, each]) =>
    pathsOf(each, path === '' ? name : `${path}.${name}`),
  );
  const entries = key.entries === undefined ? [] : pathsOf(key.entries, `${path}.*`);
  const items = key.items === undefined ? [] : pathsOf(key.items, `${path}[]`);
  return [...own, ...inner, ...entries, ...items];
}

test('the table knows every key of the specification, with the types that it may have', () => {
  const wrong = lines.flatMap((line) => {
    const [path = '', types = ''] = line.split(' ');
    const found = [...new Set(keyAt(path)?.types)].toSorted().join('|');
    return found === types ? [] : [`${path}: ${types} in the specification, ${found || 'nothing'} in the table`];
  });
  assert.deepEqual(wrong, []);
  assert.equal(keyAt('services.*.no_such_key'), undefined);
});

test('the table has no key that the specification does not have', () => {
  const known = new Set(lines.map((line) => line.split(' ')[0]));
  assert.deepEqual(
    pathsOf(composeFile, '').filter((path) => !known.has(path)),
    [],
  );
});
