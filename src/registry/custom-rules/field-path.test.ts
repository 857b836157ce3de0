import assert from 'node:assert/strict';
import { test } from 'node:test';
import { structuralOf } from '../../api/structural/structural-of.ts';
import { readFieldPath } from './field-path.ts';

const schema = structuralOf({
  type: 'object',
  properties: {
    foo: {
      type: 'object',
      properties: { bar: { type: 'string' }, 'a.b': { type: 'string' }, "it's": { type: 'string' } },
    },
    map: { type: 'object', additionalProperties: { type: 'object', properties: { x: { type: 'string' } } } },
    list: { type: 'array', items: { type: 'object', properties: { x: { type: 'string' } } } },
    any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
});

test('field paths lead through fields and maps, and nowhere else', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['.foo', 'foo'],
    ['.foo.bar', 'foo.bar'],
    [".foo['a.b']", 'foo.a.b'],
    [".foo['it\\'s']", "foo.it's"],
    ["['foo'].bar", 'foo.bar'],
    [".map['x.y']", 'map[x.y]'],
    ['.map.key.x', 'map[key].x'],
    ['.list', 'list'],
    ['foo', 'problem: expected [ or . but got: foo'],
    ['.', 'problem: unexpected end of JSON path'],
    ['.nothing', 'problem: does not refer to a valid field'],
    ['.foo.nothing', 'problem: does not refer to a valid field'],
    ['.list[0]', 'problem: expected single quoted string but got 0'],
    [".list['x']", 'problem: does not refer to a valid field'],
    ['.any.x', 'problem: does not refer to a valid field'],
    ['.foo[bar]', 'problem: expected single quoted string but got bar'],
    [".foo['bar'", 'problem: unexpected end of JSON path'],
    ['.foo[', 'problem: unexpected end of JSON path'],
    [".foo['bar'.", 'problem: expected ] but got .'],
    [".foo['b\\q']", 'problem: invalid string literal: invalid escape char \\q'],
  ];
  for (const [text, wanted] of rows) {
    const read = readFieldPath(text, schema);
    assert.equal('path' in read ? read.path : `problem: ${read.problem}`, wanted, text);
  }
});
