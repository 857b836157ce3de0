import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseCustomColumns } from './custom-columns.ts';
import { outputOf } from './get-options.ts';
import { compareValues, sortedBy } from './sort-by.ts';
import { cellText, layoutOf } from './table-layout.ts';
import { tableOf } from './tables.ts';

const definition = (name: string, priority = 0, format = '') => ({
  name,
  type: 'string',
  format,
  description: '',
  priority,
});
const definitions = [definition('Name', 0, 'name'), definition('Ready'), definition('Node', 1)];
const row = {
  cells: ['a', '1/1', null],
  object: { metadata: { name: 'a', namespace: 'x', labels: { tier: 'front', app: 'web' } } },
};
const plain = { wide: false, withNamespace: false, prefix: '', showLabels: false, labelColumns: [] };

describe('the layout of a table', () => {
  test('shows what is not of minor importance', () => {
    const layout = layoutOf(definitions, plain);
    assert.deepEqual(
      [layout.columns, layout.cells(row)],
      [
        ['NAME', 'READY'],
        ['a', '1/1'],
      ],
    );
  });

  test('shows all, namespaces, types and labels where asked', () => {
    const layout = layoutOf(definitions, {
      wide: true,
      withNamespace: true,
      prefix: 'pod/',
      showLabels: true,
      labelColumns: ['example.com/tier', 'app'],
      withEvent: true,
    });
    assert.deepEqual(layout.columns, ['EVENT', 'NAMESPACE', 'NAME', 'READY', 'NODE', 'TIER', 'APP', 'LABELS']);
    assert.deepEqual(layout.cells(row, 'ADDED'), ['ADDED', 'x', 'pod/a', '1/1', '', '', 'web', 'app=web,tier=front']);
  });

  test('a cell is one line that no terminal obeys', () => {
    assert.equal(cellText('one\ntwo'), 'one...');
    assert.equal(cellText('\u001b[31mred\u0007\u009b'), '^[[31mred^G');
    assert.deepEqual([cellText(3), cellText(true), cellText(null)], ['3', 'true', '']);
  });

  test('an answer that is no table becomes one of names and ages', () => {
    const list = { kind: 'NodeMetricsList', metadata: { resourceVersion: '7' }, items: [{ metadata: { name: 'n' } }] };
    const table = tableOf(list as never, 0);
    assert.deepEqual(
      table.rows.map(({ cells }) => cells),
      [['n', '<unknown>']],
    );
    assert.equal(table.resourceVersion, '7');
  });
});

describe('custom columns', () => {
  test('take values by path, several with commas between', () => {
    const columns = parseCustomColumns(
      'NAME:.metadata.name,PORTS:.spec.ports[*].port,ONE:.spec.ports[0,1].port,NONE:.x',
    );
    assert.deepEqual(columns.names, ['NAME', 'PORTS', 'ONE', 'NONE']);
    assert.deepEqual(columns.cells({ metadata: { name: 'a' }, spec: { ports: [{ port: 80 }, { port: 81 }] } }), [
      'a',
      '80,81',
      '80,81',
      '<none>',
    ]);
  });

  test('a column without a path is refused', () => {
    assert.throws(() => parseCustomColumns('NAME'), /HEADER:PATH/);
    assert.throws(() => outputOf('custom-columns='), /needs something/);
    assert.throws(() => outputOf('jsonpath'), /needs something/);
    assert.throws(() => outputOf('go-template=x'), /there is no output format/);
  });
});

describe('--sort-by', () => {
  const sorted = (...values: (string | number | null)[]): unknown[] => values.toSorted(compareValues);

  test('orders amounts by size, numbers within names as numbers, times by time, and what is missing first', () => {
    assert.deepEqual(sorted('1Gi', '512Mi', '2Ki'), ['2Ki', '512Mi', '1Gi']);
    assert.deepEqual(sorted('node-10', 'node-2', 'node-1'), ['node-1', 'node-2', 'node-10']);
    assert.deepEqual(sorted(10, 9, null), [null, 9, 10]);
    assert.deepEqual(sorted('2026-02-01T00:00:00Z', '2026-01-31T00:00:00Z'), [
      '2026-01-31T00:00:00Z',
      '2026-02-01T00:00:00Z',
    ]);
  });

  test('keeps the order of what is equal', () => {
    const items = [
      { a: 2, n: 1 },
      { a: 1, n: 2 },
      { a: 2, n: 3 },
    ];
    assert.deepEqual(
      sortedBy('.a', items, (item) => item).map(({ n }) => n),
      [2, 1, 3],
    );
  });
});
