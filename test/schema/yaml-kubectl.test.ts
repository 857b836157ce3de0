/** kubectl itself is the judge of our YAML: what it reads and prints, without a cluster. It comes from Debian. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import type { JsonObject } from '../../src/api/object.ts';
import { parseYaml, stringifyYaml } from '../../src/api/yaml.ts';
import { fetchDebianPackage } from '../../tools/debian-package.ts';

const run = promisify(execFile);
const unpacked = await fetchDebianPackage({ name: 'kubectl', cacheDir: join(import.meta.dirname, '../../.cache') });
const kubectl = join(unpacked, 'usr/bin/kubectl');
const work = mkdtempSync(join(tmpdir(), 'naru-yaml-'));
after(() => rmSync(work, { recursive: true }));

/** Has kubectl read a file and print the object again. */
async function through(text: string, output: 'json' | 'yaml'): Promise<string> {
  const file = join(work, `${output}-${text.length}.yaml`);
  writeFileSync(file, text);
  const { stdout } = await run(kubectl, ['annotate', '--local', '-f', file, 'note=x', '-o', output], {
    env: { PATH: process.env['PATH'], HOME: work, KUBECONFIG: '/dev/null' },
  });
  return stdout;
}

/** Separated by spaces, so none has one in it. */
const words = `
  yes no on y N true ~ null 0777 0o7 0x1F 0b1 1_000 1e3 1.5 .5 -1 +1 1:30 190:20:30.15 2024-01-01 2024-01-01T00:00:00Z
  .inf .nan = << . - ? : *x &x !x %x @x \`x #x | > {a} [a] a:b a: a#b it's "q" ' " a\\b é 😀 a,b foo- --- ...
`;

/** One on each line, with escapes as in JSON. */
const phrases = String.raw`
 
2024-1-1 1:2:3
- x
? x
: x
a: b
a #b
 lead
trail 
--- x
tab\tin
\u0001
one\ntwo
one\ntwo\n
one\n\n
\none
 one\ntwo
one \ntwo
one\n two\n
\n
a\r\nb
tab\t\nx
x: y\n- z\n`;

const texts = [
  '',
  ...words.trim().split(/\s+/),
  ...phrases
    .slice(1)
    .split('\n')
    .map((line) => JSON.parse(`"${line}"`) as string),
  'word '.repeat(60),
];

const object = {
  apiVersion: 'example.com/v1',
  kind: 'Sample',
  metadata: { annotations: { note: 'x' }, name: 'sample' },
  spec: {
    texts,
    keys: Object.fromEntries(texts.filter((text) => text !== '').map((text) => [text, 1])),
    numbers: [0, 1, -1, 0.5, 1e-7, 123456, 2 ** 40],
    empty: [{}, [], [[]], [{ a: [] }], null, true],
  },
};

test('kubectl reads what we write as what we meant', async () => {
  // kubectl cannot print a delete character as YAML, but it reads one.
  const more = { ...object, spec: { ...object.spec, rare: ['\u007f', 'x\u0085y', '\u2028', '\ufeff', 'a\u009f\n'] } };
  assert.deepEqual(JSON.parse(await through(stringifyYaml(more), 'json')), more);
});

test('we read what kubectl writes as what it meant', async () => {
  // Its own `<<: 1` kubectl does not read back either.
  const { '<<': _merge, ...keys } = object.spec.keys;
  const value = { ...object, spec: { ...object.spec, keys } };
  const printed = await through(JSON.stringify(value), 'yaml');
  assert.deepEqual(parseYaml(printed).value, value);
});

test('we write values as kubectl writes them', async () => {
  // Where we choose to differ: see `src/api/yaml-write.ts`. How control characters are escaped is all one.
  const same = texts.filter(
    (text) => !['<<', '😀', '\u0001'].includes(text) && text.length < 80 && !text.startsWith('\n'),
  );
  const value: JsonObject = {
    ...object,
    spec: { texts: same, empty: object.spec.empty, numbers: object.spec.numbers },
  };
  const printed = await through(JSON.stringify(value), 'yaml');
  assert.equal(stringifyYaml(value, { sortKeys: true }), printed);
});

test('a manifest by hand means to us what it means to kubectl', async () => {
  const text = `apiVersion: example.com/v1
kind: Sample
metadata: {name: sample, annotations: {"note": x}}
base: &base
  on: yes
  1: one
  1.5: x
  ? quoted key
  : 'value'
spec:
  <<: *base
  folded: >
    one
    two

    three
  literal: |2-
      indented
    less
  list: [a, 0777, ~, {b: 1}, 'c',]
  again: *base
  plain
    over lines: x
`.replace('  plain\n    over lines: x\n', '  plain: over\n    lines\n');
  assert.deepEqual(parseYaml(text).value, JSON.parse(await through(text, 'json')));
});
