import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Mark } from './tree.ts';
import { readYaml } from './yaml.ts';

const rows: readonly (readonly [string, string, unknown])[] = [
  [
    'words that old YAML takes for flags stay texts',
    'restart: no\na: on\nb: true',
    { restart: 'no', a: 'on', b: true },
  ],
  ['ports are no times', 'ports: [22:22, "80:80"]', { ports: ['22:22', '80:80'] }],
  ['modes are octal', 'a: 0440\nb: 0o440\nc: 440\nd: "0440"', { a: 288, b: 288, c: 440, d: '0440' }],
  ['anchors', 'a: &x {k: 1}\nb: *x', { a: { k: 1 }, b: { k: 1 } }],
  [
    'merge keys: what stands there wins, then the first',
    'a: &a {k: 1, l: 1}\nb: &b {k: 2, m: 2}\nc: {<<: [*a, *b], l: 3}',
    {
      a: { k: 1, l: 1 },
      b: { k: 2, m: 2 },
      c: { k: 1, l: 3, m: 2 },
    },
  ],
  [
    'the tags of the specification',
    'a: !reset null\nb: !override [1]\nc: !reset [x]',
    {
      a: new Mark('reset', null),
      b: new Mark('override', [1]),
      c: new Mark('reset', null),
    },
  ],
  ['an empty file', '', {}],
  ['comments only', '# nothing', {}],
];

for (const [name, text, expected] of rows) {
  test(`YAML: ${name}`, () => assert.deepEqual(readYaml(text, 'compose.yaml'), expected));
}

for (const [text, expected] of [
  ['a: [1', /compose\.yaml:\d+: /],
  ['a: 1\na: 2', /compose\.yaml:2: .*unique/],
  ['a: *none', /compose\.yaml: the alias \*none has no anchor/],
  ['a: 1\n---\nb: 2', /several documents/],
  ['a: {<<: 1}', /<< merges maps only/],
] as const) {
  test(`YAML: ${JSON.stringify(text)} is refused`, () => assert.throws(() => readYaml(text, 'compose.yaml'), expected));
}

test('aliases that multiply are refused', () => {
  const lines = ['a0: &a0 [1,1,1,1,1,1,1,1,1,1]'];
  for (let i = 1; i < 9; i++) lines.push(`a${i}: &a${i} [${Array.from({ length: 10 }, () => `*a${i - 1}`).join(',')}]`);
  assert.throws(() => readYaml(lines.join('\n'), 'compose.yaml'), /multiply too far/);
});
