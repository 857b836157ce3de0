import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Key } from '../key.ts';
import { composeFile } from '../keys.ts';
import type { Tree } from '../loading/tree.ts';
import { translated } from '../testing.ts';
import { lostKeys } from './lost-keys.ts';

/** Something that may stand at the key. */
function sample(key: Key): Tree {
  const [type] = key.types;
  if (key.oneOf !== undefined) return key.oneOf[0] ?? '';
  if (type === 'map') {
    if (key.entries !== undefined) return { name: sample(key.entries) };
    const inner = Object.entries(key.keys ?? {}).map(([name, each]) => [name, sample(each)] as const);
    return inner.length === 0 ? { any: 'x' } : Object.fromEntries(inner);
  }
  if (type === 'list') return key.items === undefined ? ['x'] : [sample(key.items)];
  return type === 'number' ? 1 : type === 'flag' ? true : 'x';
}

/** A tree in which nothing but the key at the path stands, and the path in words. */
function treeAt(steps: readonly string[], value: Tree): [Tree, string] {
  let tree = value;
  for (const step of steps.toReversed()) tree = step === '[]' ? [tree] : { [step === '*' ? 'web' : step]: tree };
  const words = steps.map((step) => (step === '[]' ? '[0]' : `.${step === '*' ? 'web' : step}`)).join('');
  return [tree, words.slice(1)];
}

const paths = readFileSync(new URL('../specification-keys.txt', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line) =>
    (line.split(' ')[0] ?? '')
      .split('.')
      .flatMap((step) => [step.replaceAll('[]', ''), ...(step.match(/\[\]/g) ?? [])]),
  );

const inner = (key: Key | undefined, step: string): Key | undefined =>
  step === '[]' ? key?.items : step === '*' ? key?.entries : key?.keys?.[step];

describe('what is lost is told', () => {
  for (const steps of paths) {
    const chain = steps.reduce<(Key | undefined)[]>((keys, step) => [...keys, inner(keys.at(-1), step)], [composeFile]);
    const key = chain.at(-1);
    const isBelowLost = chain.slice(0, -1).some((each) => each !== undefined && 'lost' in each.fate);
    if (key === undefined || !('lost' in key.fate) || isBelowLost) continue;
    const why = key.fate.lost;
    test(steps.join('.'), () => {
      const [tree, path] = treeAt(steps, sample(key));
      assert.deepEqual(lostKeys(tree), [`${path}: not carried over: ${why}`]);
    });
  }
});

test('one reason is told once, with the places', () => {
  const web = { logging: { driver: 'syslog' } };
  const services = Object.fromEntries(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) => [name, web]));
  const [note, ...others] = lostKeys({ services });
  assert.match(note ?? '', /^services\.a\.logging, .*services\.e\.logging and 2 more: not carried over: /);
  assert.deepEqual(others, []);
});

test('what is empty is not told', () => {
  assert.deepEqual(lostKeys({ services: { web: { ulimits: {}, devices: [], logging: null, image: 'x' } } }), []);
});

test('a whole service brings the notes of its keys along', async () => {
  const { notes } = await translated('ulimits: {nofile: 1024}\nmac_address: "00:00:00:00:00:01"\nstop_signal: SIGQUIT');
  assert.deepEqual(
    notes.map((note) => note.split(':')[0]),
    ['services.web.ulimits', 'services.web.mac_address', 'services.web.stop_signal'],
  );
});
