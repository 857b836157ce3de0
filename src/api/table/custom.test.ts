import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '../object.ts';
import { JsonPathError, parseJsonPath } from './json-path.ts';
import { printTable } from './print-table.ts';

const now = Date.parse('2026-01-02T00:00:00Z');
const info = { group: 'example.com', resource: 'widgets' };
const widget = {
  metadata: { name: 'w', creationTimestamp: '2026-01-01T00:00:00Z', annotations: { 'a.b/c': 'dotted' } },
  spec: { size: 3, ratio: 1.5, on: true, name: 'n', list: [{ k: 'a' }, { k: 'b' }] },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Other', status: 'False' },
    ],
    at: '2026-01-01T23:00:00Z',
    never: '',
  },
};

test('a custom resource prints the columns of its definition', () => {
  const column = (name: string, type: string, jsonPath: string, priority?: number) => ({
    name,
    type,
    jsonPath,
    ...(priority && { priority }),
  });
  const customColumns = [
    column('Size', 'integer', '.spec.size'),
    column('Ratio', 'number', '.spec.ratio'),
    column('On', 'boolean', '.spec.on'),
    column('Ready', 'string', '.status.conditions[?(@.type=="Ready")].status'),
    column('Keys', 'string', '.spec.list[*].k', 1),
    column('List', 'string', '.spec.list'),
    column('Never', 'date', '.status.never'),
    column('At', 'date', '.status.at'),
    column('Missing', 'string', '.spec.nothing'),
    column('Wrong', 'integer', '.spec.name'),
  ];
  const table = printTable(info, [widget], { now, customColumns });
  assert.deepEqual(table.rows[0]?.cells, [
    'w',
    3,
    1.5,
    true,
    'True',
    'a',
    '[{"k":"a"},{"k":"b"}]',
    '<unknown>',
    '60m',
    null,
    null,
  ]);
  assert.equal(
    table.columnDefinitions?.[1]?.description,
    'Custom resource definition column (in JSONPath format): .spec.size',
  );
  assert.equal(table.columnDefinitions?.[5]?.priority, 1);
});

test('without columns it prints its age', () => {
  const table = printTable(info, [widget], { now, customColumns: [] });
  assert.deepEqual(table.rows[0]?.cells, ['w', '24h']);
});

test('where a path of a column cannot be read, it prints as without columns', () => {
  const customColumns = [{ name: 'Union', type: 'string', jsonPath: '.spec.list[0,1].k' }];
  const table = printTable(info, [widget], { now, customColumns });
  assert.deepEqual(table.rows[0]?.cells, ['w', '24h']);
});

test('filters compare numbers as numbers', () => {
  const value = { list: [{ n: 9 }, { n: 10 }] };
  assert.deepEqual(parseJsonPath('.list[?(@.n > 9)].n')(value), [10]);
  assert.deepEqual(parseJsonPath('.list[?(@.n <= 9.5)].n')(value), [9]);
});

const paths: readonly (readonly [string, JsonValue[]])[] = [
  ['.spec.list[0].k', ['a']],
  ['.spec.list[-1].k', ['b']],
  ["$.metadata.annotations['a.b/c']", ['dotted']],
  ['.metadata.annotations.a\\.b/c', ['dotted']],
  ['.spec.list[?(@.k!="a")].k', ['b']],
  ['.spec.list[?(@.k)].k', ['a', 'b']],
  ['.spec.list[?(@.k > "a")].k', ['b']],
  ['.spec.list[?(@.k<="a")].k', ['a']],
  ['.spec.size.x', []],
  ['.constructor', []],
];

for (const [path, expected] of paths) {
  test(`JSONPath ${path}`, () => assert.deepEqual(parseJsonPath(path)(widget as JsonValue), expected));
}

for (const path of ['spec', '.spec[', '.spec[?(x)]', '.spec..x', '.']) {
  test(`"${path}" is no JSONPath`, () => assert.throws(() => parseJsonPath(path), JsonPathError));
}
