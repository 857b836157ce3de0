import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interpolate, interpolateTree } from './interpolate.ts';

const values = { FOO: 'foo', EMPTY: '', BAR: 'bar' };

function read(text: string): [string, string[]] {
  const unset: string[] = [];
  return [interpolate(text, { values, unset: (name) => unset.push(name) }, 'compose.yaml: services.web.image'), unset];
}

/** The forms of the specification's page on interpolation. */
const rows: readonly (readonly [string, string])[] = [
  ['$FOO', 'foo'],
  ['${FOO}', 'foo'],
  ['a-$FOO-b', 'a-foo-b'],
  ['$FOO.txt', 'foo.txt'],
  ['${FOO}${BAR}', 'foobar'],
  ['${NONE:-default}', 'default'],
  ['${EMPTY:-default}', 'default'],
  ['${FOO:-default}', 'foo'],
  ['${NONE-default}', 'default'],
  ['${EMPTY-default}', ''],
  ['${FOO:?must be}', 'foo'],
  ['${EMPTY?must be}', ''],
  ['${FOO:+instead}', 'instead'],
  ['${EMPTY:+instead}', ''],
  ['${EMPTY+instead}', 'instead'],
  ['${NONE+instead}', ''],
  ['${NONE:-${FOO}}', 'foo'],
  ['${NONE?$FOO}'.replace('NONE', 'BAR'), 'bar'],
  ['${NONE:-${NADA:-default}}', 'default'],
  ['${NONE:-{"a": {"b": 1}}}'.replace('{"a": {"b": 1}}', 'a:b'), 'a:b'],
  ['${NONE:-}', ''],
  ['$$FOO', '$FOO'],
  ['$${FOO}', '${FOO}'],
  ['costs 5$', 'costs 5$'],
  ['$5', '$5'],
  ['${NONE:-http://x:80/?a=b}', 'http://x:80/?a=b'],
];

for (const [text, expected] of rows) {
  test(`${text} becomes ${JSON.stringify(expected)}`, () => assert.deepEqual(read(text), [expected, []]));
}

test('a variable that is not set is empty, and told', () => {
  assert.deepEqual(read('a$NONE-${NADA}'), ['a-', ['NONE', 'NADA']]);
});

for (const [text, expected] of [
  ['${NONE:?set it}', 'compose.yaml: services.web.image: the variable NONE must be set: set it'],
  ['${NONE?}', 'compose.yaml: services.web.image: the variable NONE must be set'],
  ['${EMPTY:?$FOO}', 'compose.yaml: services.web.image: the variable EMPTY must be set: foo'],
] as const) {
  test(`${text} is refused`, () => assert.throws(() => read(text), { message: expected }));
}

for (const text of ['${', '${}', '${FOO', '${1A}', '${FOO/a/b}', '${FOO:}']) {
  test(`${text} is no variable`, () => assert.throws(() => read(text), /services\.web\.image: .* is no variable/));
}

test('an error shows a name alone: what stands around it may be a password', () => {
  for (const text of ['hunter2${A', '${A/hunter2}', 'hunter2${', '${A${hunter2']) {
    assert.throws(() => read(text), /^(?!.*2).*: \$\{A?… is no variable/s);
  }
});

test('keys are left alone', () => {
  const tree = { services: { web: { labels: { $FOO: '$FOO' }, command: ['$BAR', 1, true, null] } } };
  assert.deepEqual(interpolateTree(tree, { values, unset: () => {} }, 'compose.yaml'), {
    services: { web: { labels: { $FOO: 'foo' }, command: ['bar', 1, true, null] } },
  });
});
