import assert from 'node:assert/strict';
import { test } from 'node:test';
import { celEnvironment } from '../../lib/cel/environment.ts';
import { structuralOf } from '../structural/structural-of.ts';
import { kubernetesLibraries } from './libraries/index.ts';
import { structuralType } from './structural-types.ts';

type Schema = Readonly<Record<string, unknown>>;
/** Without a bound of its own, or with one. */
type SchemaOf = (max?: number) => Schema;
/** The estimate without bounds (0: it exceeds all limits), the bound, the estimate with it. */
type Row = readonly [schema: SchemaOf, rule: string, unbounded: number, max: number, bounded: number];

const formats = new Set(['duration', 'date', 'date-time']);

function of(type: string): Schema {
  if (type === 'int-or-string') return { 'x-kubernetes-int-or-string': true };
  return formats.has(type) ? { type: 'string', format: type } : { type };
}

const bound = (name: string, max: number | undefined): Schema => (max === undefined ? {} : { [name]: max });
const arr =
  (items: Schema): SchemaOf =>
  (max) => ({ type: 'array', items, ...bound('maxItems', max) });
const map =
  (additionalProperties: Schema): SchemaOf =>
  (max) => ({ type: 'object', additionalProperties, ...bound('maxProperties', max) });
const str: SchemaOf = (max) => ({ type: 'string', ...bound('maxLength', max) });
const bytes: SchemaOf = (max) => ({ type: 'string', format: 'byte', ...bound('maxLength', max) });
const obj: Schema = {
  type: 'object',
  properties: { required: { type: 'string' }, optional: { type: 'string' } },
  required: ['required'],
};

const rows: readonly Row[] = [
  [arr(of('number')), 'self.all(x, true)', 4_718_591, 10, 32],
  [arr(of('string')), 'self.all(x, true)', 3145727, 20, 62],
  [arr(of('boolean')), 'self.all(x, true)', 1887437, 5, 17],
  [arr(arr(of('number'))()), 'self.all(x, true)', 3145727, 100, 302],
  [arr(obj), 'self.all(x, true)', 555128, 50, 152],
  [map(of('number')), 'self.all(x, true)', 1348169, 10, 32],
  [map(of('string')), 'self.all(x, true)', 1179647, 3, 11],
  [map(of('boolean')), 'self.all(x, true)', 943718, 100, 302],
  [str, "self.contains('test')", 314574, 10, 5],
  [str, "self.startsWith('test')", 2, 15, 2],
  [str, 'size(self + "hello") > size("hello")', 314578, 4, 7],
  [arr(of('number')), 'self[1] == 0.0', 2, 5000, 2],
  [arr(of('string')), 'self[1] == self[1]', 314577, 8, 314577],
  [arr(of('number')), 'self.all(x, self.all(y, true))', 0, 10, 352],
  [arr(of('number')), 'self.all(x, self.all(y, self.all(z, true)))', 0, 10, 3552],
  [str, 'self.matches("x")', 314574, 50, 22],
  [str, '"".matches("(((((((((())))))))))[0-9]")', 7, 10, 7],
  [str, 'self.matches("")', 1, 100, 1],
  [(n) => map(str(n))(n), 'self.all(x, x.contains(self[x]))', 2752507, 10, 72],
  [arr(of('number')), 'self[3] == 0.0', 2, 0, 2],
  [map(of('number')), 'self["x"] == 0.0', 2, 0, 2],
  [str, 'self == "x"', 2, 0, 1],
  [bytes, 'self == b"x"', 2, 0, 1],
  [arr(of('number')), 'self.all(x, x == 0.0)', 6291454, 3 * 1024 * 2048, 25165826],
  [
    (n) => arr(map({ ...obj, ...bound('maxProperties', n) })(n))(n),
    'self.all(x, x["y"].required == "z")',
    7340027,
    10,
    72,
  ],
  [arr(of('int-or-string')), 'self.all(x, true)', 4_718_591, 10, 32],
  [arr(of('int-or-string')), 'self[0] == 5', 3, 10, 3],
  [arr(of('boolean')), 'self[0] == false', 2, 25, 2],
  [arr(obj), 'self[0] == null', 2, 422, 2],
  [arr(arr(of('number'))()), 'self[0][0] == -1.0', 3, 51, 3],
  [arr(map(of('number'))()), 'self.all(x, x.y == 25.2)', 6291452, 12, 74],
  [arr(map(of('number'))()), 'self[0].x > 2.0', 4, 3000, 4],
  [arr(of('duration')), 'self.all(x, true)', 2359295, 5, 17],
  [arr(of('duration')), 'self[0].getHours() == 2', 4, 525, 4],
  [arr(of('date')), 'self.all(x, true)', 725936, 15, 47],
  [arr(of('date')), 'self[2].getDayOfMonth() == 13', 4, 42, 4],
  [arr(of('date-time')), 'self.all(x, true)', 428963, 25, 77],
  [map(of('int-or-string')), 'self.all(x, true)', 1348169, 15, 47],
  [map(obj), 'self.all(x, true)', 428963, 20, 62],
  [map(map(of('number'))()), 'self.all(x, true)', 1179647, 10, 32],
  [map(arr(of('number'))()), 'self.all(x, true)', 1179647, 25, 77],
  [map(of('duration')), 'self.all(x, true)', 1048577, 5, 17],
  [map(of('date')), 'self.all(x, true)', 524288, 10, 32],
  [map(of('date-time')), 'self.all(x, true)', 349526, 25, 77],
  [str, "self.find('[0-9]+') == ''", 629147, 10, 11],
  [(n) => arr(str(n))(n), "self.join(' ') == 'aa bb'", 329853068905, 10, 43],
  [(n) => arr(str(n))(n), 'self.isSorted() == true', 329854432052, 10, 52],
  [
    (n) => ({ type: 'object', properties: { str: str(n), before: str(2), after: str(4) } }),
    "self.str.replace(self.before, self.after) == 'does not matter'",
    629154,
    4,
    12,
  ],
  [
    (n) => ({ type: 'object', properties: { str: str(n), separator: str(n) } }),
    'self.str.split(self.separator) == []',
    629160,
    10,
    22,
  ],
  [str, "self.lowerAscii() == 'lower!'", 314575, 10, 6],
  [map(of('integer')), 'oldSelf.size() == self.size()', 5, 10, 5],
  [map(of('date-time')), 'self["a"] == self["b"]', 8, 7, 8],
  [map(of('duration')), 'self["c"] == self["d"]', 8, 42, 8],
  [(n) => ({ 'x-kubernetes-int-or-string': true, ...bound('maxLength', n) }), 'isQuantity(self)', 314574, 20, 9],
];

/** What upstream's tests of the same rules expect. */
test('rules of custom resources are estimated to cost what upstream estimates', () => {
  const differing = rows.flatMap(([schemaOf, rule, unbounded, max, bounded]) =>
    (
      [
        [schemaOf(), unbounded],
        [schemaOf(max), bounded],
      ] as const
    ).flatMap(([schema, wanted]) => {
      const found = estimate(schema, rule);
      const isRight = wanted === 0 ? found > 10_000_000 : found === wanted;
      return isRight ? [] : [`${rule} of ${JSON.stringify(schema)}: ${found}, not ${wanted}`];
    }),
  );
  assert.deepEqual(differing, []);
});

function estimate(schema: Schema, rule: string): number {
  const self = structuralType(structuralOf(schema)) ?? assert.fail('it has no type');
  const environment = celEnvironment({ variables: { self, oldSelf: self }, libraries: kubernetesLibraries });
  const compiled = environment.compile(rule);
  return compiled.kind === 'program' ? compiled.program.cost().max : assert.fail(compiled.error.text);
}
