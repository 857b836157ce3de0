import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { JsonValue } from '../../object.ts';
import { schemas, values } from '../arbitrary-testing.ts';
import { structuralOf } from '../structural-of.ts';
import { integer, keyed, listOf, mapOf, problems, type Schema, struct, text } from '../testing.ts';
import { Correlation } from './correlation.ts';

/** Each of these is wrong by its schema, before and after: `excused` is what is still said. */
type Row = readonly [schema: Schema, old: JsonValue, next: JsonValue, ...said: string[]];

const short: Schema = { ...text, maxLength: 1 };
const tooLong = (field: string): string => `${field}: Too long: may not be more than 1 byte`;

const rows: Readonly<Record<string, Row>> = {
  'a field that did not change may stay wrong': [
    struct({ a: short, b: text }),
    { a: 'xx', b: 'x' },
    { a: 'xx', b: 'y' },
  ],
  'a field that changed may not': [struct({ a: short }), { a: 'xx' }, { a: 'yy' }, tooLong('a')],
  'a field that is new may not be wrong': [struct({ a: short }), {}, { a: 'yy' }, tooLong('a')],
  'an object that did not change may lack what is required': [
    struct({ a: struct({ b: text }, { required: ['b'] }), c: text }),
    { a: {} },
    { a: {}, c: 'x' },
  ],
  'an object that changed may not': [
    struct({ a: struct({ b: text, d: text }, { required: ['b'] }) }),
    { a: {} },
    { a: { d: 'x' } },
    'a.b: Required value',
  ],
  'values of a map are known by their keys': [
    mapOf(mapOf(short)),
    { m: { k: 'xx', l: 'x' } },
    { m: { k: 'xx', l: 'yy' } },
    tooLong('.m.l').slice(1),
  ],
  'items of a list with keys are known by these, in any order': [
    struct({ a: keyed(['k'], struct({ k: text, v: short })) }),
    {
      a: [
        { k: '1', v: 'xx' },
        { k: '2', v: 'x' },
      ],
    },
    {
      a: [
        { k: '2', v: 'yy' },
        { k: '1', v: 'xx' },
      ],
    },
    tooLong('a[0].v'),
  ],
  'an item with another key is new': [
    struct({ a: keyed(['k'], struct({ k: text, v: short })) }),
    { a: [{ k: '1', v: 'xx' }] },
    { a: [{ k: '2', v: 'xx' }] },
    tooLong('a[0].v'),
  ],
  'several keys are one': [
    struct({ a: keyed(['k', 'p'], struct({ k: text, p: integer, v: short })) }),
    {
      a: [
        { k: '1', p: 1, v: 'xx' },
        { k: '1', p: 2, v: 'xx' },
      ],
    },
    {
      a: [
        { k: '1', p: 2, v: 'xx' },
        { k: '1', p: 3, v: 'xx' },
      ],
    },
    tooLong('a[1].v'),
  ],
  'items of other lists have no past, but the list as a whole has': [
    struct({ a: listOf(short), b: text }),
    { a: ['xx'], b: 'x' },
    { a: ['xx'], b: 'y' },
  ],
  'a list that grew is new': [struct({ a: listOf(short) }), { a: ['xx'] }, { a: ['xx', 'x'] }, tooLong('a[0]')],
  'what the schema does not know cannot be compared': [
    struct({ a: struct({ b: short }, { required: ['c'], 'x-kubernetes-preserve-unknown-fields': true }) }),
    { a: { b: 'xx', odd: 1 } },
    { a: { b: 'xx', odd: 1 } },
    'a.c: Required value',
  ],
  'branches are excused with the value they are about': [
    struct({ a: struct({ b: text }, { oneOf: [{ required: ['b'] }, { required: ['c'] }] }), d: text }),
    { a: {} },
    { a: {}, d: 'x' },
  ],
};

for (const [name, [schema, old, next, ...said]] of Object.entries(rows)) {
  test(name, () => deepEqual(problems(schema, next, old), said));
}

test('the type that a root says is checked always: both were stored as something else', () => {
  const schema = struct({ kind: { ...text, enum: ['A'] }, spec: { ...text, enum: ['A'] } });
  deepEqual(problems(schema, { kind: 'B', spec: 'B', x: 1 }, { kind: 'B', spec: 'B' }), [
    'kind: Unsupported value: "B": supported values: "A"',
  ]);
});

test('lists with keys are the same in any order; all else is not', () => {
  const items = structuralOf(keyed(['k'], struct({ k: text, v: text })));
  const [one, two] = [
    { k: '1', v: 'x' },
    { k: '2', v: 'y' },
  ];
  equal(new Correlation(items, [one, two], [two, one]).isSame, true);
  equal(new Correlation(items, [one], [{ ...one, v: 'z' }]).isSame, false);
  equal(new Correlation(structuralOf(listOf(text)), ['a', 'b'], ['b', 'a']).isSame, false);
  equal(new Correlation(structuralOf(mapOf(text)), { a: 'x' }, { a: 'x' }).isSame, true);
});

test('an object that did not change is never refused, as long as the schema knows all of it', () => {
  fc.assert(
    fc.property(schemas, values, (schema, value) => {
      const whole = struct({ a: schema });
      const { isSame } = new Correlation(structuralOf(whole), { a: value }, { a: value });
      const said = problems(whole, { a: value }, { a: value });
      if (isSame) deepEqual(said, []);
      ok(said.length <= problems(whole, { a: value }).length);
    }),
    { numRuns: 1_000 },
  );
});
