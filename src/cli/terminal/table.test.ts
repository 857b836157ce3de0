import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TableWriter, tableText } from './table.ts';
import { toneOf } from './tones.ts';

describe('a table', () => {
  test('has columns of six at least, three apart, and a last one without room behind it', () => {
    assert.equal(
      tableText(
        ['NAME', 'A', 'AGE'],
        [
          ['long-name', '1', '5m'],
          ['b', '22', ''],
        ],
      ),
      'NAME        A     AGE\nlong-name   1     5m\nb           22    ',
    );
  });

  test('keeps its widths and tells its header once, for what a watch adds', () => {
    const writer = new TableWriter(['NAME', 'AGE'], { header: true });
    assert.deepEqual(writer.lines([['a-name', '1s']]), ['NAME     AGE', 'a-name   1s']);
    assert.deepEqual(writer.lines([['b', '2s']]), ['b        2s']);
    assert.deepEqual(writer.lines([['a-longer-name', '2s']]), ['a-longer-name   2s']);
  });

  test('shows what others wrote without what a terminal would obey', () => {
    assert.equal(tableText(['N', 'A'], [['a\u001b]0;x\u0007', '1']], { header: false }), 'a^[]0;x^G   1');
  });

  test('counts characters, not bytes or halves', () => {
    assert.equal(tableText(['N', 'A'], [['나루🚢x', '1']], { header: false }), '나루🚢x   1');
  });

  test('colours words of state where colours show, without moving a column', () => {
    const plain = tableText(['NAME', 'STATUS', 'AGE'], [['Running', 'Failed', '1s']]);
    const coloured = tableText(['NAME', 'STATUS', 'AGE'], [['Running', 'Failed', '1s']], {
      header: true,
      coloured: true,
    });
    // oxlint-disable-next-line no-control-regex -- Colours begin with one.
    assert.equal(coloured.replace(/\u001b\[\d+m/g, ''), plain);
  });
});

describe('the tone of a cell', () => {
  const rows: readonly (readonly [column: string, cell: string, tone: string])[] = [
    ['STATUS', 'Running', 'good'],
    ['Status', 'Pending', 'warning'],
    ['STATUS', 'CrashLoopBackOff', 'bad'],
    ['STATUS', 'Init:0/2', 'warning'],
    ['STATUS', 'Init:CrashLoopBackOff', 'bad'],
    ['STATUS', 'ExitCode:3', 'bad'],
    ['READY', '1/2', 'warning'],
    ['READY', '2/2', 'plain'],
    ['TYPE', 'Warning', 'warning'],
    ['TYPE', 'Normal', 'plain'],
    ['NAME', 'Running', 'plain'],
  ];
  for (const [column, cell, tone] of rows) {
    test(`${cell} under ${column} is ${tone}`, () => assert.equal(toneOf(column, cell), tone));
  }
});
